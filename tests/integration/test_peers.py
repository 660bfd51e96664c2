"""Other programs of the field as clients: they write to the server, read from it and ask it.

A program is looked for in the folder that NARTHEX_PEERS names, then in PATH; a test whose program is
not there is skipped.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from harness import IntegrationTest, free_port, scrape_config, wait_for
from test_remote import series, snappy

PAGE = """# HELP items_total Things.
# TYPE items_total counter
items_total{kind="a"} 5
items_total{kind="b",note="é and \\"quotes\\""} 2.5
# TYPE level gauge
level -3
"""


def get(address, path, **parameters):
    query = urllib.parse.urlencode(parameters, doseq=True)
    with urllib.request.urlopen(f"http://{address}{path}?{query}", timeout=10) as response:
        return response.read().decode()


def result(address, expr, path="/api/v1/query", **parameters):
    return json.loads(get(address, path, query=expr, **parameters))["data"]["result"]


def raw(address, selector, start, end):
    """{series: [(milliseconds, value)]} of the floats from `start` to `end`, in seconds."""
    window = f"{round((end - start) * 1000)}ms"
    found = {}
    for series in result(address, f"{selector}[{window}]", time=end):
        if "values" in series:
            found[json.dumps(series["metric"], sort_keys=True)] = [
                (round(float(t) * 1000), float(v)) for t, v in series["values"]]
    return found


def release(path):
    """(major, minor) of a program of Prometheus's."""
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"version (\d+)\.(\d+)", version.stdout + version.stderr)
    return int(found[1]), int(found[2])


class PeerTest(IntegrationTest):
    def find(self, name, since=(0, 0)):
        """@param since  the first release that knows what the test is about"""
        folder = os.environ.get("NARTHEX_PEERS")
        path = (shutil.which(name, path=folder) if folder else None) or shutil.which(name)
        if path is None:
            self.skipTest(f"no {name} in NARTHEX_PEERS or PATH")
        if since > (0, 0) and release(path) < since:
            self.skipTest(f"{name} is older than {since[0]}.{since[1]}")
        return path

    def ready(self, address, path, *seconds):
        wait_for(f"http://{address}{path}", lambda: get(address, path), *seconds)
        return address

    def file(self, name, text):
        path = pathlib.Path(self.folder) / name
        path.write_text(text)
        return str(path)

    def prometheus(self, config, *flags, since=(0, 0)):
        port = free_port()
        self.peer(self.find("prometheus", since), f"--config.file={self.file('prometheus.yml', config)}",
                  f"--storage.tsdb.path={self.folder}/prometheus",
                  f"--web.listen-address=127.0.0.1:{port}", *flags)
        return self.ready(f"127.0.0.1:{port}", "/-/ready")

    def influx(self):
        """InfluxDB 1 without databases."""
        port, other = free_port(), free_port()
        config = self.file("influxdb.conf", f"""
reporting-disabled = true
bind-address = "127.0.0.1:{other}"
[meta]
  dir = "{self.folder}/influx/meta"
[data]
  dir = "{self.folder}/influx/data"
  wal-dir = "{self.folder}/influx/wal"
[http]
  bind-address = "127.0.0.1:{port}"
[monitor]
  store-enabled = false
""")
        self.peer(self.find("influxd"), "-config", config)
        address = f"127.0.0.1:{port}"
        wait_for("influxd", lambda: get(address, "/query", q="SHOW DATABASES"))
        return address

    def receiver(self):
        """A server that scrapes nothing and takes remote write."""
        server = self.start("global: {}\n", "--web.enable-remote-write-receiver")
        server.address = f"127.0.0.1:{server.port}"
        return server

    def scraper(self, *flags):
        server = self.start(scrape_config(("page", self.page(PAGE).address)), *flags)
        server.address = f"127.0.0.1:{server.port}"
        wait_for("some scrapes", lambda: server.value("count_over_time(level[1m])") >= 5)
        return server

    def reader(self, url):
        """A server that scrapes nothing and has what remote read gives."""
        server = self.start(f"remote_read:\n  - url: {url}\n    read_recent: true\n")
        server.address = f"127.0.0.1:{server.port}"
        return server

    def same_samples(self, there, here, start, end):
        """Waits until both have the same samples of the page in that time, and some."""
        def compare():
            expected = raw(there, '{job="page"}', start, end)
            self.assertGreaterEqual(len(expected), 4)
            return expected if raw(here, '{job="page"}', start, end) == expected else None
        return wait_for("the same samples in both", compare)


