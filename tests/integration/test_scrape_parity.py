"""The same pages scraped by Narthex and by a real Prometheus: what each has stored, says of its targets and
knows of their metrics.

Needs a Prometheus of at least 3.14 in NARTHEX_PEERS. Each has targets of its own, which answer the pages of
scrape_jobs.py one after the other. Afterwards both data folders are dumped; a sample is known by the number of
the scrape that it is from, or by its time when the page told that.
"""
import collections
import contextlib
import json
import pathlib
import re
import subprocess
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import BINARY, IntegrationTest, Server, real_prometheus, wait_for
from scrape_jobs import FAILING_LATE, JOBS, REFUSED, TEXT

FEATURES = "exemplar-storage,created-timestamp-zero-ingestion"
# Scrapes that are compared beyond the first of the last page.
MORE = 2
# Seconds that no scrape takes but one that ends by its timeout, which is 1.5 or 2 s.
SLOW = 1.4
LINE = re.compile(r"^(\{.*\}) (\S+|\{.*\}) (-?\d+)$")


class Pages:
    """A port for each scraper and job; a request's answer is the page of its number."""

    def __init__(self, start):
        pages = self
        self.start = start
        self.asked = collections.Counter()
        self.accepts = {}

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                who, job = self.path.split("?")[0].strip("/").split("/")
                pages.accepts[who, job] = self.headers.get("Accept")
                number = pages.asked[who, job]
                pages.asked[who, job] += 1
                body, kind, status = pages.page(job, number)
                self.send_response(status)
                if kind:
                    self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.address = f"127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def page(self, job, number):
        pages = JOBS[job][1]
        page = pages[min(number, len(pages) - 1)]
        page = page(self.start) if callable(page) else page
        body, kind, status = ((page, TEXT, 200) if isinstance(page, str) else (*page, 200)[:3])
        if isinstance(body, str):
            body = re.sub(r"@(-?\d+)", lambda m: str(self.start * 1000 + int(m[1])), body)
            body = re.sub(r"%(-?\d+)", lambda m: str(self.start + int(m[1])), body).encode()
        return body, kind, status

    def cleanup(self):
        self.http.shutdown()
        self.http.server_close()


