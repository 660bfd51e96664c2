"""The same rules on the same targets, here and in real Prometheuses, into one real Alertmanager.

A Prometheus is looked for in the folder that NARTHEX_PEERS names, then in PATH, and a second one by
NARTHEX_OLD_PROMETHEUS. What the Alertmanager has of each server is told apart by the external label
"replica".
"""
import contextlib
import json
import os
import pathlib
import shutil
import time
import unittest
import urllib.request

from harness import BINARY, HttpPeer, IntegrationTest, Server, free_port, program, wait_for
from test_alerts import seconds

INTERVAL = 1
RULES = """groups:
  - name: machines
    interval: 1s
    labels: {team: infra}
    rules:
      - {record: 'parts:broken', expr: 'sum by (job) (broken)'}
      - alert: Now
        expr: broken > 0
        labels: {severity: page, what: '{{ $labels.part }}-{{ $externalLabels.dc }}'}
        annotations:
          summary: '{{ $labels.part }} of {{ .Labels.job }} is <broken> & "{{ $value }}"'
          numbers: '{{ humanize 1234567.0 }} {{ humanize1024 1048576.0 }} {{ humanizeDuration 135.3563 }} {{ humanizePercentage 0.959 }}'
          texts: '{{ title "this part" }} {{ toUpper "x" }} {{ reReplaceAll "r.*d" "new" "rpld text" }}{{ if match "[0-9]+$" "12a" }}wrong{{ end }}'
          asked: '{{ with query "parts:broken" }}{{ . | first | value }}{{ end }}'
          wrong: '{{ index $labels 1 2 }}'
      - {alert: Soon, expr: broken > 0, for: 3s, annotations: {summary: '{{ printf "%.1f" $value }}'}}
      - {alert: Kept, expr: broken > 1, keep_firing_for: 4s}
      - {alert: Never, expr: broken > 99, for: 1s}
      - {alert: Short, expr: 'broken{part="fan"} > 0', for: 500ms, labels: {severity: ''}}
  - name: on alerts
    interval: 1s
    rules:
      - alert: Many
        expr: count by (job) (ALERTS{alertname="Now", alertstate="firing"}) >= 2
        annotations: {summary: '{{ $labels.alertname }}|{{ $value }}'}
"""
# Waits long enough to be killed while it waits.
LONG_RULES = """groups:
  - name: long
    interval: 1s
    rules:
      - {alert: Firing, expr: broken > 0, for: 2s}
      - {alert: Waiting, expr: broken > 0, for: %ds}
"""
REPLICAS = {"narthex": BINARY}


class Hook(HttpPeer):
    """A receiver of the Alertmanager's: what it tells people."""

    def __init__(self):
        self.alerts = []  # (time of arrival, alert)
        super().__init__(self.take)
        self.url = f"http://{self.address}/"

    def take(self, _method, _path, _headers, body):
        self.alerts += [(time.time(), alert) for alert in json.loads(body)["alerts"]]
        return 200, {}, b""


class Replica(Server):
    """A server of any program."""

    def __init__(self, name, binary, folder, config, *flags):
        folder = pathlib.Path(folder) / name
        folder.mkdir()
        super().__init__(folder, config.replace("REPLICA", name), *flags)
        self.binary = binary


def peers():
    """{name: path} of the Prometheuses that are there."""
    folder = os.environ.get("NARTHEX_PEERS")
    found = {"prometheus": (shutil.which("prometheus", path=folder) if folder else None)
             or shutil.which("prometheus"),
             "older": os.environ.get("NARTHEX_OLD_PROMETHEUS")}
    return {name: path for name, path in found.items() if path}