class PrometheusTest(PeerTest):
    def check_remote_write(self, settings):
        server = self.receiver()
        config = scrape_config(("page", self.page(PAGE).address)) + (
            f"remote_write:\n  - url: http://{server.address}/api/v1/write\n"
            f"    queue_config: {{batch_send_deadline: 200ms}}\n{settings}")
        start = time.time()
        peer = self.prometheus(config)
        wait_for("samples", lambda: float(result(server.address, "count_over_time(level[1m])")
                                          [0]["value"][1]) >= 6)
        self.same_samples(peer, server.address, start, time.time() - 2)

    def test_remote_write(self):
        self.check_remote_write("")

    def test_remote_write_2(self):
        self.find("prometheus")
        try:
            self.check_remote_write("    protobuf_message: io.prometheus.write.v2.Request\n")
        except AssertionError:
            if "not found in type config" in (pathlib.Path(self.folder) /
                                              "prometheus.log").read_text():
                self.skipTest("this release has no remote write 2.0")
            raise

    def test_remote_read(self):
        server = self.scraper()
        config = (f"remote_read:\n  - url: http://{server.address}/api/v1/read\n"
                  "    read_recent: true\n")
        peer = self.prometheus(config)
        end = time.time() - 1
        expected = self.same_samples(server.address, peer, end - 4, end)
        self.assertTrue(all(expected.values()))
        for expr in ("sum by (kind) (items_total)", "rate(items_total[1m])", "-level"):
            ours = result(server.address, expr, time=end)
            self.assertTrue(ours)
            self.assertCountEqual(ours, result(peer, expr, time=end))

    def test_remote_read_the_other_way_round(self):
        peer = self.prometheus(scrape_config(("page", self.page(PAGE).address)))
        wait_for("some scrapes", lambda: float(result(peer, "count_over_time(level[1m])")
                                               [0]["value"][1]) >= 5)
        server = self.reader(f"http://{peer}/api/v1/read")
        end = time.time() - 1
        expected = self.same_samples(peer, server.address, end - 4, end)
        self.assertTrue(all(expected.values()))
        for expr in ("sum by (kind) (items_total)", "rate(items_total[1m])", "-level"):
            theirs = result(peer, expr, time=end)
            self.assertTrue(theirs)
            self.assertCountEqual(theirs, result(server.address, expr, time=end))

    def test_federation(self):
        server = self.scraper()
        config = scrape_config(("federate", server.address)) + (
            "    honor_labels: true\n    metrics_path: /federate\n"
            "    params: {'match[]': ['{job=\"page\"}']}\n")
        peer = self.prometheus(config)
        wait_for("federated series", lambda: len(result(peer, '{job="page"}')) >= 8)
        values = {json.dumps(one["metric"], sort_keys=True): one["value"][1]
                  for one in result(server.address, '{job="page", __name__!~"scrape_.*"}')}
        federated = {json.dumps(one["metric"], sort_keys=True): one["value"][1]
                     for one in result(peer, '{job="page", __name__!~"scrape_.*"}')}
        self.assertEqual(values, federated)


