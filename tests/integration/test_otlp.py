"""OTLP metrics: the same requests to the server and to a real Prometheus 3.14, and the same comes of them.

Prometheus is looked for in the folder that NARTHEX_PEERS names, then in PATH; without one of that release
only the tests that need none run.
"""
import gzip
import json
import os
import pathlib
import shutil
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

import otlp_bodies
from harness import IntegrationTest, free_port, wait_for
from test_peers import release

PATH = "/api/v1/otlp/v1/metrics"
PROTOBUF = "application/x-protobuf"
JSON = "application/json"


def post(address, body, content_type=PROTOBUF, encoding=None):
    headers = {"Content-Type": content_type}
    if encoding is not None:
        headers["Content-Encoding"] = encoding
    request = urllib.request.Request(f"http://{address}{PATH}", data=body, method="POST",
                                     headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def forms(value):
    """A request in each form: (body, content type, encoding)."""
    wire, text = otlp_bodies.encode(value), otlp_bodies.to_json(value)
    return [(wire, PROTOBUF, None), (text, JSON, None), (gzip.compress(wire), PROTOBUF, "gzip"),
            (gzip.compress(text), JSON, "gzip")]


def get(address, path, **parameters):
    query = urllib.parse.urlencode(parameters, doseq=True)
    with urllib.request.urlopen(f"http://{address}{path}?{query}", timeout=60) as response:
        return response.read().decode()


def contents(address, now):
    """All that the requests left behind, in a form that can be compared."""
    every = '{__name__=~".+"}'

    def data(path, **parameters):
        return json.loads(get(address, path, **parameters))["data"]

    def in_order(rows):
        return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))
    counters = [line for line in get(address, "/metrics").splitlines()
                if line.startswith("prometheus_api_otlp_")]
    return {
        "series": in_order(data("/api/v1/series", **{"match[]": every, "start": now - 7200,
                                                     "end": now + 1200})),
        "samples": in_order(data("/api/v1/query", query=every + "[3h]", time=now + 1200)["result"]),
        "exemplars": in_order(data("/api/v1/query_exemplars", query=every, start=now - 3600,
                                   end=now + 1200)),
        "counters": sorted(counters),
    }


class OtlpBase(IntegrationTest):
    maxDiff = None

    def ours(self, config, *flags):
        server = self.start(config, "--web.enable-otlp-receiver", *flags)
        return f"127.0.0.1:{server.port}"


class OtlpTest(OtlpBase):
    def test_is_off_by_default(self):
        server = self.start("global: {}\n")
        self.assertEqual(post(f"127.0.0.1:{server.port}", b""),
                         (404, "otlp write receiver needs to be enabled with "
                               "--web.enable-otlp-receiver\n"))

    def test_large_bodies(self):
        address = self.ours("global: {}\n")
        limit = 32 << 20
        self.assertEqual(post(address, b"\0" * (limit + 1))[0], 400)
        bomb = gzip.compress(b"\0" * (limit + 1))
        status, text = post(address, bomb, encoding="gzip")
        self.assertEqual((status, text), (400, "request body is larger than 33554432 bytes\n"))
        now = time.time()
        points = [{"timeUnixNano": otlp_bodies.ns(now), "asInt": i,
                   "attributes": otlp_bodies.attributes(number=i)} for i in range(20_000)]
        value = otlp_bodies.request({"name": "many", "gauge": {"dataPoints": points}})
        for form in forms(value):
            self.assertEqual(post(address, *form), (200, ""))
        count = json.loads(get(address, "/api/v1/query", query="count(many)"))["data"]["result"]
        self.assertEqual(count[0]["value"][1], "20000")

    def test_options_are_reloaded(self):
        server = self.start("global: {}\n", "--web.enable-otlp-receiver", "--web.enable-lifecycle")
        address = f"127.0.0.1:{server.port}"
        now = time.time()

        def send(after):
            value = otlp_bodies.request({"name": "a.b", "gauge": {"dataPoints": [
                {"timeUnixNano": otlp_bodies.ns(now + after), "asInt": 1}]}})
            self.assertEqual(post(address, otlp_bodies.encode(value)), (200, ""))
        send(0)
        server.config.write_text("otlp: {translation_strategy: NoTranslation}\n")
        self.assertEqual(server.request("POST", "/-/reload")[0], 200)
        send(1)
        names = json.loads(get(address, "/api/v1/label/__name__/values"))["data"]
        self.assertEqual(names, ["a.b", "a_b"])


