#!/usr/bin/env bash
# Runs the judges of behaviour in a folder against the built server: upstream's .test files, the
# configuration samples, and the differential tests against a real Prometheus.
#
#   scripts/judge.sh FOLDER [BINARY]
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$1
binary=${2:-build/dev/narthex}
known=tests/conformance

echo "judge: PromQL scripts"
"$binary" test promql "$folder"/promqltest/*.test
