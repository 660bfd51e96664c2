"""What a server has discovered, and a Prometheus beside it that is asked the same."""
import json
import os
import pathlib
import urllib.request

from harness import free_port

PEER = os.environ.get("NARTHEX_SD_PEER")
FLAGS = ["--scrape.discovery-reload-interval=1s", "--web.enable-lifecycle"]


def targets_of(api):
    """What was discovered, job by job, and what of it was dropped."""
    data = api("targets")
    found = {}
    for state in ("activeTargets", "droppedTargets"):
        for target in data[state]:
            labels = target["discoveredLabels"]
            found.setdefault(f"{labels['job']}/{state}", []).append(json.dumps(labels, sort_keys=True))
    return {key: sorted(texts) for key, texts in found.items()}


def start_peer(test, config):
    """Starts NARTHEX_SD_PEER with the configuration. @return its API: a function of a path's end to the data"""
    port = free_port()
    path = pathlib.Path(test.folder) / "prometheus.yml"
    path.write_text(config)
    test.peer(PEER, f"--config.file={path}", f"--storage.tsdb.path={test.folder}/peer",
              f"--web.listen-address=127.0.0.1:{port}", *FLAGS)

    def api(name):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{name}", timeout=10) as answer:
            return json.load(answer)["data"]
    return api
