#!/usr/bin/env bash
# Lets libFuzzer loose on the parsers of outside bytes: the preset `fuzz` (Clang, address and undefined-behaviour
# sanitizers), each target for some seconds, beginning with its corpus. What it finds lies in build/fuzz/found; an
# input that ends a target becomes a file of tests/fuzz/corpus, which CTest replays, and a named test.
#
#   scripts/fuzz.sh [SECONDS] [TARGET...]      default: 60 seconds each of what reads targets and their answers
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=60
if [[ ${1:-} =~ ^[0-9]+$ ]]; then
    seconds=$1
    shift
fi
targets=("${@:-}")
[ -n "${targets[0]}" ] || targets=(exposition discovery kubernetes coding)
scripts/setup.sh lint  # Clang.
scripts/build.sh fuzz "${targets[@]/%/_fuzz}"
failed=()
for target in "${targets[@]}"; do
    found=build/fuzz/found/$target
    mkdir -p "$found"
    echo "fuzz: $target, $seconds s"
    # A log for each: libFuzzer says much.
    "build/fuzz/tests/fuzz/${target}_fuzz" -max_total_time="$seconds" -max_len=4096 -timeout=20 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/found/$target-" "$found" "tests/fuzz/corpus/$target" \
        >"build/fuzz/found/$target.log" 2>&1 || failed+=("$target")
    grep -E '^(Done|SUMMARY)|number_of_executed|^==.*ERROR|runtime error|Test unit written' \
        "build/fuzz/found/$target.log" || true
done
[ ${#failed[@]} -eq 0 ] || { echo "fuzz: failed: ${failed[*]}" >&2; exit 1; }
echo "fuzz: ok"
