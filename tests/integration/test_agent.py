"""The agent: what it scrapes is in its log, after a kill too; what it answers; the real one on its folder.

promtool reads the log: it is one of a database without blocks.
"""
import json
import pathlib
import signal
import subprocess
import time
import unittest

from harness import BINARY, Agent, Server, free_port, scrape_config, wait_for
from test_peers import PeerTest, get
from test_remote import double, message, number, snappy

UNAVAILABLE = ('{"status":"error","errorType":"execution",'
               '"error":"unavailable with Prometheus Agent"}')
UNSUPPORTED = "unsupported operation with WAL-only storage\n"
APPENDED = 'prometheus_agent_samples_appended_total{type="float"}'


class AgentTest(PeerTest):
    def agent(self, config, *flags, wait=True):
        """In a folder of its own, so that a server may be beside it."""
        folder = pathlib.Path(self.folder) / "agent"
        folder.mkdir(exist_ok=True)
        agent = Agent(folder, config, *flags)
        self.addCleanup(agent.cleanup)
        return agent.start(wait)

    def endpoint(self):
        """A server for remote write that is not started yet."""
        endpoint = Server(self.folder, "global: {}\n", "--web.enable-remote-write-receiver")
        self.addCleanup(endpoint.cleanup)
        return endpoint

    def remote_write(self, endpoint):
        return (f"remote_write:\n  - url: http://127.0.0.1:{endpoint.port}/api/v1/write\n"
                "    queue_config: {batch_send_deadline: 200ms, max_backoff: 500ms}\n")

    def target(self):
        """With up and the like, a scrape of it has seven samples."""
        return self.page("clicks_total 1\nlevel{kind=\"a\"} -3\n")

    def logged(self, folder, selector):
        """{(labels, milliseconds): value} of the samples in a log, from promtool."""
        dump = subprocess.run(
            [self.find("promtool"), "tsdb", "dump", f"--match={selector}", str(folder)],
            check=True, capture_output=True, text=True, timeout=60).stdout
        samples = {}
        for line in dump.splitlines():
            if not line.startswith("{"):
                continue
            labels, value, at = line.rsplit(" ", 2)
            self.assertNotIn((labels, int(at)), samples, "twice")
            samples[labels, int(at)] = float(value)
        return samples

    def scrapes(self, agent, at_least):
        """Waits until it has made so many since its start."""
        wait_for("scrapes", lambda: agent.metric(APPENDED) >= at_least * 7)

    def test_every_scrape_is_in_the_log_and_survives_a_kill(self):
        config = scrape_config(("page", self.target().address))
        agent = self.agent(config)
        self.scrapes(agent, 4)
        agent.kill()
        before = self.logged(agent.data, '{job="page"}')
        self.assertGreaterEqual(len(before), 4 * 7)
        times = sorted({at for _, at in before})
        self.assertEqual(len(before), len(times) * 7, "each scrape as a whole")
        self.assertEqual({v for (labels, _), v in before.items() if "level" in labels}, {-3})

        agent.start()
        self.assertEqual(agent.metric("prometheus_agent_active_series"), 7)
        self.assertEqual(agent.metric("prometheus_agent_clean_start"), 0)
        self.scrapes(agent, 3)
        self.assertEqual(agent.stop(), 0)
        after = self.logged(agent.data, '{job="page"}')
        self.assertEqual({k: after.get(k) for k in before}, before)
        self.assertGreaterEqual(len(after), len(before) + 3 * 7)

    def test_a_torn_tail_is_cut_off(self):
        agent = self.agent(scrape_config(("page", self.target().address)))
        self.scrapes(agent, 3)
        agent.kill()
        before = self.logged(agent.data, '{job="page"}')
        segment = sorted((agent.data / "wal").iterdir())[-1]
        with open(segment, "r+b") as file:
            # A record that lacks zeros only is still whole, as pages are filled up with them.
            file.truncate(segment.stat().st_size - 20)
        agent.start()
        self.assertEqual(agent.metric("prometheus_agent_corruptions_total"), 1)
        self.scrapes(agent, 2)
        agent.stop()
        after = self.logged(agent.data, '{job="page"}')
        lost = {at for _, at in before} - {at for _, at in after}
        self.assertLessEqual(len(lost), 1, "the last commit at most")
        self.assertGreaterEqual(len(after), len(before) + 7)

    def test_series_leave_and_the_log_stays_short(self):
        targets = pathlib.Path(self.folder) / "targets.json"
        page, other = self.target(), self.target()
        targets.write_text(json.dumps([{"targets": [page.address, other.address]}]))
        agent = self.agent("global: {scrape_interval: 200ms}\nscrape_configs:\n"
                           f"  - job_name: files\n    file_sd_configs: [{{files: ['{targets}']}}]\n",
                           "--scrape.discovery-reload-interval=1s",
                           "--storage.agent.wal-truncate-frequency=1s",
                           "--storage.agent.retention.min-time=1s",
                           "--storage.agent.retention.max-time=2s")
        wait_for("both", lambda: agent.metric("prometheus_agent_active_series") == 14)
        targets.write_text(json.dumps([{"targets": [page.address]}]))
        wait_for("one to leave", lambda: agent.metric("prometheus_agent_active_series") == 7)
        wait_for("checkpoints",
                 lambda: agent.metric("prometheus_agent_checkpoint_creations_total") >= 3)
        wait_for("the last records of it to go",
                 lambda: agent.metric("prometheus_agent_deleted_series") == 0)
        self.assertEqual(agent.stop(), 0)
        names = sorted(path.name for path in (agent.data / "wal").iterdir())
        self.assertEqual(sum(name.startswith("checkpoint.") for name in names), 1, names)
        self.assertLess(len(names), 9, names)
        self.assertNotIn(other.address,
                         {labels.split('instance="')[1].split('"')[0]
                          for labels, _ in self.logged(agent.data, '{job="files"}')})

    def test_an_outage_over_truncations_and_a_kill_loses_nothing(self):
        endpoint = self.endpoint()
        agent = self.agent(scrape_config(("page", self.target().address), interval="200ms",
                                         extra=self.remote_write(endpoint)),
                           "--storage.agent.wal-truncate-frequency=1s",
                           "--storage.agent.retention.min-time=1s")
        truncated = lambda: agent.metric("prometheus_tsdb_wal_segment_current")
        wait_for("truncations", lambda: truncated() >= 5)
        agent.kill()
        unsent = self.logged(agent.data, '{job="page"}')
        self.assertGreater(len({at for _, at in unsent}), 5)
        agent.start()
        again = truncated()
        wait_for("more of them", lambda: truncated() >= again + 3)
        self.assertEqual(agent.metric("prometheus_agent_checkpoint_creations_total"), 0)

        endpoint.start()
        wanted = {at for labels, at in unsent if '__name__="up"' in labels}
        wait_for("all of it", lambda: wanted <= {
            round(float(at) * 1000) for _, at, _ in endpoint.samples('up{job="page"}', time.time())})
        wait_for("the log to be cut",
                 lambda: agent.metric("prometheus_agent_checkpoint_creations_total") >= 1)
        agent.stop()
        got = endpoint.samples('{job="page"}', time.time())
        times = {at for _, at, _ in got}
        self.assertEqual(len(got), 7 * len(times), "each scrape as a whole")

    def test_ten_thousand_series_fit_into_40_mib(self):
        program = pathlib.Path(BINARY).read_bytes()
        if b"__asan_init" in program or b"__tsan_init" in program:
            self.skipTest("sanitizers take memory of their own")
        body = "".join(f'metric_{i // 20}_total{{code="{i % 20}",handler="/api/v1/{i % 7}"}} {i}\n'
                       for i in range(995))
        pages = [(f"page{i}", self.page(body).address) for i in range(10)]
        endpoint = self.endpoint().start()
        agent = self.agent(scrape_config(*pages, interval="2s", extra=self.remote_write(endpoint)))
        wait_for("scrapes", lambda: agent.metric(APPENDED) >= 100_000)
        wait_for("samples at the endpoint", lambda: endpoint.query("sum(count_over_time(up[1m]))"))
        self.assertEqual(agent.metric("prometheus_agent_active_series"), 10_000)
        status = pathlib.Path(f"/proc/{agent.process.pid}/status").read_text()
        rss = {line.split(":")[0]: int(line.split()[1]) for line in status.splitlines()
               if line.startswith(("VmRSS", "RssAnon", "RssFile"))}
        print("kB:", rss)
        self.assertLessEqual(rss["VmRSS"], 40 * 1024, rss)

    def test_reload_and_signals(self):
        agent = self.agent(scrape_config(("page", self.target().address)))
        self.scrapes(agent, 1)
        agent.config.write_text(scrape_config(("page", self.target().address),
                                              ("more", self.target().address)))
        agent.process.send_signal(signal.SIGHUP)
        wait_for("the new job", lambda: "more" in agent.api("scrape_pools")["scrapePools"])
        agent.config.write_text("rule_files: [x]\n")
        agent.process.send_signal(signal.SIGHUP)
        wait_for("a refusal",
                 lambda: agent.metric("prometheus_config_last_reload_successful") == 0)
        self.assertIn("field rule_files is not allowed in agent mode", agent.log_text())
        self.assertEqual(agent.stop(), 0)
        self.assertIn("See you next time!", agent.log_text())

    def test_verdicts(self):
        agent = self.agent(scrape_config(("page", self.target().address)),
                           "--web.enable-admin-api", "--web.enable-remote-write-receiver")
        self.scrapes(agent, 1)
        for method, path in (("GET", "query?query=up"), ("POST", "query_range"), ("GET", "labels"),
                             ("GET", "label/job/values"), ("GET", "series"), ("GET", "rules"),
                             ("GET", "alerts"), ("GET", "alertmanagers"), ("GET", "status/tsdb"),
                             ("POST", "admin/tsdb/snapshot"), ("GET", "format_query?query=up")):
            self.assertEqual(agent.request(method, f"/api/v1/{path}"), (422, UNAVAILABLE), path)
        self.assertEqual(agent.api("targets")["activeTargets"][0]["health"], "up")
        self.assertEqual(agent.api("status/flags")["agent"], "true")
        self.assertEqual(agent.api("status/walreplay"), {"min": 0, "max": 0, "current": 0})
        self.assertEqual(agent.request("GET", "/federate?match[]=up"), (500, UNSUPPORTED))
        self.assertEqual(agent.request("GET", "/federate"), (500, UNSUPPORTED))
        self.assertEqual(agent.request("GET", "/federate?match[]=up%7B")[0], 400)
        self.assertEqual(agent.request("GET", "/-/healthy"), (200, "Prometheus Agent is Healthy.\n"))
        self.assertEqual(agent.request("GET", "/-/ready"), (200, "Prometheus Agent is Ready.\n"))
        self.assertEqual(agent.request("GET", "/query"), (404, "404 page not found\n"))
        self.assertIn('data-mode="agent"', agent.request("GET", "/")[1])
        self.assertEqual(agent.request("GET", "/consoles/x.html"),
                         (404, "open consoles/x.html: no such file or directory\n"))
        matcher = number(1, 0) + message(2, "__name__") + message(3, "up")
        query = message(1, number(1, 0) + number(2, 10 ** 13) + message(3, matcher))
        self.assertEqual(agent.request("POST", "/api/v1/read", snappy(query)), (500, UNSUPPORTED))
        self.assertEqual(agent.request("POST", "/api/v1/read", snappy(query + number(2, 1))),
                         (500, UNSUPPORTED))

        now = int(time.time() * 1000)
        label = message(1, message(1, "__name__") + message(2, "pushed"))
        sample = message(2, double(1, 42.0) + number(2, now))
        status, _ = agent.request("POST", "/api/v1/write", snappy(message(1, label + sample)),
                                  {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"})
        self.assertEqual(status, 204)
        agent.stop()
        self.assertEqual(list(self.logged(agent.data, "pushed").values()), [42])

    def test_flags_of_the_other_mode(self):
        for flags, refusal in (
                (["--query.timeout=1m"],
                 'The following flag(s) can not be used in agent mode: ["--query.timeout"]'),
                (["--storage.agent.checkpoint-batch-size=0"],
                 "--storage.agent.checkpoint-batch-size must be greater than 0.\n")):
            agent = self.agent("global: {}\n", *flags, wait=False)
            code = agent.process.wait(timeout=30)
            self.assertEqual(code, 3 if "query" in flags[0] else 1)
            self.assertTrue(agent.log_text().endswith(refusal), agent.log_text())

    def real_agent(self, config, folder):
        port = free_port()
        program = self.find("prometheus")
        usage = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=30)
        mode = ["--agent"] if "--[no-]agent" in usage.stdout + usage.stderr else ["--enable-feature=agent"]
        peer = self.peer(program, *mode, f"--config.file={self.file('real.yml', config)}",
                         f"--storage.agent.path={folder}", f"--web.listen-address=127.0.0.1:{port}")
        return peer, self.ready(f"127.0.0.1:{port}", "/-/ready")

    def test_the_folder_changes_hands(self):
        config = scrape_config(("page", self.target().address))
        agent = self.agent(config)
        self.scrapes(agent, 3)
        agent.kill()
        ours = self.logged(agent.data, '{job="page"}')

        peer, address = self.real_agent(config, agent.data)
        self.assertIn("\nprometheus_agent_active_series 7\n", get(address, "/metrics"))
        self.assertIn("\nprometheus_agent_corruptions_total 0\n", get(address, "/metrics"))
        wait_for("its scrapes", lambda: float(
            get(address, "/metrics").split(f"\n{APPENDED} ")[1].split("\n")[0]) >= 21)
        peer.cleanup()
        both = self.logged(agent.data, '{job="page"}')
        self.assertEqual({k: both.get(k) for k in ours}, ours)
        self.assertEqual(len({labels for labels, _ in both}), 7)

        agent.start()
        self.assertEqual(agent.metric("prometheus_agent_active_series"), 7)
        self.assertEqual(agent.metric("prometheus_agent_corruptions_total"), 0)
        self.scrapes(agent, 2)
        agent.stop()
        all_three = self.logged(agent.data, '{job="page"}')
        self.assertEqual({k: all_three.get(k) for k in both}, both)
        self.assertGreaterEqual(len(all_three), len(both) + 14)


if __name__ == "__main__":
    unittest.main()
