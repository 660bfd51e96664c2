#!/usr/bin/env python3
"""Scrapes real programs with Prometheus and with Narthex, and compares what each has stored.

usage: compare_scrapes.py --narthex BINARY --prometheus BINARY --promtool BINARY
                          [--seconds 300] [--interval 5] [--peers FOLDER] [--prom-client FOLDER]

Two scrapers that ask a program one after the other get two answers. So a proxy stands before each
program: it fetches a page when a scraper that has had the last one asks again, and gives the same
bytes to the other. It notes who got which page when. Afterwards both data folders are dumped, each
sample is ascribed to the page that was being scraped at its time, and samples of the same page are
compared: labels, values, native histograms, staleness markers. promtool dumps both folders and
Narthex does, because promtool leaves out up to two native histograms of each series (DUMPED_LESS):
both dumps must be the same but for those. Metadata, exemplars and what the targets are called are
compared over HTTP. Each program fails once on the way (503), and is down for a page.

Prints what was compared and every difference with its reason; the exit code is 0 when each has one.
Everything listens on 127.0.0.1 alone; only what was started here is ended.
"""
import argparse
import bisect
import collections
import gzip
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import free_port, wait_for

SCRAPERS = ("prometheus", "narthex")
AFTER_ARRIVAL_MS = 2  # Times are moved by so much to lie on the grid of the interval.
FAILING_PAGE = 7

# What 3.5 asks for unless its flag for native histograms is given, which puts protobuf first.
PROTOCOLS = "OpenMetricsText1.0.0, OpenMetricsText0.0.1, PrometheusText1.0.0, PrometheusText0.0.4"

# promtool's loop over a series reads floats until a sample is none, then float histograms, then
# histograms: each of the first two loops has taken the sample that ended it, which nobody prints.
DUMPED_LESS = 2

# What differs because it tells of the scraper's own work, not of the target.
OWN_WORK = {"scrape_duration_seconds": "how long the scrape took"}

PROM_CLIENT = """
const client = require('prom-client'), http = require('http');
const register = new client.Registry();
register.setContentType(client.Registry.OPENMETRICS_CONTENT_TYPE);
client.collectDefaultMetrics({register});
const requests = new client.Counter({name: 'shop_requests', help: 'Requests.', labelNames: ['path'],
  registers: [register], enableExemplars: true});
const took = new client.Histogram({name: 'shop_request_seconds', help: 'Time of requests.',
  labelNames: ['path'], buckets: [0.1, 0.5, 1], registers: [register], enableExemplars: true});
const size = new client.Summary({name: 'shop_size_bytes', help: 'Sizes.', registers: [register]});
let n = 0;
http.createServer(async (request, response) => {
  n += 1;
  for (const path of ['/', '/buy']) {
    const exemplarLabels = {trace_id: 'trace' + n + path};
    requests.inc({labels: {path}, value: n % 3 + 1, exemplarLabels});
    took.observe({labels: {path}, value: (n % 13) / 10, exemplarLabels});
  }
  size.observe(n * 100);
  response.setHeader('Content-Type', register.contentType);
  response.end(await register.metrics());
}).listen(Number(process.argv[2]), '127.0.0.1');
"""


class Proxy:
    """Before one program: a port for each scraper, the same page for both."""

    def __init__(self, address, path="/metrics"):
        self.url = f"http://{address}{path}"
        self.lock = threading.Lock()
        self.number = -1
        self.frozen = False
        self.page = None
        self.had = set()
        self.began = False  # Both have asked: until then there is one page.
        self.served = {name: [] for name in SCRAPERS}  # (time of arrival in ms, number of the page)
        self.accepts = {}
        self.servers = {name: self.listen(name) for name in SCRAPERS}

    def listen(self, scraper):
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                arrived = time.time() * 1000
                status, kind, body = proxy.answer(scraper, arrived, self.headers)
                packed = "gzip" in self.headers.get("Accept-Encoding", "")
                self.send_response(status)
                self.send_header("Content-Type", kind)
                if packed:
                    body = gzip.compress(body, 1)
                    self.send_header("Content-Encoding", "gzip")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def address(self, scraper):
        return f"127.0.0.1:{self.servers[scraper].server_address[1]}"

    def answer(self, scraper, arrived, headers):
        with self.lock:
            self.accepts[scraper] = headers.get("Accept")
            if self.page is None or (scraper in self.had and self.began and not self.frozen):
                self.number += 1
                self.had = set()
                self.page = self.fetch(headers.get("Accept"))
            self.had.add(scraper)
            self.began = self.began or self.had == set(SCRAPERS)
            self.served[scraper].append((arrived, self.number))
            return self.page

    def fetch(self, accept):
        if self.number == FAILING_PAGE:
            return 503, "text/plain", b"not now"
        request = urllib.request.Request(self.url, headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=10) as response:
            return 200, response.headers["Content-Type"], response.read()

    def close(self):
        for server in self.servers.values():
            server.shutdown()
            server.server_close()


