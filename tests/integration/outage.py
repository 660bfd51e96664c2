"""Remote write into real servers through an outage of all of them, a kill of ours in it, and reloads.

    NARTHEX=build/release/narthex python3 outage.py --minutes 10 --prometheus A/prometheus --prometheus B/prometheus

One server sends to all endpoints at once: each Prometheus by both versions of the protocol, and
VictoriaMetrics. Ten minutes of outage take about 13. With --block-duration 1m the log is cut every
minute or two, so most of a long outage has to be sent from blocks. test_remote_write.py has short forms.
"""
import argparse
import collections
import contextlib
import json
import pathlib
import select
import signal
import socket
import struct
import threading
import time
import urllib.parse

from harness import IntegrationTest, Peer, free_port, scrape_config, wait_for
from test_peers import PeerTest, get, raw, release, result
from test_remote import double, message, number, varint

CONTENT_TYPE = ("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
                "encoding=delimited")
HISTOGRAM = "outage_seconds"
START_SECONDS = 300  # Five servers may start at once on a machine that is busy.


class Gate:
    """A TCP relay that can be shut: connections are cut then, and new ones refused or never answered."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.peer = (host, int(port))
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.listener = None
        self.sockets = []
        self.lock = threading.Lock()
        self.open()

    def open(self, answers=True):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen()
        self.listener = listener
        threading.Thread(target=self._accept, args=(listener, answers), daemon=True).start()

    def shut(self):
        with self.lock:
            ending, self.sockets = [self.listener, *self.sockets], []
        for one in ending:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    cleanup = shut

    def _accept(self, listener, answers):
        while True:
            try:
                client, _ = listener.accept()
                server = socket.create_connection(self.peer)
            except OSError:
                return
            with self.lock:
                self.sockets += [client, server]
            threading.Thread(target=self._relay, args=(client, server, answers), daemon=True).start()

    @staticmethod
    def _relay(client, server, answers):
        with contextlib.suppress(OSError, ValueError):
            while True:
                for one in select.select([client, server], [], [])[0]:
                    data = one.recv(65536)
                    if not data:
                        return
                    if answers:
                        (server if one is client else client).sendall(data)


def family(name, kind, metrics):
    text = message(1, name) + message(2, f"Help of {name}.") + number(3, kind)
    text += b"".join(message(4, metric) for metric in metrics)
    return varint(len(text)) + text


def label(name, value):
    return message(1, message(1, name) + message(2, value))


class BusyPage:
    """What a target shows: everything that can be sent, other values with each scrape."""

    def __init__(self, num_series):
        self.num_series = num_series
        self.scrapes = 0

    def __call__(self):
        self.scrapes += 1
        n = self.scrapes
        now = message(3, number(1, int(time.time())))
        exemplar = message(2, label("trace_id", f"t{n}") + double(2, n / 8) + now)
        counters = [label("shard", str(i)) + message(3, double(1, n * i) + (exemplar if i < 3 else b""))
                    for i in range(self.num_series)]
        gauges = [label("shard", str(i)) + message(2, double(1, (n * 7919 + i) % 1000 / 8 - 50))
                  for i in range(self.num_series)]
        counts = [n * 3, 1, -n]  # Deltas of buckets.
        histogram = (number(1, sum((n * 3, n * 3 + 1, n * 2 + 1)) + n) + double(2, n * 2.5) +
                     number(5, 2 * 3) + double(6, 0.001) + number(7, n) +
                     message(12, number(1, 0) + number(2, 3)) +
                     b"".join(number(13, d << 1 ^ d >> 63) for d in counts))
        page = family("outage_requests_total", 0, counters) + family("outage_level", 1, gauges)
        page += family(HISTOGRAM, 4, [message(7, histogram)])
        if n // 5 % 2 == 0:  # Comes and goes, so that stale markers are sent.
            page += family("outage_blinking", 1, [message(2, double(1, n))])
        return page


class Endpoint:
    """A server that takes remote write, behind a gate."""

    settings = ""  # Lines of its section.
    takes_histograms = False
    takes_exemplars = False
    knows_staleness = False

    def __init__(self, name, address, path):
        self.name = name
        self.address = address
        self.path = path
        self.gate = Gate(address)

    def section(self, more=""):
        return (f"  - url: http://{self.gate.address}{self.path}\n    name: {self.name}\n"
                "    queue_config: {batch_send_deadline: 300ms, min_backoff: 50ms, max_backoff: 1s}\n"
                f"{self.settings}{more}")


class PrometheusEndpoint(Endpoint):
    takes_histograms = takes_exemplars = knows_staleness = True

    def __init__(self, name, address, version):
        super().__init__(name, address, "/api/v1/write")
        self.settings = "    send_exemplars: true\n    send_native_histograms: true\n"
        if version == 2:
            self.settings += "    protobuf_message: io.prometheus.write.v2.Request\n"

    def samples(self, start, end, selector='{job="page"}'):
        """{series: [(milliseconds, value)]}, from `start` to `end` in seconds."""
        return raw(self.address, selector, start, end)


class VictoriaEndpoint(Endpoint):
    def __init__(self, name, address):
        super().__init__(name, address, "/api/v1/write")

    def samples(self, start, end, selector='{job="page"}'):
        found = {}
        text = get(self.address, "/api/v1/export",
                   **{"match[]": selector, "start": start, "end": end})
        for line in text.splitlines():
            series = json.loads(line)
            key = json.dumps(series["metric"], sort_keys=True)
            found.setdefault(key, []).extend(
                (t, float(v)) for t, v in zip(series["timestamps"], series["values"])
                if v is not None)  # Stale markers.
        return {key: sorted(points) for key, points in found.items()}


def histograms(address, start, end):
    """[(milliseconds, histogram as JSON)]"""
    window = f"{round((end - start) * 1000)}ms"
    return [(round(float(t) * 1000), h)
            for series in result(address, f'{HISTOGRAM}{{job="page"}}[{window}]', time=end)
            for t, h in series.get("histograms", [])]


def exemplars(address, start, end):
    query = urllib.parse.quote('outage_requests_total{job="page"}')
    answer = json.loads(get(address, "/api/v1/query_exemplars", query='{job="page"}', start=start,
                            end=end))
    return sorted((one["seriesLabels"]["shard"], e["timestamp"], e["value"], json.dumps(e["labels"]))
                  for one in answer["data"] for e in one["exemplars"])


def presence(address, start, end):
    """When the series was there that comes and goes, by the second."""
    return [t for series in result(address, 'outage_blinking{job="page"}', "/api/v1/query_range",
                                   start=int(start), end=int(end), step=1)
            for t, _ in series["values"]]


def num_points(samples):
    return sum(map(len, samples.values()))


class OutageTest(PeerTest):
    """Call start_… for the endpoints, then run_through_trouble."""

    extra_flags = ()
    num_series = 3

    def start_prometheus(self, name, version, program=None, since=(0, 0)):
        program = program or self.find("prometheus", since)
        port = free_port()
        config = self.file(f"{name}.yml", "storage: {tsdb: {out_of_order_time_window: 6h}}\n")
        folder = pathlib.Path(self.folder) / name
        folder.mkdir()
        peer = Peer(folder, program, f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
                    f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver",
                    "--enable-feature=native-histograms,exemplar-storage")
        self.addCleanup(peer.cleanup)
        endpoint = PrometheusEndpoint(name, self.ready(f"127.0.0.1:{port}", "/-/ready", START_SECONDS), version)
        self.addCleanup(endpoint.gate.cleanup)
        return endpoint

    def start_victoria(self, name="victoria"):
        port = free_port()
        self.peer(self.find("victoria-metrics"), f"-storageDataPath={self.folder}/{name}",
                  f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=1y",
                  "-dedup.minScrapeInterval=0s")
        endpoint = VictoriaEndpoint(name, self.ready(f"127.0.0.1:{port}", "/health", START_SECONDS))
        self.addCleanup(endpoint.gate.cleanup)
        return endpoint

    def config(self, more=""):
        return (scrape_config(extra="  external_labels: {dc: eu}\n") +
                "  - job_name: page\n    scrape_native_histograms: true\n"
                f"    static_configs: [{{targets: ['{self.target.address}']}}]\n"
                "remote_write:\n" + "".join(e.section(more) for e in self.endpoints))

    def reload(self, more):
        self.server.config.write_text(self.config(more))
        self.assertEqual(self.server.request("POST", "/-/reload")[0], 200)

    def run_through_trouble(self, endpoints, seconds, before=2, patience=60):
        """@param seconds  of the outage
        @param before  seconds between the parts that are no outage"""
        self.endpoints = endpoints
        self.target = self.page(BusyPage(self.num_series), CONTENT_TYPE)
        start = time.time()
        self.server = self.start(self.config(), "--web.enable-lifecycle",
                                 "--enable-feature=exemplar-storage", *self.extra_flags)
        self.here = f"127.0.0.1:{self.server.port}"
        for endpoint in endpoints:
            wait_for(f"samples in {endpoint.name}", lambda: endpoint.samples(start, time.time()))
        time.sleep(before)
        for endpoint in endpoints:
            endpoint.gate.shut()
        self.say("all endpoints refuse connections")
        time.sleep(seconds / 3)
        self.server.kill()
        self.say("killed")
        self.server.start()
        for endpoint in endpoints:
            endpoint.gate.open(answers=False)
        self.say("up again; endpoints take connections and don't answer")
        time.sleep(seconds / 3)
        self.reload("    remote_timeout: 5s\n")
        for endpoint in endpoints:
            endpoint.gate.shut()
        self.say("reloaded; endpoints refuse connections")
        time.sleep(seconds / 3)
        for endpoint in endpoints:
            endpoint.gate.open()
        self.say("endpoints are there")
        came_back = time.monotonic()
        time.sleep(before)
        self.reload("    remote_timeout: 20s\n")
        self.say("reloaded")
        time.sleep(before)
        for endpoint in endpoints:
            endpoint.gate.shut()
        time.sleep(1)
        for endpoint in endpoints:
            endpoint.gate.open()
        end = time.time() - 1
        for endpoint in endpoints:
            self.wait_for_the_same(endpoint, start, end, patience)
            self.say(f"{endpoint.name}: the same {time.monotonic() - came_back:.0f} s after its return")
        for endpoint in endpoints:
            self.compare_the_rest(endpoint, start, end)
        self.report()
        # What was scraped up to the end is sent before the end.
        self.server.end(signal.SIGTERM)
        for endpoint in endpoints:
            wait_for("the last samples", lambda: end < max(
                t for points in endpoint.samples(end - 5, time.time()).values()
                for t, _ in points) / 1000)

    def say(self, what):
        print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)

    def ours(self, endpoint, start, end):
        return {json.dumps(json.loads(series) | {"dc": "eu"}, sort_keys=True): points
                for series, points in raw(self.here, '{job="page"}', start, end).items()}

    def wait_for_the_same(self, endpoint, start, end, patience):
        state = {}

        def same():
            ours = self.ours(endpoint, start, end)
            theirs = endpoint.samples(start, end)
            state.update(ours=ours, theirs=theirs)
            # A request that was cut off may have been taken, and comes again.
            return {series: sorted(set(points)) for series, points in theirs.items()} == ours
        try:
            wait_for(f"the same samples in {endpoint.name}", same, patience)
        except AssertionError:
            self.explain(state["ours"], state["theirs"])
            raise
        ours, theirs = state["ours"], state["theirs"]
        self.assertGreaterEqual(len(ours), 2 * self.num_series + 6)
        self.assertGreaterEqual(max(map(len, ours.values())), 8)
        twice = num_points(theirs) - num_points(ours)
        self.say(f"{endpoint.name}: {len(theirs)} series of {len(ours)}, {num_points(theirs)} samples "
                 f"of {num_points(ours)}, {twice} twice, values and times equal")

    def explain(self, ours, theirs):
        missing = collections.Counter()
        for series, points in ours.items():
            for t, v in set(points) - set(theirs.get(series, ())):
                missing[t] += 1
        extra = {series: set(points) - set(ours.get(series, ())) for series, points in theirs.items()}
        times = sorted(missing)
        self.say(f"missing: {sum(missing.values())} samples of {len(times)} scrapes"
                 + (f" from {times[0]} to {times[-1]}" if times else "")
                 + f"; more there: {sum(map(len, extra.values()))}")

    def compare_the_rest(self, endpoint, start, end):
        if endpoint.takes_histograms:
            ours, theirs = (histograms(a, start, end) for a in (self.here, endpoint.address))
            self.assertEqual(ours, theirs)
            self.assertGreaterEqual(len(ours), 8)
            self.say(f"{endpoint.name}: {len(theirs)} native histograms of {len(ours)}, equal")
        if endpoint.knows_staleness:
            ours, theirs = (presence(a, start, end) for a in (self.here, endpoint.address))
            self.assertEqual(ours, theirs)
            self.assertTrue(ours)
            self.say(f"{endpoint.name}: a series that comes and goes there for {len(theirs)} s, equal")
        if endpoint.takes_exemplars:
            self.compare_exemplars(endpoint, start, end)

    def compare_exemplars(self, endpoint, start, end):
        def found():
            return [exemplars(a, start, end) for a in (self.here, endpoint.address)]
        if not self.extra_flags:  # Blocks have none.
            # By 2.0 those of the last scrape may go with the next sample of their series.
            with contextlib.suppress(AssertionError):
                wait_for("the same exemplars", lambda: len(set(map(str, found()))) == 1)
        ours, theirs = found()
        self.say(f"{endpoint.name}: {len(theirs)} exemplars of {len(ours)}, "
                 f"{'equal' if ours == theirs else 'other ones'}")
        if not self.extra_flags:
            self.assertEqual(ours, theirs)

    def report(self):
        status = pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text()
        self.say("; ".join(" ".join(line.split()) for line in status.splitlines()
                           if line.startswith(("VmRSS", "VmHWM"))))
        wanted = ("samples_total", "samples_retried_total", "samples_failed_total",
                  "samples_dropped_total", "histograms_total", "exemplars_total", "metadata_total",
                  "wal_gaps")
        for line in self.server.request("GET", "/metrics")[1].splitlines():
            if line.startswith(("prometheus_remote_storage_", "narthex_remote")) and any(
                    w in line.split("{")[0] for w in wanted) and not line.endswith(" 0"):
                self.say(line)


class LongOutage(OutageTest):
    def runTest(self):
        endpoints = []
        for i, program in enumerate(self.arguments.prometheus or [self.find("prometheus")]):
            number = ".".join(map(str, release(program)))
            for version in (1, 2):
                endpoints.append(self.start_prometheus(f"prometheus-{number}-v{version}", version, program))
        endpoints.append(self.start_victoria())
        self.num_series = self.arguments.series
        if self.arguments.block_duration:
            self.extra_flags = (f"--storage.tsdb.min-block-duration={self.arguments.block_duration}",
                                f"--storage.tsdb.max-block-duration={self.arguments.block_duration}")
        self.run_through_trouble(endpoints, self.arguments.minutes * 60, before=20, patience=300)
        self.say("all the same")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="of the outage")
    parser.add_argument("--series", type=int, default=100, help="of each of two kinds")
    parser.add_argument("--prometheus", action="append", help="program of an endpoint; may be repeated")
    parser.add_argument("--block-duration", help="of the server's blocks, e.g. 1m")
    arguments = parser.parse_args()
    LongOutage.arguments = arguments
    import unittest
    outcome = unittest.TextTestRunner(verbosity=2).run(LongOutage())
    raise SystemExit(not outcome.wasSuccessful())


if __name__ == "__main__":
    main()
