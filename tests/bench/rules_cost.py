#!/usr/bin/env python3
"""What rules cost: the same rule files and targets on Narthex and on Prometheus.

usage: rules_cost.py --loadgen PATH --server NAME=BINARY [--server NAME=BINARY ...]
                     [--rules 10000] [--targets 100] [--series 1000] [--interval 15]
                     [--window 120] [--rounds 3] [--json FILE]
       rules_cost.py --write-rules DIR [--rules ...] [--targets ...]

The servers run at the same time, twice per round, on the targets of the benchmark kit's loadgen:
without rules, then with them; so what else the machine does is the same for all. The difference of
CPU time in the windows is what the rules cost. The first server is
what the others are compared with. A round is good when no iteration was missed and no rule failed;
otherwise the exit code is 1. Everything listens on 127.0.0.1 alone; only what was started here is
ended. Python 3.9 or later, standard library only.
"""
import argparse
import contextlib
import json
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

from processes import cpu_seconds, free_port, get, rss_bytes, running, wait_for

RULES_PER_GROUP = 20
GROUPS_PER_FILE = 50

# One of each for every target, in turn: what teams write. TARGET stands for its instance label.
TEMPLATES = [
    ("record", "sum by (job, code) (rate(http_requests_total{instance=TARGET}[5m]))"),
    ("alert", "rate(http_requests_total{instance=TARGET,code=\"500\"}[5m]) > 1e9"),
    ("record", "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket"
               "{instance=TARGET}[5m])))"),
    ("alert", "node_filesystem_avail_bytes{instance=TARGET} / "
              "node_filesystem_size_bytes{instance=TARGET} < 0.001"),
    ("record", "sum by (instance, mode) (rate(node_cpu_seconds_total{instance=TARGET}[5m]))"),
    ("alert", "up{instance=TARGET} == 0"),
    ("record", "max_over_time(kafka_consumer_lag{instance=TARGET}[10m])"),
    ("alert", "avg by (instance) (worker_utilization_ratio{instance=TARGET}) > 2"),
    ("record", "sum(rate(db_query_duration_seconds_sum{instance=TARGET}[5m])) / "
               "sum(rate(db_query_duration_seconds_count{instance=TARGET}[5m]))"),
    ("alert", "node_memory_MemAvailable_bytes{instance=TARGET} / "
              "node_memory_MemTotal_bytes{instance=TARGET} > 0"),  # Fires.
]


def rule(number, instance, interval):
    kind, text = TEMPLATES[number % len(TEMPLATES)]
    expr = text.replace("TARGET", json.dumps(instance))
    lines = [f"  - {kind}: {'bench:rule' if kind == 'record' else 'BenchRule'}{number}",
             f"    expr: {json.dumps(expr)}"]
    if kind == "alert":
        lines += [f"    for: {2 * interval}s", "    labels: {severity: page}",
                  "    annotations: {summary: \"{{ $labels.instance }} is at "
                  "{{ $value | humanize }}\"}"]
    return lines


