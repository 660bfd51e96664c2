#!/usr/bin/env python3
"""What remote write costs the receiver: the same requests to Narthex and Prometheus, in CPU time per sample.

usage: receive_cost.py --loadgen PATH --server NAME=BINARY [--server NAME=BINARY ...] [--version 1|2]
                       [--series 5000] [--per-target 250] [--batch-series 250] [--batch-steps 40]
                       [--steps 1440] [--step 5] [--rate 500000] [--connections 2] [--rounds 1] [--json FILE]

The requests are those of `loadgen write` of the benchmark kit, recorded before anything is measured:
--batch-series series of --batch-steps samples each, 250 of 40 as it comes; 2000 of 1 (with --per-target
2000) is what a Prometheus sends that scrapes. For version 2 they are written anew, with a table of
symbols. A process of its own sends them to each server, in the order of their times, at --rate samples
a second (0 = as fast as they are taken). The first steps, which make the series, are counted apart. In
the end each server must have every sample. The first server is what the others are compared with.
Everything listens on 127.0.0.1 alone; only what was started here is ended. Python 3.9 or later,
standard library only; the library snappy for version 2.
"""
import argparse
import ctypes
import ctypes.util
import http.client
import http.server
import json
import multiprocessing
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

from processes import cpu_seconds, get, rss_bytes, serving

MESSAGES = {1: "prometheus.WriteRequest", 2: "io.prometheus.write.v2.Request"}