class ScrapeParityTest(IntegrationTest):
    maxDiff = None

    def setUp(self):
        super().setUp()
        self.prometheus = real_prometheus()
        self.pages = Pages(int(time.time()))
        self.addCleanup(self.pages.cleanup)

    def config(self, who):
        def job(name, more, targets, instance):
            # Before what the job says itself, which may look at labels that are made here.
            rules = f"{{target_label: instance, replacement: {instance}}}" if instance else ""
            if "relabel_configs: [" in more.replace("metric_relabel_configs", ""):
                more = re.sub(r"(^|, )relabel_configs: \[", rf"\1relabel_configs: [{rules}, ", more)
            elif rules:
                more = f"relabel_configs: [{rules}]{', ' + more if more else ''}"
            return (f"  - {{job_name: {name}, metrics_path: /{who}/{name}, "
                    f"static_configs: [{{targets: {targets}, labels: {{pool: {name}}}}}], {more}}}\n")
        text = "global: {scrape_interval: 2s, scrape_timeout: 2s}\nscrape_configs:\n"
        for name, (more, _) in JOBS.items():
            two = name == "limited-targets"
            targets = [self.pages.address, "127.0.0.1:1"] if two else [self.pages.address]
            text += job(name, more, targets, "" if two else "i")
        for name, rule in REFUSED.items():
            text += job(f"refused-{name}", f"relabel_configs: [{rule}]", ["127.0.0.1:1"], "i")
        return text

    def run_all(self, *flags):
        servers = {}
        for who, binary in (("narthex", BINARY), ("prometheus", self.prometheus)):
            folder = pathlib.Path(self.folder) / who
            folder.mkdir()
            servers[who] = Server(folder, self.config(who), *flags)
            servers[who].binary = binary
            self.addCleanup(servers[who].cleanup)
        for who in ("prometheus", "narthex"):  # The slower one first.
            servers[who].start()
        # One more than is compared: what was only just asked for may not be stored before the end.
        enough = lambda: all(self.pages.asked[who, job] > len(pages) + MORE for who in servers
                             for job, (_, pages) in JOBS.items() if job != "limited-targets")
        wait_for("all scrapes", enough, seconds=120)
        found = {}
        counts = self.pages.asked.copy()
        for who, server in servers.items():
            found[who] = self.said(server, counts)
        for who, server in servers.items():
            server.stop()
            found[who].update(self.stored(server.data))
        differences = []
        ours, theirs = found["narthex"], found["prometheus"]
        # A machine that is too busy for a scrape takes one page from the other.
        busy = {job for who in servers for job in found[who].pop("busy")}
        self.assertLess(len(busy), len(JOBS) / 4, "the machine is too busy")
        for what in sorted(ours.keys() | theirs.keys(), key=str):
            if ours.get(what) != theirs.get(what) and not any(f'"{job}"' in str(what) for job in busy):
                differences.append(f"{what}\n   Narthex    {ours.get(what)}\n   Prometheus {theirs.get(what)}")
        self.assertEqual("\n".join(differences), "")

    def said(self, server, counts):
        """What a server says of its targets and their metrics."""
        plain = lambda text: re.sub(r"127\.0\.0\.1:\d+|/(narthex|prometheus)/", "…", text)
        targets = server.api("targets")
        out = {}
        for t in targets["activeTargets"]:
            labels = plain(json.dumps(t["discoveredLabels"], sort_keys=True))
            key = ("target", t["scrapePool"], json.dumps(t["labels"], sort_keys=True).replace(self.pages.address, "…"))
            out[key] = (t["health"], plain(t["lastError"]), plain(t["scrapeUrl"]), t["scrapeInterval"],
                        t["scrapeTimeout"], labels)
        for t in targets["droppedTargets"]:
            out["dropped", t.get("scrapePool"), plain(json.dumps(t["discoveredLabels"], sort_keys=True))] = True
        for m in server.api("targets/metadata"):
            # Families are forgotten eleven scrapes after their last; each server counts its own scrapes.
            if max(counts[who, m["target"]["pool"]] for who in ("narthex", "prometheus")) > 10:
                continue
            key = ("metadata", plain(json.dumps(m["target"], sort_keys=True)), m["metric"])
            out[key] = (m["type"], m["help"], m["unit"])
        who = server.folder.name
        for job in JOBS:
            out["accept", job] = self.pages.accepts.get((who, job))
        return out

    def stored(self, data):
        """(job, labels) → samples, each with the number of its scrape or with its time."""
        dump = subprocess.run([BINARY, "tsdb", "dump", str(data)], capture_output=True, text=True, check=True).stdout
        series, scrapes = collections.defaultdict(list), collections.defaultdict(list)
        for line in dump.splitlines():
            labels, value, t = LINE.match(line).groups()
            # How a marker is stored of a histogram: the log has it as a float.
            series[labels].append((int(t), "NaN" if value == "{count:0, sum:NaN}" else value))
            if '__name__="up"' in labels:
                scrapes[self.job(labels)].append(int(t))
        out = {"busy": set()}
        for labels, samples in series.items():
            job = self.job(labels)
            if "scrape_duration_seconds" in labels and any(float(value) > SLOW for _, value in samples):
                out["busy"].add(job)
            number = {t: i for i, t in enumerate(sorted(scrapes[job]))}
            last = len(JOBS[job][1]) + MORE if job in JOBS else 1
            found = [(f"#{number[t]}" if t in number else f"{t - self.pages.start * 1000} ms", value)
                     for t, value in sorted(samples) if number.get(t, 0) < last]
            if "scrape_duration_seconds" in labels:
                found = [("each", "some time")]
            elif job in FAILING_LATE:
                found = [sample for sample in found if sample[1] != "NaN"]
            elif job == "limited-targets":
                found = sorted({value for _, value in found})  # It has two, and one number for both.
            if found:
                out["stored", labels.replace(self.pages.address, "…")] = found
        return out

    @staticmethod
    def job(labels):
        return re.search(r'[{ ]pool="([^"]*)"', labels)[1]

    def test_as_with_prometheus(self):
        self.run_all()

    def test_with_features(self):
        self.run_all(f"--enable-feature={FEATURES}")


if __name__ == "__main__":
    unittest.main()
