"""Asks a real Prometheus 3.14 and ours the same, on the same data and flags.

The real one is looked for as test_peers.py does it; tests that have none, or an older one, are skipped.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request

from harness import IntegrationTest, free_port, wait_for


class Real:
    """The real Prometheus on a folder of its own."""

    def __init__(self, test, config, *flags):
        self.port = free_port()
        self.config = pathlib.Path(test.folder) / f"real-{self.port}.yml"
        self.config.write_text(config)
        self.data = pathlib.Path(test.folder) / f"real-{self.port}"
        self.command = [test.find("prometheus"), f"--config.file={self.config}",
                        f"--storage.tsdb.path={self.data}",
                        f"--web.listen-address=127.0.0.1:{self.port}", *flags]
        self.test = test

    def start(self):
        self.test.peer(*self.command)
        wait_for("the real one", lambda: ask(self.port, "GET", "/-/ready")[0] == 200)
        return self


def ask_bytes(port, method, path, body=None, headers=None):
    """@return (status, content type, body)"""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method, data=body,
                                     headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.headers["Content-Type"], response.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers["Content-Type"], e.read()


def ask(port, method, path, body=None):
    """@return (status, content type, text)"""
    status, content_type, answer = ask_bytes(port, method, path,
                                             None if body is None else body.encode())
    return status, content_type, answer.decode()


def data(port, path):
    status, _, text = ask(port, "GET", "/api/v1/" + path)
    if status != 200:
        raise ValueError(f"{path}: {status} {text}")
    return json.loads(text)["data"]


class ParityTest(IntegrationTest):
    def find(self, name):
        folder = os.environ.get("NARTHEX_PEERS")
        path = (shutil.which(name, path=folder) if folder else None) or shutil.which(name)
        if path is None:
            self.skipTest(f"no {name} in NARTHEX_PEERS or PATH")
        version = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
        found = re.search(r"version (\d+)\.(\d+)", version.stdout + version.stderr)
        if found is None or (int(found[1]), int(found[2])) < (3, 14):
            self.skipTest(f"{path} is older than 3.14")
        return path

    def both(self, config, *flags, prepare=None):
        """Starts both with the same flags. `prepare` is called with each data folder before."""
        real = Real(self, config, *flags)
        if prepare is not None:
            prepare(real.data)
            prepare(pathlib.Path(self.folder) / "data")
        real.start()
        return real.port, self.start(config, *flags).port

    def same(self, ports, requests):
        """requests: (method, path, body) of which every answer must be the same."""
        def differences(some):
            for request in some:
                real, ours = (ask(port, *request) for port in ports)
                if real != ours:
                    yield request, f"{request}\n  real {real}\n  ours {ours}"

        # Right after its start the real one takes its head for older than it is.
        deadline = time.monotonic() + 20
        left = list(differences(requests))
        while left and time.monotonic() < deadline:
            left = list(differences([request for request, _ in left]))
        self.assertEqual([], [text for _, text in left[:5]],
                         f"{len(left)} of {len(requests)} differ")
