"""Starts the server and real exporters on free loopback ports, and asks them over HTTP.

Everything lives in a temporary folder, everything started is ended by its pid, every wait has a limit.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BINARY = os.environ.get("NARTHEX", "build/dev/narthex")
WAIT_SECONDS = 60


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def program(name):
    """A program of Debian's packages, by name."""
    path = shutil.which(name)
    if path is None:
        raise RuntimeError(f"{name} is not installed: run scripts/setup.sh test")
    return path


def real_prometheus(release=(3, 14)):
    """The Prometheus in NARTHEX_PEERS, of that release at least; skips the test when there is none."""
    folder = os.environ.get("NARTHEX_PEERS")
    path = shutil.which("prometheus", path=folder) if folder else None
    if path is None:
        raise unittest.SkipTest("no prometheus in NARTHEX_PEERS")
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    if tuple(map(int, re.search(r"version (\d+)\.(\d+)", version).groups())) < release:
        raise unittest.SkipTest("that Prometheus is too old")
    return path


def wait_for(what, condition, seconds=WAIT_SECONDS):
    """Calls condition until it gives something true, and returns that."""
    deadline = time.monotonic() + seconds
    error = None
    while time.monotonic() < deadline:
        try:
            result = condition()
            if result:
                return result
            error = result
        except (OSError, urllib.error.URLError, KeyError, IndexError, ValueError) as e:
            error = e
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds} s (last: {error!r})")


class Server:
    """One run of the server on a data folder."""

    MODE = ["--storage.tsdb.path="]  # Flags of it, the last one with the folder behind it.

    def __init__(self, folder, config, *flags):
        self.folder = pathlib.Path(folder)
        self.config = self.folder / "narthex.yml"
        self.config.write_text(config)
        self.data = self.folder / "data"
        self.flags = list(flags)
        self.port = free_port()
        self.process = None
        self.binary = BINARY

    def start(self, wait=True):
        self.log = open(self.folder / "server.log", "ab")
        self.process = subprocess.Popen(
            [self.binary, f"--config.file={self.config}", *self.MODE[:-1], f"{self.MODE[-1]}{self.data}",
             f"--web.listen-address=127.0.0.1:{self.port}", *self.flags],
            stdout=self.log, stderr=self.log)
        if wait:
            wait_for("server ready", self.is_ready)
        return self

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"server ended with {self.process.returncode}:\n{self.log_text()}")
        return self.request("GET", "/-/ready")[0] == 200

    def log_text(self):
        return (self.folder / "server.log").read_text(errors="replace")

    def end(self, number):
        self.process.send_signal(number)
        code = self.process.wait(timeout=WAIT_SECONDS)
        self.log.close()
        return code

    def stop(self):
        return self.end(signal.SIGTERM)

    def kill(self):
        return self.end(signal.SIGKILL)

    def cleanup(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            self.log.close()

    def request(self, method, path, body=None, headers=None):
        """@return (status, text)"""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method,
                                         data=body, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def api(self, path, **parameters):
        """The `data` of a successful answer."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        status, text = self.request("GET", f"/api/v1/{path}?{query}")
        answer = json.loads(text)
        if status != 200:
            raise ValueError(f"{path}: {status} {text}")
        return answer["data"]

    def query(self, expr, **parameters):
        return self.api("query", query=expr, **parameters)["result"]

    def value(self, expr):
        """The value of an expression with one result."""
        return float(self.query(expr)[0]["value"][1])

    def samples(self, selector, at, window="1h"):
        """{(labels, time, value)} of raw samples."""
        return {(json.dumps(series["metric"], sort_keys=True), t, v)
                for series in self.query(f"{selector}[{window}]", time=at)
                for t, v in series["values"]}


class Agent(Server):
    MODE = ["--agent", "--storage.agent.path="]

    def metric(self, line):
        """The value of one of its own metrics, by the start of the line; None when there is none."""
        for text in self.request("GET", "/metrics")[1].splitlines():
            if text.startswith(line + " "):
                return float(text.rsplit(" ", 1)[1])
        return None


class Peer:
    """A program beside the server, e.g. an exporter."""

    def __init__(self, folder, *command):
        self.log = open(pathlib.Path(folder) / (pathlib.Path(command[0]).name + ".log"), "ab")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)

    def cleanup(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


class HttpPeer:
    """A server whose answers the test gives, as many at a time as are asked for.

    @param answer   function of (method, path, headers, body) that gives (status, headers, bytes)
    @param context  ssl.SSLContext, for TLS
    """

    def __init__(self, answer, context=None):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def reply(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, headers, content = answer(self.command, self.path, self.headers, body)
                with contextlib.suppress(OSError):  # The client has given up.
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)

            do_GET = do_POST = reply

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        if context is not None:
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.port = self.http.server_address[1]
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def cleanup(self):
        self.http.shutdown()
        self.http.server_close()


class Page:
    """A target whose answer the test writes.

    @param body  text, or a function that gives bytes for each scrape
    """

    def __init__(self, body, content_type="text/plain; version=0.0.4"):
        page = self
        self.body = body
        self.status = 200
        self.served = 0  # How often it was read to its end.

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(page.status)
                self.send_header("Content-Type", content_type)
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(page.body() if callable(page.body) else page.body.encode())
                    page.served += 1

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def cleanup(self):
        self.http.shutdown()
        self.http.server_close()


class IntegrationTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="narthex-integration-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def start(self, config, *flags, wait=True):
        server = Server(self.folder, config, *flags)
        self.addCleanup(server.cleanup)
        return server.start(wait)

    def peer(self, *command):
        peer = Peer(self.folder, *command)
        self.addCleanup(peer.cleanup)
        return peer

    def page(self, body, *content_type):
        page = Page(body, *content_type)
        self.addCleanup(page.cleanup)
        return page

    def node_exporter(self):
        port = free_port()
        self.peer(program("prometheus-node-exporter"), f"--web.listen-address=127.0.0.1:{port}")
        return f"127.0.0.1:{port}"


def scrape_config(*jobs, interval="1s", extra=""):
    """@param jobs  pairs of job name and target address"""
    text = f"global:\n  scrape_interval: {interval}\n  evaluation_interval: 1s\n{extra}scrape_configs:\n"
    for job, target in jobs:
        text += f"  - job_name: {job}\n    static_configs:\n      - targets: ['{target}']\n"
    return text
