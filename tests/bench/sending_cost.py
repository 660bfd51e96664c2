#!/usr/bin/env python3
"""What remote write costs the sender: the same targets and the same endpoint for Narthex and Prometheus.

usage: sending_cost.py --loadgen PATH --server NAME=BINARY [--server NAME=BINARY ...] [--version 1|2]
                       [--targets 100] [--series 1000] [--interval 1] [--warm 15] [--window 30]
                       [--outage 0] [--rounds 1] [--json FILE]

Each server runs twice per round on the targets of the benchmark kit's loadgen: without remote write,
then with it. The difference of CPU time in the windows is what sending costs. The endpoint takes
everything and looks at nothing; it is a process of its own. With --outage it answers 503 for so many
seconds before the window, and the most memory that each server had then is told. The first server is
what the others are compared with. Everything listens on 127.0.0.1 alone; only what was started here is
ended. Python 3.9 or later, standard library only.
"""
import argparse
import contextlib
import http.server
import json
import multiprocessing
import pathlib
import shutil
import socketserver
import statistics
import sys
import tempfile
import time

from processes import cpu_seconds, free_port, get, rss_bytes, running, wait_for


class Endpoint(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    down = None  # Shared flag.

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(503 if self.down.value else 204)
        # What a receiver of version 2.0 has taken; a sender without the headers would try again.
        for kind in ("Samples", "Histograms", "Exemplars"):
            self.send_header(f"X-Prometheus-Remote-Write-{kind}-Written", "0")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


def serve(port, down):
    Endpoint.down = down
    Server(("127.0.0.1", port), Endpoint).serve_forever()


@contextlib.contextmanager
def endpoint():
    port, down = free_port(), multiprocessing.Value("b", 0)
    process = multiprocessing.Process(target=serve, args=(port, down), daemon=True)
    process.start()
    try:
        yield port, down
    finally:
        process.terminate()
        process.join()


def metric(port, name):
    lines = [line for line in get(port, "/metrics").splitlines() if line.startswith(name)]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def measure(binary, config, folder, args, down=None):
    """One server for one window. @param down  null: it sends nothing"""
    port = free_port()
    command = [binary, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
               f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    appended, sent = "prometheus_tsdb_head_samples_appended_total", "prometheus_remote_storage_samples_total{"
    peak = 0
    with running(command, folder / "server.log") as process:
        wait_for("the server", lambda: get(port, "/-/ready"))
        time.sleep(args.warm)
        if down is not None and args.outage > 0:
            down.value = 1
            end = time.monotonic() + args.outage
            while time.monotonic() < end:
                peak = max(peak, rss_bytes(process.pid))
                time.sleep(0.5)
            down.value = 0
            wait_for("the backlog", lambda: metric(port, "prometheus_remote_storage_highest_timestamp_in_seconds") -
                     metric(port, "prometheus_remote_storage_queue_highest_sent_timestamp_seconds{") < 5, 600)
        before = metric(port, appended), metric(port, sent)
        cpu, begin = cpu_seconds(process.pid), time.monotonic()
        time.sleep(args.window)
        took, cpu = time.monotonic() - begin, cpu_seconds(process.pid) - cpu
        after = metric(port, appended), metric(port, sent)
        result = {"cpu_s": cpu, "seconds": took, "appended": after[0] - before[0], "sent": after[1] - before[1],
                  "rss_bytes": rss_bytes(process.pid), "peak_rss_bytes": peak}
    shutil.rmtree(folder / "data", ignore_errors=True)
    return result


def run_round(servers, plain_config, sending_config, down, folder, args):
    results = {}
    for name, binary in servers:
        plain = measure(binary, plain_config, folder, args)
        sending = measure(binary, sending_config, folder, args, down)
        cores = sending["cpu_s"] / sending["seconds"] - plain["cpu_s"] / plain["seconds"]
        per_sample = cores * sending["seconds"] / max(sending["sent"], 1) * 1e6
        results[name] = {"us_per_sample": per_sample, "plain": plain, "sending": sending}
        print(f"{name}: {per_sample:.3f} µs a sample sent, {sending['sent'] / sending['seconds']:.0f} of "
              f"{sending['appended'] / sending['seconds']:.0f} samples/s sent; scraping alone "
              f"{plain['cpu_s'] / plain['appended'] * 1e6:.3f} µs; RSS {plain['rss_bytes'] / 2**20:.0f} MiB without, "
              f"{sending['rss_bytes'] / 2**20:.0f} MiB with, {sending['peak_rss_bytes'] / 2**20:.0f} MiB in the outage",
              flush=True)
    return results


def bench(args):
    servers = [tuple(s.split("=", 1)) for s in args.server]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="narthex-sending."))
    try:
        port = free_port()
        plain, sending = folder / "plain.yml", folder / "sending.yml"
        loadgen = [args.loadgen, "serve", "--targets", str(args.targets), "--series", str(args.series),
                   "--port", str(port), "--interval", f"{args.interval}s",
                   "--write-sd", str(folder / "sd.json"), "--write-config", str(plain)]
        with endpoint() as (sink, down), running(loadgen, folder / "loadgen.log"):
            wait_for("loadgen", lambda: plain.exists() and plain.read_text().strip())
            message = "prometheus.WriteRequest" if args.version == 1 else "io.prometheus.write.v2.Request"
            sending.write_text(plain.read_text() + "\nremote_write:\n"
                               f"- url: http://127.0.0.1:{sink}/api/v1/write\n  protobuf_message: {message}\n")
            rounds = [run_round(servers, plain, sending, down, folder, args) for _ in range(args.rounds)]
        base = servers[0][0]
        for name, _ in servers:
            ratios = [r[name]["us_per_sample"] / r[base]["us_per_sample"] for r in rounds]
            print(f"{name}: {statistics.median(ratios):.3f} × {base}")
        if args.json:
            pathlib.Path(args.json).write_text(json.dumps(rounds, indent=1))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--loadgen", required=True, help="the benchmark kit's load generator")
    parser.add_argument("--server", action="append", required=True, metavar="NAME=BINARY")
    parser.add_argument("--version", type=int, choices=(1, 2), default=1, help="of remote write")
    parser.add_argument("--targets", type=int, default=100)
    parser.add_argument("--series", type=int, default=1_000, help="of each target")
    parser.add_argument("--interval", type=int, default=1, help="seconds")
    parser.add_argument("--warm", type=int, default=15, help="seconds before the window")
    parser.add_argument("--window", type=int, default=30, help="seconds")
    parser.add_argument("--outage", type=int, default=0, help="seconds")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", metavar="FILE", help="keep everything that was measured")
    bench(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
