"""Alerts from rules into a real Alertmanager, across kills, and into ones that misbehave."""
import contextlib
import datetime
import json
import pathlib
import socket
import threading
import time
import unittest
import urllib.request

from harness import HttpPeer, IntegrationTest, free_port, program, scrape_config, wait_for

RULES = """groups:
  - name: g
    interval: 1s
    rules:
      - alert: Down
        expr: broken > 0
        for: %s
        labels: {severity: page}
        annotations: {summary: '{{ $labels.part }} is <broken> & {{ $value }}'}
"""


def seconds(text):
    """The Unix time of an RFC 3339 text."""
    return datetime.datetime.fromisoformat(text[:19] + "+00:00").timestamp() + float("0" + text[19:-1])


def alerting(*addresses, more=""):
    targets = ", ".join(f"'{address}'" for address in addresses)
    return (f"rule_files: [rules.yml]\nalerting:\n  alertmanagers:\n    - static_configs:\n"
            f"        - targets: [{targets}]\n{more}")


class Recorder(HttpPeer):
    """An Alertmanager that takes everything and keeps it."""

    def __init__(self, status=200):
        self.status = status
        self.alerts = []  # (time of arrival, alert)
        self.bodies = []
        self.authorizations = []
        super().__init__(self.take)

    def take(self, _method, _path, headers, body):
        text = body.decode()
        self.authorizations.append(headers.get("Authorization"))
        self.bodies.append(text)
        self.alerts += [(time.time(), alert) for alert in json.loads(text)]
        return self.status, {}, b""


class TokenServer(HttpPeer):
    """Hands out an OAuth 2 token to whoever asks."""

    def __init__(self):
        self.requests = []
        super().__init__(self.give)
        self.url = f"http://{self.address}/token"

    def give(self, _method, _path, _headers, body):
        self.requests.append(body.decode())
        return 200, {}, b'{"access_token": "the-token", "token_type": "bearer", "expires_in": 3600}'


class RawPeer:
    """Accepts connections and answers with these bytes, or with nothing at all."""

    def __init__(self, answer):
        self.answer = answer
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.connections = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                self.connections.append(connection)
                if self.answer:
                    connection.recv(65536)
                    connection.sendall(self.answer)
                    connection.close()

    def cleanup(self):
        for connection in [self.socket, *self.connections]:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


