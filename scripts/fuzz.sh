#!/usr/bin/env bash
# Lets libFuzzer loose on the parsers of outside bytes: the preset `fuzz` (Clang, address and undefined-behaviour
# sanitizers), each target for some seconds on one core, beginning with its corpus; as many at once as there are
# cores. Inputs that reach something new lie in build/fuzz/found/TARGET, and go on from there the next time.
# An input that ends a target is kept beside them. It becomes a file of tests/fuzz/corpus, which CTest replays, and
# a named test.
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

export seconds found=build/fuzz/found UBSAN_OPTIONS=print_stacktrace=1
export PATH=$PATH:/usr/lib/llvm-14/bin  # llvm-symbolizer, which names the lines of a report.
fuzz() {
    local target=$1 program=build/fuzz/tests/fuzz/${1}_fuzz log=$found/$1.log
    mkdir -p "$found/$target"
    # libFuzzer says much.
    if "$program" -max_total_time="$seconds" -max_len=8192 -timeout=20 -print_final_stats=1 \
        -artifact_prefix="$found/$target-" "$found/$target" "tests/fuzz/corpus/$target" >"$log" 2>&1; then
        awk -v target="$target" '
            /INITED/ { for (i = 1; i < NF; ++i) if ($i == "cov:") before = $(i + 1) }
            / cov: / { for (i = 1; i < NF; ++i) if ($i == "cov:") after = $(i + 1) }
            /number_of_executed_units/ { inputs = $2 }
            END { printf "fuzz: %s: %d inputs, %d edges (%d of the corpus and earlier runs)\n", target, inputs, after, before }' "$log"
        return
    fi
    {
        echo "fuzz: $target: FAILED"
        grep -avE '^(#[0-9]|INFO:|stat::|\s*NEW_FUNC)' "$log" | cut -c1-400 | tail -n 80
        sed -n "s|.*Test unit written to \(.*\)|fuzz: $target: the input is kept; to replay it: $program \1|p" "$log"
        echo "fuzz: $target: the whole log is $log"
    } >&2
    return 1
}
export -f fuzz
printf '%s\0' "${targets[@]}" | xargs -0 -P "$(nproc)" -I{} bash -c 'fuzz "$1"' _ {} ||
    { echo "fuzz: something was found; see above" >&2; exit 1; }
echo "fuzz: ok"