class Target:
    def __init__(self, job, address, settings=(), own=(), path="/metrics"):
        """@param settings  lines of configuration
        @param own          further lines that only Narthex needs, as Prometheus 3.5 has a feature flag"""
        self.job = job
        self.proxy = Proxy(address, path)
        self.settings, self.own = list(settings), list(own)

    def config(self, scraper):
        lines = [f"  - job_name: {self.job}", "    static_configs:",
                 f"      - targets: ['{self.proxy.address(scraper)}']",
                 f"        labels: {{instance: {self.job}}}", *(f"    {s}" for s in self.settings)]
        if scraper == "narthex":
            lines += [f"    {line}" for line in self.own]
        return "\n".join(lines) + "\n"


class Run:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.processes = []
        self.ports = {}
        self.targets = []

    def start(self, *command):
        log = open(self.folder / (pathlib.Path(command[0]).name + ".log"), "ab")
        process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log)
        log.close()
        self.processes.append(process)
        return process

    def end(self, process):
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def program(self, name):
        path = shutil.which(name, path=self.args.peers) or shutil.which(name)
        if path is None:
            print(f"{name}: not installed, its target is left out")
        return path

    def listening(self, path, *command):
        """Starts a program with its address put for {} and waits until it answers."""
        address = f"127.0.0.1:{free_port()}"
        self.start(path, *(part.replace("{}", address).replace("{port}", address.split(":")[1])
                           for part in command))
        wait_for(path, lambda: urllib.request.urlopen(f"http://{address}/metrics", timeout=5).read())
        return address

    def add(self, *arguments, **settings):
        self.targets.append(Target(*arguments, **settings))

    def start_targets(self):
        if path := self.program("prometheus-node-exporter"):
            self.add("node", self.listening(path, "--web.listen-address={}"))
        if path := self.program("prometheus-alertmanager"):
            (self.folder / "am.yml").write_text("route: {receiver: x}\nreceivers: [{name: x}]\n")
            self.add("alertmanager", self.listening(
                path, f"--config.file={self.folder}/am.yml", f"--storage.path={self.folder}/am",
                "--cluster.listen-address=", "--web.listen-address={}"))
        if path := self.program("prometheus-pushgateway"):
            address = self.listening(path, "--web.listen-address={}")
            self.push(address)
            self.add("gateway", address, ["honor_labels: true"])
        (self.folder / "peer.yml").write_text("global: {scrape_interval: 1s}\nscrape_configs: []\n")
        self.add("native", self.listening(
            self.args.prometheus, f"--config.file={self.folder}/peer.yml",
            f"--storage.tsdb.path={self.folder}/peer", "--web.listen-address={}"),
            ["scrape_protocols: [PrometheusProto, OpenMetricsText1.0.0, PrometheusText0.0.4]"],
            ["scrape_native_histograms: true"])
        if self.args.prom_client and shutil.which("node"):
            script = pathlib.Path(self.args.prom_client) / "narthex_shop.js"
            script.write_text(PROM_CLIENT)
            self.add("shop", self.listening(shutil.which("node"), str(script), "{port}"),
                     ["scrape_protocols: [OpenMetricsText1.0.0, PrometheusText0.0.4]"])

    @staticmethod
    def push(address):
        body = b"# TYPE done counter\n# HELP done What was done.\ndone{step=\"a\"} 7\ndone{step=\"b\"} NaN\n"
        for path in ("job/batch/zone/eu", "job/batch/instance/one"):
            urllib.request.urlopen(urllib.request.Request(
                f"http://{address}/metrics/{path}", method="PUT", data=body), timeout=5).close()

    def start_scraper(self, name, binary, *flags):
        head = (f"global:\n  scrape_interval: {self.args.interval}s\n  external_labels: {{zone: eu}}\n"
                f"  scrape_protocols: [{PROTOCOLS}]\nscrape_configs:\n")
        config = self.folder / f"{name}.yml"
        config.write_text(head + "".join(t.config(name) for t in self.targets))
        self.ports[name] = free_port()
        process = self.start(binary, f"--config.file={config}", f"--storage.tsdb.path={self.data(name)}",
                             f"--web.listen-address=127.0.0.1:{self.ports[name]}",
                             "--enable-feature=exemplar-storage", *flags)
        wait_for(name, lambda: self.get(name, "/-/ready"))
        return process

    def data(self, name):
        return self.folder / f"data-{name}"

    def get(self, name, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}{path}", timeout=30) as answer:
            return answer.read().decode()

    def api(self, name, path):
        return json.loads(self.get(name, f"/api/v1/{path}"))["data"]

    def dump(self, name, tool):
        """The lines of all samples, staleness markers among them as NaN."""
        run = subprocess.run([tool, "tsdb", "dump", str(self.data(name))],
                             capture_output=True, text=True, check=True)
        return run.stdout.splitlines()


