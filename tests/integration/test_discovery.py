"""Targets found by asking other servers. With NARTHEX_SD_PEER, a Prometheus that knows all these discoveries, both are
given the same answers, and must find the same."""
import unittest

from discovered import FLAGS, PEER, start_peer, targets_of
from fake_discoveries import FakeDiscoveries
from harness import IntegrationTest, wait_for

# Never "instance": kuma and eureka name it themselves.
CONFIG = """global: {{scrape_interval: 1h}}
scrape_configs:
- {{job_name: http, http_sd_configs: [{{url: 'http://{0}/http', refresh_interval: 1s}}]}}
- {{job_name: consul, consul_sd_configs: [{{server: '{0}', path_prefix: /consul, refresh_interval: 1s}}]}}
- job_name: consul-tags
  consul_sd_configs: [{{server: 'http://{0}/consul', tags: [blue], tag_separator: ';', refresh_interval: 1s}}]
- job_name: consul-named
  consul_sd_configs: [{{server: '{0}', path_prefix: /consul, services: [db, none], datacenter: d, refresh_interval: 1s}}]
- {{job_name: nomad, nomad_sd_configs: [{{server: 'http://{0}', refresh_interval: 1s}}]}}
- {{job_name: eureka, eureka_sd_configs: [{{server: 'http://{0}/eureka', refresh_interval: 1s}}]}}
- {{job_name: marathon, marathon_sd_configs: [{{servers: ['http://{0}/marathon'], refresh_interval: 1s}}]}}
- job_name: puppetdb
  puppetdb_sd_configs: [{{url: 'http://{0}/puppetdb', query: 'resources {{}}', include_parameters: true, refresh_interval: 1s}}]
- {{job_name: kuma, kuma_sd_configs: [{{server: 'http://{0}/kuma', refresh_interval: 1s, fetch_timeout: 1s}}]}}
- job_name: dropped
  http_sd_configs: [{{url: 'http://{0}/http', refresh_interval: 1s}}]
  relabel_configs: [{{source_labels: [env], regex: prod, action: drop}}]
"""


class DiscoveryTest(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.fake = FakeDiscoveries()
        self.addCleanup(self.fake.cleanup)
        self.config = CONFIG.format(self.fake.address)
        self.server = self.start(self.config, *FLAGS)

    def counts(self):
        return {key: len(found) for key, found in targets_of(self.server.api).items()}

    def test_targets_of_all_mechanisms(self):
        want = {"http/activeTargets": 3, "consul/activeTargets": 3, "consul-tags/activeTargets": 2,
                "consul-named/activeTargets": 1, "nomad/activeTargets": 1, "eureka/activeTargets": 2,
                "marathon/activeTargets": 8, "puppetdb/activeTargets": 2, "kuma/activeTargets": 2,
                "dropped/activeTargets": 1, "dropped/droppedTargets": 2}
        wait_for("all targets", lambda: self.counts() == want)
        # What changes is noticed; what no longer answers keeps what it had.
        self.fake.change(lambda: self.fake.services.pop("db"))
        self.fake.change(lambda: self.fake.services["web"].pop())
        self.fake.groups = self.fake.groups[:1]
        del want["consul-named/activeTargets"], want["dropped/activeTargets"]
        want |= {"http/activeTargets": 2, "consul/activeTargets": 1, "consul-tags/activeTargets": 1}
        wait_for("changed targets", lambda: self.counts() == want)
        self.fake.groups = [{"targets": ["a"], "unknown": 1}]
        failures = 'prometheus_sd_refresh_failures_total{config="http",mechanism="http"} '
        wait_for("a failure", lambda: failures + "0\n" not in self.server.request("GET", "/metrics")[1])
        self.assertEqual(self.counts(), want)
        self.assertEqual(self.server.stop(), 0)

    def test_alertmanagers_are_found_too(self):
        self.server.config.write_text("alerting: {alertmanagers: [{http_sd_configs: "
                                      f"[{{url: 'http://{self.fake.address}/http', refresh_interval: 1s}}]}}]}}\n")
        self.server.request("POST", "/-/reload")
        want = {f"http://{address}/api/v2/alerts" for address in ("127.0.0.1:1", "h.example:80", "b:2")}
        wait_for("the Alertmanagers", lambda: want == {
            manager["url"] for manager in self.server.api("alertmanagers")["activeAlertmanagers"]})

    @unittest.skipIf(PEER is None, "NARTHEX_SD_PEER is not set")
    def test_the_same_as_prometheus(self):
        peer_api = start_peer(self, self.config)

        def same():
            ours, theirs = targets_of(self.server.api), targets_of(peer_api)
            return len(theirs) >= 11 and ours == theirs
        self.maxDiff = None
        try:
            wait_for("the same targets", same)
        finally:
            self.assertEqual(targets_of(self.server.api), targets_of(peer_api))
        self.assertEqual(self.server.api("status/config")["yaml"], peer_api("status/config")["yaml"])
        self.fake.change(lambda: self.fake.services.pop("db"))
        self.fake.groups = self.fake.groups[:1]
        wait_for("the change at the peer", lambda: "consul-named/activeTargets" not in targets_of(peer_api))
        wait_for("the same targets after the change", lambda: targets_of(self.server.api) == targets_of(peer_api))


if __name__ == "__main__":
    unittest.main()