class PeerOtlpTest(OtlpBase):
    def prometheus(self):
        folder = os.environ.get("NARTHEX_PEERS")
        path = (shutil.which("prometheus", path=folder) if folder else None) or (
            shutil.which("prometheus"))
        if path is None:
            self.skipTest("no prometheus in NARTHEX_PEERS or PATH")
        if release(path) != (3, 14):
            self.skipTest("prometheus is of another release than 3.14")
        return path

    def theirs(self, config, *flags):
        path = self.prometheus()
        port = free_port()
        file = pathlib.Path(self.folder) / "prometheus.yml"
        file.write_text(config)
        self.peer(path, f"--config.file={file}", f"--storage.tsdb.path={self.folder}/prometheus",
                  f"--web.listen-address=127.0.0.1:{port}", "--web.enable-otlp-receiver", *flags)
        address = f"127.0.0.1:{port}"
        wait_for("prometheus", lambda: get(address, "/-/ready"))
        return address

    def compare(self, settings, *features, deltas=False):
        """Sends everything to both. @return the statuses by name"""
        self.prometheus()
        config = "global: {}\notlp:\n" + "".join(f"  {line}\n" for line in settings)
        flags = [f"--enable-feature={','.join(('exemplar-storage', *features))}"]
        pair = self.ours(config, *flags), self.theirs(config, *flags)
        now = float(int(time.time()))
        bodies = otlp_bodies.Bodies(now)
        requests = bodies.good() + bodies.odd()
        if deltas:
            requests += [(f"delta {i}", value) for i, value in enumerate(bodies.deltas())]
        statuses = {}
        for i, (name, value) in enumerate(requests):
            with self.subTest(name):
                form = forms(value)[i % 4]
                ours, theirs = [post(address, *form) for address in pair]
                self.assertEqual(ours, theirs)
                statuses[name] = ours[0]
        for name, _ in bodies.good():
            self.assertEqual(statuses.get(name), 200, name)
        ours, theirs = [contents(address, now) for address in pair]
        for part, content in theirs.items():
            with self.subTest(part):
                self.assertEqual(ours[part], content)
                self.assertTrue(content)
        return statuses

    def test_defaults(self):
        statuses = self.compare(["{}"])
        self.assertEqual(statuses["delta"], 500)
        self.assertEqual(statuses["duplicate"], 400)

    def test_names_that_stay(self):
        self.compare(["translation_strategy: NoTranslation", "promote_all_resource_attributes: true",
                      "ignore_resource_attributes: [host.name]",
                      "keep_identifying_resource_attributes: true", "promote_scope_metadata: true",
                      "convert_histograms_to_nhcb: true"], "metadata-wal-records")

    def test_suffixes_alone_and_stored_deltas(self):
        self.compare(["translation_strategy: NoUTF8EscapingWithSuffixes",
                      "promote_resource_attributes: [host.name, service.name, x.y]"],
                     "type-and-unit-labels", "otlp-native-delta-ingestion",
                     "created-timestamp-zero-ingestion", deltas=True)

    def test_escaped_names_and_summed_deltas(self):
        self.compare(["translation_strategy: UnderscoreEscapingWithoutSuffixes",
                      "label_name_underscore_sanitization: false",
                      "label_name_preserve_multiple_underscores: false",
                      "promote_scope_metadata: true", "promote_all_resource_attributes: true"],
                     "otlp-deltatocumulative", deltas=True)

    def test_negotiation(self):
        config = "global: {}\n"
        pair = self.ours(config), self.theirs(config)
        body = otlp_bodies.encode(otlp_bodies.request())
        for content_type, encoding, content in (
                (PROTOBUF + "; charset=utf-8", None, body), ("", None, body),
                ("text/plain", None, body), (PROTOBUF, "snappy", body), (PROTOBUF, "GZIP", body),
                (PROTOBUF, "gzip", body), (PROTOBUF, "gzip", b""), (JSON, None, b"{}"),
                (JSON, None, b"null"), (PROTOBUF, None, b""), (PROTOBUF, None, body + b"\x0a\x7f"),
                (PROTOBUF, None, b"\x08\x01"), (PROTOBUF, "gzip", gzip.compress(body)[:-9])):
            with self.subTest((content_type, encoding, content)):
                ours, theirs = [post(a, content, content_type, encoding) for a in pair]
                self.assertEqual(ours, theirs)
        for content in (b"", b"[]", b"{", b'{"resourceMetrics":{}}'):
            with self.subTest(content):
                ours, theirs = [post(address, content, JSON) for address in pair]
                self.assertEqual((ours[0], theirs[0]), (400, 400))


if __name__ == "__main__":
    unittest.main()
