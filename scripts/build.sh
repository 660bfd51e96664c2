#!/usr/bin/env bash
# Configures and builds one preset, with a line of progress now and then.
#
#   scripts/build.sh [PRESET] [TARGET...]      default: dev, everything
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:-dev}
shift || true
targets=("${@:-all}")
mkdir -p build
echo "build: configuring ($preset)"
cmake --preset "$preset" >"build/$preset.log" 2>&1 || { cat "build/$preset.log" >&2; exit 1; }
echo "build: compiling ($preset); the first time takes minutes"
# Ninja's progress thinned out, so that a log stays readable; everything else is shown.
NINJA_STATUS='[%f/%t %es] ' cmake --build "build/$preset" --target "${targets[@]}" 2>&1 |
    awk '/^\[[0-9]+\/[0-9]+ / {
             "date +%s" | getline now; close("date +%s")
             if (now - last >= 15) { print "build: " $0; fflush(); last = now }
             next
         }
         { print; fflush() }'
echo "build: done"
