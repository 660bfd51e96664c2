"""Real programs scraped in each format that they speak, by protobuf with native histograms too."""
import json
import os
import pathlib
import shutil
import unittest
import urllib.request

from harness import IntegrationTest, free_port, program, scrape_config, wait_for

TEXT = "scrape_protocols: [PrometheusText0.0.4]"
PROTO = "scrape_protocols: [PrometheusProto]"
OPENMETRICS = "scrape_protocols: [OpenMetricsText1.0.0]"


def jobs(target, **settings):
    """One job per keyword, all on the same target, with these further lines of configuration."""
    text = "global: {scrape_interval: 1s}\nscrape_configs:\n"
    for name, lines in settings.items():
        text += f"  - job_name: {name}\n    static_configs: [{{targets: ['{target}']}}]\n"
        for line in lines if isinstance(lines, list) else [lines]:
            text += f"    {line}\n"
    return text


class ExpositionTest(IntegrationTest):
    def series(self, server, job):
        """The series of a job's last scrape, without the job and without what the target tells of
        the scrape itself."""
        result = server.query(f'{{job="{job}", __name__!~"scrape_.*|promhttp_.*|go_.*"}}')
        return {json.dumps({k: v for k, v in one["metric"].items() if k != "job"}, sort_keys=True)
                for one in result}

    def metadata(self, server, job):
        found = server.api("targets/metadata", match_target=f'{{job="{job}"}}')
        return {(m["metric"], m["type"], m["help"]) for m in found
                if not m["metric"].startswith(("promhttp_", "go_"))}

    def check_formats_agree(self, target, **others):
        server = self.start(jobs(target, text=TEXT, **others))
        wait_for("some scrapes of each job",
                 lambda: server.value("min(sum_over_time(up[1m]))") >= 3)
        expected = self.series(server, "text")
        self.assertGreater(len(expected), 50)
        for job in others:
            with self.subTest(job):
                self.assertEqual(expected, self.series(server, job))
        self.assertEqual(self.metadata(server, "text"), self.metadata(server, "proto"))
        return server

    def test_node_exporter_in_all_formats(self):
        self.check_formats_agree(self.node_exporter(), proto=PROTO, openmetrics=OPENMETRICS)

    def test_alertmanager_by_protobuf(self):
        port = free_port()
        (pathlib.Path(self.folder) / "am.yml").write_text(
            "route: {receiver: x}\nreceivers: [{name: x}]\n")
        self.peer(program("prometheus-alertmanager"), f"--config.file={self.folder}/am.yml",
                  f"--storage.path={self.folder}/am", "--cluster.listen-address=",
                  f"--web.listen-address=127.0.0.1:{port}")
        server = self.check_formats_agree(f"127.0.0.1:{port}", proto=PROTO)
        # Its histograms as such, of either kind.
        count = 'count(histogram_count(alertmanager_http_request_duration_seconds{job="converted"}))'
        server.config.write_text(jobs(f"127.0.0.1:{port}",
                                      converted=[PROTO, "convert_classic_histograms_to_nhcb: true"]))
        self.assertEqual(server.stop(), 0)
        server.start()
        self.assertGreater(wait_for("histograms", lambda: server.value(count)), 0)
        self.assertFalse(server.query('{job="converted", le!=""}'))


class PrometheusTest(IntegrationTest):
    """A real Prometheus as the target."""

    def prometheus(self):
        folder = os.environ.get("NARTHEX_PEERS")
        path = shutil.which("prometheus", path=folder) if folder else shutil.which("prometheus")
        if path is None:
            self.skipTest("no prometheus in NARTHEX_PEERS or PATH")
        port = free_port()
        config = pathlib.Path(self.folder) / "prometheus.yml"
        config.write_text("global:\n  external_labels: {region: west}\n" +
                          scrape_config(("own", f"127.0.0.1:{port}")).removeprefix("global:\n"))
        self.peer(path, f"--config.file={config}", f"--storage.tsdb.path={self.folder}/peer",
                  f"--web.listen-address=127.0.0.1:{port}")
        wait_for("the peer", lambda: urllib.request.urlopen(
            f"http://127.0.0.1:{port}/-/ready", timeout=5).status == 200)
        return f"127.0.0.1:{port}"

    def test_native_histograms_of_its_own(self):
        server = self.start(jobs(self.prometheus(), native="scrape_native_histograms: true",
                                 classic=PROTO))
        name = "prometheus_http_request_duration_seconds"
        observed = f'sum(histogram_count({name}{{job="native"}}))'
        try:
            wait_for("observations", lambda: server.value(observed) >= 3)
        except AssertionError:
            if server.query(f'{name}_count{{job="native"}}'):
                self.skipTest("this release has no native histograms")
            raise
        # The same metric, scraped twice: counted alike but for the scrapes in between.
        classic = server.value(f'sum({name}_count{{job="classic"}})')
        self.assertAlmostEqual(server.value(observed), classic, delta=4)
        self.assertFalse(server.query(f'{name}_count{{job="native"}}'))
        quantile = server.value(f'histogram_quantile(0.9, sum({name}{{job="native"}}))')
        self.assertTrue(0 < quantile < 10, quantile)

    def test_federation_with_honoured_labels(self):
        peer = self.prometheus()
        wait_for("a scrape of its own", lambda: b"up{" in urllib.request.urlopen(
            f"http://{peer}/federate?match[]=up", timeout=5).read())
        server = self.start(jobs(peer, federate=["honor_labels: true", "metrics_path: /federate",
                                                 "params: {'match[]': ['up', 'prometheus_ready']}"]))
        up = wait_for("the federated series", lambda: server.query('up{job="own"}'))[0]
        self.assertEqual(up["metric"], {"__name__": "up", "instance": peer, "job": "own",
                                        "region": "west"})
        # Its own report beside it.
        self.assertEqual(server.value(f'up{{job="federate", instance="{peer}"}}'), 1)


class PushgatewayTest(IntegrationTest):
    def test_pushed_labels_are_honoured(self):
        port = free_port()
        self.peer(program("prometheus-pushgateway"), f"--web.listen-address=127.0.0.1:{port}",
                  "--persistence.file=")  # Debian's has one for all.
        address = f"127.0.0.1:{port}"
        wait_for("the gateway", lambda: urllib.request.urlopen(
            f"http://{address}/-/ready", timeout=5).status == 200)
        push = urllib.request.Request(f"http://{address}/metrics/job/batch/zone/a", method="PUT",
                                      data=b"# TYPE done counter\ndone 7\n")
        self.assertEqual(urllib.request.urlopen(push, timeout=5).status, 200)
        server = self.start(jobs(address, honoured="honor_labels: true", renamed=PROTO))
        done = wait_for("the pushed series", lambda: server.query('done{job="batch"}'))[0]
        # The empty instance that the gateway gives takes the target's away.
        self.assertEqual(done["metric"], {"__name__": "done", "job": "batch", "zone": "a"})
        renamed = wait_for("the renamed labels", lambda: server.query('done{job="renamed"}'))[0]
        self.assertEqual(renamed["metric"], {"__name__": "done", "job": "renamed", "zone": "a",
                                             "exported_job": "batch", "instance": address})


if __name__ == "__main__":
    unittest.main()
