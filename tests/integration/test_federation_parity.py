"""What /federate answers must be what a real Prometheus 3.14 answers, for samples of all kinds."""
import struct
import time
import unittest
import urllib.parse

from parity import ParityTest, ask_bytes
from test_remote import double, histogram, message, number, series, snappy, varint


def zigzag(n):
    return n << 1 ^ n >> 63


def packed(numbers):
    return struct.pack(f"<{len(numbers)}d", *numbers)


def any_histogram(whole, t, schema, count, total, *more, zeros=0, spans=(), counts=()):
    """An encoded field of a series.
    @param whole  whether it is one with integers
    @param more   further encoded fields of the histogram"""
    body = (number(1, count) if whole else double(2, count)) + double(3, total) + number(4, zigzag(schema))
    if zeros:
        body += number(6, zeros) if whole else double(7, zeros)
    body += b"".join(message(11, number(1, zigzag(offset)) + number(2, length)) for offset, length in spans)
    if counts and whole:
        body += message(12, b"".join(varint(zigzag(n - before)) for before, n in zip((0, *counts), counts)))
    elif counts:
        body += message(13, packed(counts))
    return message(4, body + b"".join(more) + number(15, t))


def federated_histograms(t, whole, **labels):
    """Series with histograms of all kinds."""
    def one(name, schema, count, total, *more, label=None, **fields):
        of_all = {"__name__": name} | ({"k": label} if label else {}) | labels
        return series(of_all, [], any_histogram(whole, t, schema, count, total, *more, **fields))

    gauge = number(14, 3)
    return b"".join([
        one("cus.tom", -53, 1, 5, gauge, message(16, packed([0.1, 2])), spans=[(2, 1)], counts=[1]),
        one("custom", -53, 6, 9.5, message(16, packed([0.1, 0.5, 1])), label="1", spans=[(0, 1), (1, 2)],
            counts=[2, 3, 1]),
        one("custom", -53, 0, 0, message(16, packed([0.1, 2])), label="2"),
        one("native", 3, 7, 9.5, double(5, 0.01), label="buckets", zeros=2, spans=[(-2, 1), (6, 2)],
            counts=[2, 2, 1]),
        one("native", 0, 0, -1, gauge, label="gauge"),
        one("native", 8, 1, 0.5, number(14, 2), label="not reset", spans=[(0, 1)], counts=[1])])


def federated(t):
    """A write request with samples of all kinds at that time, in milliseconds. Of the series with
    z="float" only one may be in an answer: the real one gives the last one's histogram to all."""
    def one(name, value, **labels):
        return series({"__name__": name} | dict(sorted(labels.items())), [(t, value)])

    body = one("big", 1e21) + one("inf", float("inf")) + one("nan", float("nan"))
    body += one("fx", 1.5, a="1", job="j") + one("fx", -0.0, a="2", instance="i")
    body += one("fx.dot", 2, **{"l.d": 'é"\\\n'}) + one("region", 1, region="us")
    body += series({"__name__": "native", "k": "int"}, [], histogram(t, 5)) + one("native", 7, k="level")
    return body + federated_histograms(t, True, z="whole") + federated_histograms(t, False, z="float")


FAMILIES = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding="


class FederationTest(ParityTest):
    def test_every_kind_of_sample_in_every_form(self):
        config = "global: {external_labels: {region: eu, instance: outer, job: outer}}\n"
        for text in (config, "global: {}\n"):
            with self.subTest(text):
                ports = self.both(text, "--web.enable-remote-write-receiver")
                body = snappy(federated(int(time.time() * 1000)))
                try:
                    for port in ports:
                        self.assertEqual(204, ask_bytes(port, "POST", "/api/v1/write", body, {
                            "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"})[0])
                    self.check(ports)
                    self.check_float_histograms(ports[1])
                finally:
                    self.doCleanups()
                    self.setUp()

    def check(self, ports):
        sizes = set()
        accepts = ["", "text/plain;version=0.0.4;escaping=allow-utf-8", FAMILIES + "delimited",
                   FAMILIES + "delimited;escaping=allow-utf-8", FAMILIES + "delimited;escaping=values",
                   FAMILIES + "delimited;escaping=dots", "text/plain;version=0.0.4;escaping=values",
                   FAMILIES + "delimited;q=0.5,text/plain;version=0.0.4;q=0.7",
                   "application/openmetrics-text;version=1.0.0," + FAMILIES + "delimited;q=0.5",
                   "application/openmetrics-text;version=1.0.0,*/*;q=0.1", "application/json", "*/*"]
        selectors = [['{__name__=~".+", z!="float"}'], ['native{z!="float"}'], ['custom{z="whole"}', '{"fx.dot"}'],
                     ["nothing"], [], ["fx", 'fx{a="1"}', '{"cus.tom", z="whole"}'], ['{"cus.tom", z="float"}']]
        selectors += [[f'{name}{{z="float", k="{k}"}}', "big"] for name, k in (
            ("custom", "1"), ("custom", "2"), ("native", "buckets"), ("native", "gauge"), ("native", "not reset"))]
        for accept in accepts:
            for selector in selectors:
                path = "/federate?" + urllib.parse.urlencode({"match[]": selector}, doseq=True)
                real, ours = (ask_bytes(port, "GET", path, None, {"Accept": accept} if accept else {})
                              for port in ports)
                self.assertEqual(real, ours, f"{accept} {selector}")
                sizes.add(len(ours[2]))
        self.assertGreater(len(sizes), 10)

    def check_float_histograms(self, port):
        """Many of them: as those of integers, which are held against the real one."""
        for accept in ("", FAMILIES + "delimited"):
            whole, floats = (ask_bytes(port, "GET", f"/federate?match[]={{z=%22{z}%22}}", None,
                                       {"Accept": accept})[2] for z in ("whole", "float"))
            self.assertIn(b"custom", floats)
            self.assertEqual(whole.replace(b"whole", b"float"), floats)


if __name__ == "__main__":
    unittest.main()
