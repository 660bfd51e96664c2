#!/usr/bin/env python3
"""How flat the load of scraping is, and whether a server keeps up with very many targets.

usage: flat_load.py --loadgen PATH --server NAME=BINARY [--server NAME=BINARY ...]
                    [--targets 10000] [--series 100] [--interval 15] [--bin 0.1]
                    [--intervals 8] [--warm 2] [--json FILE]

The benchmark kit's loadgen plays the targets; the servers run one after another. A server's CPU
clock is read at the end of every bin (100 ms) of several intervals. Two figures come of that:
  single  the busiest bin of an interval over the mean bin of the same interval,
  folded  the intervals laid over one another, the busiest of the mean bins over the mean: what
          comes again at every interval, without what comes once.
Ticks missed are asked of the server itself: how many targets have another number of samples of
`up` in the window than there were intervals. The exit code is 1 when the first server missed one.
Everything listens on loopback alone; only what was started here is ended. Python 3.9 or later,
standard library only.
"""
import argparse
import json
import pathlib
import shutil
import statistics
import sys
import tempfile
import time
import urllib.parse

from processes import free_port, get, rss_bytes, running, wait_for


def cpu_clock(pid):
    """Nanoseconds that all threads of a process have run, those that have ended too: its CPU clock,
    as clock_getcpuclockid(3) names it."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def query(port, expr, at):
    path = "/api/v1/query?" + urllib.parse.urlencode({"query": expr, "time": f"{at:.3f}"})
    return json.loads(get(port, path))["data"]["result"]


def value(port, expr, at):
    """A single number; 0 when there is none."""
    result = query(port, expr, at)
    return float(result[0]["value"][1]) if result else 0.0


def sample(pid, seconds, width):
    """Nanoseconds of CPU in each bin of `seconds`."""
    count = round(seconds / width)
    begin, before, bins = time.monotonic(), cpu_clock(pid), []
    for i in range(1, count + 1):
        time.sleep(max(0.0, begin + i * width - time.monotonic()))
        now = cpu_clock(pid)
        bins.append(now - before)
        before = now
    return bins


def flatness(bins, per_interval):
    """The two figures of the bins, and which parts of an interval were the busiest."""
    intervals = [bins[i:i + per_interval] for i in range(0, len(bins), per_interval)]
    singles = [max(one) / statistics.mean(one) for one in intervals]
    fold = [statistics.mean(column) for column in zip(*intervals)]
    mean = statistics.mean(bins)
    return {"single": statistics.median(singles), "single_most": max(singles),
            "p99": sorted(bins)[int(len(bins) * 0.99)] / mean, "folded": max(fold) / mean,
            "busiest_bins": sorted(range(per_interval), key=lambda i: -fold[i])[:5]}


def missed_ticks(port, targets, intervals, interval):
    """What the server has of the last intervals. A look back ends just before a moment for which
    samples may still be missing."""
    at, span = time.time() - 2, f"{intervals * interval}s"
    return {
        "targets_complete": value(
            port, f"count(count_over_time(up[{span}]) == {intervals})", at),
        "targets_down": value(port, "count(up == 0)", at),
        "samples_missing": targets * intervals - value(
            port, f"sum(count_over_time(up[{span}]))", at),
        "longest_scrape_s": value(port, f"max(max_over_time(scrape_duration_seconds[{span}]))", at)}


def measure(binary, config, folder, args):
    port = free_port()
    command = [binary, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
               f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    with running(command, folder / "server.log") as process:
        wait_for("the server", lambda: get(port, "/-/ready"))
        wait_for("all targets", lambda: value(port, "count(up==1)", time.time()) == args.targets)
        time.sleep(args.warm * args.interval)
        begin, before = time.monotonic(), cpu_clock(process.pid)
        bins = sample(process.pid, args.intervals * args.interval, args.bin)
        took = time.monotonic() - begin
        cpu = (cpu_clock(process.pid) - before) / 1e9 / took
        time.sleep(2)  # Answers are on their way still.
        result = {"cores": cpu, "rss_bytes": rss_bytes(process.pid),
                  "us_per_scrape": cpu * args.interval / args.targets * 1e6,
                  **flatness(bins, round(args.interval / args.bin)),
                  **missed_ticks(port, args.targets, args.intervals, args.interval), "bins": bins}
    shutil.rmtree(folder / "data", ignore_errors=True)
    return result


def report(results, args):
    print(f"\n{args.targets} targets of {args.series} series every {args.interval} s, bins of "
          f"{args.bin * 1000:.0f} ms, {args.intervals} intervals\n\n"
          "| Server | busiest/mean, single (most) | p99/mean | folded | cores | µs per scrape | "
          "complete targets | samples missing | longest scrape | RSS |\n"
          "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, r in results.items():
        print(f"| {name} | {r['single']:.2f} ({r['single_most']:.2f}) | {r['p99']:.2f} | "
              f"{r['folded']:.2f} | {r['cores']:.3f} | {r['us_per_scrape']:.0f} | "
              f"{r['targets_complete']:.0f} | {r['samples_missing']:.0f} | "
              f"{r['longest_scrape_s'] * 1000:.0f} ms | {r['rss_bytes'] / 2**20:.0f} MiB |")


def bench(args):
    servers = [tuple(s.split("=", 1)) for s in args.server]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="narthex-flat."))
    try:
        config = folder / "prometheus.yml"
        loadgen = [args.loadgen, "serve", "--targets", str(args.targets), "--series",
                   str(args.series), "--port", str(free_port()), "--interval", f"{args.interval}s",
                   "--write-sd", str(folder / "sd.json"), "--write-config", str(config)]
        results = {}
        with running(loadgen, folder / "loadgen.log"):
            wait_for("loadgen", lambda: config.exists() and config.read_text().strip())
            for name, binary in servers:
                results[name] = measure(binary, config, folder, args)
                print(name, {k: v for k, v in results[name].items() if k != "bins"}, flush=True)
        report(results, args)
        if args.json:
            pathlib.Path(args.json).write_text(json.dumps(results))
        return int(results[servers[0][0]]["targets_complete"] != args.targets)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--loadgen", required=True, help="the benchmark kit's load generator")
    parser.add_argument("--server", action="append", required=True, metavar="NAME=BINARY")
    parser.add_argument("--targets", type=int, default=10_000)
    parser.add_argument("--series", type=int, default=100, help="of each target")
    parser.add_argument("--interval", type=int, default=15, help="seconds")
    parser.add_argument("--bin", type=float, default=0.1, help="seconds")
    parser.add_argument("--intervals", type=int, default=8, help="in the window")
    parser.add_argument("--warm", type=int, default=2, help="intervals before the window")
    parser.add_argument("--json", metavar="FILE", help="keep everything that was measured")
    return bench(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
