#!/usr/bin/env python3
"""Makes histogram_chunks.txt and late_histogram_chunks.txt: sequences of native histograms, and the chunks that a real server stores of
them.

    make_histogram_chunks.py SERVER_BINARY > histogram_chunks.txt
    make_histogram_chunks.py SERVER_BINARY late > late_histogram_chunks.txt

Starts the server on a free port of 127.0.0.1 and a folder of its own, sends every sequence by remote write, one sample a request,
takes a snapshot of the head and prints the chunks in its block. With "late": some samples come out of order, and the chunks are those of
the block that the server makes of the two blocks that it cuts. Needs nothing but Python. See README.md for the format.
"""
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

RANGE = 7_200_000
START = 1_750_003_200_000 // RANGE * RANGE  # A multiple of the block range.
STEP = 15_000
MOST_BYTES = 200  # Of a chunk that is printed whole.
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
UNKNOWN, RESET, NOT_RESET, GAUGE = range(4)


# --- Histograms ---------------------------------------------------------------------------------------------------------------

def spans_of(indexes):
    """The usual spans of a set of bucket indexes."""
    spans, last = [], None
    for i in sorted(indexes):
        if last is not None and i == last + 1:
            spans[-1][1] += 1
        else:
            spans.append([i if last is None else i - last - 1, 1])
        last = i
    return spans


def indexes_of(spans):
    out, at = [], 0
    for offset, length in spans:
        at += offset
        out += range(at, at + length)
        at += length
    return out


class Hist:
    """Buckets are {index: count}; spans may be given in other words than the usual ones."""

    def __init__(self, pos=(), neg=(), schema=2, zt=0.001, zc=0, hint=UNKNOWN, is_float=False, sum=None, in_no_bucket=0, pspans=None,
                 nspans=None, custom=()):
        self.pos, self.neg = dict(pos), dict(neg)
        self.pspans = spans_of(self.pos) if pspans is None else pspans
        self.nspans = spans_of(self.neg) if nspans is None else nspans
        self.schema, self.hint, self.is_float, self.custom = schema, hint, is_float, list(custom)
        self.zt, self.zc = (0, 0) if custom else (zt, zc)
        self.count = self.zc + builtin_sum(self.pos.values()) + builtin_sum(self.neg.values()) + in_no_bucket
        self.sum = 0.5 * self.count if sum is None else sum

    def buckets(self, spans, counts):
        absolute = [counts.get(i, 0) for i in indexes_of(spans)]
        if self.is_float:
            return absolute
        return [b - a for a, b in zip([0] + absolute, absolute)]


builtin_sum = sum


def stale(is_float=False, hint=UNKNOWN):
    h = Hist(is_float=is_float, hint=hint, schema=0, zt=0)
    h.sum = STALE
    return h


# --- Sequences ----------------------------------------------------------------------------------------------------------------

def grow(base, n, **kw):
    """n histograms whose buckets grow steadily."""
    return [Hist({i: c * (k + 1) + i % 3 for i, c in base.items()}, zc=k, **kw) for k in range(n)]


