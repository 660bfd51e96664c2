"""Remote write in, remote read and queries out, and what the admin endpoints do to it.

The client here writes protobuf and snappy by hand, so that nothing of the server's own codecs is
taken for granted.
"""
import json
import pathlib
import struct
import time
import unittest
import urllib.error
import urllib.request

from harness import IntegrationTest, scrape_config

STALE = struct.pack("<Q", 0x7FF0000000000002)


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def message(field, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def double(field, value):
    return varint(field << 3 | 1) + (value if isinstance(value, bytes) else struct.pack("<d", value))


def snappy(data):
    """One block of literals only."""
    out = bytearray(varint(len(data)))
    for start in range(0, len(data), 60):
        part = data[start:start + 60]
        out.append((len(part) - 1) << 2)
        out += part
    return bytes(out)


def unsnappy(block):
    size, at = read_varint(block, 0)
    out = bytearray()
    while at < len(block):
        tag = block[at]
        at += 1
        if tag & 3 == 0:
            count = tag >> 2
            if count >= 60:
                width = count - 59
                count = int.from_bytes(block[at:at + width], "little")
                at += width
            out += block[at:at + count + 1]
            at += count + 1
            continue
        if tag & 3 == 1:
            count, offset = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | block[at]
            at += 1
        else:
            width = 2 if tag & 3 == 2 else 4
            count, offset = (tag >> 2) + 1, int.from_bytes(block[at:at + width], "little")
            at += width
        for _ in range(count):
            out.append(out[-offset])
    assert len(out) == size
    return bytes(out)


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data):
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        if key & 7 == 0:
            value, at = read_varint(data, at)
        elif key & 7 == 1:
            value, at = data[at:at + 8], at + 8
        else:
            size, at = read_varint(data, at)
            value, at = data[at:at + size], at + size
        yield key >> 3, value


def series(labels, samples, *more):
    """@param samples  pairs of time in ms and value; @param more  encoded fields of the series"""
    content = b"".join(message(1, message(1, n) + message(2, v)) for n, v in labels.items())
    content += b"".join(message(2, double(1, v) + number(2, t)) for t, v in samples)
    return message(1, content + b"".join(more))


def histogram(t, count):
    """One of an integer histogram with `count` observations in (1, 2]."""
    return message(4, number(1, count) + double(3, 1.5 * count) + number(6, 0) +
                   message(11, number(1, 2) + number(2, 1)) + message(12, varint(2 * count)) +
                   number(15, t))


def exemplar(t, value):
    return message(3, message(1, message(1, "trace_id") + message(2, "abc")) + double(2, value) +
                   number(3, t))


def read_query(name, start, end, *types):
    query = number(1, start) + number(2, end) + message(3, message(2, "__name__") + message(3, name))
    return message(1, query) + b"".join(number(2, t) for t in types)


