"""Real targets scraped, stored, queried, and found again after a kill."""
import json
import pathlib
import subprocess
import time
import unittest

from harness import IntegrationTest, free_port, program, scrape_config, wait_for


class SamplesTest(IntegrationTest):
    def test_every_committed_sample_survives_a_kill(self):
        node = self.node_exporter()
        alertmanager_port = free_port()
        (pathlib.Path(self.folder) / "am.yml").write_text("route: {receiver: x}\nreceivers: [{name: x}]\n")
        self.peer(program("prometheus-alertmanager"), f"--config.file={self.folder}/am.yml",
                  f"--storage.path={self.folder}/am", "--cluster.listen-address=",
                  f"--web.listen-address=127.0.0.1:{alertmanager_port}")
        server = self.start(scrape_config(("node", node),
                                          ("alertmanager", f"127.0.0.1:{alertmanager_port}")))
        wait_for("both targets up for some scrapes",
                 lambda: server.value("min(sum_over_time(up[1m]))") >= 5)
        # The exporter's own page is the judge of what a scrape must have stored.
        self.assertGreater(server.value('count({job="node", __name__=~"node_.+"})'), 300)
        self.assertEqual(server.query('node_uname_info{job="node"}')[0]["metric"]["sysname"], "Linux")
        at = time.time()
        before = server.samples('{__name__=~".+"}', at)
        self.assertGreater(len(before), 3000)
        server.kill()

        server.start()
        after = server.samples('{__name__=~".+"}', at)
        lost = before - after
        self.assertFalse(lost, f"{len(lost)} of {len(before)} samples lost")
        # … and it goes on scraping.
        wait_for("new samples", lambda: server.value("max(timestamp(up))") > at)
        self.assertEqual(server.stop(), 0)

        server.start()
        self.assertFalse(before - server.samples('{__name__=~".+"}', at), "lost by a clean restart")

    def test_blocks_are_cut_and_read_by_promtool(self):
        server = self.start(scrape_config(("self", "127.0.0.1:1")),
                            "--storage.tsdb.min-block-duration=4s",
                            "--storage.tsdb.max-block-duration=4s",
                            "--storage.tsdb.block-reload-interval=1s")
        begin = time.time()
        server.config.write_text(scrape_config(("self", f"127.0.0.1:{server.port}")))
        server.stop()
        server.start()
        wait_for("two blocks", lambda: len(server.api("status/tsdb/blocks")["blocks"]) >= 2)
        at = time.time()
        values = server.samples('prometheus_ready', at)
        self.assertGreaterEqual(len(values), at - begin - 10)
        block = server.api("status/tsdb/blocks")["blocks"][0]
        self.assertEqual(block["version"], 1)
        self.assertGreater(block["stats"]["numSamples"], 100)
        server.stop()

        promtool = program("promtool")
        listing = subprocess.run([promtool, "tsdb", "list", str(server.data)], check=True,
                                 capture_output=True, text=True).stdout
        self.assertIn(block["ulid"], listing)
        analysis = subprocess.run([promtool, "tsdb", "analyze", str(server.data), block["ulid"]],
                                  check=True, capture_output=True, text=True).stdout
        self.assertIn(f"Series: {block['stats']['numSeries']}", analysis)
        dump = subprocess.run([promtool, "tsdb", "dump", "--match={__name__='prometheus_ready'}",
                               str(server.data)], check=True, capture_output=True, text=True).stdout
        dumped = {int(line.rsplit(" ", 1)[1]) for line in dump.splitlines()
                  if line.startswith("{")}
        self.assertTrue({round(t * 1000) for _, t, _ in values} <= dumped)

    def test_retention_deletes_old_blocks(self):
        server = self.start(scrape_config(("self", "127.0.0.1:1")),
                            "--storage.tsdb.min-block-duration=2s",
                            "--storage.tsdb.max-block-duration=2s",
                            "--storage.tsdb.retention.time=4s",
                            "--storage.tsdb.block-reload-interval=1s")
        first = wait_for("a block", lambda: server.api("status/tsdb/blocks")["blocks"])[0]["ulid"]
        wait_for("the first block to go", lambda: all(
            block["ulid"] != first for block in server.api("status/tsdb/blocks")["blocks"]))
        self.assertFalse((server.data / first).exists())

    def test_a_target_that_goes_away_goes_stale(self):
        targets = pathlib.Path(self.folder) / "targets.json"
        page = self.page("there 1\n")
        targets.write_text(json.dumps([{"targets": [page.address], "labels": {"zone": "a"}}]))
        server = self.start("global: {scrape_interval: 1s}\nscrape_configs:\n"
                            "  - job_name: files\n    file_sd_configs: [{files: ['targets.json']}]\n"
                            "    relabel_configs:\n"
                            "      - {source_labels: [zone], target_label: area}\n"
                            "      - {regex: zone, action: labeldrop}\n",
                            "--scrape.discovery-reload-interval=1s")
        series = wait_for("the sample", lambda: server.query("there"))[0]["metric"]
        self.assertEqual(series["area"], "a")
        self.assertNotIn("zone", series)
        page.body = "other 1\n"
        wait_for("a vanished series to go stale",
                 lambda: server.query("other") and not server.query("there"))
        targets.write_text("[]")
        wait_for("a vanished target to go stale", lambda: not server.query('up{job="files"}'))
        self.assertTrue(server.query("max_over_time(other[1h])"), "history must stay")

    def test_recording_rules_are_evaluated(self):
        pathlib.Path(self.folder, "rules.yml").write_text(
            "groups:\n  - name: g\n    rules:\n"
            "      - {record: 'job:up:sum', expr: 'sum by (job) (up)', labels: {kind: rule}}\n"
            "      - {record: 'twice', expr: '2 * job:up:sum'}\n")
        server = self.start(scrape_config(("page", self.page("x 1\n").address),
                                          extra="rule_files: ['rules.yml']\n"))
        wait_for("the second rule to build on the first", lambda: server.value("twice") == 2)
        self.assertEqual(server.query("job:up:sum")[0]["metric"],
                         {"__name__": "job:up:sum", "job": "page", "kind": "rule"})
        group = server.api("rules")["groups"][0]
        self.assertEqual([rule["health"] for rule in group["rules"]], ["ok", "ok"])


if __name__ == "__main__":
    unittest.main()