class PromtoolTest(PeerTest):
    def run_tool(self, *arguments, text=None):
        done = subprocess.run([self.find("promtool"), *arguments], capture_output=True, text=True,
                              timeout=60, input=text)
        if "expected command but got" in done.stderr or "unknown long flag" in done.stderr:
            self.skipTest("this release has no such command")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_queries(self):
        server = self.scraper()
        url = f"http://{server.address}"
        self.assertIn('level{instance=', self.run_tool("query", "instant", url, "level"))
        end = int(time.time())
        out = self.run_tool("query", "range", f"--start={end - 5}", f"--end={end}", "--step=1s", url,
                            "count(up)")
        self.assertIn("1 @[", out)
        self.assertIn('__name__="items_total"',
                      self.run_tool("query", "series", "--match=items_total", url))
        self.assertEqual(self.run_tool("query", "labels", url, "kind").split(), ["a", "b"])

    def test_push_metrics(self):
        server = self.receiver()
        url = f"http://{server.address}"
        if release(self.find("promtool")) < (3, 14):  # Later ones know the path.
            url += "/api/v1/write"
        self.run_tool("push", "metrics", "--label=job=pushed", url, self.file("page.txt", PAGE))
        pushed = wait_for("pushed", lambda: server.query('{job="pushed"}'))
        self.assertEqual(sorted((one["metric"]["__name__"], one["value"][1]) for one in pushed),
                         [("items_total", "2.5"), ("items_total", "5"), ("level", "-3")])