def sequences():
    """Yields (name, [sample or (step, sample)]); a sample is a Hist or a number."""
    base = {0: 3, 1: 2, 4: 1}
    for name, is_float in (("int", False), ("float", True)):
        def H(pos=(), neg=(), **kw):
            return Hist(pos, neg, is_float=is_float, **kw)

        def G(n, extra={}, first=1, **kw):
            return [H({**{i: c * (k + first) for i, c in base.items()}, **extra}, zc=k, **kw) for k in range(n)]

        def seq(title, samples):
            return "%s_%s" % (name, title), samples

        yield seq("steady", G(6))
        yield seq("new_in_front", G(4) + G(3, {-3: 1}, 5))
        yield seq("new_in_the_middle", G(4) + G(3, {2: 1}, 5))
        yield seq("new_at_the_end", G(4) + G(3, {9: 2}, 5))
        yield seq("new_everywhere", G(4) + G(3, {-5: 1, -4: 2, 2: 1, 3: 7, 5: 1, 6: 2, 40: 1}, 5))
        yield seq("new_negative", G(4) + [H({0: 30, 1: 30, 4: 30}, {1: k, 3: 1}, zc=5) for k in range(1, 4)])
        yield seq("empty_vanishes", G(4, {2: 0, 7: 0}) + G(4, {}, 5))
        yield seq("empty_vanishes_new_comes", G(4, {2: 0}) + G(4, {9: 1}, 5))
        yield seq("empty_vanishes_new_comes_in_front", G(4, {7: 0}) + G(4, {-4: 1}, 5))
        yield seq("empty_vanishes_new_negative_comes", G(4, {2: 0}) + [H({0: 30, 1: 30, 4: 30}, {2: 1}, zc=9)] * 2)
        yield seq("all_empty", [H(), H(zc=1), H({0: 1}, zc=1), H(zc=1), H({0: 1, 1: 0}, zc=1)])
        yield seq("populated_vanishes", G(4, {2: 1}) + G(4, {}, 9))
        yield seq("populated_becomes_zero", G(4, {2: 1}) + G(4, {2: 0}, 9))
        yield seq("bucket_falls", G(3, {2: 5}) + G(3, {2: 4}, 9))
        yield seq("negative_falls", [H({0: 9 + k}, {0: 5}, zc=1) for k in range(3)] + [H({0: 20}, {0: 4, 1: 9}, zc=1)])
        yield seq("count_falls", G(4, {}, 9) + G(4))
        yield seq("zero_count_falls", [H({0: 3 + k}, zc=5) for k in range(3)] + [H({0: 30 + k}, zc=4) for k in range(3)])
        yield seq("hint_reset", G(3) + G(1, {}, 5, hint=RESET) + G(3, {}, 6) + G(2, {}, 10, hint=RESET))
        yield seq("hint_not_reset", G(3, hint=NOT_RESET) + G(3, {}, 1, hint=NOT_RESET) + G(3, {}, 9, hint=NOT_RESET))
        yield seq("first_hint_reset", G(3, hint=RESET)[:1] + G(3, {}, 5))
        yield seq("schema_change", G(3) + G(3, {}, 5, schema=1) + G(3, {}, 9))
        yield seq("zero_threshold_change", G(3) + G(3, {}, 5, zt=0.125) + G(3, {}, 9, zt=0) + G(2, {}, 15, zt=0.3))
        yield seq("stale", G(3) + [stale(is_float)] * 2 + G(3, {}, 5) + [stale(is_float)])
        yield seq("stale_first", [stale(is_float)] + G(3) + [stale(is_float)])
        yield seq("stale_as_float", G(3) + [STALE] + G(3, {}, 5) + [STALE, STALE] + G(1, {}, 9))
        yield seq("nan_sum", G(3) + G(2, {}, 5, sum=float("nan"), in_no_bucket=2) + G(3, {}, 12))
        # Spans in unusual words.
        odd = [[0, 1], [0, 1], [0, 0], [2, 1], [3, 0]]
        lead = [[-2, 0], [2, 2], [2, 1]]
        yield seq("odd_first", G(3, pspans=odd) + G(3, {}, 5))
        yield seq("odd_later", G(3) + G(3, {}, 5, pspans=odd))
        yield seq("odd_lead", G(2, pspans=lead) + G(3, {}, 5, pspans=odd) + G(2, {}, 9))
        yield seq("odd_with_new", G(3) + G(3, {5: 1}, 5, pspans=[[0, 1], [0, 1], [2, 1], [0, 1]]))
        yield seq("odd_with_new_and_empty", G(3, {8: 0}) + G(3, {5: 1}, 5, pspans=[[0, 1], [0, 1], [2, 1], [0, 1], [5, 0]]))
        yield seq("odd_negative_with_new_positive",
                  [H({0: k + 1}, {0: 1, 1: 1}) for k in range(3)] +
                  [H({0: 9 + k, 1: 1}, {0: 1, 1: 1}, nspans=[[0, 1], [0, 1]]) for k in range(3)])
        # Gauges.
        g = lambda n, extra={}, first=1, **kw: G(n, extra, first, hint=GAUGE, **kw)
        yield seq("gauge", g(3, {}, 9) + g(3))
        yield seq("gauge_new", g(3) + g(3, {-2: 1, 2: 4, 9: 3}))
        yield seq("gauge_vanishes", g(3, {2: 5, 9: 1}) + g(3) + g(2, {9: 4}))
        yield seq("gauge_both", g(3, {2: 5}) + g(3, {9: 4}) + g(3, {-1: 1, 3: 1}))
        yield seq("gauge_negative_both", [H({0: 1}, {k % 3: 2, 5: 1}, hint=GAUGE) for k in range(6)])
        yield seq("gauge_odd", g(3) + g(3, {5: 1}, pspans=[[0, 1], [0, 1], [2, 1], [0, 1]]) + g(2, pspans=odd))
        yield seq("gauge_then_counter", g(3) + G(3, {}, 9) + g(3) + G(1, {}, 1, hint=RESET) + G(2, {}, 5))
        yield seq("counter_then_gauge", G(3) + g(3))
        yield seq("gauge_stale", g(3) + [stale(is_float, GAUGE)] * 2 + g(2) + [stale(is_float)] + g(2) + [STALE] + g(1))
        yield seq("gauge_schema_change", g(2) + g(2, schema=0) + g(2, schema=0, zt=0.5))
        # Custom bounds.
        c = lambda n, bounds, first=1, **kw: [H({i: k + first + i for i in range(3)}, schema=-53, custom=bounds, **kw) for k in range(n)]
        yield seq("custom", c(3, [0.1, 1, 2.5]) + c(2, [0.1, 1, 2.5], 5) + c(2, [0.1, 1, 3], 9) + c(2, [0.1, 1, 1e9, -0.0 + 2e9], 19))
        yield seq("custom_bounds", c(2, [-1.5, 0, 0.0001, 0.005, 33554.43, 33554.431, 1e300]))
        yield seq("custom_gauge", c(2, [0.1, 1, 2.5], hint=GAUGE) + c(2, [0.1, 1, 2.6], hint=GAUGE))
        yield seq("custom_then_exponential", c(2, [0.1, 1, 2.5]) + G(2, {}, 9) + c(2, [0.1, 1, 2.5]))
        # With floats.
        yield seq("and_numbers", G(2) + [1.5, 2.5] + G(2, {}, 5) + [3.5] + G(2))
        other = [Hist({i: c * (k + 9) for i, c in base.items()}, is_float=not is_float) for k in range(2)]
        yield seq("and_the_other_kind", G(2) + other + G(2, {}, 5) + [7.0] + other)
        # Cuts by size and time: many buckets, then resets, layouts, ends of the range.
        wide = lambda k, n, **kw: H({i + i // 9: (k + 1) * (i % 7 + 1) * n + (k * k * i) % n for i in range(n)}, zc=k, **kw)
        yield seq("large", [wide(k, 40) for k in range(40)])
        yield seq("large_reset_after_estimate", [wide(k, 40) for k in range(12)] + [wide(k, 20) for k in range(70)])
        yield seq("large_schema_after_estimate", [wide(k, 40) for k in range(12)] + [wide(k + 99, 20, schema=1) for k in range(70)])
        yield seq("large_gauge", [wide(k % 9, 40, hint=GAUGE) for k in range(40)])
        yield seq("large_reset_at_the_cut", [wide(k, 200) for k in range(10)] + [wide(0, 200)] + G(3))
        yield seq("large_schema_at_the_cut", [wide(k, 200) for k in range(10)] + G(3, {}, 999, schema=1))
        yield seq("large_gauge_at_the_cut", [wide(k, 200, hint=GAUGE) for k in range(10)] + G(3))
        yield seq("large_stale_at_the_cut", [wide(k, 200) for k in range(9)] + [stale(is_float)] + G(3))
        yield seq("range_end", [(24 * k, h) for k, h in enumerate(G(24))])
        yield seq("range_end_reset", [(100 * k, h) for k, h in enumerate(G(5) + G(2))])
        yield seq("range_end_schema", [(100 * k, h) for k, h in enumerate(G(5) + G(2, {}, 9, schema=1))])
        yield seq("range_end_stale", [(100 * k, h) for k, h in enumerate(G(4) + [stale(is_float)] + G(2))])
        yield seq("range_end_gauge", [(100 * k, h) for k, h in enumerate(g(5) + G(2))])


def late_sequences():
    """Yields (name, [sample], {index: when it comes}); the samples that are not in the dictionary come in order, before."""
    base = {0: 3, 1: 2, 4: 1}
    for name, is_float in (("int", False), ("float", True)):
        def H(pos=(), neg=(), **kw):
            return Hist(pos, neg, is_float=is_float, **kw)

        def G(n, extra={}, first=1, **kw):
            return [H({**{i: c * (k + first) for i, c in base.items()}, **extra}, zc=k, **kw) for k in range(n)]

        def seq(title, samples, late):
            return "%s_late_%s" % (name, title), samples, {i: when for when, i in enumerate(late)}

        gap = range(8, 12)
        yield seq("fills_a_gap", G(20), gap)
        yield seq("comes_backwards", G(20), reversed(gap))
        yield seq("before_all", G(20), [0, 1, 2])
        yield seq("every_other", G(90), range(1, 89, 2))
        yield seq("long", G(200), range(20, 190, 3))
        yield seq("new_buckets", G(8) + G(4, {9: 1}, 9) + G(8, {-2: 1}, 13), gap)
        yield seq("empty_buckets", G(8) + G(4, {9: 0, 2: 0}, 9) + G(8, {}, 13), gap)
        yield seq("empty_and_new", G(8, {2: 0}) + G(2, {9: 1}, 9) + G(2, {7: 0}, 11) + G(8, {}, 13), gap)
        yield seq("odd_words", G(8) + G(4, {5: 1}, 9, pspans=[[0, 1], [0, 1], [2, 1], [0, 1]]) + G(8, {5: 1}, 13), gap)
        yield seq("reset", G(8) + G(4) + G(8, {}, 13), gap)
        yield seq("reset_inside", G(8) + G(2, {}, 9) + G(2) + G(8, {}, 13), gap)
        yield seq("hint_reset", G(8) + G(2, {}, 9) + G(2, {}, 11, hint=RESET) + G(8, {}, 13), gap)
        yield seq("schema", G(8) + G(4, {}, 9, schema=1) + G(8, {}, 13), gap)
        yield seq("gauges", G(8, hint=GAUGE) + G(4, {9: 1}, hint=GAUGE) + G(8, {2: 1}, hint=GAUGE), gap)
        yield seq("gauges_among_counters", G(8) + G(4, hint=GAUGE) + G(8, {}, 13), gap)
        yield seq("stale", G(8) + G(2, {}, 9) + [stale(is_float)] + G(1, {}, 11) + G(8, {}, 13), gap)
        yield seq("numbers", G(8) + [1.5, 2.5, 3.5, 4.5] + G(8, {}, 13), gap)
        yield seq("among_numbers", [float(k) for k in range(8)] + G(4) + [float(k) for k in range(8)], gap)
        other = [Hist({i: c * (k + 9) for i, c in base.items()}, is_float=not is_float) for k in range(2)]
        yield seq("both_kinds", G(8) + other + G(2, {}, 11) + G(8, {}, 13), gap)


# --- Remote write ---------------------------------------------------------------------------------------------------------------

def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def zigzag(n):
    return varint(n << 1 ^ n >> 63)


def number(field, n):
    return varint(field << 3) + varint(n)


def signed(field, n):
    return varint(field << 3) + zigzag(n)


def double(field, v):
    return varint(field << 3 | 1) + struct.pack("<d", v)


def message(field, body):
    return varint(field << 3 | 2) + varint(len(body)) + body


def encode_histogram(t, h):
    out = double(3, h.sum) + signed(4, h.schema) + double(5, h.zt)
    out += double(2, h.count) + double(7, h.zc) if h.is_float else number(1, h.count) + number(6, h.zc)
    for spans, counts, span_field in ((h.nspans, h.neg, 8), (h.pspans, h.pos, 11)):
        for offset, length in spans:
            out += message(span_field, signed(1, offset) + number(2, length))
        buckets = h.buckets(spans, counts)
        if h.is_float:
            out += message(span_field + 2, b"".join(struct.pack("<d", b) for b in buckets))
        else:
            out += message(span_field + 1, b"".join(zigzag(b) for b in buckets))
    out += number(14, h.hint) + number(15, t)
    return out + message(16, b"".join(struct.pack("<d", b) for b in h.custom)) if h.custom else out


def encode_series(name, t, sample):
    out = message(1, message(1, b"__name__") + message(2, name.encode()))
    if isinstance(sample, Hist):
        return message(1, out + message(4, encode_histogram(t, sample)))
    return message(1, out + message(2, double(1, sample) + number(2, t)))


def snappy(data):
    """Literals only."""
    out = varint(len(data))
    for i in range(0, len(data), 65536):
        part = data[i:i + 65536]
        out += b"\xf4" + struct.pack("<H", len(part) - 1) + part
    return out


# --- Blocks -----------------------------------------------------------------------------------------------------------------------

class Reader:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def u(self):
        shift = n = 0
        while True:
            b = self.data[self.at]
            self.at += 1
            n |= (b & 127) << shift
            shift += 7
            if b < 128:
                return n

    def s(self):
        n = self.u()
        return n >> 1 ^ -(n & 1)

    def be32(self):
        self.at += 4
        return struct.unpack(">I", self.data[self.at - 4:self.at])[0]

    def text(self):
        n = self.u()
        self.at += n
        return self.data[self.at - n:self.at].decode()


def read_block(path):
    """{series name: [(mint, maxt, encoding, bytes)]}"""
    with open(os.path.join(path, "index"), "rb") as f:
        index = f.read()
    segments = []
    for name in sorted(os.listdir(os.path.join(path, "chunks"))):
        with open(os.path.join(path, "chunks", name), "rb") as f:
            segments.append(f.read())
    symbols_at, series_at, series_end = struct.unpack(">QQQ", index[-52:-28])
    r = Reader(index, symbols_at + 4)
    symbols = [r.text() for _ in range(r.be32())]
    out = {}
    at = series_at
    while at < series_end - 15:
        at = (at + 15) // 16 * 16
        r = Reader(index, at)
        length = r.u()
        if length == 0:
            break
        at = r.at + length + 4
        labels = {symbols[r.u()]: symbols[r.u()] for _ in range(r.u())}
        chunks, maxt, ref = [], 0, 0
        for k in range(r.u()):
            mint = r.s() if k == 0 else maxt + r.u()
            maxt = mint + r.u()
            ref = r.u() if k == 0 else ref + r.s()
            c = Reader(segments[ref >> 32], ref & 0xFFFFFFFF)
            n = c.u()
            chunks.append((mint, maxt, c.data[c.at], c.data[c.at + 1:c.at + 1 + n]))
        out[labels["__name__"]] = chunks
    return out


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


# --- Running and printing -----------------------------------------------------------------------------------------------------------

def start(binary, folder, late):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    config = os.path.join(folder, "prometheus.yml")
    with open(config, "w") as f:
        f.write("storage: {tsdb: {out_of_order_time_window: 24h}}\n" if late else "global: {}\n")
    log = open(os.path.join(folder, "log"), "w")
    server = subprocess.Popen([binary, "--config.file=" + config, "--storage.tsdb.path=" + os.path.join(folder, "data"),
                               "--web.listen-address=127.0.0.1:%d" % port, "--web.enable-remote-write-receiver",
                               "--web.enable-admin-api", "--storage.tsdb.retention.time=100y", "--enable-feature=native-histograms"],
                              stdout=log, stderr=log)
    url = "http://127.0.0.1:%d" % port
    for _ in range(300):
        try:
            urllib.request.urlopen(url + "/-/ready", timeout=5).close()
            return server, url
        except OSError:
            time.sleep(0.1)
    server.kill()
    sys.exit("the server does not become ready: " + open(log.name).read())


def post(url, body, headers):
    request = urllib.request.Request(url, body, headers, method="POST")
    with urllib.request.urlopen(request, timeout=60) as reply:
        return reply.read()


def show(v):
    return "stale" if struct.pack("<d", v) == struct.pack("<d", STALE) else repr(v)


def line_of(t, sample):
    if not isinstance(sample, Hist):
        return "v %d %s" % (t, show(sample))
    spans = lambda spans: ",".join("%d:%d" % tuple(s) for s in spans) or "-"
    values = lambda values: ",".join(map(repr, values)) or "-"
    h = sample
    return " ".join(map(str, ("f" if h.is_float else "i", t, h.hint, h.schema, repr(h.zt), h.zc, h.count, show(h.sum), spans(h.pspans),
                              values(h.buckets(h.pspans, h.pos)), spans(h.nspans), values(h.buckets(h.nspans, h.neg)),
                              values(h.custom))))


HEADERS = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf", "X-Prometheus-Remote-Write-Version": "0.1.0"}


def write(url, parts):
    try:
        post(url + "/api/v1/write", snappy(b"".join(parts)), HEADERS)
    except urllib.error.HTTPError as e:
        sys.exit("remote write: " + e.read().decode())


def blocks_in(folder):
    """[(name, meta.json)]"""
    out = []
    for name in sorted(os.listdir(folder)):
        try:
            with open(os.path.join(folder, name, "meta.json")) as f:
                out.append((name, json.load(f)))
        except OSError:
            pass
    return out


def head_chunks(url, data, timed):
    """Sends everything in order; -> [{series: chunks}] of the snapshot's blocks."""
    by_time = {}
    for name, samples in timed.items():
        for t, s in samples:
            by_time.setdefault(t, []).append(encode_series(name, t, s))
    for t in sorted(by_time):
        write(url, by_time[t])
    answer = json.loads(post(url + "/api/v1/admin/tsdb/snapshot", b"", {}))
    root = os.path.join(data, "snapshots", answer["data"]["name"])
    return [read_block(os.path.join(root, name)) for name, _ in blocks_in(root)]


def late_chunks(url, data, timed, late):
    """Sends what is not late, then what is, then lets the server cut blocks and merge them; -> as head_chunks."""
    requests = {}
    for name, samples in timed.items():
        for i, (t, s) in enumerate(samples):
            when = (1, late[name][i]) if i in late[name] else (0, t)
            requests.setdefault(when, []).append(encode_series(name, t, s))
    for when in sorted(requests):
        write(url, requests[when])
    write(url, [encode_series("clock", START + 2 * RANGE, 1.0)])
    for _ in range(600):
        time.sleep(0.2)
        blocks = blocks_in(data)
        if len(blocks) == 1 and len(blocks[0][1]["compaction"].get("parents", [])) == 2:
            return [read_block(os.path.join(data, blocks[0][0]))]
    sys.exit("the blocks were not merged: %r" % blocks)


def main():
    binary, late_ones = sys.argv[1], sys.argv[2:] == ["late"]
    version = subprocess.run([binary, "--version"], capture_output=True, text=True).stdout.split("\n")[0]
    made = list(late_sequences()) if late_ones else [(name, samples, {}) for name, samples in sequences()]
    late = {name: late for name, _, late in made}
    timed = {name: [(START + STEP * (s[0] if isinstance(s, tuple) else k), s[1] if isinstance(s, tuple) else s)
                    for k, s in enumerate(samples)] for name, samples, _ in made}
    with tempfile.TemporaryDirectory() as folder:
        server, url = start(binary, folder, late_ones)
        data = os.path.join(folder, "data")
        try:
            blocks = late_chunks(url, data, timed, late) if late_ones else head_chunks(url, data, timed)
        finally:
            server.terminate()
            server.wait(30)
    print("# Made by make_histogram_chunks.py with " + version.split(" (")[0])
    for name, samples in timed.items():
        print("\nseries " + name)
        for i, (t, s) in enumerate(samples):
            print(("late %d " % late[name][i] if i in late[name] else "") + line_of(t, s))
        for chunk in (c for b in blocks for c in b.get(name, [])):
            if len(chunk[3]) <= MOST_BYTES:
                print("chunk %d %d %d %s" % (*chunk[:3], chunk[3].hex()))
            else:
                print("crc %d %d %d %d %08x" % (*chunk[:3], len(chunk[3]), crc32c(chunk[3])))


main()