LINE = re.compile(r"^(\{.*\}) (\S.*|\{.*\}) (-?\d+)$")
JOB = re.compile(r'[{ ]instance="([^"]*)"')


def pages_of(lines, scraper, targets, interval):
    """Samples by (job, page): {labels: (value, time)}, and what was stored without a request.

    A scrape has the time before its request left, so its page is that of the next arrival.
    """
    instance_jobs = {t.job for t in targets}
    result = collections.defaultdict(dict)
    strays = []
    arrivals = {t.job: [at for at, _ in t.proxy.served[scraper]] for t in targets}
    for line in lines:
        labels, value, at = LINE.match(line).groups()
        job = job_of(labels, instance_jobs)
        times = arrivals[job]
        at = int(at)
        index = bisect.bisect_left(times, at - AFTER_ARRIVAL_MS)
        if index < len(times) and times[index] - at < interval * 1000:
            # The first and the last page are asked for several times.
            page = targets_by_job(targets, job).proxy.served[scraper][index][1]
            result[job, page].setdefault(labels, (value, at))
        else:
            strays.append(line)
    return result, strays


def targets_by_job(targets, job):
    return next(t for t in targets if t.job == job)


def job_of(labels, jobs):
    found = JOB.search(labels)
    # Pushed series honour their own labels: all of them are the gateway's.
    return found.group(1) if found and found.group(1) in jobs else "gateway"


def name_of(labels):
    found = re.search(r'__name__="((?:[^"\\]|\\.)*)"', labels)
    return found.group(1) if found else labels


class Report:
    def __init__(self):
        self.unexplained = 0
        self.explained = collections.Counter()

    def difference(self, text):
        self.unexplained += 1
        if self.unexplained <= 50:
            print(f"  DIFFERENT: {text}")

    def compare(self, what, ours, theirs):
        for one in sorted(map(str, ours - theirs))[:20]:
            self.difference(f"{what} of Narthex only: {one}")
        for one in sorted(map(str, theirs - ours))[:20]:
            self.difference(f"{what} of Prometheus only: {one}")
        print(f"  {what}: {len(ours)} and {len(theirs)}, {len(ours & theirs)} in both")


def check_dump(name, lines, of_promtool, report):
    """Whether two programs find the same in a folder, but for what promtool is known to leave out."""
    for line in sorted(set(of_promtool) - set(lines))[:20]:
        report.difference(f"folder of {name}: only promtool dumps {line}")
    left_out = collections.Counter()
    for line in set(lines) - set(of_promtool):
        labels, value, _ = LINE.match(line).groups()
        left_out[labels] += 1
        if not value.startswith("{") or left_out[labels] > DUMPED_LESS:
            report.difference(f"folder of {name}: promtool does not dump {line}")
    print(f"folder of {name}: {len(lines)} samples, {len(of_promtool)} of them dumped by promtool")