class AlertParityTest(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.peers = peers()
        if not self.peers:
            self.skipTest("no prometheus in NARTHEX_PEERS or PATH")
        self.hook = Hook()
        self.addCleanup(self.hook.cleanup)
        (pathlib.Path(self.folder) / "am.yml").write_text(
            "route: {receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}\n"
            f"receivers: [{{name: hook, webhook_configs: [{{url: '{self.hook.url}', send_resolved: true}}]}}]\n")
        self.alertmanager = f"127.0.0.1:{free_port()}"
        self.peer(program("prometheus-alertmanager"), f"--config.file={self.folder}/am.yml",
                  f"--storage.path={self.folder}/am", "--cluster.listen-address=",
                  f"--web.listen-address={self.alertmanager}")
        wait_for("Alertmanager", lambda: self.known() is not None)
        self.target = self.page('broken{part="disk"} 1\nbroken{part="fan"} 1\n')

    def replicas(self, rules, *flags):
        """One file of rules for all, so that their groups run at the same moments."""
        file = pathlib.Path(self.folder) / "rules.yml"
        file.write_text(rules)
        config = ("global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\n"
                  "  external_labels: {dc: eu, replica: REPLICA}\n"
                  f"rule_files: ['{file}']\nalerting:\n  alertmanagers:\n    - static_configs:\n"
                  f"        - targets: ['{self.alertmanager}']\n"
                  f"scrape_configs:\n  - job_name: x\n    static_configs: [{{targets: ['{self.target.address}']}}]\n")
        servers = {name: Replica(name, binary, self.folder, config, *flags)
                   for name, binary in (REPLICAS | self.peers).items()}
        for server in servers.values():
            self.addCleanup(server.cleanup)
            server.start(wait=False)
        for server in servers.values():
            wait_for("server ready", server.is_ready)
        return servers

    def known(self):
        with contextlib.suppress(OSError), urllib.request.urlopen(
                f"http://{self.alertmanager}/api/v2/alerts", timeout=10) as response:
            return json.load(response)
        return None

    @staticmethod
    def by_replica(alerts):
        """{replica: {labels without it: alert}}"""
        found = {}
        for alert in alerts:
            labels = dict(alert["labels"])
            found.setdefault(labels.pop("replica"), {})[json.dumps(labels, sort_keys=True)] = alert
        return found

    def active(self):
        return self.by_replica(self.known())

    def resolved(self):
        return self.by_replica(alert for _, alert in self.hook.alerts if alert["status"] == "resolved")

    def all_told_resolved(self):
        firing = self.by_replica(a for _, a in self.hook.alerts if a["status"] == "firing")
        return {r: set(found) for r, found in firing.items()} == {r: set(f) for r, f in self.resolved().items()}

    def check_equal(self, found, times, slack):
        """The same alerts of all replicas, with times that lie less than `slack` seconds apart."""
        ours = found["narthex"]
        for name in self.peers:
            theirs = found[name]
            self.assertEqual(sorted(ours), sorted(theirs), name)
            for labels, alert in ours.items():
                with self.subTest(peer=name, alert=labels):
                    self.assertEqual(alert["annotations"], theirs[labels]["annotations"])
                    for key in times:
                        self.assertLessEqual(abs(seconds(alert[key]) - seconds(theirs[labels][key])),
                                             slack, key)
                    self.assertEqual(alert["generatorURL"].split("/graph")[1],
                                     theirs[labels]["generatorURL"].split("/graph")[1])

    def all_have(self, names):
        """Until each replica's alerts are of these names."""
        def counts():
            found = self.active()
            return all(sorted(a["labels"]["alertname"] for a in found.get(r, {}).values()) == sorted(names)
                       for r in (*REPLICAS, *self.peers))
        return counts

    def test_same_alerts_firing_and_resolved(self):
        both = ["Now", "Now", "Soon", "Soon", "Short", "Many"]
        self.target.body = 'broken{part="disk"} 0\nbroken{part="fan"} 0\n'
        servers = self.replicas(RULES, "--rules.alert.resend-delay=1s", "--web.external-url=http://me.test/",
                                "--web.enable-lifecycle")
        # Before the second iteration has looked for an earlier run's alerts, none of their series is stored.
        wait_for("some iterations", lambda: all(
            s.value("count_over_time(parts:broken[1m])") >= 4 for s in servers.values()))
        self.target.body = 'broken{part="disk"} 1\nbroken{part="fan"} 1\n'
        wait_for("all alerts of all", self.all_have(both))
        # Each saw the first scrape at a moment of its own: a scrape and an evaluation apart.
        self.check_equal(self.active(), ["startsAt"], self.apart(servers))

        # Again from a change that all see, when all run.
        self.target.body = 'broken{part="disk"} 0\nbroken{part="fan"} 2\n'
        wait_for("one part well", self.all_have(["Now", "Soon", "Short", "Kept"]))
        changed = {name: {k: a for k, a in found.items() if '"Kept"' in k}
                   for name, found in self.active().items()}
        self.check_equal(changed, ["startsAt"], 2 * INTERVAL)
        wait_for("told of the well part", lambda: all(
            sum('"disk"' in labels for labels in self.resolved().get(r, {})) == 2
            for r in (*REPLICAS, *self.peers)))
        self.check_equal({name: {k: a for k, a in found.items() if '"disk"' in k}
                          for name, found in self.resolved().items()}, ["endsAt"], 2 * INTERVAL)

        self.target.body = 'broken{part="disk"} 0\nbroken{part="fan"} 0\n'
        wait_for("all well", lambda: self.known() == [] and self.all_told_resolved())
        self.check_equal(self.resolved(), ["endsAt"], 2 * INTERVAL)
        for name, found in self.resolved().items():
            kept = next(a for k, a in found.items() if '"Kept"' in k)
            soon = next(a for k, a in found.items() if '"Soon"' in k and '"fan"' in k)
            self.assertGreaterEqual(seconds(kept["endsAt"]) - seconds(soon["endsAt"]), 3, name)
        self.assertNotIn("Never", json.dumps([a["labels"] for _, a in self.hook.alerts]))
        self.check_series(servers)

    @staticmethod
    def apart(servers):
        """How far apart the servers' first scrapes were, and an interval of scrapes and evaluations."""
        firsts = [min(t for t, _ in s.query("broken[1h]")[0]["values"]) for s in servers.values()]
        return max(firsts) - min(firsts) + 2 * INTERVAL

    def check_series(self, servers):
        """ALERTS and ALERTS_FOR_STATE have the same series."""
        names = lambda server: {json.dumps(s["metric"], sort_keys=True)
                                for s in server.query('{__name__=~"ALERTS.*|parts:.*"}[1h]')}
        ours = names(servers["narthex"])
        self.assertGreater(len(ours), 15)
        for name in self.peers:
            self.assertEqual(ours, names(servers[name]), name)

    def test_killed_while_pending_and_firing(self):
        hold = 20
        servers = self.replicas(LONG_RULES % hold, "--rules.alert.resend-delay=15s",
                                "--rules.alert.for-grace-period=1s")
        wait_for("firing", self.all_have(["Firing", "Firing"]))
        before = self.active()
        pending = {name: self.pending(s) for name, s in servers.items()}
        stored = lambda: all(s.value("min(count_over_time(ALERTS_FOR_STATE[1m]))") >= 3 for s in servers.values())
        wait_for("state in storage", stored)
        for server in servers.values():
            server.kill()
        time.sleep(3)  # Away for longer than an interval, which is what this is about.
        for server in servers.values():
            server.start(wait=False)
        for server in servers.values():
            wait_for("server ready", server.is_ready)
        wait_for("waited to the end", self.all_have(["Firing", "Firing", "Waiting", "Waiting"]))
        after = self.active()
        self.check_equal(after, [], 0)  # Their times hang on how long each was away: see below.
        for name, server in servers.items():
            with self.subTest(name):
                self.check_for_state(server, name, after[name], pending[name], hold)
                for labels, alert in before[name].items():
                    self.assertEqual(after[name][labels]["startsAt"], alert["startsAt"])
                    self.assertEqual(after[name][labels]["fingerprint"], alert["fingerprint"])
        # No page that all is well, and none a second time.
        told = [(a["labels"]["replica"], a["labels"]["alertname"], a["labels"]["part"], a["status"])
                for _, a in self.hook.alerts]
        self.assertEqual({status for *_, status in told}, {"firing"})
        self.assertEqual(len(told), len(set(told)), sorted(told))

    @staticmethod
    def pending(server):
        return {a["labels"]["part"]: seconds(a["activeAt"]) for a in server.api("alerts")["alerts"]
                if a["labels"]["alertname"] == "Waiting"}

    def check_for_state(self, server, name, alerts, pending, hold):
        """The stored state goes on where it was: moved by the time without evaluations, and no more."""
        for series in server.query("ALERTS_FOR_STATE[10m]"):
            labels, states = series["metric"], [float(v) for _, v in series["values"]]
            times = [t for t, _ in series["values"]]
            gap = max(b - a for a, b in zip(times, times[1:]))
            self.assertGreater(gap, 2, "it was away")
            if labels["alertname"] == "Firing":
                self.assertEqual(len(set(states)), 1, states)
                continue
            self.assertEqual(len(set(states)), 2, states)
            moved = states[-1] - states[0]
            # Whole seconds are stored, and evaluation begins a little before what it writes.
            self.assertTrue(1 <= moved <= gap + 2, (moved, gap))
            starts = next(seconds(a["startsAt"]) for k, a in alerts.items()
                          if '"Waiting"' in k and a["labels"]["part"] == labels["part"])
            waited = starts - pending[labels["part"]]
            self.assertTrue(hold + moved - 2 <= waited <= hold + moved + 3, (name, waited, moved))


if __name__ == "__main__":
    unittest.main()