class VictoriaTest(PeerTest):
    def victoria(self):
        port = free_port()
        self.peer(self.find("victoria-metrics"), f"-storageDataPath={self.folder}/victoria",
                  f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=1y",
                  "-search.latencyOffset=0s", "-dedup.minScrapeInterval=0s")
        return self.ready(f"127.0.0.1:{port}", "/health")

    def test_vmagent_writes(self):
        server = self.receiver()
        port = free_port()
        page = self.page(PAGE)
        config = self.file("agent.yml", scrape_config(("page", page.address))
                           .replace("  evaluation_interval: 1s\n", ""))
        agent = self.peer(self.find("vmagent"), f"-promscrape.config={config}",
                  f"-httpListenAddr=127.0.0.1:{port}", "-remoteWrite.flushInterval=200ms",
                  f"-remoteWrite.tmpDataPath={self.folder}/agent",
                  f"-remoteWrite.url=http://{server.address}/api/v1/write")
        wait_for("samples", lambda: server.value("count_over_time(level[1m])") >= 6)
        self.assertEqual(server.value('items_total{kind="b"}'), 2.5)
        times = [t for t, _ in server.query("level[1m]")[0]["values"]]
        self.assertEqual(len(times), len(set(times)))
        gaps = [b - a for a, b in zip(times, times[1:])]
        self.assertLess(max(gaps), 1.5, f"a scrape is missing: {times}")
        # Once the page is gone and the agent has sent what it has, every scrape is here.
        page.cleanup()
        agent.cleanup()
        for series in ('level', 'items_total{kind="a"}', 'items_total{kind="b"}'):
            self.assertEqual(page.served, server.value(f"count_over_time({series}[5m])"), series)

    def test_vmalert_runs_rules_and_writes_back(self):
        server = self.scraper("--web.enable-remote-write-receiver")
        rules = self.file("rules.yml", """groups:
  - name: g
    interval: 2s
    rules:
      - {record: "kind:items:sum", expr: "sum by (kind) (items_total)", labels: {by: vmalert}}
      - {alert: Low, expr: "level < 0", labels: {severity: page}}
""")
        url, port = f"http://{server.address}", free_port()
        self.peer(self.find("vmalert"), f"-rule={rules}", f"-datasource.url={url}",
                  f"-remoteWrite.url={url}", "-notifier.blackhole", "-remoteWrite.flushInterval=200ms",
                  f"-remoteRead.url={url}", f"-httpListenAddr=127.0.0.1:{port}")
        recorded = wait_for("the recorded series", lambda: len(server.query("kind:items:sum")) == 2 and
                            server.query("kind:items:sum"))
        self.assertEqual({(one["metric"]["kind"], one["value"][1]) for one in recorded},
                         {("a", "5"), ("b", "2.5")})
        self.assertEqual({one["metric"]["by"] for one in recorded}, {"vmalert"})
        alerts = wait_for("the alert's series", lambda: server.query('ALERTS{alertname="Low"}'))
        self.assertEqual(alerts[0]["metric"]["severity"], "page")

        def sent():
            lines = re.findall(r"^vmalert_remotewrite_sent_rows_total\S* (\S+)$",
                               get(f"127.0.0.1:{port}", "/metrics"), re.MULTILINE)
            return sum(map(float, lines))

        def all_are_here():
            before = sent()
            here = server.value('sum(count_over_time({__name__=~"kind:items:sum|ALERTS.*"}[10m]))')
            return before == here == sent() and before >= 10
        wait_for("what vmalert has sent", all_are_here)

    def test_vmctl_takes_everything(self):
        server = self.scraper()
        tool = self.find("vmctl")
        victoria = self.victoria()
        self.assertEqual(server.stop(), 0)  # Nothing is added any more.
        server.config.write_text("global: {}\n")
        server.start()
        end = time.time()
        start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end - 3600))
        done = subprocess.run(
            [tool, "remote-read", "-s", "--disable-progress-bar", "--remote-read-concurrency=2",
             f"--remote-read-src-addr=http://{server.address}", "--remote-read-step-interval=hour",
             f"--remote-read-filter-time-start={start}", f"--vm-addr=http://{victoria}"],
            capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        ours = {json.dumps(s["metric"], sort_keys=True): len(s["values"])
                for s in server.query('{job="page"}[1h]', time=end)}
        self.assertGreaterEqual(len(ours), 8)

        def exported():
            get(victoria, "/internal/force_flush")
            lines = get(victoria, "/api/v1/export", **{"match[]": '{job="page"}'}).splitlines()
            return {json.dumps(s["metric"], sort_keys=True): len(s["timestamps"])
                    for s in map(json.loads, lines)}
        wait_for("all samples in the copy", lambda: exported() == ours, seconds=20)


class InfluxTest(PeerTest):
    def start_influx(self):
        address = self.influx()
        self.post(address, "/query", urllib.parse.urlencode({"q": "CREATE DATABASE p"}).encode())
        return address

    def post(self, address, path, body, **headers):
        request = urllib.request.Request(f"http://{address}{path}", method="POST", data=body,
                                         headers=headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.read()

    def test_remote_read(self):
        address = self.start_influx()
        end = int(time.time() * 1000)
        body = series({"__name__": "m", "a": "1"}, [(end - 2000, 1.5), (end - 1000, 2.5)])
        body += series({"__name__": "m", "a": "2"}, [(end - 1000, 4)])
        self.post(address, "/api/v1/prom/write?db=p", snappy(body), **{
            "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"})
        server = self.reader(f"http://{address}/api/v1/prom/read?db=p")
        self.assertEqual({'{"__name__": "m", "a": "1"}': [(end - 2000, 1.5), (end - 1000, 2.5)],
                          '{"__name__": "m", "a": "2"}': [(end - 1000, 4)]},
                         raw(server.address, "m", end / 1000 - 60, end / 1000))
        self.assertEqual(6.5, server.value("sum(m)"))
        self.assertEqual(4, server.value('m{a=~"2|3"}'))

    def test_written_there_and_read_from_there(self):
        """What one run has scraped and sent the next one, with an empty folder, has from InfluxDB."""
        address = self.start_influx()
        page = self.page(PAGE)
        server = self.start(
            scrape_config(("page", page.address), extra="  external_labels: {dc: eu}\n") +
            f"remote_write:\n  - url: http://{address}/api/v1/prom/write?db=p\n"
            "    queue_config: {batch_send_deadline: 200ms}\n")
        start = time.time()
        wait_for("some scrapes", lambda: server.value("count_over_time(level[1m])") >= 5)
        end = time.time() - 1
        ours = raw(f"127.0.0.1:{server.port}", '{job="page"}', start, end)
        self.assertGreaterEqual(len(ours), 8)
        self.assertEqual(server.stop(), 0)  # What was not sent yet is sent.
        shutil.rmtree(server.data)
        server.config.write_text(
            "global: {external_labels: {dc: eu}}\n"
            f"remote_read: [{{url: 'http://{address}/api/v1/prom/read?db=p', read_recent: true}}]\n")
        server.start()
        self.assertEqual(ours, wait_for("what was sent", lambda: raw(
            f"127.0.0.1:{server.port}", '{job="page"}', start, end)))
        self.assertEqual(7.5, server.value(f"sum(items_total @ {end})"))
        self.assertEqual("2.5", server.query('items_total{note=~".*quotes.*"}', time=end)[0]["value"][1])


if __name__ == "__main__":
    unittest.main()