def compare_samples(run, report):
    stored, strays = {}, {}
    for name in SCRAPERS:
        lines = run.dump(name, run.args.narthex)
        check_dump(name, lines, run.dump(name, run.args.promtool), report)
        stored[name], strays[name] = pages_of(lines, name, run.targets, run.args.interval)
    for target in run.targets:
        job = target.job
        common = sorted({page for _, page in target.proxy.served["narthex"]}
                        & {page for _, page in target.proxy.served["prometheus"]})
        # The last pages may have been on their way to storage when the servers ended.
        common = common[:-1]
        samples = series = 0
        all_series = {name: set() for name in SCRAPERS}
        kinds = collections.Counter()
        for page in common:
            ours, theirs = stored["narthex"].get((job, page), {}), stored["prometheus"].get((job, page), {})
            for name, found in (("narthex", ours), ("prometheus", theirs)):
                all_series[name].update(found)
            for labels in ours.keys() | theirs.keys():
                one, other = ours.get(labels, (None,))[0], theirs.get(labels, (None,))[0]
                samples += 1
                if one == other:
                    kinds["histograms" if one.startswith("{") else "floats"] += 1
                elif name_of(labels) in OWN_WORK and None not in (one, other):
                    report.explained[OWN_WORK[name_of(labels)]] += 1
                else:
                    report.difference(f"{job} page {page} {labels}: Narthex {one}, Prometheus {other}")
        print(f"{job}: {len(common)} pages, {samples} samples, equal: {dict(kinds)}")
        report.compare("series", all_series["narthex"], all_series["prometheus"])
        print_times(target, stored)
    for name in SCRAPERS:
        if strays[name]:
            report.difference(f"{len(strays[name])} samples of {name} at times without a scrape, as "
                              f"{strays[name][0]}")


def print_times(target, stored):
    """How regular the stored times are, in ms from the grid of the interval."""
    for name in SCRAPERS:
        times = sorted({at for (job, _), found in stored[name].items() if job == target.job
                        for labels, (_, at) in found.items() if name_of(labels) == "up"})
        steps = collections.Counter(b - a for a, b in zip(times, times[1:]))
        print(f"  times of {name}: {len(times)} scrapes, steps in ms {dict(steps.most_common(4))}")


def compare_texts(run, report):
    """Metadata, exemplars, targets: what only the running servers tell."""
    answers = {}
    for name in SCRAPERS:
        metadata = {(m["target"]["instance"], m["metric"], m["type"], m["help"], m["unit"])
                    for m in run.api(name, "targets/metadata")}
        by_name = {(metric, json.dumps(sorted(json.dumps(m, sort_keys=True) for m in found)))
                   for metric, found in run.api(name, "metadata").items()}
        targets = {(json.dumps(t["labels"], sort_keys=True), t["scrapePool"], t["health"], t["lastError"],
                    t["scrapeInterval"], t["scrapeTimeout"])
                   for t in run.api(name, "targets")["activeTargets"]}
        end = time.time()
        exemplars = {(json.dumps(e["seriesLabels"], sort_keys=True), json.dumps(x["labels"]), x["value"])
                     for e in run.api(name, "query_exemplars?query=%7B__name__!%3D%22%22%7D"
                                            f"&start={end - 3600:.0f}&end={end + 60:.0f}")
                     for x in e["exemplars"]}
        answers[name] = {"metadata of targets": metadata, "metadata": by_name, "targets": targets,
                         "exemplars": exemplars}
    for what in answers["narthex"]:
        report.compare(what, answers["narthex"][what], answers["prometheus"][what])
    for target in run.targets:
        accepts = target.proxy.accepts
        if accepts["narthex"] != accepts["prometheus"]:
            report.difference(f"{target.job} Accept: Narthex {accepts['narthex']}, Prometheus "
                              f"{accepts['prometheus']}")


def wait_for_same_page(run):
    """No new pages, so that what both tell is of the same, and then time for them to have the last."""
    for target in run.targets:
        target.proxy.frozen = True
    time.sleep(2.5 * run.args.interval)


def measure(args, folder):
    run = Run(args, folder)
    report = Report()
    try:
        run.start_targets()
        scrapers = [run.start_scraper("prometheus", args.prometheus,
                                      "--enable-feature=native-histograms"),
                    run.start_scraper("narthex", args.narthex)]
        print(f"{len(run.targets)} targets, every {args.interval} s for {args.seconds} s", flush=True)
        time.sleep(args.seconds)
        wait_for_same_page(run)
        compare_texts(run, report)
        for process in scrapers:
            run.end(process)
        compare_samples(run, report)
    finally:
        for process in run.processes:
            if process.poll() is None:
                run.end(process)
        for target in run.targets:
            target.proxy.close()
    for reason, count in report.explained.items():
        print(f"{count} samples differ: {reason}")
    print(f"{report.unexplained} differences without a reason")
    return int(report.unexplained > 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--narthex", required=True)
    parser.add_argument("--prometheus", required=True)
    parser.add_argument("--promtool", required=True)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--interval", type=int, default=5)
    parser.add_argument("--peers", help="where to look first for exporters and other programs")
    parser.add_argument("--prom-client", help="a folder with node_modules/prom-client")
    args = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="narthex-scrapes."))
    try:
        return measure(args, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
