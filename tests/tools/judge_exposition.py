#!/usr/bin/env python3
"""Lets the server scrape upstream's exposition files and holds it against what Prometheus made of them.

usage: judge_exposition.py NARTHEX FOLDER     FOLDER has openmetrics/ and textparse/

Of openmetrics/ each case must be up or down with as many samples as reference_*.json says; how many
errors have the same words is told, not judged. Of textparse/ each sample of a page must be stored with
its labels and its value. Fails on any other difference.
"""
import functools
import http.server
import json
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
TEXT = "text/plain; version=0.0.4"
WAIT_SECONDS = 60
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: (\S+))?$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?')
ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, pages, *arguments):
        self.pages = pages
        super().__init__(*arguments)

    def do_GET(self):
        body, kind = self.pages[urllib.parse.unquote(self.path.lstrip("/"))]
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server:
    """Narthex with one job for each page."""

    def __init__(self, binary, folder, pages):
        self.pages = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Pages, pages))
        self.pages.daemon_threads = True
        threading.Thread(target=self.pages.serve_forever, daemon=True).start()
        target = f"127.0.0.1:{self.pages.server_address[1]}"
        config = folder / "narthex.yml"
        # Each page tells the same each time; one scrape is enough, and a second does no harm.
        config.write_text("global: {scrape_interval: 2s}\nscrape_configs:\n" + "".join(
            f"  - {{job_name: '{name}', metrics_path: '/{name}', honor_timestamps: false,\n"
            f"     static_configs: [{{targets: ['{target}']}}]}}\n"
            for name in pages))
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.log = open(folder / "server.log", "wb")
        self.process = subprocess.Popen(
            [binary, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
             f"--web.listen-address=127.0.0.1:{self.port}"], stdout=self.log, stderr=self.log)

    def api(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]

    def targets(self, count):
        """Once all have been scraped."""
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end:
            try:
                found = self.api("targets")["activeTargets"]
            except OSError:
                found = []
            if len(found) == count and all(t["health"] != "unknown" for t in found):
                return {t["scrapePool"]: t for t in found}
            time.sleep(0.2)
        raise RuntimeError(f"not all of {count} targets were scraped within {WAIT_SECONDS} s")

    def query(self, expression):
        return self.api("query", query=expression)["result"]

    def close(self):
        self.process.terminate()
        self.process.wait(60)
        self.log.close()
        self.pages.shutdown()
        self.pages.server_close()


def key(labels):
    """To compare series by. Bounds are compared as numbers: their text depends on the family's type."""
    labels = {name: value for name, value in labels.items() if value and name not in ("job", "instance")}
    for bound in ("le", "quantile"):
        if bound in labels:
            labels[bound] = float(labels[bound])
    return json.dumps(labels, sort_keys=True)


def samples_of(page):
    """{key: value} as a page has them."""
    found = {}
    for line in page.decode().splitlines():
        if line and not line.startswith("#"):
            name, labels, value, _ = SAMPLE.match(line.split(" # ")[0]).groups()
            series = {n: re.sub(r"\\.", lambda e: ESCAPES[e[0]], v) for n, v in LABEL.findall(labels or "")}
            found[key({"__name__": name, **series})] = float(value)
    return found


def judge_openmetrics(server, targets, reference):
    wrong, same_words = 0, 0
    samples = {s["metric"]["job"]: int(float(s["value"][1])) for s in server.query("scrape_samples_scraped")}
    for name, want in reference.items():
        target = targets[name]
        same_words += target["lastError"] == want.get("error", "")
        got = (target["health"], samples[name])
        if got != (want["health"], want["samples"]):
            print(f"  {name}: {got[0]} with {got[1]} samples ({target['lastError']}), wanted {want['health']} with "
                  f"{want['samples']} ({want.get('error', '')})")
            wrong += 1
    print(f"openmetrics: {len(reference)} cases, {wrong} wrong, {same_words} with the same words")
    return wrong


def judge_page(server, name, page, target):
    want = samples_of(page)
    got = {key(s["metric"]): float(s["value"][1])
           for s in server.query(f'{{job="{name}", __name__!~"up|scrape_.*"}}')}
    wrong = [k for k in want.keys() | got.keys() if repr(want.get(k)) != repr(got.get(k))]
    for k in sorted(wrong)[:10]:
        print(f"  {name}: {k}: {got.get(k)}, wanted {want.get(k)}")
    print(f"{name}: {target['health']}, {len(want)} samples, {len(wrong)} wrong")
    return len(wrong) + (target["health"] != "up")


def main():
    binary, root = sys.argv[1], pathlib.Path(sys.argv[2])
    cases = root / "openmetrics"
    reference = json.loads(next(cases.glob("reference_*.json")).read_text())
    pages = {name: ((cases / name / "metrics").read_bytes(), OPENMETRICS) for name in reference}
    real = {p.name: p.read_bytes() for p in sorted((root / "textparse").glob("*.txt"))}
    pages.update({name: (page, OPENMETRICS if ".om." in name else TEXT) for name, page in real.items()})
    with tempfile.TemporaryDirectory(prefix="narthex-exposition.") as folder:
        server = Server(binary, pathlib.Path(folder), pages)
        try:
            targets = server.targets(len(pages))
            wrong = judge_openmetrics(server, targets, reference)
            wrong += sum(judge_page(server, name, page, targets[name]) for name, page in real.items())
        finally:
            server.close()
    sys.exit(int(wrong > 0))


if __name__ == "__main__":
    main()
