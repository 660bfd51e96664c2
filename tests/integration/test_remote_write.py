"""The server's own remote write into real servers, through an outage, a kill and a reload."""
import contextlib
import json
import select
import signal
import socket
import threading
import time
import unittest

from harness import free_port, scrape_config, wait_for
from test_peers import PAGE, PeerTest, get, raw


class Gate:
    """A TCP relay that can be shut: connections are cut then, and new ones refused."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.peer = (host, int(port))
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.listener = None
        self.sockets = []
        self.lock = threading.Lock()
        self.open()

    def open(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen()
        self.listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def shut(self):
        with self.lock:
            ending, self.sockets = [self.listener, *self.sockets], []
        for one in ending:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    cleanup = shut

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
                server = socket.create_connection(self.peer)
            except OSError:
                return
            with self.lock:
                self.sockets += [client, server]
            threading.Thread(target=self._relay, args=(client, server), daemon=True).start()

    @staticmethod
    def _relay(client, server):
        with contextlib.suppress(OSError, ValueError):
            while True:
                for one in select.select([client, server], [], [])[0]:
                    data = one.recv(65536)
                    if not data:
                        return
                    (server if one is client else client).sendall(data)


class RemoteWriteTest(PeerTest):
    def config(self, gate, path, more=""):
        return (scrape_config(("page", self.target.address), extra="  external_labels: {dc: eu}\n") +
                f"remote_write:\n  - url: http://{gate.address}{path}\n"
                "    queue_config: {batch_send_deadline: 300ms, min_backoff: 50ms, "
                f"max_backoff: 200ms}}\n{more}")

    def run_through_trouble(self, address, path, samples, more=""):
        """@param samples  (start, end) → the samples that the peer has then"""
        self.target = self.page(PAGE)
        gate = Gate(address)
        self.addCleanup(gate.cleanup)
        start = time.time()
        server = self.start(self.config(gate, path, more), "--web.enable-lifecycle")
        here = f"127.0.0.1:{server.port}"
        wait_for("some samples there", lambda: samples(start, time.time()))
        gate.shut()
        time.sleep(3)
        server.kill()
        server.start()
        time.sleep(2)
        gate.open()
        time.sleep(2)
        server.config.write_text(self.config(gate, path, more + "    remote_timeout: 20s\n"))
        self.assertEqual(server.request("POST", "/-/reload")[0], 200)
        time.sleep(2)
        gate.shut()
        time.sleep(1)
        gate.open()
        end = time.time() - 1

        def same():
            ours = {json.dumps(json.loads(series) | {"dc": "eu"}, sort_keys=True): points
                    for series, points in raw(here, '{job="page"}', start, end).items()}
            self.assertGreaterEqual(len(ours), 8)
            theirs = samples(start, end)
            return ours if theirs == ours else None
        found = wait_for("the same samples there", same)
        self.assertGreaterEqual(min(map(len, found.values())), 8)
        # What was scraped up to the end is sent before the end.
        server.end(signal.SIGTERM)
        wait_for("the last samples", lambda: end < max(
            t for points in samples(start, time.time()).values() for t, _ in points) / 1000)

    def test_prometheus(self):
        peer = self.prometheus("global: {}\n", "--web.enable-remote-write-receiver")
        self.run_through_trouble(peer, "/api/v1/write", lambda start, end: raw(
            peer, '{job="page"}', start, end))

    def test_prometheus_2(self):
        peer = self.prometheus("global: {}\n", "--web.enable-remote-write-receiver", since=(3, 0))
        self.run_through_trouble(
            peer, "/api/v1/write",
            lambda start, end: raw(peer, '{job="page"}', start, end),
            "    protobuf_message: io.prometheus.write.v2.Request\n")

    def test_victoria_metrics(self):
        port = free_port()
        self.peer(self.find("victoria-metrics"), f"-storageDataPath={self.folder}/victoria",
                  f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=1y",
                  "-dedup.minScrapeInterval=0s")
        peer = self.ready(f"127.0.0.1:{port}", "/health")

        def samples(start, end):
            found = {}
            text = get(peer, "/api/v1/export", **{"match[]": '{job="page"}', "start": start,
                                                  "end": end})
            for line in text.splitlines():
                series = json.loads(line)
                key = json.dumps(series["metric"], sort_keys=True)
                found.setdefault(key, []).extend(zip(series["timestamps"],
                                                     map(float, series["values"])))
            return {key: sorted(points) for key, points in found.items()}
        self.run_through_trouble(peer, "/api/v1/write", samples)


if __name__ == "__main__":
    unittest.main()