class Recorder(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bodies = None  # Filled.

    def do_POST(self):
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def record(args, start):
    """@return the bodies that loadgen sends, in order"""
    Recorder.bodies = []
    server = http.server.HTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    subprocess.run([args.loadgen, "write", "--url", f"http://127.0.0.1:{server.server_port}/api/v1/write",
                    "--series", str(args.series), "--per-target", str(args.per_target), "--start", str(start),
                    "--duration", f"{args.steps * args.step}s", "--step", f"{args.step}s", "--connections", "1",
                    "--batch-series", str(args.batch_series), "--batch-steps", str(args.batch_steps)],
                   check=True, stdout=subprocess.DEVNULL)
    server.shutdown()
    server.server_close()
    return Recorder.bodies


class Snappy:
    """Blocks, by the library."""

    def __init__(self):
        name = ctypes.util.find_library("snappy")
        if name is None:
            sys.exit("no library snappy")
        self.library = ctypes.CDLL(name)

    def _call(self, function, block, room):
        out, size = ctypes.create_string_buffer(room), ctypes.c_size_t(room)
        if function(block, ctypes.c_size_t(len(block)), out, ctypes.byref(size)) != 0:
            raise ValueError("a block that is not snappy's")
        return out.raw[:size.value]

    def decode(self, block):
        size = ctypes.c_size_t()
        self.library.snappy_uncompressed_length(block, ctypes.c_size_t(len(block)), ctypes.byref(size))
        return self._call(self.library.snappy_uncompress, block, size.value)

    def encode(self, text):
        return self._call(self.library.snappy_compress, text, 64 + len(text) + len(text) // 6)


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def fields(text):
    """(tag, value) of a message whose fields are all of bytes."""
    at = 0

    def number():
        nonlocal at
        n = shift = 0
        while True:
            byte = text[at]
            at += 1
            n |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return n
    while at < len(text):
        tag, size = number(), number()
        yield tag, text[at:at + size]
        at += size


def field(number, value):
    return varint(number << 3 | 2) + varint(len(value)) + value


def version_2(body, snappy, known):
    """The same request in version 2. Samples are written alike in both. @param known  labels seen before"""
    symbols, out = {b"": 0}, []
    for _, series in fields(snappy.decode(body)):
        refs, rest = [], []
        for tag, value in fields(series):
            if tag >> 3 == 1:
                pair = known.get(value)
                if pair is None:
                    pair = known[value] = tuple(v for _, v in fields(value))
                refs += [symbols.setdefault(text, len(symbols)) for text in pair]
            else:
                rest.append(field(tag >> 3, value))
        metadata = field(5, b"\x08\x02")  # A gauge.
        out.append(field(5, field(1, b"".join(map(varint, refs))) + b"".join(rest) + metadata))
    return snappy.encode(b"".join(field(4, s) for s in symbols) + b"".join(out))


class Sender:
    """Sends one server's requests on some connections. Requests of one round are of different series,
    so only rounds have to keep their order."""

    def __init__(self, port, args):
        self.connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=120)
                            for _ in range(args.connections)]
        content_type = "application/x-protobuf"
        if args.version == 2:
            content_type += f";proto={MESSAGES[2]}"
        self.headers = {"Content-Type": content_type, "Content-Encoding": "snappy",
                        "X-Prometheus-Remote-Write-Version": "2.0.0" if args.version == 2 else "0.1.0"}
        self.failed = None

    def post(self, connection, bodies):
        try:
            for body in bodies:
                connection.request("POST", "/api/v1/write", body, self.headers)
                answer = connection.getresponse()
                text = answer.read()
                if answer.status not in (200, 204):
                    raise RuntimeError(f"{answer.status}: {text[:500]!r}")
        except (OSError, RuntimeError, http.client.HTTPException) as e:
            self.failed = e

    def round(self, bodies):
        n = len(self.connections)
        threads = [threading.Thread(target=self.post, args=(c, bodies[i::n]))
                   for i, c in enumerate(self.connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.failed is not None:
            raise self.failed


def send(port, bodies, of_round, samples_of_round, args, result):
    """Runs in a process of its own. @param result  of a pipe: told when the first round is done, and the end"""
    try:
        sender = Sender(port, args)
        sender.round(bodies[:of_round])
        result.send("warm")
        result.recv()
        begin = time.monotonic()
        for i, at in enumerate(range(of_round, len(bodies), of_round)):
            if args.rate:
                time.sleep(max(0, begin + i * samples_of_round / args.rate - time.monotonic()))
            sender.round(bodies[at:at + of_round])
        result.send("done")
    except Exception as e:  # pylint: disable=broad-except  # Whatever it is, the parent tells it.
        result.send(f"sending failed: {e!r}")


def count(port, start, args):
    """Samples that the server has."""
    def ask(path, **parameters):
        return json.loads(get(port, f"/api/v1/{path}?" + urllib.parse.urlencode(parameters)))["data"]

    end = start + args.steps * args.step
    window = f"{end - start + 1}s"
    # A name at a time: series of two names would be the same ones without them.
    return sum(int(row["value"][1]) for name in ask("label/__name__/values")
               for row in ask("query", query=f"sum(count_over_time({name}[{window}]))", time=end)["result"])


def measure(binary, bodies, start, args):
    of_round = args.series // args.per_target * -(-args.per_target // args.batch_series)
    samples_of_round = args.series * args.batch_steps
    samples = args.series * args.steps
    folder = pathlib.Path(tempfile.mkdtemp(prefix="narthex-receive."))
    try:
        with serving(binary, folder, "--web.enable-remote-write-receiver") as (process, port):
            here, there = multiprocessing.Pipe()
            sender = multiprocessing.Process(target=send, daemon=True,
                                             args=(port, bodies, of_round, samples_of_round, args, there))
            marks = [(cpu_seconds(process.pid), time.monotonic())]
            sender.start()
            for expected in ("warm", "done"):
                told = here.recv()
                if told != expected:
                    raise RuntimeError(told)
                marks.append((cpu_seconds(process.pid), time.monotonic()))
                here.send("on")
            sender.join()
            rss = rss_bytes(process.pid)
            got = count(port, start, args)
            if got != samples:
                raise RuntimeError(f"{binary} has {got} of {samples} samples")
        known = samples - samples_of_round
        return {"new_ns": (marks[1][0] - marks[0][0]) / samples_of_round * 1e9,
                "known_ns": (marks[2][0] - marks[1][0]) / known * 1e9,
                "samples_per_second": known / (marks[2][1] - marks[1][1]), "rss_bytes": rss}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def bench(args):
    servers = [s.split("=", 1) for s in args.server]
    start = int(time.time()) // 3600 * 3600 - args.steps * args.step
    bodies = record(args, start)
    if args.version == 2:
        snappy, known = Snappy(), {}
        bodies = [version_2(body, snappy, known) for body in bodies]
    size = sum(map(len, bodies))
    print(f"version {args.version}: {args.series * args.steps} samples in {len(bodies)} requests, "
          f"{size / (args.series * args.steps):.1f} B a sample", flush=True)
    rounds = []
    for _ in range(args.rounds):
        rounds.append({name: measure(binary, bodies, start, args) for name, binary in servers})
        for name, one in rounds[-1].items():
            print(f"{name:12} {one['known_ns']:7.0f} ns a sample of a known series, {one['new_ns']:7.0f} ns over the "
                  f"first requests, {one['samples_per_second']:.0f} samples/s, "
                  f"RSS {one['rss_bytes'] / 2**20:.0f} MiB", flush=True)
    base = servers[0][0]
    for name, _ in servers:
        ratios = [r[name]["known_ns"] / r[base]["known_ns"] for r in rounds]
        print(f"{name}: {statistics.median(ratios):.3f} × {base}")
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(rounds, indent=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loadgen", required=True, help="the benchmark kit's load generator")
    parser.add_argument("--server", action="append", required=True, metavar="NAME=BINARY")
    parser.add_argument("--version", type=int, choices=(1, 2), default=1, help="of remote write")
    parser.add_argument("--series", type=int, default=5_000)
    parser.add_argument("--per-target", type=int, default=250)
    parser.add_argument("--batch-series", type=int, default=250, help="of a request")
    parser.add_argument("--batch-steps", type=int, default=40, help="samples of each of them")
    parser.add_argument("--steps", type=int, default=1_440, help="samples of each series")
    parser.add_argument("--step", type=int, default=5, help="seconds")
    parser.add_argument("--rate", type=int, default=500_000, help="samples per second; 0 = as they are taken")
    parser.add_argument("--connections", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", metavar="FILE", help="keep everything that was measured")
    bench(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