class AlertsTest(IntegrationTest):
    def rules(self, text):
        (pathlib.Path(self.folder) / "rules.yml").write_text(text)

    def keep(self, thing):
        self.addCleanup(thing.cleanup)
        return thing

    def alertmanager(self):
        """@return the address of a real one"""
        (pathlib.Path(self.folder) / "am.yml").write_text("route: {receiver: x}\nreceivers: [{name: x}]\n")
        address = f"127.0.0.1:{free_port()}"
        self.peer(program("prometheus-alertmanager"), f"--config.file={self.folder}/am.yml",
                  f"--storage.path={self.folder}/am", "--cluster.listen-address=",
                  f"--web.listen-address={address}")
        wait_for("Alertmanager", lambda: self.known(address) is not None)
        return address

    @staticmethod
    def known(address):
        """The active alerts of an Alertmanager; None while it does not answer."""
        with contextlib.suppress(OSError), urllib.request.urlopen(
                f"http://{address}/api/v2/alerts", timeout=10) as response:
            return json.load(response)
        return None

    @staticmethod
    def states(server):
        return [alert["state"] for alert in server.api("alerts")["alerts"]]

    def test_pending_firing_resolved(self):
        address = self.alertmanager()
        page = self.page('broken{part="disk"} 1\n')
        self.rules(RULES % "2s")
        server = self.start(scrape_config(("x", page.address),
                                          extra="  external_labels: {dc: eu}\n" + alerting(address)),
                            "--rules.alert.resend-delay=1s", "--web.external-url=http://me.test/p",
                            "--web.route-prefix=/")
        seen = set()

        def arrived():
            seen.update(self.states(server))
            return self.known(address)

        alert = wait_for("alert", arrived)[0]
        self.assertIn("pending", seen)
        self.assertEqual(alert["labels"], {"alertname": "Down", "dc": "eu", "instance": page.address,
                                           "job": "x", "part": "disk", "severity": "page"})
        self.assertEqual(alert["annotations"], {"summary": "disk is <broken> & 1"})
        self.assertEqual(alert["generatorURL"],
                         "http://me.test/p/graph?g0.expr=broken+%3E+0&g0.tab=1")
        self.assertEqual(alert["status"]["state"], "active")
        self.assertEqual(server.api("alertmanagers")["activeAlertmanagers"],
                         [{"url": f"http://{address}/api/v2/alerts"}])
        page.body = 'broken{part="disk"} 0\n'
        wait_for("resolved", lambda: self.known(address) == [])
        text = server.request("GET", "/metrics")[1]
        self.assertIn(f'prometheus_notifications_errors_total{{alertmanager="http://{address}/api/v2/alerts"}} 0',
                      text)

    def test_restart_while_firing_does_not_resolve(self):
        address = self.alertmanager()
        recorder = self.keep(Recorder())
        page = self.page('broken{part="disk"} 1\n')
        self.rules(RULES % "2s")
        server = self.start(scrape_config(("x", page.address),
                                          extra=alerting(address, recorder.address)),
                            "--rules.alert.resend-delay=5s", "--rules.alert.for-grace-period=0s")
        first = wait_for("alert", lambda: self.known(address))[0]
        server.kill()
        restarted = time.time()
        server.start()
        wait_for("sent again", lambda: any(at > restarted for at, _ in recorder.alerts))
        # ALERTS_FOR_STATE let it fire without waiting its `for` of the new run.
        again = next((at, alert) for at, alert in recorder.alerts if at > restarted)
        for at, alert in recorder.alerts:
            self.assertGreater(seconds(alert["endsAt"]), at, "resolved in between")
        self.assertEqual(again[1]["labels"], recorder.alerts[0][1]["labels"])
        last = self.known(address)[0]
        self.assertEqual((last["fingerprint"], last["startsAt"]),
                         (first["fingerprint"], first["startsAt"]))

    def test_restart_while_pending_goes_on_waiting(self):
        recorder = self.keep(Recorder())
        page = self.page('broken{part="disk"} 1\n')
        self.rules(RULES % "1h")
        server = self.start(scrape_config(("x", page.address), extra=alerting(recorder.address)),
                            "--rules.alert.for-grace-period=0s")
        before = wait_for("pending", lambda: server.api("alerts")["alerts"])[0]
        stored = lambda: server.value("count_over_time(ALERTS_FOR_STATE[1m])") >= 3
        wait_for("state in storage", stored)
        server.kill()
        killed = time.time()
        server.start()
        started = time.time()
        restored = lambda: [a for a in server.api("alerts")["alerts"]
                            if seconds(a["activeAt"]) < killed]
        after = wait_for("restored", restored)[0]
        # Moved by the time that the server was away, and no more: a second of rounding on each side.
        moved = seconds(after["activeAt"]) - seconds(before["activeAt"])
        self.assertLess(moved, started - killed + 8)
        self.assertEqual(after["state"], "pending")
        self.assertEqual(recorder.alerts, [])

    def test_bad_alertmanagers_do_not_disturb(self):
        good, failing = self.keep(Recorder()), self.keep(Recorder(status=500))
        silent, garbage = self.keep(RawPeer(b"")), self.keep(RawPeer(b"what? \0\xff\r\n\r\n"))
        closed = f"127.0.0.1:{free_port()}"
        page = self.page("".join(f'broken{{part="{i}"}} 1\n' for i in range(20)))
        self.rules(RULES % "0s")
        server = self.start(
            scrape_config(("x", page.address),
                          extra=alerting(good.address, failing.address, silent.address,
                                         garbage.address, closed)),
            "--rules.alert.resend-delay=1s", "--alertmanager.notification-queue-capacity=30",
            "--alertmanager.notification-batch-size=7")
        # Again and again, although four of five do not take them.
        wait_for("alerts", lambda: len(good.alerts) >= 80)
        self.assertLessEqual(max(len(json.loads(body)) for body in good.bodies), 7)

        def metric(name, address):
            url = f"http://{address}/api/v2/alerts"
            line = next(line for line in server.request("GET", "/metrics")[1].splitlines()
                        if line.startswith(f'prometheus_notifications_{name}{{alertmanager="{url}"}} '))
            return float(line.rsplit(" ", 1)[1])

        wait_for("a full queue", lambda: metric("queue_length", silent.address) == 30)
        wait_for("drops", lambda: metric("dropped_total", silent.address) > 0)
        for address in (failing.address, garbage.address, closed):
            wait_for("errors", lambda a=address: metric("errors_total", a) > 0)
            self.assertEqual(metric("sent_total", address), 0)
        self.assertEqual(metric("dropped_total", good.address), 0)
        text = server.request("GET", "/metrics")[1]
        missed = [line for line in text.splitlines()
                  if line.startswith("prometheus_rule_group_iterations_missed_total")]
        self.assertTrue(missed and all(line.endswith(" 0") for line in missed), missed)

    def test_stop_closes_the_storage_before_it_waits_for_an_alertmanager(self):
        silent = self.keep(RawPeer(b""))
        page = self.page('broken{part="disk"} 1\n')
        self.rules(RULES % "0s")
        server = self.start(scrape_config(("x", page.address), extra=alerting(
            silent.address, more="      timeout: 10m\n")), "--rules.alert.resend-delay=1s")
        wait_for("a request", lambda: silent.connections)
        server.process.terminate()
        wait_for("snapshot of the head", (pathlib.Path(self.folder) / "data/head_snapshot").exists)
        self.assertIsNone(server.process.poll())
        server.kill()

    def test_oauth2_and_sigv4(self):
        plain, signed = self.keep(Recorder()), self.keep(Recorder())
        tokens = self.keep(TokenServer())
        page = self.page('broken{part="disk"} 1\n')
        self.rules(RULES % "0s")
        more = (f"      oauth2: {{client_id: me, client_secret: s, token_url: '{tokens.url}', scopes: [a]}}\n"
                f"    - static_configs: [{{targets: ['{signed.address}']}}]\n"
                "      sigv4: {region: eu-west-1, access_key: AKID, secret_key: secret}\n")
        server = self.start(scrape_config(("x", page.address), extra=alerting(plain.address, more=more)))
        wait_for("alert with a token", lambda: plain.alerts)
        self.assertEqual(plain.authorizations[0], "Bearer the-token")
        self.assertIn("grant_type=client_credentials&scope=a", tokens.requests[0])
        wait_for("signed alert", lambda: signed.alerts)
        self.assertRegex(signed.authorizations[0],
                         r"^AWS4-HMAC-SHA256 Credential=AKID/\d{8}/eu-west-1/aps/aws4_request, SignedHeaders="
                         r"content-type;host;x-amz-date, Signature=[0-9a-f]{64}$")
        self.assertEqual(server.stop(), 0)

    def test_reload_and_file_discovery(self):
        first, second = self.keep(Recorder()), self.keep(Recorder())
        page = self.page('broken{part="disk"} 1\n')
        self.rules(RULES % "0s")
        targets = pathlib.Path(self.folder) / "am.json"
        targets.write_text(json.dumps([{"targets": [first.address]}]))
        config = scrape_config(
            ("x", page.address), extra="rule_files: [rules.yml]\nalerting:\n  alertmanagers:\n"
                                       "    - file_sd_configs: [{files: [am.json]}]\n")
        server = self.start(config, "--rules.alert.resend-delay=1s", "--web.enable-lifecycle")
        wait_for("alert", lambda: first.alerts)
        targets.write_text(json.dumps([{"targets": [second.address]}]))
        wait_for("alert at the new one", lambda: second.alerts)
        urls = lambda: [a["url"] for a in server.api("alertmanagers")["activeAlertmanagers"]]
        self.assertEqual(urls(), [f"http://{second.address}/api/v2/alerts"])
        server.config.write_text(config.replace("file_sd_configs: [{files: [am.json]}]", "oauth2: {client_id: a, token_url: 'http://127.0.0.1/', grant_type: x}"))
        status, text = server.request("POST", "/-/reload", b"")
        self.assertEqual(status, 500)
        self.assertIn("oauth2 grant_type not supported: x", text)
        self.assertEqual(urls(), [f"http://{second.address}/api/v2/alerts"])
        count = len(second.alerts)
        wait_for("more alerts", lambda: len(second.alerts) > count)
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