def write_rules(folder, instances, count, interval):
    """Files of GROUPS_PER_FILE groups, the groups spread over the interval by their names."""
    folder.mkdir(parents=True, exist_ok=True)
    number, file_number = 0, 0
    while number < count:
        lines = ["groups:"]
        for group in range(GROUPS_PER_FILE):
            if number >= count:
                break
            lines += [f"- name: group-{file_number}-{group}", f"  interval: {interval}s",
                      "  rules:"]
            for _ in range(min(RULES_PER_GROUP, count - number)):
                instance = instances[number // len(TEMPLATES) % len(instances)]
                lines += rule(number, instance, interval)
                number += 1
        (folder / f"bench{file_number:03}.yml").write_text("\n".join(lines) + "\n")
        file_number += 1


def instance_of(target, port):
    """As loadgen numbers its targets."""
    return f"127.1.{target // 250}.{1 + target % 250}:{port}"


def counters(port):
    """Sums over all groups of what the server says of its rules."""
    names = ("prometheus_rule_evaluations_total", "prometheus_rule_evaluation_failures_total",
             "prometheus_rule_group_iterations_total",
             "prometheus_rule_group_iterations_missed_total",
             "prometheus_tsdb_head_samples_appended_total")
    sums = dict.fromkeys(names, 0.0)
    for line in get(port, "/metrics").splitlines():
        name = line.split("{")[0].split(" ")[0]
        if name in sums:
            sums[name] += float(line.rsplit(" ", 1)[1])
    return sums


@contextlib.contextmanager
def scraping(binary, config, folder, args):
    """A server on the targets, whose rules have data. Gives (process, port)."""
    port = free_port()
    command = [binary, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
               f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    with running(command, folder / "server.log") as process:
        wait_for("the server", lambda: get(port, "/-/ready"))
        wait_for("all targets", lambda: json.loads(
            get(port, "/api/v1/query?query=count(up==1)"))["data"]["result"][0]["value"][1]
            == str(args.targets))
        yield process, port


def measure(servers, config, folder, args):
    """All servers over one window. Gives the CPU seconds and the counters' growth of each."""
    results = {}
    with contextlib.ExitStack() as stack:
        started = {}
        for name, binary in servers:
            own = folder / name
            own.mkdir()
            stack.callback(shutil.rmtree, own, ignore_errors=True)
            started[name] = stack.enter_context(scraping(binary, config, own, args))
        time.sleep(args.warm * args.interval)  # Rules have data, alerts are past their "for".
        before = {name: (cpu_seconds(process.pid), time.monotonic(), counters(port))
                  for name, (process, port) in started.items()}
        time.sleep(args.window)
        for name, (process, port) in started.items():
            cpu, begin, counted = before[name]
            result = {"cpu_s": cpu_seconds(process.pid) - cpu, "seconds": time.monotonic() - begin,
                      "rss_bytes": rss_bytes(process.pid)}
            after = counters(port)
            result.update({counter: after[counter] - counted[counter] for counter in counted})
            # Of the whole run: the first iterations are the hardest.
            result["missed"] = after["prometheus_rule_group_iterations_missed_total"]
            result["failures"] = after["prometheus_rule_evaluation_failures_total"]
            results[name] = result
    return results


def run_round(servers, config, with_rules, folder, args):
    results = {}
    all_plain = measure(servers, config, folder, args)
    all_ruled = measure(servers, with_rules, folder, args)
    for name, _ in servers:
        plain, ruled = all_plain[name], all_ruled[name]
        evaluations = ruled["prometheus_rule_evaluations_total"]
        cpu = ruled["cpu_s"] / ruled["seconds"] - plain["cpu_s"] / plain["seconds"]
        results[name] = {
            "rules_cpu_cores": cpu,
            "us_per_evaluation": cpu * ruled["seconds"] / max(evaluations, 1) * 1e6,
            "evaluations_per_s": evaluations / ruled["seconds"],
            "missed": ruled["missed"], "failures": ruled["failures"],
            "rss_bytes": ruled["rss_bytes"], "plain": plain, "ruled": ruled}
        print(f"{name}: {cpu:.3f} cores for rules, {results[name]['us_per_evaluation']:.1f} µs per "
              f"evaluation, {results[name]['evaluations_per_s']:.0f} evaluations/s, "
              f"{ruled['missed']:.0f} missed, {ruled['failures']:.0f} failed", flush=True)
    return results


def compare(servers, rounds):
    base = servers[0][0]
    print(f"\n| Server | CPU of rules, µs per evaluation | × {base} | missed | failed |\n"
          "| --- | --- | --- | --- | --- |")
    for name, _ in servers:
        costs = [r[name]["us_per_evaluation"] for r in rounds]
        ratios = [r[name]["us_per_evaluation"] / r[base]["us_per_evaluation"] for r in rounds]
        print(f"| {name} | {statistics.median(costs):.1f} ({min(costs):.1f}–{max(costs):.1f}) | "
              f"{statistics.median(ratios):.3f} | {sum(r[name]['missed'] for r in rounds):.0f} | "
              f"{sum(r[name]['failures'] for r in rounds):.0f} |")


def bench(args):
    servers = [tuple(s.split("=", 1)) for s in args.server]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="narthex-rules."))
    try:
        port = free_port()
        config, with_rules = folder / "plain.yml", folder / "rules.yml"
        write_rules(folder / "rules", [instance_of(i, port) for i in range(args.targets)],
                    args.rules, args.interval)
        loadgen = [args.loadgen, "serve", "--targets", str(args.targets), "--series",
                   str(args.series), "--port", str(port), "--interval", f"{args.interval}s",
                   "--write-sd", str(folder / "sd.json"), "--write-config", str(config)]
        with running(loadgen, folder / "loadgen.log"):
            wait_for("loadgen", lambda: config.exists() and config.read_text().strip())
            with_rules.write_text(config.read_text() + f"\nrule_files: ['{folder}/rules/*.yml']\n")
            rounds = [run_round(servers, config, with_rules, folder, args)
                      for _ in range(args.rounds)]
        compare(servers, rounds)
        if args.json:
            pathlib.Path(args.json).write_text(json.dumps(rounds, indent=1))
        return int(any(r[name]["missed"] or r[name]["failures"]
                       for r in rounds for name, _ in servers))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--loadgen", help="the benchmark kit's load generator")
    parser.add_argument("--server", action="append", default=[], metavar="NAME=BINARY")
    parser.add_argument("--rules", type=int, default=10_000)
    parser.add_argument("--targets", type=int, default=100)
    parser.add_argument("--series", type=int, default=1_000, help="of each target")
    parser.add_argument("--interval", type=int, default=15, help="seconds, of scrapes and rules")
    parser.add_argument("--warm", type=int, default=8, help="intervals before the window")
    parser.add_argument("--window", type=int, default=120, help="seconds")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", metavar="FILE", help="keep everything that was measured")
    parser.add_argument("--write-rules", metavar="DIR", help="write the rule files and do no more")
    args = parser.parse_args()
    if args.write_rules:
        write_rules(pathlib.Path(args.write_rules),
                    [instance_of(i, 9900) for i in range(args.targets)], args.rules, args.interval)
        return 0
    if not args.loadgen or not args.server:
        parser.error("--loadgen and --server are needed")
    return bench(args)


if __name__ == "__main__":
    sys.exit(main())
