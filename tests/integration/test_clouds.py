"""Targets found by asking clouds. With NARTHEX_SD_PEER, a Prometheus that knows all these discoveries, both are given the
same answers, and must find the same."""
import pathlib
import ssl
import subprocess
import unittest

from discovered import FLAGS, PEER, start_peer, targets_of
from fake_clouds import OVH, FakeClouds
from harness import IntegrationTest, wait_for

OPENSTACK = """region: One, username: me, password: 'pass"word', project_name: mine, domain_name: Default, refresh_interval: 1s"""
CONFIG = """global: {{scrape_interval: 1h}}
scrape_configs:
- job_name: instances
  openstack_sd_configs: [{{identity_endpoint: 'http://{0}/identity/v3', role: instance, {openstack}}}]
- job_name: all-instances
  openstack_sd_configs:
  - {{identity_endpoint: 'http://{0}/identity', role: instance, region: One, refresh_interval: 1s, all_tenants: true, port: 9100,
     application_credential_id: cred, application_credential_secret: s3}}
- job_name: hypervisors
  openstack_sd_configs:
  - {{identity_endpoint: 'http://{0}/identity/v3/', role: hypervisor, availability: internal, {openstack}}}
- job_name: balancers
  openstack_sd_configs: [{{identity_endpoint: 'http://{0}/identity/v3', role: loadbalancer, {openstack}}}]
- job_name: vps
  ovhcloud_sd_configs: [{{service: vps, {ovh}, refresh_interval: 1s}}]
- job_name: metal
  ovhcloud_sd_configs: [{{service: dedicated_server, {ovh}, refresh_interval: 1s}}]
- job_name: uyuni
  uyuni_sd_configs: [{{server: 'http://{0}/manager', username: admin, password: p<&>w, refresh_interval: 1s}}]
- job_name: containers
  triton_sd_configs: [{{{triton}, refresh_interval: 1s}}]
- job_name: groups
  triton_sd_configs: [{{{triton}, groups: [foo, b r], refresh_interval: 1s}}]
- job_name: nodes
  triton_sd_configs: [{{{triton}, role: cn, refresh_interval: 1s}}]
"""


class CloudsTest(IntegrationTest):
    def setUp(self):
        super().setUp()
        folder = pathlib.Path(self.folder)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=triton",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "triton.pem"],
                       check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "triton.pem", folder / "key.pem")
        self.fake = FakeClouds(context)
        self.addCleanup(self.fake.cleanup)
        address = self.fake.address
        self.config = CONFIG.format(
            address, openstack=OPENSTACK,
            ovh=f"endpoint: 'http://{address}/1.0', application_key: {OVH['application']}, "
                f"application_secret: {OVH['secret']}, consumer_key: {OVH['consumer']}",
            triton="account: me, dns_suffix: cmon.example, endpoint: 127.0.0.1, "
                   f"port: {self.fake.triton_port}, tls_config: {{ca_file: triton.pem}}")
        self.server = self.start(self.config, *FLAGS)

    def counts(self):
        return {key.partition("/")[0]: len(found) for key, found in targets_of(self.server.api).items()}

    def test_targets_of_all_clouds(self):
        want = {"instances": 3, "all-instances": 7, "hypervisors": 3, "balancers": 2, "vps": 2, "metal": 1, "uyuni": 2,
                "containers": 2, "groups": 1, "nodes": 1}
        wait_for("all targets", lambda: self.counts() == want)
        # What changes is noticed; a cloud that is ill keeps the targets found last.
        self.fake.servers = self.fake.servers[:1]
        wait_for("changed targets", lambda: self.counts() == want | {"instances": 1, "all-instances": 1})
        self.assertEqual(self.fake.refused, [])
        self.assertEqual(self.fake.logins, 1)
        self.fake.closed = True
        failures = 'prometheus_sd_refresh_failures_total{config="balancers",mechanism="openstack"} '
        wait_for("a failure", lambda: failures + "0\n" not in self.server.request("GET", "/metrics")[1])
        self.assertEqual(self.counts(), want | {"instances": 1, "all-instances": 1})
        self.assertEqual(self.server.stop(), 0)

    @unittest.skipIf(PEER is None, "NARTHEX_SD_PEER is not set")
    def test_the_same_as_prometheus(self):
        peer_api = start_peer(self, self.config)
        self.maxDiff = None
        try:
            wait_for("the same targets", lambda: len(theirs := targets_of(peer_api)) >= 10 and
                     targets_of(self.server.api) == theirs)
        finally:
            self.assertEqual(targets_of(self.server.api), targets_of(peer_api))
        self.assertEqual(self.server.api("status/config")["yaml"], peer_api("status/config")["yaml"])
        self.assertEqual(self.fake.refused, [])
        self.fake.servers = self.fake.servers[:2]
        wait_for("the change at the peer", lambda: len(targets_of(peer_api)["all-instances/activeTargets"]) == 3)
        wait_for("the same targets after the change", lambda: targets_of(self.server.api) == targets_of(peer_api))


if __name__ == "__main__":
    unittest.main()
