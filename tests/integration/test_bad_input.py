"""What is wrong is said: file, line, reason; and what was right before goes on."""
import json
import pathlib
import subprocess
import unittest

from harness import BINARY, IntegrationTest, free_port, scrape_config, wait_for


class BadInputTest(IntegrationTest):
    def run_to_end(self, config, *extra_files):
        folder = pathlib.Path(self.folder)
        (folder / "bad.yml").write_text(config)
        for name, text in extra_files:
            (folder / name).write_text(text)
        return subprocess.run(
            [BINARY, f"--config.file={folder}/bad.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{free_port()}"],
            capture_output=True, text=True, timeout=60)

    def test_start_refuses_a_bad_configuration(self):
        job = "scrape_configs:\n  - job_name: j\n"
        cases = [
            ("broken YAML", "global: [\n", [], ["bad.yml", "line"]),
            ("unknown field", "global:\n  scrape_intervall: 1s\n", [],
             ["bad.yml", "line 2", "field scrape_intervall not found"]),
            ("bad regex", job + "    relabel_configs:\n      - {regex: '('}\n", [],
             ["bad.yml", "error parsing regexp", "missing closing )"]),
            ("bad duration", "global: {scrape_interval: fast}\n", [],
             ["bad.yml", "not a valid duration string"]),
            ("bad rule expression", "rule_files: [r.yml]\n",
             [("r.yml", "groups:\n  - name: g\n    rules:\n      - {record: a, expr: 'sum('}\n")],
             ["r.yml", "4:", "parse error"]),
            ("unknown field in a rule file", "rule_files: [r.yml]\n",
             [("r.yml", "groups:\n  - name: g\n    rulez: []\n")], ["r.yml", "rulez"]),
        ]
        for name, config, files, wanted in cases:
            with self.subTest(name):
                result = self.run_to_end(config, *files)
                self.assertEqual(result.returncode, 1, result.stderr)
                for text in wanted:
                    self.assertIn(text, result.stderr)

    def test_start_refuses_a_missing_configuration(self):
        result = subprocess.run([BINARY, f"--config.file={self.folder}/none.yml"],
                                capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, 1)
        self.assertIn("none.yml: no such file or directory", result.stderr)

    def test_a_second_server_on_the_same_folder_is_refused(self):
        server = self.start(scrape_config(("x", "127.0.0.1:1")))
        result = subprocess.run(
            [BINARY, f"--config.file={server.config}", f"--storage.tsdb.path={server.data}",
             f"--web.listen-address=127.0.0.1:{free_port()}"],
            capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, 1)
        self.assertIn("lock", result.stderr)
        self.assertTrue(server.is_ready())

    def test_a_bad_reload_keeps_the_old_configuration(self):
        page = self.page("x 1\n")
        good = scrape_config(("good", page.address))
        server = self.start(good, "--web.enable-lifecycle")
        wait_for("a scrape", lambda: server.query("x"))
        before = server.api("status/config")["yaml"]
        for name, bad in [("yaml", "global: [\n"), ("rules", good + "rule_files: [r.yml]\n")]:
            with self.subTest(name):
                pathlib.Path(self.folder, "r.yml").write_text("groups: [{name: g, rules: [{record: a, expr: ')'}]}]")
                server.config.write_text(bad)
                status, text = server.request("POST", "/-/reload", b"")
                self.assertEqual(status, 500)
                self.assertIn("failed to reload config", text)
                self.assertEqual(server.api("status/config")["yaml"], before)
                self.assertIn("prometheus_config_last_reload_successful 0",
                              server.request("GET", "/metrics")[1])
                self.assertEqual(len(server.api("targets")["activeTargets"]), 1)
        server.config.write_text(scrape_config(("renamed", page.address)))
        self.assertEqual(server.request("POST", "/-/reload", b"")[0], 200)
        wait_for("the new job", lambda: server.query('x{job="renamed"}'))
        self.assertIn("prometheus_config_last_reload_successful 1",
                      server.request("GET", "/metrics")[1])

    def test_lifecycle_is_off_unless_asked_for(self):
        server = self.start(scrape_config(("x", "127.0.0.1:1")))
        for path in ("/-/reload", "/-/quit"):
            status, text = server.request("POST", path, b"")
            self.assertEqual((status, text.strip()), (403, "Lifecycle API is not enabled."))

    def test_quit_ends_the_server(self):
        server = self.start(scrape_config(("x", "127.0.0.1:1")), "--web.enable-lifecycle")
        self.assertEqual(server.request("POST", "/-/quit", b"")[0], 200)
        self.assertEqual(server.process.wait(timeout=60), 0)

    def test_a_bad_scrape_is_named(self):
        page = self.page("fine 1\nthis is { not a sample\n")
        server = self.start(scrape_config(("bad", page.address), ("gone", "127.0.0.1:1")))
        wait_for("both targets down", lambda: server.value("count(up == 0)") == 2)
        errors = {t["labels"]["job"]: t for t in server.api("targets")["activeTargets"]}
        self.assertEqual(errors["bad"]["health"], "down")
        self.assertNotEqual(errors["bad"]["lastError"], "")
        self.assertIn("connection refused", errors["gone"]["lastError"])
        self.assertFalse(server.query("fine"), "a scrape is stored as a whole or not at all")
        page.body = "fine 1\n"
        wait_for("recovery", lambda: server.value('up{job="bad"}') == 1)

    def test_a_bad_query_names_line_and_column(self):
        server = self.start(scrape_config(("x", "127.0.0.1:1")))
        status, text = server.request("GET", "/api/v1/query?query=sum(%0A%20%20rate(up))")
        answer = json.loads(text)
        self.assertEqual((status, answer["status"], answer["errorType"]), (400, "error", "bad_data"))
        self.assertRegex(answer["error"], r"2:8: parse error: expected type range vector")

    def test_the_flags_of_an_existing_unit_start_the_server(self):
        server = self.start(scrape_config(("x", "127.0.0.1:1")),
                            f"--web.console.templates={self.folder}/consoles",
                            f"--web.console.libraries={self.folder}/console_libraries",
                            "--storage.tsdb.max-block-duration=1m",
                            "--storage.tsdb.min-block-duration=1m", "--web.enable-lifecycle",
                            "--web.enable-admin-api", "--log.level=info")
        self.assertEqual(server.api("status/flags")["storage.tsdb.min-block-duration"], "1m")
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
