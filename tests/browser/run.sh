#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Drives the pages of a server in headless Chromium.
#
#   run.sh NARTHEX_BINARY [WORK_FOLDER]
#
# The browser driver is installed into WORK_FOLDER (default: beside this script); screenshots of
# failures go there too. Exit: 0 = good, 1 = failed, 77 = there is no browser, node or npm.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
binary=${1:?usage: run.sh NARTHEX_BINARY [WORK_FOLDER]}
work=${2:-$here}
mkdir -p "$work"

browser=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
node=$(command -v node || command -v nodejs || true)
if [[ -z $browser || -z $node ]] || ! command -v npm >/dev/null; then
  echo "skipped: needs chromium, node and npm" >&2
  exit 77
fi

if ! cmp -s "$here/package-lock.json" "$work/installed-lock.json"; then
  [[ $work -ef $here ]] || cp "$here/package.json" "$here/package-lock.json" "$work/"
  install() {
    (cd "$work" && npm ci --ignore-scripts --prefer-offline --no-audit --no-fund \
      --no-update-notifier --loglevel=error "$@" >&2)
  }
  # A proxy with a certificate authority of its own is no obstacle: the lock file has the hashes.
  install || install --strict-ssl=false
  cp "$here/package-lock.json" "$work/installed-lock.json"
fi

exec "$node" "$here/test.mjs" "$binary" "$work" "$browser"
