#!/usr/bin/env bash
# Runs the judges of behaviour in a folder against the built programs: upstream's PromQL scripts and
# upstream's good and bad configuration and rule files, its exposition files, its tests of rules, and,
# where a Prometheus is found in NARTHEX_PEERS or PATH, the HTTP API against that.
#
#   scripts/judge.sh FOLDER [BUILD-FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(cd "$1" && pwd)
build=${2:-build/dev}
not_yet=tests/conformance/not-yet.txt

failed=0
for script in "$folder"/promqltest/*.test; do
    name=$(basename "$script")
    if "$build/narthex" test promql "$script" >build/judge.log 2>&1; then
        echo "judge: $name passes"
        if grep -q "^$name " "$not_yet"; then
            echo "judge: … so take it off $not_yet" >&2
            failed=1
        fi
    elif grep -q "^$name " "$not_yet"; then
        echo "judge: $name does not pass yet: $(tail -n 1 build/judge.log)"
    else
        cat build/judge.log >&2
        failed=1
    fi
done

echo "judge: configuration and rule files"
NARTHEX_TESTDATA="$folder/testdata" "$build/tests/config/config_test" --gtest_brief=1 \
    --gtest_filter='ConfigTestdata.*' || failed=1
python3 tests/tools/judge_rule_tools.py "$build/narthex" "$folder/testdata/promtool" || failed=1

echo "judge: exposition files"
python3 tests/tools/judge_exposition.py "$build/narthex" "$folder/testdata" || failed=1

# Where there is a real one. The HTTP API is held against one by hand, as that takes minutes:
# tests/tools/judge_api.py.
promtool=${NARTHEX_PEERS:-/nonexistent}/promtool
if [ -x "$promtool" ]; then
    python3 tests/tools/judge_promtool.py "$build/narthex" "$promtool" "$folder/testdata" || failed=1
fi
exit $failed
