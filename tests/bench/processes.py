"""What the benchmarks of whole programs share: starting a server, asking it, what it has used."""
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

START_LIMIT_S = 120


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        return answer.read().decode()


def wait_for(what, check, limit=START_LIMIT_S):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        with contextlib.suppress(OSError, urllib.error.URLError, ValueError, IndexError):
            if check():
                return
        time.sleep(0.25)
    raise RuntimeError(f"waited {limit} s in vain for {what}")


@contextlib.contextmanager
def running(command, log):
    with open(log, "w", encoding="utf-8") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def serving(binary, folder, *flags):
    """A server without targets on the data in the folder, ready. Gives (process, port)."""
    port = free_port()
    config, log = folder / "config.yml", folder / "log"
    config.write_text("global: {}\n")
    command = [binary, f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
               f"--web.listen-address=127.0.0.1:{port}", *flags]
    with running(command, log) as process:
        def ready():
            if process.poll() is not None:
                raise RuntimeError(f"{binary} did not start: {log.read_text()}")
            return get(port, "/-/ready")
        wait_for(f"{binary}: {log}", ready)
        yield process, port


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_bytes(pid):
    pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
