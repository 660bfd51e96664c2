#!/usr/bin/env python3
"""What answers of a gigabyte cost: memory at most beside what the server had, and CPU time.

usage: large_answer.py --server NAME=BINARY [--server NAME=BINARY ...] [--series 6000]
                       [--points 8000] [--folder FOLDER] [--json FILE]

The first server gets the series by remote write (points of 15 s, the last one now) and is
stopped once its head is in blocks; then each server answers each query once, on the same folder and
started for it. Memory is sampled every 10 ms: anonymous memory, and all that is resident, which has the
mapped pages of blocks as well. Everything listens on 127.0.0.1 alone; only what was started here is
ended. Python 3.9 or later, standard library only.
"""
import argparse
import http.client
import json
import pathlib
import random
import shutil
import struct
import tempfile
import threading
import time
import urllib.parse

from processes import cpu_seconds, serving

STEP_S = 15
SHAPES = 60  # Series with different samples; the others repeat them.
SERIES_PER_REQUEST = 500
POINTS_PER_REQUEST = 200


def varint(n):
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def label(name, value):
    return field(1, field(1, name.encode()) + field(2, value.encode()))


def uncompressed_snappy(body):
    """A block that has nothing but literals."""
    out = [varint(len(body))]
    for at in range(0, len(body), 1 << 16):
        piece = body[at:at + (1 << 16)]
        out.append(b"\xf4" + struct.pack("<H", len(piece) - 1) + piece)
    return b"".join(out)


def shape(number, points):
    """Counters, gauges with one to three decimals, and averages, a third of each."""
    draw = random.Random(number)
    values, v = [], draw.uniform(0, 1e5)
    for _ in range(points):
        if number % 3 == 0:
            v = float(int(v) + draw.randrange(200))
            values.append(v)
        elif number % 3 == 1:
            values.append(round(draw.uniform(0, 5000), 1 + number % 9 // 3))
        else:
            values.append(draw.randrange(100_000) / 285)
    return values


def series_labels(i):
    return b"".join([label("__name__", "large"), label("instance", f"host-{i // 20:04}:9100"),
                     label("job", "node"), label("mode", f"m{i % 20:02}")])


def requests_of(arguments, start_ms):
    shapes = [shape(n, arguments.points) for n in range(SHAPES)]
    labels = [series_labels(i) for i in range(arguments.series)]
    for first in range(0, arguments.points, POINTS_PER_REQUEST):
        blocks = []
        for values in shapes:
            samples = []
            for k in range(first, min(first + POINTS_PER_REQUEST, arguments.points)):
                sample = b"\x09" + struct.pack("<d", values[k]) + b"\x10" + varint(
                    start_ms + k * STEP_S * 1000)
                samples.append(field(2, sample))
            blocks.append(b"".join(samples))
        for at in range(0, arguments.series, SERIES_PER_REQUEST):
            chosen = range(at, min(at + SERIES_PER_REQUEST, arguments.series))
            yield uncompressed_snappy(
                b"".join(field(1, labels[i] + blocks[i % SHAPES]) for i in chosen))


def resident(pid):
    """(anonymous, all) in bytes."""
    values = {}
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in ("RssAnon", "VmRSS"):
            values[name] = int(rest.split()[0]) * 1024
    return values["RssAnon"], values["VmRSS"]


def start(binary, folder):
    return serving(binary, folder, "--web.enable-remote-write-receiver", "--storage.tsdb.retention.time=60d",
                   "--query.max-samples=200000000")


def fetch(port, path):
    """(status, bytes of the body), which is thrown away."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("GET", path)
    answer = connection.getresponse()
    total = 0
    while piece := answer.read(1 << 20):
        total += len(piece)
    connection.close()
    return answer.status, total


def load(binary, folder, arguments, start_ms):
    with start(binary, folder) as (process, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        for body in requests_of(arguments, start_ms):
            connection.request("POST", "/api/v1/write", body,
                               {"Content-Encoding": "snappy",
                                "Content-Type": "application/x-protobuf",
                                "X-Prometheus-Remote-Write-Version": "0.1.0"})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status not in (200, 204):
                raise RuntimeError(f"{answer.status}: {text[:500]!r}")
        settle(process)


def settle(process):
    """Until the server does nothing for a while: its head is cut into blocks."""
    quiet = 0
    while quiet < 6:
        before = cpu_seconds(process.pid)
        time.sleep(0.5)
        quiet = quiet + 1 if cpu_seconds(process.pid) - before < 0.02 else 0


def ask(process, port, path):
    before_anon, before_all = resident(process.pid)
    most = [before_anon, before_all]
    done = threading.Event()

    def watch():
        while not done.wait(0.01):
            for i, value in enumerate(resident(process.pid)):
                most[i] = max(most[i], value)

    watcher = threading.Thread(target=watch)
    watcher.start()
    cpu, wall = cpu_seconds(process.pid), time.monotonic()
    status, size = fetch(port, path)
    cpu, wall = cpu_seconds(process.pid) - cpu, time.monotonic() - wall
    done.set()
    watcher.join()
    if status != 200:
        raise RuntimeError(f"{path}: {status}")
    mib = 1 << 20
    return {"answer_mb": size / 1e6, "anon_before_mib": before_anon / mib,
            "anon_more_mib": (most[0] - before_anon) / mib,
            "resident_more_mib": (most[1] - before_all) / mib, "cpu_s": cpu, "wall_s": wall}


def queries(arguments, start_ms):
    start, end = start_ms // 1000, start_ms // 1000 + (arguments.points - 1) * STEP_S

    def over_time(query):
        return "/api/v1/query_range?" + urllib.parse.urlencode(
            {"query": query, "start": start, "end": end, "step": STEP_S})

    return {
        "large, over all its time": over_time("large"),
        "rate(large[5m])": over_time("rate(large[5m])"),
        "large * 2": over_time("large * 2"),
        "large[..], instant": "/api/v1/query?" + urllib.parse.urlencode(
            {"query": f"large[{end - start + STEP_S}s]", "time": end}),
        "a hundredth, over all its time": over_time('large{instance=~"host-000.*"}'),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", action="append", required=True, metavar="NAME=BINARY")
    parser.add_argument("--series", type=int, default=6000)
    parser.add_argument("--points", type=int, default=8000)
    parser.add_argument("--folder", type=pathlib.Path, help="kept, and used again when it has data")
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    servers = [s.split("=", 1) for s in arguments.server]
    folder = arguments.folder or pathlib.Path(tempfile.mkdtemp(prefix="large-answer-"))
    folder.mkdir(parents=True, exist_ok=True)
    results = {}
    try:
        mark = folder / "start_ms"
        if mark.exists():
            start_ms = int(mark.read_text())
        else:
            start_ms = (int(time.time()) - arguments.points * STEP_S) * 1000
            load(servers[0][1], folder, arguments, start_ms)
            mark.write_text(str(start_ms))
        for title, path in queries(arguments, start_ms).items():
            for name, binary in servers:
                with start(binary, folder) as (process, port):
                    settle(process)
                    row = ask(process, port, path)
                results.setdefault(title, {})[name] = row
                print(f"{title:32} {name:10} " +
                      "  ".join(f"{k} {v:.1f}" for k, v in row.items()), flush=True)
    finally:
        if not arguments.folder:
            shutil.rmtree(folder)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
