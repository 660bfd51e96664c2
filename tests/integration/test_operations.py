"""What an operator does with a running server: settings that a reload changes, sockets of systemd, the stop."""
import http.client
import json
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

import harness

RULES = """
groups:
- name: g
  interval: 1s
  rules:
  - record: r
    expr: vector( 7 )
"""


class LateEndpoint(harness.HttpPeer):
    """An endpoint of remote write that answers when it may; so it holds the stop of the server open."""

    def __init__(self):
        self.asked = threading.Event()
        self.may_answer = threading.Event()
        super().__init__(self.take)

    def take(self, *_):
        self.asked.set()
        self.may_answer.wait(60)
        return 200, {}, b""

    def cleanup(self):
        self.may_answer.set()
        super().cleanup()


class OperationsTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="narthex-")
        self.addCleanup(shutil.rmtree, self.folder)

    def start(self, config, *flags):
        server = harness.Server(self.folder, config, *flags)
        self.addCleanup(server.cleanup)
        return server.start()

    def reload(self, server, config):
        server.config.write_text(config)
        return server.request("POST", "/-/reload")

    def metric(self, server, name):
        for line in server.request("GET", "/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return float(line.rsplit(" ", 1)[1])
        return None

    def test_number_of_exemplars(self):
        config = "storage: {exemplars: {max_exemplars: %d}}\n"
        server = self.start(config % 7, "--enable-feature=exemplar-storage", "--web.enable-lifecycle")
        number = lambda: self.metric(server, "prometheus_tsdb_exemplar_max_exemplars")
        self.assertEqual(number(), 7)
        for wanted, want in ((3, 3), (0, 0), (-5, 0), (12, 12)):
            self.assertEqual(self.reload(server, config % wanted)[0], 200)
            self.assertEqual(number(), want)
        self.assertEqual(self.reload(server, "global: {}\n")[0], 200)
        self.assertEqual(number(), 100000)

    def test_query_log(self):
        server_log = f"{self.folder}/queries.log"
        with open(f"{self.folder}/rules.yml", "w") as rules:
            rules.write(RULES)
        config = "rule_files: [rules.yml]\nglobal: {query_log_file: queries.log}\n"
        server = self.start(config, "--web.enable-lifecycle")
        server.request("GET", "/api/v1/query?query=1%2B1")
        server.request("POST", "/api/v1/query_range", b"query=2&start=0&end=5&step=1.5",
                       {"Content-Type": "application/x-www-form-urlencoded"})

        def lines():
            with open(server_log) as log:
                return [json.loads(line) for line in log]

        def of_rules():
            return [line for line in lines() if "ruleGroup" in line]
        harness.wait_for("a rule", of_rules)
        rule = of_rules()[0]
        self.assertEqual(rule["params"]["query"], "vector(7)")
        self.assertEqual(rule["ruleGroup"], {"file": f"{self.folder}/rules.yml", "name": "g"})
        instant, span = [line for line in lines() if "httpRequest" in line]
        self.assertEqual(instant["httpRequest"],
                         {"clientIP": "127.0.0.1", "method": "GET", "path": "/api/v1/query"})
        self.assertEqual((instant["msg"], instant["level"], instant["params"]["query"]),
                         ("promql query logged", "INFO", "1+1"))
        self.assertEqual(span["params"], {"query": "2", "step": 1, "start": "1970-01-01T00:00:00.000Z",
                                          "end": "1970-01-01T00:00:05.000Z"})
        self.assertEqual(span["httpRequest"]["method"], "POST")

        # A log that can't be opened refuses the whole configuration, and the one before goes on.
        status, text = self.reload(server, config.replace("queries.log", "nosuch/queries.log"))
        self.assertEqual(status, 500)
        self.assertIn("can't create json log file: open ", text)
        before = len(lines())
        server.request("GET", "/api/v1/query?query=3")
        self.assertGreater(len(lines()), before)

        self.assertEqual(self.reload(server, "global: {}\n")[0], 200)
        before = len(lines())
        server.request("GET", "/api/v1/query?query=4")
        self.assertEqual(len(lines()), before)

    def test_socket_of_systemd(self):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            server = harness.Server(self.folder, "global: {}\n", "--web.systemd-socket")
            self.addCleanup(server.cleanup)
            server.port = listener.getsockname()[1]
            early = socket.create_connection(("127.0.0.1", server.port), timeout=60)
            self.addCleanup(early.close)
            early.sendall(b"GET /-/healthy HTTP/1.0\r\n\r\n")
            # As systemd does it: the third descriptor, and a variable with the process's own number.
            command = ('exec 3<&%d; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web; exec "$@"'
                       % listener.fileno())
            with open(f"{self.folder}/server.log", "ab") as log:
                server.log = log
                server.process = subprocess.Popen(
                    ["bash", "-c", command, "bash", harness.BINARY, f"--config.file={server.config}",
                     f"--storage.tsdb.path={server.data}", *server.flags],
                    stdout=log, stderr=log, pass_fds=[listener.fileno()])
                harness.wait_for("server ready", server.is_ready)
                self.assertIn(b"Healthy", early.makefile("rb").read())
                self.assertIn("Listening on systemd activated listeners", server.log_text())
                self.assertEqual(server.stop(), 0)
            # The socket outlives the server.
            socket.create_connection(("127.0.0.1", server.port), timeout=60).close()

    def test_no_socket_of_systemd(self):
        server = harness.Server(self.folder, "global: {}\n", "--web.systemd-socket")
        self.addCleanup(server.cleanup)
        server.start(wait=False)
        self.assertEqual(server.process.wait(timeout=60), 1)
        self.assertIn("no socket activation file descriptors found", server.log_text())

    def test_stop(self):
        endpoint = LateEndpoint()
        self.addCleanup(endpoint.cleanup)
        target = harness.Page("x 1\n")
        self.addCleanup(target.cleanup)
        server = self.start(f"""
scrape_configs:
- job_name: j
  scrape_interval: 1s
  static_configs: [{{targets: ['{target.address}']}}]
remote_write:
- url: http://{endpoint.address}/write
  queue_config: {{batch_send_deadline: 100ms}}
""", "--storage.remote.flush-deadline=50s", "--web.enable-lifecycle")
        live = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self.addCleanup(live.close)
        live.request("GET", "/api/v1/notifications/live")
        events = live.getresponse()
        self.assertTrue(endpoint.asked.wait(60), "remote write sends")
        server.process.send_signal(signal.SIGTERM)

        def refused():
            return server.request("GET", "/api/v1/query?query=1")[0] == 503
        harness.wait_for("API refuses", refused)
        web = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self.addCleanup(web.close)
        for method, path in (("GET", "/api/v1/labels"), ("GET", "/federate?match[]=x"),
                             ("GET", "/-/ready"), ("POST", "/-/reload"), ("GET", "/api/v1/targets")):
            web.request(method, path)
            answer = web.getresponse()
            answer.read()
            self.assertEqual((answer.status, answer.headers["X-Prometheus-Stopping"]), (503, "true"), path)
        for path in ("/-/healthy", "/metrics", "/version"):
            self.assertEqual(server.request("GET", path)[0], 200, path)
        self.assertIn("shutting down", server.request("GET", "/api/v1/notifications")[1])
        self.assertIn(b"shutting down", events.readline())
        self.assertIsNone(server.process.poll(), "it waits for remote write")
        endpoint.may_answer.set()
        self.assertEqual(server.process.wait(timeout=60), 0)
        self.assertIn("See you next time!", server.log_text())


if __name__ == "__main__":
    unittest.main()
