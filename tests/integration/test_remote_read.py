"""Queries that are completed by other servers (remote_read): data, warnings, labels, rules, reload."""
import json
import pathlib
import time
import unittest
import urllib.parse
import urllib.request

from harness import IntegrationTest, Server, scrape_config, wait_for
from test_remote import histogram, series, snappy


class RemoteReadTest(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.now = int(time.time() * 1000)
        self.origin = self.server("origin", scrape_config(extra="  external_labels: {zone: z}\n"))
        body = series({"__name__": "m", "a": "1"}, [(self.now - 2000, 1.5), (self.now - 1000, 2.5)])
        body += series({"__name__": "m", "a": "2"}, [(self.now - 1000, 4)])
        body += series({"__name__": "h"}, [], histogram(self.now - 1000, 3))
        self.write(self.origin, body)

    def server(self, name, config):
        folder = pathlib.Path(self.folder) / name
        folder.mkdir()
        server = Server(folder, config, "--web.enable-remote-write-receiver",
                        "--web.enable-lifecycle")
        self.addCleanup(server.cleanup)
        return server.start()

    def write(self, server, body):
        request = urllib.request.Request(
            f"http://127.0.0.1:{server.port}/api/v1/write", method="POST", data=snappy(body),
            headers={"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"})
        with urllib.request.urlopen(request, timeout=30) as response:
            self.assertEqual(204, response.status)

    def config(self, *sections, extra=""):
        """@param sections  more lines of each section of remote_read, the first one of the origin"""
        text = scrape_config(extra="  external_labels: {zone: z}\n") + extra + "remote_read:\n"
        for i, section in enumerate(sections):
            port = self.origin.port if i == 0 else 1
            text += f"  - url: http://127.0.0.1:{port}/api/v1/read\n    name: r{i}\n{section}"
        return text

    def ask(self, server, path, **parameters):
        """(data, warnings)"""
        query = urllib.parse.urlencode(parameters, doseq=True)
        status, text = server.request("GET", f"/api/v1/{path}?{query}")
        answer = json.loads(text)
        self.assertEqual(200, status, text)
        return answer["data"], answer.get("warnings", [])

    def test_queries_see_what_the_other_server_has(self):
        reader = self.server("reader", self.config("", "    required_matchers: {job: nosuch}\n"))
        # Without read_recent: this server has no block yet, so it is not taken to have anything.
        data, warnings = self.ask(reader, "query", query="sum by (a) (m)")
        self.assertEqual({"1": "2.5", "2": "4"},
                         {r["metric"]["a"]: r["value"][1] for r in data["result"]})
        self.assertEqual([], warnings)
        self.assertEqual(3, reader.value("histogram_count(h)"))
        data, _ = self.ask(reader, "query", query='m{zone="z"}')
        self.assertEqual([{"__name__": "m", "a": "1", "zone": "z"},
                          {"__name__": "m", "a": "2", "zone": "z"}],
                         [r["metric"] for r in data["result"]])
        # What this one has for the same time counts.
        self.write(reader, series({"__name__": "m", "a": "2"}, [(self.now - 1000, 5)]))
        self.assertEqual(7.5, reader.value("sum(m)"))

        data, warnings = self.ask(reader, "series", **{"match[]": ["m", "h"]})
        self.assertEqual(3, len(data))
        data, warnings = self.ask(reader, "labels")
        self.assertEqual((["__name__", "a"], ["not implemented"]), (data, warnings))
        data, warnings = self.ask(reader, "label/a/values")
        self.assertEqual((["2"], ["not implemented"]), (data, warnings))

        status, text = reader.request("GET", "/federate?match[]=m")
        self.assertEqual(200, status)
        self.assertNotIn('a="1"', text)
        _, text = reader.request("GET", "/metrics")
        self.assertRegex(text, r'prometheus_remote_read_client_queries_total\{code="200",'
                               r'remote_name="r0",response_type="chunked",url="[^"]*"\} [1-9]')
        self.assertIn('prometheus_remote_read_client_queries{remote_name="r1"', text)
        self.assertIn('narthex_memory_bytes{part="remote/read_answers"} 0', text)

    def test_failures_are_warnings(self):
        reader = self.server("reader", self.config("", ""))
        dead = ('remote_read: error sending request: Post "http://127.0.0.1:1/api/v1/read": '
                "dial tcp 127.0.0.1:1: connect: connection refused")
        data, warnings = self.ask(reader, "query", query="sum(m) / count(m)")
        self.assertEqual("3.25", data["result"][0]["value"][1])
        self.assertEqual([dead], warnings)
        _, warnings = self.ask(reader, "query_range", query="m", start=self.now / 1000 - 60,
                               end=self.now / 1000, step=15)
        self.assertEqual([dead], warnings)
        _, warnings = self.ask(reader, "series", **{"match[]": "m"})
        self.assertEqual([dead], warnings)

        # The other one goes, too: the query still is one.
        self.assertEqual(0, self.origin.stop())
        data, warnings = self.ask(reader, "query", query="sum(m)")
        self.assertEqual([], data["result"])
        self.assertEqual(2, len(warnings))

    def test_rules_and_reloads(self):
        rules = pathlib.Path(self.folder) / "rules.yml"
        rules.write_text("groups:\n- name: g\n  rules:\n  - {record: r, expr: sum(m)}\n")
        extra = f"rule_files: ['{rules}']\n"
        reader = self.server("reader", self.config("", extra=extra))
        self.assertEqual(6.5, wait_for("the rule's result", lambda: reader.value("r")))

        # A section that can't be used: nothing changes.
        section = f"  - url: http://127.0.0.1:{self.origin.port}/api/v1/read\n" * 2
        reader.config.write_text(self.config("") + section)
        status, text = reader.request("POST", "/-/reload", b"")
        self.assertEqual(500, status)
        self.assertIn("duplicate remote read configs are not allowed", text)
        self.assertEqual(6.5, reader.value("sum(m)"))

        reader.config.write_text(self.config("    required_matchers: {a: '2'}\n"))
        self.assertEqual(200, reader.request("POST", "/-/reload", b"")[0])
        self.assertEqual([], reader.query("m{a='1'}"))
        self.assertEqual(4, reader.value("m{a='2'}"))

        reader.config.write_text(scrape_config())
        self.assertEqual(200, reader.request("POST", "/-/reload", b"")[0])
        self.assertEqual(([], []), (self.ask(reader, "query", query="m")[0]["result"],
                                    self.ask(reader, "labels")[1]))


if __name__ == "__main__":
    unittest.main()
