"""What Narthex and a real Prometheus send to the same targets, through proxies and redirects, and what each
says of their answers.

Needs a Prometheus of at least 3.14 in NARTHEX_PEERS. Both ask the same server, each at paths of its own.
"""
import collections
import contextlib
import os
import pathlib
import re
import socket
import ssl
import threading
import unittest
from unittest import mock

from harness import BINARY, IntegrationTest, Server, free_port, real_prometheus, wait_for
from request_jobs import FINE, JOBS, TOKENS
from test_changed_files import certificate

# What the two say in words of their own, with what is wrong being the same.
OWN_WORDS = {"no-reason", "bare-v6", "open-bracket", "password", "control", "url-other"}
# Scrapes that each target has at least before it is looked at.
SCRAPES = 2


class Peer:
    """Answers whole responses to the heads of requests, and keeps the connection while they say their length.

    @param answer  function of (request line, [(name, value)], body) that gives bytes
    """

    def __init__(self, answer, context=None):
        self.answer = answer
        self.context = context
        self.drains = False
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = self.socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError), connection:
            connection.settimeout(60)
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as stream:
                while self.serve_one(connection, stream):
                    pass

    def serve_one(self, connection, stream):
        line = stream.readline().decode("latin-1").rstrip("\r\n")
        if not line.startswith(("GET ", "POST ", "CONNECT ")):
            return False
        headers = []
        while (text := stream.readline().decode("latin-1").rstrip("\r\n")):
            headers.append(tuple(text.split(": ", 1)) if ": " in text else (text.rstrip(":"), ""))
        length = next((int(value) for name, value in headers if name == "Content-Length"), 0)
        answer = self.answer(line, headers, stream.read(length).decode())
        if answer is None:
            return False
        connection.sendall(answer)
        if self.drains:
            connection.recv(65536)  # What is not read would make it a reset.
        head, _, body = answer.partition(b"\r\n\r\n")
        said = re.search(rb"\r\nContent-Length: (\d+)", head)
        return head.startswith(b"HTTP/1.1") and said is not None and int(said[1]) == len(body)

    def cleanup(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class ScrapeRequestsTest(IntegrationTest):
    maxDiff = None

    def setUp(self):
        super().setUp()
        self.prometheus = real_prometheus()
        self.secrets = pathlib.Path(self.folder) / "secrets"
        self.secrets.mkdir()
        (self.secrets / "header").write_text(" of a file\n")
        self.lock = threading.Lock()
        self.seen = collections.defaultdict(dict)  # (who, job) → request → how often
        self.asked = collections.Counter()

    def peer(self, answer, context=None):
        peer = Peer(answer, context)
        self.addCleanup(peer.cleanup)
        return peer

    def note(self, who, job, line, headers, body):
        """Headers are a set for HTTP; ours may be in any order."""
        if any(value.endswith("zstd;q=0.5") for _, value in headers):
            headers = [(name, value.removesuffix(", zstd;q=0.5")) for name, value in headers]
        request = "\n".join([line, *sorted(f"{name}: {value}" for name, value in headers), body])
        request = request.replace(f"/{who}/", "/WHO/").replace("User-Agent: Go-http-client/1.1\n", "")
        with self.lock:
            self.seen[who, job].setdefault(request, 0)
            self.seen[who, job][request] += 1
            self.asked[who, job] += 1

    def run_both(self, jobs, environment=None):
        """Differences between the two, after some scrapes. @param jobs  of who's: {name: YAML of the rest}"""
        servers = {}
        for who, binary in (("prometheus", self.prometheus), ("narthex", BINARY)):
            folder = pathlib.Path(self.folder) / who
            folder.mkdir()
            text = "global: {scrape_interval: 3s, scrape_timeout: 2s}\nscrape_configs:\n" + "".join(
                f"  - {{job_name: {name}, {rest}}}\n" for name, rest in jobs(who).items())
            servers[who] = Server(folder, text)
            servers[who].binary = binary
            self.addCleanup(servers[who].cleanup)
            with mock.patch.dict(os.environ, environment or {}):
                servers[who].start(wait=False)
        for server in servers.values():
            wait_for("server ready", server.is_ready)
        for who, server in servers.items():
            names = jobs(who).keys()
            wait_for("some scrapes", lambda: self.scrapes(server).keys() == names
                     and min(self.scrapes(server).values()) >= SCRAPES, seconds=120)
        found = {who: self.said(server, who) for who, server in servers.items()}
        differences = []
        for what in sorted(found["narthex"].keys() | found["prometheus"].keys()):
            ours, theirs = (found[who].get(what) for who in ("narthex", "prometheus"))
            if ours != theirs and not (what in OWN_WORDS and ours[0] == theirs[0] == "down"):
                differences.append(f"{what}\n   Narthex    {ours}\n   Prometheus {theirs}")
        self.assertEqual("\n".join(differences), "")

    @staticmethod
    def scrapes(server):
        return {s["metric"]["job"]: float(s["value"][1]) for s in server.query("count_over_time(up[10m])")}

    def said(self, server, who):
        out = {}
        for target in server.api("targets")["activeTargets"]:
            error = target["lastError"].replace(f"/{who}/", "/WHO/")
            error = re.sub(r"127\.0\.0\.1:\d{4,}->", "", error)  # The own end of a connection.
            error = re.sub(r" on \S+:53", "", error)
            # What the page of targets has to add: it finds no port in the address.
            error = re.sub(r": address \S+: (too many|missing) [^:]+$", "", error)
            out[target["scrapePool"]] = (target["health"], error)
        for (name, job), requests in list(self.seen.items()):
            if name == who:
                out[f"{job}: requests"] = "\n".join(sorted(requests))
        return out

    def test_as_prometheus_asks(self):
        def answer(line, headers, body):
            path = line.split(" ")[1].split("/", 3)
            if len(path) < 4 or path[1] not in ("narthex", "prometheus"):
                return None
            _, who, job, step = path
            self.note(who, job, line, headers, body)
            if job == "tokens":
                return fill(TOKENS[step], who, job)
            steps = JOBS[job][2]
            step = step if step in steps else step.split("?")[0]
            return fill(steps[step], who, job)

        def fill(text, who, job):
            as_text = text if isinstance(text, str) else text.decode("latin-1")
            for name, value in (("here", here), ("elsewhere", elsewhere), ("who", who), ("job", job),
                                ("port", str(peer.port)), ("folder", str(self.secrets)),
                                ("tokens", f"http://{here}/{who}/tokens")):
                as_text = as_text.replace("{" + name + "}", value)
            return as_text if isinstance(text, str) else as_text.encode("latin-1")

        def jobs(who):
            out = {}
            for name, (address, more, _) in JOBS.items():
                address = address if address.startswith('"') else f"'{address}'"
                more = f", {more}" if more else ""
                out[name] = fill(f"metrics_path: /{who}/{name}/start, static_configs: [{{targets: [{address}]}}]{more}",
                                 who, name)
            return out

        peer = self.peer(answer)
        here, elsewhere = peer.address, f"localhost:{peer.port}"
        self.run_both(jobs)


class ProxyRequestsTest(ScrapeRequestsTest):
    test_as_prometheus_asks = None

    def test_proxies_of_the_environment(self):
        """Each proxy answers in the target's place, or refuses the tunnel."""
        def proxy(name, reply):
            def answer(line, headers, body):
                job = re.search(r"[/ ](?:www\.)?([a-z0-9-]*)\.invalid", line)[1]
                who = next((value for header, value in headers if header == "X-Who"), None)
                who = who or re.search(r"-(narthex|prometheus)", job)[1]
                self.note(who, job.removesuffix(f"-{who}"), f"{name}: {line}".replace(f"-{who}.", "."),
                          [(n, v.replace(f"-{who}.", ".")) for n, v in headers if n != "X-Who"], body)
                return reply
            return self.peer(answer)

        plain = proxy("plain", FINE)
        tunnel = proxy("tunnel", b"HTTP/1.1 200 Connection established\r\n\r\n")
        tunnel.drains = True
        refusing = proxy("refusing", b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        environment = {"HTTP_PROXY": f"http://me:pw@{plain.address}", "https_proxy": tunnel.address,
                       "NO_PROXY": ".skipped.invalid, 10.0.0.0/8,127.0.0.9", "http_proxy": "http://127.0.0.1:2"}
        from_environment = "proxy_from_environment: true"

        def jobs(who):
            targets = {
                "plain": ("{}", from_environment), "with-port": ("{}:8080", from_environment),
                "secure": ("{}", f"scheme: https, {from_environment}"),
                "skipped": ("x.skipped.invalid", from_environment),
                "local": ("127.0.0.1:1", from_environment), "named": ("localhost:1", from_environment),
                "without": ("{}", ""), "url": ("{}", f"proxy_url: 'http://{plain.address}'"),
                "url-user": ("{}", f"proxy_url: 'http://you:p%40w@{plain.address}'"),
                "url-secure": ("{}", f"scheme: https, proxy_url: 'http://you:pw@{tunnel.address}', "
                               "proxy_connect_header: {x-more: [a, b], Proxy-Thing: [c]}"),
                "url-headers": ("{}", f"proxy_url: 'http://{plain.address}', proxy_connect_header: {{X-More: [a]}}"),
                "url-refused": ("{}", f"scheme: https, proxy_url: 'http://{refusing.address}'"),
                "url-no-proxy": ("127.0.0.9:1", f"proxy_url: 'http://{plain.address}', no_proxy: 127.0.0.0/8"),
                "url-down": ("{}", "proxy_url: 'http://127.0.0.1:1'"),
                "url-down-secure": ("{}", "scheme: https, proxy_url: 'http://127.0.0.1:1'"),
                "url-socks-down": ("{}", "proxy_url: 'socks5://127.0.0.1:1'"),
                "url-other": ("{}", "proxy_url: 'ftp://127.0.0.1:1'"),
                "url-basic": ("{}", f"proxy_url: 'http://{plain.address}', basic_auth: {{username: u, password: p}}"),
                "url-local": ("127.0.0.1:1", f"proxy_url: 'http://127.0.0.1:{closed}'"),
            }
            return {name: f"static_configs: [{{targets: ['{address.format(f'{name}-{who}.invalid')}']}}], metrics_path: /x, "
                          f"relabel_configs: [{{target_label: instance, replacement: i}}]{', ' + more if more else ''}"
                    for name, (address, more) in targets.items()}
        closed = free_port()
        self.run_both(jobs, environment)

    def said(self, server, who):
        return {what: (text if isinstance(text, str) else (text[0], text[1].replace(f"-{who}.", ".")))
                for what, text in super().said(server, who).items()}


class TlsRequestsTest(ScrapeRequestsTest):
    test_as_prometheus_asks = None

    def test_what_is_wrong_with_tls(self):
        key, pem = certificate(self.secrets, "one")
        other_key, other_pem = certificate(self.secrets, "other")
        ca = f"ca_file: {pem}"

        def server(version=None, verify=False):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem, key)
            if version:
                context.minimum_version = context.maximum_version = version
            if verify:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(pem)
            return self.peer(lambda *_: FINE, context).address
        any_version, old, new = server(), server(ssl.TLSVersion.TLSv1_2), server(ssl.TLSVersion.TLSv1_3)
        asking, plain = server(verify=True), self.peer(lambda *_: FINE).address
        inline = "\\n".join(pem.read_text().splitlines()) + "\\n"
        port = any_version.rsplit(":", 1)[1]
        targets = {
            "fine": (any_version, ca), "inline": (any_version, f'ca: "{inline}"'),
            "careless": (any_version, "insecure_skip_verify: true"), "unknown": (any_version, f"ca_file: {other_pem}"),
            "by-system": (any_version, ""), "other-name": (any_version, f"{ca}, server_name: other.example"),
            "by-name": (f"localhost:{port}", ca), "named-address": (f"localhost:{port}", f"{ca}, server_name: 127.0.0.1"),
            "at-least-13": (old, f"{ca}, min_version: TLS13"), "at-most-12": (new, f"{ca}, max_version: TLS12"),
            "between": (any_version, f"{ca}, min_version: TLS12, max_version: TLS12"),
            "old-too": (old, f"{ca}, min_version: TLS10"),
            "no-certificate": (asking, ca), "certificate": (asking, f"{ca}, cert_file: {pem}, key_file: {key}"),
            "other-certificate": (asking, f"{ca}, cert_file: {other_pem}, key_file: {other_key}"),
            "no-tls": (plain, ca),
        }
        self.run_both(lambda _: {
            name: f"scheme: https, static_configs: [{{targets: ['{address}']}}], tls_config: {{{settings}}}"
            for name, (address, settings) in targets.items()})


if __name__ == "__main__":
    unittest.main()
