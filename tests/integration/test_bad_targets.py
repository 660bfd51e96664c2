"""Targets that answer with everything but metrics: each is down with its reason, and nobody else notices.

With a real Prometheus of at least 3.14 in NARTHEX_PEERS it scrapes the same targets, and must come to
the same verdict with the same words.
"""
import contextlib
import gzip
import os
import pathlib
import random
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
import unittest

from harness import IntegrationTest, Server, free_port, wait_for

TIMEOUT = "context deadline exceeded"
TEXT = "Content-Type: text/plain; version=0.0.4\r\n"
OPENMETRICS = "Content-Type: application/openmetrics-text; version=1.0.0\r\n"
PROTO = ("Content-Type: application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
         "encoding=delimited\r\n")


PAUSE = 0.002  # Of what never ends: the threads of this program share one core.


def response(body, head=TEXT, status="200 OK", length=None):
    if isinstance(body, str):
        body = body.encode()
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\n{head}Content-Length: {size}\r\n\r\n".encode() + body


def always(answer):
    return lambda connection: connection.sendall(answer)


def bomb(megabytes):
    """A gzip answer that unpacks to a thousand times its size."""
    line = b"bomb 1\n" * (1024 * 1024 // 7)
    return response(gzip.compress(line * megabytes, 9), TEXT + "Content-Encoding: gzip\r\n")


def zstd(*blocks):
    """A zstd answer of one frame. @param blocks  (byte, how often it is repeated)"""
    body = b"\x28\xb5\x2f\xfd\x00\x58"
    for number, (byte, count) in enumerate(blocks):
        last = number == len(blocks) - 1
        body += (count << 3 | 1 << 1 | last).to_bytes(3, "little") + byte
    return body


def zstd_response(body):
    return response(body, TEXT + "Content-Encoding: zstd\r\n")


def endless_body(connection):
    connection.sendall(f"HTTP/1.1 200 OK\r\n{TEXT}Transfer-Encoding: chunked\r\n\r\n".encode())
    chunk = b"4000\r\n" + b"endless 1\n" * 1638 + b"1234" + b"\r\n"
    while True:
        connection.sendall(chunk)
        time.sleep(PAUSE)


def endless_head(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: " + b"a" * 15000 + b"\r\n")
        time.sleep(PAUSE)


def endless_line(connection):
    connection.sendall(f"HTTP/1.1 200 OK\r\n{TEXT}\r\n".encode())
    while True:
        connection.sendall(b"a" * 16384)
        time.sleep(PAUSE)


def drip(first):
    """A byte now and then, never to an end."""
    def serve(connection):
        connection.sendall(first)
        while True:
            connection.sendall(b"a")
            time.sleep(0.05)
    return serve


def silence(connection):
    time.sleep(30)


def garbage():
    return random.Random(1).randbytes(20000)


LIMIT = "body_size_limit: 100KB"

# name: (what the target does, more configuration, what its error says)
CASES = {
    "garbage": (always(response(garbage())), "", "expected a valid start token"),
    "garbage-openmetrics": (always(response(garbage(), OPENMETRICS)), "", "."),
    "garbage-proto": (always(response(garbage(), PROTO)), "", "."),
    "endless-proto-length": (always(response(b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f" * 3, PROTO)), "", "."),
    "html": (always(response("<html><body>hi</body></html>", "Content-Type: text/html\r\n")), "",
             'received unsupported Content-Type "text/html" and no fallback_scrape_protocol specified'),
    "image": (always(response("a 1\n", "Content-Type: image/png\r\n")), "", 'unsupported Content-Type "image/png"'),
    "no-type": (always(response("a 1\n", "")), "", "blank Content-Type and no fallback_scrape_protocol"),
    "bad-type": (always(response("a 1\n", "Content-Type: ;;\r\n")), "", "Content-Type"),
    "not-http": (always(b"SSH-2.0-OpenSSH_9.2\r\n" + garbage()), "", "malformed HTTP"),
    "hangs-up": (lambda connection: None, "", "EOF"),
    "no-eof": (always(response("a 1\n", OPENMETRICS)), "", "data does not end with # EOF"),
    "torn-body": (always(response("a 1\n", length=1000)), "", "unexpected EOF"),
    "torn-gzip": (always(response(gzip.compress(garbage())[:5000], TEXT + "Content-Encoding: gzip\r\n")),
                  "", "unexpected EOF"),
    "no-gzip": (always(response("a 1\n", TEXT + "Content-Encoding: gzip\r\n")), "", "."),
    "bad-gzip": (always(response(gzip.compress(b"a 1\n" * 500)[:-8] + b"12345678", TEXT + "Content-Encoding: gzip\r\n")),
                 "", "gzip: invalid checksum"),
    "bomb": (always(bomb(64)), LIMIT, "body size limit exceeded"),
    "zstd-bomb": (always(zstd_response(zstd(*[(b"\n", 128 << 10)] * 512))), LIMIT, "body size limit exceeded"),
    "torn-zstd": (always(zstd_response(zstd((b"\n", 100), (b"\n", 100))[:-4])), "", "unexpected EOF"),
    "no-zstd": (always(zstd_response(b"a {\n")), "", "zstd: invalid header"),
    "endless-body": (endless_body, LIMIT, "body size limit exceeded"),
    "endless-line": (endless_line, LIMIT, "body size limit exceeded"),
    "endless-head": (endless_head, "", "."),
    "slow-body": (drip(f"HTTP/1.1 200 OK\r\n{TEXT}\r\n".encode()), "", TIMEOUT),
    "slow-head": (drip(b"HTTP/1.1 200 OK\r\nX-Slow: "), "", TIMEOUT),
    "silent": (silence, "", TIMEOUT),
    "unavailable": (always(response("no", status="503 Service Unavailable")), "",
                    "server returned HTTP status 503 Service Unavailable"),
    "failing": (always(response("no", status="500 Internal Server Error")), "",
                "server returned HTTP status 500 Internal Server Error"),
    "redirects": (always(response("", "Location: /metrics\r\n", "302 Found")), "", "stopped after 10 redirects"),
    "no-redirects": (always(response("", "Location: /metrics\r\n", "302 Found")), "follow_redirects: false",
                     "server returned HTTP status 302 Found"),
    "samples": (always(response("".join(f"m{i} 1\n" for i in range(50)))), "sample_limit: 10", "sample limit exceeded"),
    "labels": (always(response('m{a="1",b="2",c="3",d="4"} 1\n')), "label_limit: 4", "label_limit exceeded"),
    "duplicate-label": (always(response('m{a="1",a="2"} 1\n')), "", "."),
    "bad-utf8": (always(response(b'm{a="\xff\xfe"} 1\n')), "", "."),
}
TLS_CASES = {
    "expired": ("scheme: https, tls_config: {{ca_file: '{0}/expired.pem', server_name: localhost}}",
                "x509: certificate has expired or is not yet valid"),
    "unknown-authority": ("scheme: https, tls_config: {{server_name: localhost}}",
                          "x509: certificate signed by unknown authority"),
    "plain-asked-for-tls": ("", "malformed HTTP response|EOF|reset by peer"),
}
# Reasons that both give, in words of their own: the peer's libraries name what they were doing. Go
# prints the last, relative address of a redirect, and of a certificate that is both unknown and too old
# tells the age. Prometheus does not know zstd and takes such a body for the text.
OWN_WORDS = {"redirects", "unknown-authority", "endless-head", "not-http", "no-gzip", "garbage-proto", "endless-proto-length", "no-name",
             "zstd-bomb", "torn-zstd", "no-zstd"}


class BadServer:
    """Does the same to each connection, once it has read the head of a request."""

    def __init__(self, behave, certificate=None):
        self.behave = behave
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate)
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=(self.socket.accept()[0],), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError), connection:
            connection.settimeout(30)
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            while b"\r\n\r\n" not in connection.recv(65536):
                pass
            self.behave(connection)
            connection.shutdown(socket.SHUT_WR)

    def cleanup(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def self_signed(folder):
    """A key and a certificate whose time was over long ago."""
    key, request, pem = (str(folder / name) for name in ("key.pem", "request.pem", "expired.pem"))
    openssl = lambda *a: subprocess.run(["openssl", *a], check=True, capture_output=True)
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost", "-out", request)
    (folder / "index.txt").write_text("")
    (folder / "serial").write_text("01\n")
    (folder / "ca.cnf").write_text(
        f"[ca]\ndefault_ca=c\n[c]\ndatabase={folder}/index.txt\nserial={folder}/serial\nnew_certs_dir={folder}\n"
        "default_md=sha256\npolicy=p\ncopy_extensions=copy\n[p]\ncommonName=supplied\n")
    openssl("ca", "-batch", "-config", str(folder / "ca.cnf"), "-selfsign", "-keyfile", key, "-in", request,
            "-startdate", "20200101000000Z", "-enddate", "20210101000000Z", "-notext", "-out", pem)
    both = folder / "both.pem"
    both.write_text(pathlib.Path(key).read_text() + pathlib.Path(pem).read_text())
    return str(both)


def rss_bytes(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class BadTargetsTest(IntegrationTest):
    def setUp(self):
        super().setUp()
        folder = pathlib.Path(self.folder)
        certificate = self_signed(folder)
        self.want = {name: error for name, (_, _, error) in CASES.items()}
        jobs = {name: (self.bad(behave), more) for name, (behave, more, _) in CASES.items()}
        for name, (more, error) in TLS_CASES.items():
            jobs[name] = (self.bad(always(response("a 1\n")), certificate), more.format(folder))
            self.want[name] = error
        jobs["no-name"] = ("no-such-host.invalid:80", "")
        self.want["no-name"] = "lookup no-such-host.invalid.*no such host|lookup no-such-host.invalid"
        jobs["refused"] = (f"127.0.0.1:{free_port()}", "")
        self.want["refused"] = "connect: connection refused"
        self.good = self.page("fine 1\n")
        jobs["good"] = (self.good.address, "")
        self.config = "global: {scrape_interval: 4s, scrape_timeout: 4s}\nscrape_configs:\n" + "".join(
            f"  - {{job_name: {name}, static_configs: [{{targets: ['{address}']}}]{', ' + more if more else ''}}}\n"
            for name, (address, more) in jobs.items())
        self.jobs = jobs

    def bad(self, behave, certificate=None):
        server = BadServer(behave, certificate)
        self.addCleanup(server.cleanup)
        return server.address

    @staticmethod
    def targets(server):
        return {t["scrapePool"]: t for t in server.api("targets")["activeTargets"]}

    def all_scraped(self, server):
        def scraped():
            found = self.targets(server)
            return found.keys() == self.jobs.keys() and all(t["health"] != "unknown" for t in found.values())
        return scraped

    def wrong(self, server):
        """Targets whose verdict is another one than theirs, as far as the last scrape goes."""
        found = self.targets(server)
        return {job: (t["health"], t["lastError"]) for job, t in found.items()
                if (t["health"], t["lastError"]) != ("up", "") and (
                    job == "good" or t["health"] != "down" or not re.search(self.want[job], t["lastError"]))}

    def check_verdicts(self, server):
        # On a busy machine a scrape may end by its timeout before the reason shows.
        with contextlib.suppress(AssertionError):
            wait_for("all verdicts", lambda: not self.wrong(server), seconds=20)
        self.assertEqual(self.wrong(server), {})
        up = {s["metric"]["job"]: s["value"][1] for s in server.query("up")}
        self.assertEqual({job for job, value in up.items() if value == "1"}, {"good"})
        self.assertEqual(up.keys(), self.jobs.keys())
        # Of what a failed scrape brought nothing is there.
        self.assertEqual({s["metric"]["__name__"] for s in server.query('{__name__=~"bomb|endless|a|m.*"}')}, set())

    maxDiff = None

    def test_each_is_down_with_its_reason(self):
        server = self.start(self.config)
        wait_for("a scrape of each", self.all_scraped(server))
        self.check_verdicts(server)
        memory = lambda: rss_bytes(server.process.pid)
        scrapes = lambda: server.value('count_over_time(up{job="bomb"}[10m])')
        wait_for("some rounds", lambda: scrapes() >= 3)
        before, count = memory(), scrapes()
        wait_for("more rounds", lambda: scrapes() >= count + 8, seconds=120)
        # Eight rounds that keep what they got would leave half a GiB of the bomb alone.
        self.assertLess(memory() - before, 16 << 20)
        self.check_verdicts(server)
        # The good one had each of its scrapes, on time.
        self.assertEqual(server.value('min_over_time(up{job="good"}[10m])'), 1)
        self.assertLess(server.value("max_over_time(scrape_duration_seconds{job=\"good\"}[10m])"), 4)
        self.assertEqual(server.stop(), 0)

    def test_same_verdicts_as_prometheus(self):
        folder = os.environ.get("NARTHEX_PEERS")
        path = shutil.which("prometheus", path=folder) if folder else None
        if path is None:
            self.skipTest("no prometheus in NARTHEX_PEERS")
        server = self.start(self.config)
        peer_folder = pathlib.Path(self.folder) / "peer"
        peer_folder.mkdir()
        peer = Server(peer_folder, self.config)
        peer.binary = path
        self.addCleanup(peer.cleanup)
        peer.start()
        wait_for("a scrape of each", self.all_scraped(server))
        wait_for("a scrape of each by the peer", self.all_scraped(peer))
        equal = lambda: not self.differences(server, peer)
        with contextlib.suppress(AssertionError):
            wait_for("the same verdicts", equal, seconds=30)
        self.assertEqual(self.differences(server, peer), {})

    def differences(self, server, peer):
        """{job: what each says} where they differ in the last scrape."""
        ours, theirs = self.targets(server), self.targets(peer)
        found = {}
        for job in self.jobs:
            one, other = ours[job], theirs[job]
            same_words = job in OWN_WORDS or self.plain(one["lastError"]) == self.plain(other["lastError"])
            if one["health"] != other["health"] or not same_words:
                found[job] = (one["lastError"], other["lastError"])
        return found

    @staticmethod
    def plain(text):
        """Without what is another one each time: ports and times, which Narthex does not tell."""
        return re.sub(r"127\.0\.0\.1:\d+|: current time \S+ is after \S+$", "", text)


if __name__ == "__main__":
    unittest.main()
