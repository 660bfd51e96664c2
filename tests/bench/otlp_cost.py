#!/usr/bin/env python3
"""What OTLP costs: the same requests to Narthex and to Prometheus, in CPU time per sample.

usage: otlp_cost.py --server NAME=BINARY [--server NAME=BINARY ...] [--series 50000] [--requests 60]
                    [--resources 20] [--points 10] [--kind gauge|histogram|exponential] [--json FILE]

Each server gets the requests one after the other: all series once, then again and again at later
times. The first requests, which make the series, are counted apart. Bodies are protobuf and made
before anything is measured. The first server is what the others are compared with. Everything
listens on 127.0.0.1 alone; only what was started here is ended. Python 3.9 or later, standard
library only.
"""
import argparse
import http.client
import json
import pathlib
import shutil
import struct
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
import otlp_bodies  # noqa: E402
from processes import cpu_seconds, serving  # noqa: E402

WARM_REQUESTS = 3
PLACEHOLDER = 0x1122334455667788  # In the place of a time, which each request has another of.


def metrics(kind, resource, series, points):
    """Metrics with `points` data points each, and how many samples they come to."""
    made, samples = [], 0
    for m in range(series // points):
        rows = []
        for p in range(points):
            row = {"timeUnixNano": PLACEHOLDER,
                   "attributes": otlp_bodies.attributes(
                       http_request_method="GET", http_route=f"/api/v1/items/{p}",
                       server_address=f"host-{resource}.example.org", status_code=200 + p,
                       network_protocol_version="1.1")}
            if kind == "gauge":
                row["asDouble"] = m + p / 7
                samples += 1
            elif kind == "histogram":
                row.update(count=55, sum=12.5, bucketCounts=list(range(11)),
                           explicitBounds=[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0])
                samples += 13
            else:
                row.update(count=211, sum=12.5, scale=4, zeroCount=1,
                           positive={"offset": -10, "bucketCounts": list(range(1, 21))})
                samples += 1
            rows.append(row)
        data = {"dataPoints": rows}
        if kind != "gauge":
            data["aggregationTemporality"] = 2
        name = {"exponential": "exponentialHistogram"}.get(kind, kind)
        made.append({"name": f"bench.metric.{m}", "unit": "s", "description": "A metric.", name: data})
    return made, samples


def body_of(arguments):
    requests, samples = [], 0
    for r in range(arguments.resources):
        made, n = metrics(arguments.kind, r, arguments.series // arguments.resources,
                          arguments.points)
        samples += n
        requests.append(otlp_bodies.request(*made, resource=otlp_bodies.attributes(
            service_name="bench", service_namespace="shop", service_instance_id=f"instance-{r}",
            host_name=f"h{r}", k8s_pod_name=f"pod-{r}"), scope={"name": "bench", "version": "1"}))
    return otlp_bodies.encode(otlp_bodies.join(*requests)), samples


def measure(binary, template, samples, count):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="otlp-cost-"))
    try:
        with serving(binary, folder, "--web.enable-otlp-receiver") as (process, port):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
            start = time.time() - 1800
            marks = []
            for i in range(WARM_REQUESTS + count):
                if i in (0, WARM_REQUESTS):
                    marks.append((cpu_seconds(process.pid), time.monotonic()))
                ns = round((start + 15 * i) * 1000) * 1_000_000
                body = template.replace(struct.pack("<Q", PLACEHOLDER), struct.pack("<Q", ns))
                connection.request("POST", "/api/v1/otlp/v1/metrics", body,
                                   {"Content-Type": "application/x-protobuf"})
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != 200:
                    raise RuntimeError(f"{answer.status}: {text[:500]!r}")
            marks.append((cpu_seconds(process.pid), time.monotonic()))
        first = (marks[1][0] - marks[0][0]) / (WARM_REQUESTS * samples)
        known = (marks[2][0] - marks[1][0]) / (count * samples)
        return {"new_ns": first * 1e9, "known_ns": known * 1e9,
                "samples_per_second": count * samples / (marks[2][1] - marks[1][1])}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", action="append", required=True, metavar="NAME=BINARY")
    parser.add_argument("--series", type=int, default=50_000)
    parser.add_argument("--requests", type=int, default=60)
    parser.add_argument("--resources", type=int, default=20)
    parser.add_argument("--points", type=int, default=10)
    parser.add_argument("--kind", choices=("gauge", "histogram", "exponential"), default="gauge")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    template, samples = body_of(arguments)
    print(f"{arguments.kind}: {samples} samples a request, {len(template)} bytes")
    results = {}
    for server in arguments.server:
        name, binary = server.split("=", 1)
        results[name] = measure(binary, template, samples, arguments.requests)
        base = results[arguments.server[0].split("=", 1)[0]]
        one = results[name]
        print(f"{name:12} {one['known_ns']:8.0f} ns a sample of a known series"
              f" ({one['known_ns'] / base['known_ns']:.3f}), {one['new_ns']:8.0f} ns over the first"
              f" requests, {one['samples_per_second']:.0f} samples/s")
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