class RemoteTest(IntegrationTest):
    FLAGS = ("--web.enable-remote-write-receiver", "--web.enable-admin-api",
             "--enable-feature=exemplar-storage")

    def setUp(self):
        super().setUp()
        self.server = self.start(scrape_config(), *self.FLAGS)
        self.now = int(time.time() * 1000)

    def post(self, path, body, **headers):
        """@return (status, headers, body)"""
        headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
                   **{k.replace("_", "-"): v for k, v in headers.items()}}
        request = urllib.request.Request(f"http://127.0.0.1:{self.server.port}{path}", method="POST",
                                         data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.headers, response.read()
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read()

    def write(self, body, **headers):
        return self.post("/api/v1/write", snappy(body), **headers)

    def read_samples(self, name, start, end):
        """{labels: ([(t, bits)], [histogram fields])}"""
        status, headers, body = self.post("/api/v1/read", snappy(read_query(name, start, end)))
        self.assertEqual((200, "snappy"), (status, headers["Content-Encoding"]))
        found = {}
        for _, result in fields(unsnappy(body)):
            for _, one in fields(result):
                labels, samples, histograms = {}, [], []
                for field, value in fields(one):
                    content = dict(fields(value))
                    if field == 1:
                        labels[content[1].decode()] = content[2].decode()
                    elif field == 2:
                        samples.append((content[2], content.get(1, bytes(8))))
                    elif field == 4:
                        histograms.append(content)
                found[json.dumps(labels, sort_keys=True)] = samples, histograms
        return found

    def test_what_is_written_is_read(self):
        t = self.now
        body = series({"__name__": "m", "a": "1"}, [(t - 2000, 1.5), (t - 1000, STALE)])
        body += series({"__name__": "h"}, [], histogram(t - 2000, 3), histogram(t - 1000, 4))
        body += series({"__name__": "e"}, [(t, 2.0)], exemplar(t, 0.5))
        status, _, text = self.write(body)
        self.assertEqual((204, b""), (status, text))

        self.assertEqual(1.5, float(self.server.query("m", time=(t - 2000) / 1000)[0]["value"][1]))
        self.assertEqual([], self.server.query("m", time=t / 1000))
        self.assertEqual(4, float(self.server.query("histogram_count(h)")[0]["value"][1]))

        samples, _ = self.read_samples("m", t - 5000, t)['{"__name__": "m", "a": "1"}']
        self.assertEqual([(t - 2000, struct.pack("<d", 1.5)), (t - 1000, STALE)], samples)
        _, histograms = self.read_samples("h", t - 5000, t)['{"__name__": "h"}']
        self.assertEqual([3, 4], [h[1] for h in histograms])  # count_int: an integer histogram.

        status, headers, body = self.post("/api/v1/read",
                                          snappy(read_query("m", t - 5000, t, 1)))
        self.assertEqual(200, status)
        self.assertEqual("application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse",
                         headers["Content-Type"])
        size, at = read_varint(body, 0)
        self.assertEqual(len(body), at + 4 + size)

        found = self.server.api("query_exemplars", query="e", start=(t - 1000) / 1000,
                                end=(t + 1000) / 1000)
        self.assertEqual([{"seriesLabels": {"__name__": "e"},
                           "exemplars": [{"labels": {"trace_id": "abc"}, "value": "0.5",
                                          "timestamp": found[0]["exemplars"][0]["timestamp"]}]}],
                         found)
        self.assertEqual(t, round(found[0]["exemplars"][0]["timestamp"] * 1000))

    def test_it_is_there_after_a_kill(self):
        body = b"".join(series({"__name__": "m", "i": str(i)}, [(self.now, float(i))])
                        for i in range(500))
        self.assertEqual(204, self.write(body)[0])
        self.server.kill()
        self.server.start()
        self.assertEqual(500, self.server.value("count(m)"))
        self.assertEqual(499, self.server.value('m{i="499"}'))

    def test_refusals_name_the_series(self):
        self.assertEqual(204, self.write(series({"__name__": "m"}, [(self.now, 1.0)]))[0])
        status, _, text = self.write(series({"__name__": "other"}, [(self.now, 1.0)]) +
                                     series({"__name__": "m"}, [(self.now, 2.0)]))
        self.assertEqual(400, status)
        self.assertIn(b"duplicate sample for timestamp", text)
        self.assertEqual([], self.server.query("other"))  # Version 1: all or nothing.

        v2 = b"".join(message(4, s) for s in ("", "__name__", "m", "other"))
        for ref, value in ((2, 2.0), (3, 3.0)):
            v2 += message(5, message(1, varint(1) + varint(ref)) +
                          message(2, double(1, value) + number(2, self.now)))
        status, headers, text = self.write(
            v2, Content_Type="application/x-protobuf;proto=io.prometheus.write.v2.Request")
        self.assertEqual(400, status)
        self.assertIn(b'for series {__name__="m"}', text)
        self.assertEqual("1", headers["X-Prometheus-Remote-Write-Samples-Written"])
        self.assertEqual(3, self.server.value("other"))

    def test_admin(self):
        body = b"".join(series({"__name__": "m", "i": str(i)}, [(self.now, float(i))])
                        for i in range(3))
        self.assertEqual(204, self.write(body)[0])
        self.assertEqual(204, self.server.request(
            "POST", "/api/v1/admin/tsdb/delete_series?match[]={}")[0])
        self.assertEqual(3, self.server.value("count(m)"))
        self.assertEqual(204, self.server.request(
            "POST", "/api/v1/admin/tsdb/delete_series?match[]=m{i=%221%22}")[0])
        self.assertEqual({"0", "2"}, {s["metric"]["i"] for s in self.server.query("m")})
        self.assertEqual(204, self.server.request("PUT",
                                                  "/api/v1/admin/tsdb/clean_tombstones")[0])
        status, text = self.server.request("POST", "/api/v1/admin/tsdb/snapshot")
        self.assertEqual(200, status, text)
        name = json.loads(text)["data"]["name"]
        self.assertRegex(name, r"^\d{8}T\d{6}Z-[0-9a-f]{16}$")
        folder = pathlib.Path(self.server.data) / "snapshots" / name
        self.assertEqual(1, len(list(folder.glob("*/meta.json"))))


if __name__ == "__main__":
    unittest.main()
