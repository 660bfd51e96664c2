#!/usr/bin/env bash
# Sets up the machine, builds Narthex and starts it on port 9090 with configs/narthex.yml and its
# data in ./data. It scrapes itself and, when there is one on port 9100, a node exporter.
#
#   scripts/run.sh [FLAG...]       flags go to the server, e.g. --web.listen-address=127.0.0.1:9191
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh build
scripts/build.sh release narthex

# The server watches this file: the node exporter's target comes and goes with it.
mkdir -p data/targets
if (exec 3<>/dev/tcp/127.0.0.1/9100) 2>/dev/null; then
    echo '[{"targets": ["127.0.0.1:9100"]}]' >data/targets/node.json
    echo "run: found a node exporter on port 9100"
else
    echo '[]' >data/targets/node.json
    echo "run: no node exporter on port 9100 (apt-get install prometheus-node-exporter brings one)"
fi

cat <<'TEXT'
run: starting; stop with Ctrl-C

  In the browser:   http://localhost:9090/
  On the console:   curl 'localhost:9090/api/v1/query?query=up'
  Queries to try:   rate(prometheus_tsdb_head_samples_appended_total[1m])
                    process_resident_memory_bytes
                    sum by (mode) (rate(node_cpu_seconds_total[1m]))

TEXT
exec build/release/narthex --config.file=configs/narthex.yml --storage.tsdb.path=data \
    --web.enable-lifecycle "$@"
