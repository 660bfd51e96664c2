"""Files of targets that come, change, break and go: Narthex and a real Prometheus must have the same targets.

Needs a Prometheus of at least 3.14 in NARTHEX_PEERS. Both read the same files and are told of changes by the
system, as the next look at all files is an hour away.
"""
import json
import os
import pathlib

from harness import BINARY, IntegrationTest, Server, real_prometheus, wait_for

# name: what each step makes of it; None = there is no such file, missing at the end = stays.
FILES = {
    "good.json": ['[{"targets": ["a:1", "b:1"], "labels": {"x": "1"}}]', '[{"targets": ["a:1"]}, {"targets": ["c:1"]}]', None],
    "good.yml": ["- targets: ['a:2']\n  labels: {x: '1', __meta_own: y}\n", "- targets: ['a:2', 'b:2']\n"],
    "late.yaml": [None, "- targets: ['a:3']\n", "- targets: []\n"],
    "broken.json": ['[{"targets": ["a:4"]}]', '[{"targets": ["b:4"]', '[{"targets": ["c:4"]}]'],
    "broken.yml": ["- targets: ['a:5']\n", "- targets: [\n", None, "- targets: ['d:5']\n"],
    "unknown.yml": ["- targets: ['a:6']\n", "- targets: ['b:6']\n  other: 1\n"],
    "unknown.json": ['[{"targets": ["a:7"]}]', '[{"targets": ["b:7"], "other": 1}]'],
    "null.json": ["null", "[null]", "[]"], "null.yml": ["", "-\n", "[]\n"], "empty.json": ["", "{}", "[{}]"],
    "numbers.yml": ["- targets: [8, 'a:8']\n  labels: {x: 1}\n"], "numbers.json": ['[{"targets": [9]}]'],
    "labels.json": ['[{"targets": ["a:10"], "labels": {"a.b": "c", "__address__": "z:1", "__scheme__": "https"}}]',
                    '[{"targets": ["a:10"], "labels": {"": "c"}}]', '[{"targets": ["a:10"], "labels": {"x": null}}]'],
    "twice.json": ['[{"targets": ["a:11", "a:11"]}, {"targets": ["a:11"]}]'],
    "documents.yml": ["- targets: ['a:12']\n---\n- targets: ['b:12']\n"], "tail.json": ['[{"targets": ["a:13"]}] more'],
    "blank.json": ['[{"targets": [" a:14 ", "a b:14", "a:14/x", "http://a:14"]}]'], "other.txt": ["- targets: ['a:15']\n"],
    "renamed.json": [None, None, '[{"targets": ["a:17"]}]'],
}
CONFIG = """global: {{scrape_interval: 1h}}
scrape_configs:
- {{job_name: all, file_sd_configs: [{{files: ['{0}/*.json', '{0}/*.yml', '{0}/*.yaml'], refresh_interval: 1h}}]}}
- {{job_name: one, file_sd_configs: [{{files: ['{0}/good.json', '{0}/nowhere/x.yml'], refresh_interval: 1h}}]}}
- {{job_name: both, file_sd_configs: [{{files: ['{0}/good*.json', '{0}/good.yml'], refresh_interval: 1h}}], static_configs: [{{targets: ['z:1']}}]}}
"""


class FileDiscoveryTest(IntegrationTest):
    maxDiff = None

    def put(self, step):
        for name, contents in FILES.items():
            if step >= len(contents):
                continue
            path = self.files / name
            if contents[step] is None:
                path.unlink(missing_ok=True)
            elif step % 2:
                path.write_text(contents[step])  # In place, and by a rename the other times.
            else:
                (self.files / "fresh").write_text(contents[step])
                os.rename(self.files / "fresh", path)

    @staticmethod
    def targets(server):
        found = server.api("targets")
        return sorted(json.dumps([kind, t["scrapePool"], t.get("labels"), t["discoveredLabels"]], sort_keys=True)
                      for kind in ("activeTargets", "droppedTargets") for t in found[kind])

    def test_the_same_targets(self):
        self.files = pathlib.Path(self.folder) / "files"
        self.files.mkdir()
        servers = []
        self.put(0)
        for name, binary in (("peer", real_prometheus()), ("narthex", BINARY)):
            folder = pathlib.Path(self.folder) / name
            folder.mkdir()
            server = Server(folder, CONFIG.format(self.files))
            server.binary = binary
            self.addCleanup(server.cleanup)
            servers.append(server.start())
        peer, ours = servers
        for step in range(max(map(len, FILES.values()))):
            if step > 0:
                before = self.targets(peer)
                self.put(step)
                wait_for("the peer's change", lambda: self.targets(peer) != before)
            try:
                # Prometheus may take a step in several.
                wait_for("the same targets", lambda: self.targets(ours) == self.targets(peer), seconds=20)
            except AssertionError:
                self.assertEqual("\n".join(self.targets(ours)), "\n".join(self.targets(peer)), f"step {step}")


if __name__ == "__main__":
    import unittest
    unittest.main()
