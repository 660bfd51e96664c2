"""Requests that are wrong as HTTP, as an encoding or as a message: the right refusal, nothing stored, no memory.

Where a real Prometheus is found (as test_peers.py looks for it) its status counts.
"""
import concurrent.futures
import os
import re
import shutil
import socket
import unittest

from harness import IntegrationTest, free_port, wait_for
from test_remote import series, snappy, varint

GET = b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n"
POST = b"POST /api/v1/query HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
# What another server might take for a second request.
HIDDEN = b"GET /-/ready HTTP/1.1\r\nHost: a\r\n\r\n"

# (name, request, the statuses that are right)
REQUESTS = [
    ("fine", GET + b"\r\n", {200}),
    ("chunked", CHUNKED + b"9\r\nquery=1%2\r\n2\r\nB1\r\n0\r\n\r\n", {200}),
    ("two lengths", POST + b"Content-Length: 7\r\nContent-Length: 0\r\n\r\nquery=1", {400}),
    ("list of lengths", POST + b"Content-Length: 7, 0\r\n\r\nquery=1", {400}),
    ("length with a sign", POST + b"Content-Length: +7\r\n\r\nquery=1", {400}),
    ("negative length", POST + b"Content-Length: -1\r\n\r\nquery=1", {400}),
    ("hexadecimal length", POST + b"Content-Length: 0x7\r\n\r\nquery=1", {400}),
    ("length of 2^64", POST + b"Content-Length: 18446744073709551616\r\n\r\n", {400}),
    ("length and chunks", POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
     {200, 400}),
    ("chunked twice", POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     {400, 501}),
    ("chunked, identity", POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", {400, 501}),
    ("identity", POST + b"Transfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n", {400, 501}),
    ("xchunked", POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", {400, 501}),
    ("space before the colon", POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + HIDDEN, {400}),
    ("folded line", POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", {400, 501}),
    ("name with a space", GET + b"X Y: z\r\n\r\n", {400}),
    ("no colon", GET + b"nothing\r\n\r\n", {400}),
    ("zero byte", GET + b"X: a\0b\r\n\r\n", {400}),
    ("carriage return", GET + b"X: a\rb\r\n\r\n", {400}),
    ("chunk size with a sign", CHUNKED + b"+7\r\nquery=1\r\n0\r\n\r\n", {400}),
    ("chunk size with 0x", CHUNKED + b"0x7\r\nquery=1\r\n0\r\n\r\n", {400}),
    ("chunk size of 2^64", CHUNKED + b"10000000000000000\r\nquery=1\r\n0\r\n\r\n", {400}),
    ("chunk longer than told", CHUNKED + b"3\r\nquery=1\r\n0\r\n\r\n", {400}),
    ("two hosts", GET + b"Host: b\r\n\r\n", {400}),
    ("no host", b"GET /-/healthy HTTP/1.1\r\n\r\n", {400}),
    ("no version", b"GET /-/healthy\r\n\r\n", {400}),
    ("HTTP/1.0", b"GET /-/healthy HTTP/1.0\r\n\r\n", {200}),
    ("HTTP/2.0", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505}),
    ("HTTP/3.7", b"GET /-/healthy HTTP/3.7\r\nHost: a\r\n\r\n", {400, 505}),
    ("two spaces", b"GET  /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    ("bad escape", b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    ("relative path", b"GET api HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    ("whole URL", b"GET http://b/-/healthy HTTP/1.1\r\nHost: a\r\n\r\n", {200}),
    ("the server", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", {200}),
    ("out of the folder", b"GET /../../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", {307, 301}),
    ("out of the folder, escaped", b"GET /consoles/%2e%2e%2f%2e%2e%2fetc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
     {307, 301, 404}),
    ("endless head", GET + b"X: " + b"x" * (2 << 20) + b"\r\n\r\n", {431}),
    ("many headers", GET + b"".join(b"X%d: y\r\n" % i for i in range(100000)) + b"\r\n", {431}),
    ("other expectation", POST + b"Expect: 200-ok\r\nContent-Length: 0\r\n\r\n", {417}),
]


def talk(port, request):
    """The statuses of all answers; [] = cut without one."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        answer = b""
        try:
            connection.sendall(request)
            answer = connection.recv(65536)
            connection.shutdown(socket.SHUT_WR)  # Not before: who leaves is not answered.
            while piece := connection.recv(65536):
                answer += piece
        except OSError:
            pass  # Cut while it was sent.
    return [int(status) for status in re.findall(rb"^HTTP/1\.[01] (\d{3})", answer, re.MULTILINE)]


class BadRequestsTest(IntegrationTest):
    def peak_bytes(self, server):
        for line in open(f"/proc/{server.process.pid}/status", encoding="ascii"):
            if line.startswith("VmHWM"):
                return int(line.split()[1]) << 10
        raise AssertionError("no VmHWM")

    def real(self):
        """The port of a real Prometheus; None where there is none."""
        folder = os.environ.get("NARTHEX_PEERS")
        path = (shutil.which("prometheus", path=folder) if folder else None) or shutil.which("prometheus")
        if path is None:
            return None
        port = free_port()
        config = os.path.join(self.folder, "real.yml")
        with open(config, "w", encoding="utf-8") as out:
            out.write("global: {}\n")
        self.peer(path, f"--config.file={config}", f"--storage.tsdb.path={self.folder}/real",
                  f"--web.listen-address=127.0.0.1:{port}")
        wait_for("the real one", lambda: talk(port, b"GET /-/ready HTTP/1.0\r\n\r\n") == [200])
        return port

    def test_malformed_requests(self):
        server = self.start("global: {}\n")
        real = self.real()
        for name, request, right in REQUESTS:
            with self.subTest(name):
                ours = talk(server.port, request)
                self.assertIn(ours[0] if ours else None, right, ours)
                if ours[0] >= 400:
                    self.assertEqual(1, len(ours), "what follows was taken for a request")
                if real is not None:
                    theirs = talk(real, request)
                    self.assertEqual(theirs[0] == 200, ours[0] == 200, f"theirs {theirs}, ours {ours}")
        self.assertTrue(server.is_ready())

    def test_bad_bodies_store_nothing_and_take_no_memory(self):
        server = self.start("global: {}\n", "--web.enable-remote-write-receiver",
                            "--web.enable-otlp-receiver")
        good = series({"__name__": "m", "a": "1"}, [(1_700_000_000_000, 1)])
        most = (32 << 20) - 1
        write = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
        protobuf, form = {"Content-Type": "application/x-protobuf"}, "application/x-www-form-urlencoded"
        cases = [
            ("write: no snappy", "write", b"hello", write, 400),
            ("write: nothing", "write", b"", write, 400),
            ("write: far more than there is", "write", varint(most) + b"\0", write, 400),
            ("write: more than is allowed", "write", varint(64 << 20) + b"\0", write, 400),
            ("write: length without an end", "write", b"\xff" * 20, write, 400),
            ("write: copy from before the begin", "write", varint(64) + b"\xfe\xff\xff" * 9, write, 400),
            ("write: no protobuf", "write", snappy(b"\x0f\xff\xff"), write, 400),
            ("write: cut", "write", snappy(good + good[:-3]), write, 400),
            ("write: length of a field past the end", "write", snappy(b"\x0a\xff\xff\xff\xff\x07"), write, 400),
            ("write: gzip", "write", b"", write | {"Content-Encoding": "gzip"}, 415),
            ("write: JSON", "write", snappy(good), write | {"Content-Type": "application/json"}, 415),
            ("read: no snappy", "read", b"hello", write, 400),
            ("read: far more than there is", "read", varint(most) + b"\0", write, 400),
            ("read: no protobuf", "read", snappy(b"\x0f\xff\xff"), write, 400),
            ("otlp: no protobuf", "otlp/v1/metrics", b"\x0f\xff\xff", protobuf, 400),
            ("otlp: no JSON", "otlp/v1/metrics", b"{" * 100000, {"Content-Type": "application/json"}, 400),
            ("otlp: other type", "otlp/v1/metrics", b"{}", {"Content-Type": "text/plain"}, 400),
            ("otlp: no gzip", "otlp/v1/metrics", b"hello", protobuf | {"Content-Encoding": "gzip"}, 400),
            ("query: endless form", "query", b"query=" + b"(" * (9 << 20), {"Content-Type": form}, 400),
            ("query: bad escape", "query", b"query=%zz", {"Content-Type": form}, 400),
            ("query: bad bytes", "query", b"query=up%7Ba%3D%22%ff%22%7D", {"Content-Type": form}, 400),
        ]
        for name, path, body, headers, status in cases:
            self.assertEqual(status, server.request("POST", f"/api/v1/{path}", body, headers)[0], name)
        before = self.peak_bytes(server)
        lies = [case for case in cases if "more than" in case[0] or "length" in case[0]] * 20
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = pool.map(lambda c: server.request("POST", f"/api/v1/{c[1]}", c[2], c[3])[0], lies)
            self.assertEqual([case[4] for case in lies], list(answers))
        # Sixteen at a time that told of 32 MiB each.
        self.assertLess(self.peak_bytes(server) - before, 64 << 20)
        self.assertEqual([], server.query('{__name__=~".+"}', time=1_700_000_000))
        self.assertEqual("0", server.query("count({__name__=~\".+\"}) or vector(0)")[0]["value"][1])

    def test_a_large_answer_takes_no_memory_of_its_own(self):
        server = self.start("global: {}\n", "--web.enable-remote-write-receiver")
        t = 1_700_000_000
        body = b"".join(series({"__name__": "wide", "n": str(i)}, [(t * 1000, 1 / (i + 3))])
                        for i in range(400))
        self.assertEqual(204, server.request("POST", "/api/v1/write", snappy(body), {
            "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"})[0])
        path = f"/api/v1/query_range?query=wide&start={t}&end={t + 298}&step=0.03"
        for _ in range(3):  # The result alone; what the allocator keeps of it is there then, too.
            self.assertEqual(200, server.request("GET", path + "&limit=1")[0])
        before = self.peak_bytes(server)
        status, text = server.request("GET", path)
        self.assertEqual(200, status)
        self.assertGreater(len(text), 100 << 20)
        self.assertLess(self.peak_bytes(server) - before, 16 << 20)


if __name__ == "__main__":
    unittest.main()
