"""Discovery in Kubernetes, against a fake of its API and beside the real Prometheus."""
import base64
import concurrent.futures
import json
import os
import pathlib
import ssl
import subprocess
import unittest

import kubernetes_cluster
from fake_kubernetes import FakeKubernetes
from harness import IntegrationTest, wait_for
from test_lock import make_certificate

ROLES = ["node", "service", "pod", "endpoints", "endpointslice", "ingress"]
ATTACH = "attach_metadata: {node: true, namespace: true, deployment: true, job: true, cronjob: true}"


def job(name, url, role, *lines):
    text = (f"  - job_name: {name}\n    scrape_interval: 1h\n    kubernetes_sd_configs:\n"
            f"      - role: {role}\n")
    if url:
        text += f"        api_server: {url}\n"
    return text + "".join(f"        {line}\n" for line in lines)


def config(jobs):
    # Nothing is scraped: the targets' addresses are somebody else's.
    return "scrape_configs:\n" + "".join(jobs)


def discovered(targets):
    """What discovery found, each once, without what the server itself adds."""
    return sorted({json.dumps({k: v for k, v in t["discoveredLabels"].items()
                               if not k.startswith(("__scrape_", "__always", "__convert"))},
                              sort_keys=True)
                   for t in targets})


class KubernetesTest(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.fake = FakeKubernetes()
        self.addCleanup(self.fake.cleanup)

    def pods(self, server):
        return {t["discoveredLabels"]["__meta_kubernetes_pod_name"]
                for t in server.api("targets")["activeTargets"]}

    def put_pod(self, name, **fields):
        self.fake.put("pods", kubernetes_cluster.pod(
            name, containers=[kubernetes_cluster.container("c", ("web", 80, "TCP"))], **fields))

    def start_pods(self, *lines, url=None):
        return self.start(config([job("pods", url or self.fake.url, "pod", *lines)]))

    def test_targets_follow_the_cluster(self):
        for i in range(1200):  # Several pages.
            self.put_pod(f"p{i}", ip=f"10.1.{i // 250}.{i % 250}")
        server = self.start_pods()
        wait_for("all pods", lambda: len(self.pods(server)) == 1200)
        self.assertEqual(3, len(self.fake.seen("limit=500")))
        self.put_pod("new", ip="10.2.0.1")
        self.fake.delete("pods", "default", "p7")
        wait_for("a change", lambda: "new" in self.pods(server) and "p7" not in self.pods(server))

        # A cut connection loses nothing and lists nothing again.
        self.fake.cut_watches()
        self.put_pod("while-away", ip="10.2.0.2")
        wait_for("a change after the cut", lambda: "while-away" in self.pods(server))
        self.assertEqual(3, len(self.fake.seen("limit=500")))

        # What the server has forgotten is listed anew.
        self.fake.failing = 500
        self.fake.cut_watches()
        self.put_pod("missed", ip="10.2.0.3")
        self.fake.delete("pods", "default", "p8")
        wait_for("a failure", lambda: "prometheus_sd_kubernetes_failures_total 0" not in
                 server.request("GET", "/metrics")[1])
        self.assertEqual(1201, len(self.pods(server)))  # Kept while the API is away.
        self.fake.cut_watches(forget=True)
        self.fake.failing = None
        wait_for("a new list", lambda: "missed" in self.pods(server))
        self.assertNotIn("p8", self.pods(server))
        self.assertEqual(0, server.stop())

    def kubeconfig(self, cluster, user):
        (pathlib.Path(self.folder) / "kube.yml").write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": cluster}],
            "users": [{"name": "u", "user": user}]}))
        return ("scrape_configs:\n  - job_name: pods\n    scrape_interval: 1h\n"
                "    kubernetes_sd_configs: [{role: pod, kubeconfig_file: kube.yml}]\n")

    def test_kubeconfig(self):
        folder = pathlib.Path(self.folder)
        make_certificate(folder, "ca")
        make_certificate(folder, "api", "ca")
        make_certificate(folder, "me", "ca")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "api.crt", folder / "api.key")
        context.load_verify_locations(folder / "ca.crt")
        context.verify_mode = ssl.CERT_REQUIRED
        self.fake = FakeKubernetes(token="secret", tls=context)
        self.addCleanup(self.fake.cleanup)
        self.put_pod("one")
        (folder / "token").write_text("wrong\n")
        text = self.kubeconfig(
            {"server": self.fake.url, "certificate-authority": "ca.crt"},
            {"client-certificate-data": base64.b64encode((folder / "me.crt").read_bytes()).decode(),
             "client-key": "me.key", "tokenFile": "token"})
        server = self.start(text)
        wait_for("the wrong token", lambda: "Unauthorized" in server.log_text())
        (folder / "token").write_text("secret\n")  # Read again for the next request.
        wait_for("the pod", lambda: self.pods(server) == {"one"})
        self.assertEqual(0, server.stop())

    def test_without_a_cluster(self):
        server = self.start(config([job("pods", None, "pod")]))
        self.assertIn("unable to load in-cluster configuration", server.log_text())
        self.assertEqual([], server.api("targets")["activeTargets"])

    def test_labels_are_those_of_prometheus(self):
        peer = pathlib.Path(os.environ.get("NARTHEX_PEERS", "/nowhere")) / "promtool"
        if not peer.exists():
            raise unittest.SkipTest("NARTHEX_PEERS names no folder with the real promtool")
        version = subprocess.run([peer, "--version"], capture_output=True, text=True, check=True)
        if "version 3.14" not in version.stdout + version.stderr:
            raise unittest.SkipTest("the real promtool is not the reference's version")
        kubernetes_cluster.fill(self.fake)
        url = self.fake.url
        jobs = []
        for role in ROLES:
            jobs.append(job(role, url, role))
            jobs.append(job(role + "-attach", url, role, ATTACH))
            jobs.append(job(role + "-space", url, role, ATTACH, "namespaces: {names: [monitoring]}"))
        jobs.append(job("pod-labelled", url, "pod", "selectors: [{role: pod, label: app=web}]"))
        jobs.append(job("pod-node", url, "pod", ATTACH,
                        "selectors: [{role: node, label: zone=eu-1}, "
                        "{role: pod, field: spec.nodeName=node-a}]"))
        jobs.append(job("endpoints-labelled", url, "endpoints",
                        "selectors: [{role: service, label: app=web}, {role: pod, label: app=web}]"))
        jobs.append(job("two-spaces", url, "endpointslice", ATTACH,
                        "namespaces: {names: [monitoring, default]}"))
        # Dropped targets are shown each, active ones only once for a URL.
        drop = "    relabel_configs: [{source_labels: [__address__], action: drop}]\n"
        jobs = [text + drop for text in jobs]
        server = self.start(config(jobs))
        names = [text.split("\n")[0].split(": ")[1] for text in jobs]

        def of_peer(pool):
            result = subprocess.run([peer, "check", "service-discovery", "--timeout=8s",
                                     server.config, pool], capture_output=True, text=True, check=False)
            return discovered(json.loads(result.stdout))

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            expected = dict(zip(names, pool.map(of_peer, names)))
        for name in names:
            with self.subTest(name):
                targets = server.api("targets", scrapePool=name)
                self.assertGreater(len(expected[name]), 0)
                self.assertEqual(expected[name], discovered(targets["droppedTargets"]))


if __name__ == "__main__":
    unittest.main()
