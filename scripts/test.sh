#!/usr/bin/env bash
# Sets up the machine, builds everything and runs every test: unit, PromQL scripts, integration with
# real exporters, the browser. Ends with ctest's summary.
#
#   scripts/test.sh [CTEST ARGUMENT...]      e.g. -R tsdb
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh test
scripts/build.sh dev
ctest --preset dev --parallel 2 --progress "$@"
