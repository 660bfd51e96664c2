#!/usr/bin/env python3
"""Holds the HTTP API against a real Prometheus, with the judge in a folder.

usage: judge_api.py FOLDER NARTHEX PROMETHEUS [PROFILE...]     default: default and full

Fails on a difference that tests/conformance/api-differences.json does not name.
"""
import collections
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile

KNOWN = pathlib.Path(__file__).resolve().parent.parent / "conformance" / "api-differences.json"
START_SECONDS = 120


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def release(path):
    """(major, minor) of a Prometheus."""
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"version (\d+)\.(\d+)", version.stdout + version.stderr)
    return int(found[1]), int(found[2])


def entries(of, version):
    """Those of the list that hold against that release."""
    for entry in json.loads(KNOWN.read_text())[of]:
        before = entry.get("before")
        if before is None or version < tuple(map(int, before.split("."))):
            yield entry


def known_differences(version):
    """@return [(request, kind, text, why)]"""
    return [(re.compile(e["request"]), e["kind"], re.compile(e["text"]), e["why"])
            for e in entries("differences", version)]


class Served:
    """A server on a copy of the data set."""

    def __init__(self, judge, binary, data, profile, work):
        self.log = open(work / f"{pathlib.Path(binary).name}.log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, judge / "serve.py", binary, "--data", data, "--port", str(free_port()),
             "--profile", profile], stdout=subprocess.PIPE, stderr=self.log, text=True,
            env=dict(os.environ, TMPDIR=str(work)))

    def url(self):
        """Waits until it is ready."""
        line = self.process.stdout.readline().strip()
        if not line:
            self.log.seek(0)
            raise RuntimeError(f"a server did not start: {self.log.read()}")
        return line

    def stop(self):
        self.process.terminate()
        self.process.wait(START_SECONDS)
        self.process.stdout.close()
        self.log.close()


def compare(judge, narthex, prometheus, data, profile, work, ignored):
    """@param ignored  headers
    @return the judge's report"""
    servers = [Served(judge, binary, data, profile, work) for binary in (prometheus, narthex)]
    report = work / "report.json"
    report.unlink(missing_ok=True)
    try:
        there, here = (server.url() for server in servers)
        run = subprocess.run(
            [sys.executable, judge / "api_diff.py", "--reference", there, "--test", here, "--manifest",
             data, "--profile", profile, "--json", report,
             *(f"--ignore-header={name}" for name in ignored)],
            capture_output=True, text=True, timeout=600)
    finally:
        for server in servers:
            server.stop()
    if not report.exists():
        raise RuntimeError(f"the judge gave up: {run.stdout}{run.stderr}")
    return json.loads(report.read_text())


def unexplained(report, known, reasons):
    """Counts what is known; gives the rest."""
    for request in report["requests"]:
        if request["failure"] is None:
            continue
        kind, text = request["failure"]
        for name, known_kind, known_text, why in known:
            if known_kind == kind and name.search(request["name"]) and known_text.search(text):
                reasons[why] += 1
                break
        else:
            yield f"{request['name']}: {request['method']} {request['target']}\n    [{kind}] {text[:400]}"


def main():
    judge, narthex, prometheus = (pathlib.Path(a).resolve() for a in sys.argv[1:4])
    profiles = sys.argv[4:] or ["default", "full"]
    version = release(prometheus)
    known = known_differences(version)
    ignored = [e["name"] for e in entries("headers", version)]
    work = pathlib.Path(tempfile.mkdtemp(prefix="narthex-judge-"))
    bad = 0
    try:
        data = work / "data"
        subprocess.run([sys.executable, judge / "dataset.py", data, "--prometheus", prometheus, "--now",
                        "auto", "--quiet"], check=True, stdout=subprocess.DEVNULL)
        for profile in profiles:
            report = compare(judge, narthex, prometheus, data, profile, work, ignored)
            reasons = collections.Counter()
            rest = list(unexplained(report, known, reasons))
            for text in rest:
                print(text)
            for why, n in reasons.most_common():
                print(f"judge: {n} answers: {why}")
            print(f"judge: HTTP API, {profile}, against {version[0]}.{version[1]}: {report['passed']} equal,"
                  f" {sum(reasons.values())} known to differ, {len(rest)} wrong")
            bad += len(rest)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
