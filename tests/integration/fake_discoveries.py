"""Servers that discoveries ask, made up: Consul with blocking queries, Nomad, Eureka, Marathon, PuppetDB, Kuma, HTTP."""
import json
import threading
import urllib.parse

from harness import HttpPeer

BLOCK_SECONDS = 30
MADS = "type.googleapis.com/kuma.observability.v1.MonitoringAssignment"


class FakeDiscoveries:
    """All of them behind one address, each below a path of its own."""

    def __init__(self):
        self.changed = threading.Condition()
        self.index = 1
        self.groups = [{"targets": ["127.0.0.1:1", "h.example:80"], "labels": {"env": "prod", "__meta_x": "1"}},
                       {"targets": ["b:2"], "labels": {}}, {"targets": []}]
        self.services = {"web": [self.instance("n1", "10.0.0.1", "web-1", ["blue", "v1"], 8080),
                                 self.instance("n2", "10.0.0.2", "web-2", ["blue"], 8081, address="fd00::2")],
                         "db": [self.instance("n3", "10.0.0.3", "db", [], 5432, checks=["passing", "critical"])]}

        self.peer = HttpPeer(self.reply)
        self.address = self.peer.address

    def reply(self, _method, path, _headers, _body):
        path, _, query = path.partition("?")
        parameters = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        body, headers = self.answer(urllib.parse.unquote(path), parameters)
        return (404, headers, b"no such path") if body is None else (200, headers, body)

    def cleanup(self):
        self.change(lambda: None)
        self.peer.cleanup()

    def change(self, how):
        """Changes what Consul knows and wakes who waits for it."""
        with self.changed:
            how()
            self.index += 1
            self.changed.notify_all()

    @staticmethod
    def instance(node, node_address, service_id, tags, port, address="", checks=("passing",)):
        return {"Node": {"ID": node + "-id", "Node": node, "Address": node_address, "Datacenter": "dc1",
                         "TaggedAddresses": {"lan": node_address, "wan-ipv4": "192.0.2.1"},
                         "Meta": {"rack": "r1", "os-family": "linux", "größe": "1"}},
                "Service": {"ID": service_id, "Service": service_id.split("-")[0], "Tags": tags, "Address": address,
                            "Meta": {"metrics.path": "/m"}, "Port": port, "Namespace": "default"},
                "Checks": [{"Node": node, "CheckID": f"c{i}", "Status": status} for i, status in enumerate(checks)]}

    def answer(self, path, parameters):
        """(body or None, headers)"""
        as_json = {"Content-Type": "application/json"}
        if path.startswith("/consul/"):
            return self.consul(path[len("/consul"):], parameters)
        if path.startswith("/v1/"):  # Its client takes no path before.
            return self.nomad(path, parameters)
        plain = {"/http": self.groups, "/marathon/v2/apps/": self.marathon(), "/puppetdb/pdb/query/v4": self.puppetdb(),
                 "/kuma/v3/discovery:monitoringassignments": self.kuma()}
        if path in plain:
            return json.dumps(plain[path]).encode(), as_json
        if path == "/eureka/apps":
            return self.eureka().encode(), {"Content-Type": "application/xml"}
        return None, {}

    def consul(self, path, parameters):
        headers = {"Content-Type": "application/json"}
        if path == "/v1/agent/self":
            return json.dumps({"Config": {"Datacenter": "dc1", "NodeName": "n1"}}).encode(), headers
        with self.changed:
            self.changed.wait_for(lambda: self.index > int(parameters.get("index", 0)), BLOCK_SECONDS)
            headers["X-Consul-Index"] = str(self.index)
            if path == "/v1/catalog/services":
                tags = {name: sorted({tag for i in all_ for tag in i["Service"]["Tags"]})
                        for name, all_ in self.services.items()}
                return json.dumps({"consul": [], **tags}).encode(), headers
            return json.dumps(self.services.get(path.rpartition("/")[2], [])).encode(), headers

    @staticmethod
    def nomad(path, _):
        headers = {"Content-Type": "application/json", "X-Nomad-Index": "1", "X-Nomad-Lastcontact": "0",
                   "X-Nomad-Knownleader": "true"}
        if path == "/v1/services":
            return json.dumps([{"Namespace": "default", "Services": [{"ServiceName": "hello", "Tags": ["a"]}]}]).encode(), headers
        return json.dumps([{"ID": "_nomad-1", "ServiceName": "hello", "Namespace": "default", "NodeID": "d9",
                            "Datacenter": "dc1", "JobID": "j", "AllocID": "a", "Tags": ["a", "b"],
                            "Address": "10.9.9.9", "Port": 300}]).encode(), headers

    @staticmethod
    def marathon():
        return {"apps": [
            {"id": "/a", "tasksRunning": 2, "labels": {"team-x": "1"}, "container": {
                "docker": {"image": "img:1"},
                "portMappings": [{"labels": {"m": "/x"}, "containerPort": 80}, {"hostPort": 9}]},
             "tasks": [{"id": "t1", "host": "h1", "ports": [31000, 31001]}, {"id": "t2", "host": "h2", "ports": [1, 2]}]},
            {"id": "/b", "networks": [{"mode": "container"}], "container": {
                "docker": {"portMappings": [{"containerPort": 81, "hostPort": 1}]}},
             "tasks": [{"id": "t3", "host": "h3", "ipAddresses": [{"ipAddress": "10.1.1.1", "protocol": "IPv4"}]}]},
            {"id": "/c", "portDefinitions": [{"port": 10, "labels": {"d": "e"}}], "requirePorts": True,
             "tasks": [{"id": "t4", "host": "h4", "ports": [7]}]},
            {"id": "/d", "tasks": [{"id": "t5", "host": "h5", "ports": [7, 8]}]}, {"id": "/e"}]}

    @staticmethod
    def puppetdb():
        return [{"certname": "p.example", "resource": "49af", "type": "Class", "title": "T", "exported": True,
                 "tags": ["x", "y"], "file": "/site.pp", "line": 3, "environment": "prod",
                 "parameters": {"flag": True, "port": 8080, "ratio": 0.25, "big": 12345678, "none": None, "empty": "",
                                "list": ["a", 1, False, None], "no": [], "a.b": {"c-d": {"e": "f"}, "l": [2.5]}}},
                {"certname": "q", "exported": False, "tags": [], "parameters": {}}]

    @staticmethod
    def kuma():
        return {"versionInfo": "v1", "nonce": "n1", "typeUrl": MADS, "resources": [
            {"@type": MADS, "mesh": "m", "service": "s", "labels": {"team": "mesh", "a-b": "c"}, "targets": [
                {"name": "d1", "scheme": "http", "address": "10.1.4.32:9090", "metricsPath": "/custom",
                 "labels": {"team": "own", "kuma.io/protocol": "http"}}, {"name": "d2", "address": "h:1"}]}]}

    @staticmethod
    def eureka():
        return """<?xml version="1.0" encoding="UTF-8"?>
<applications><versions__delta>1</versions__delta><apps__hashcode>UP_1_</apps__hashcode>
<application><name>SVC</name><instance><instanceId>i:1</instanceId><hostName>e1.example</hostName><app>SVC</app>
<ipAddr>192.0.2.1</ipAddr><status>UP</status><port enabled="true">8080</port><securePort enabled="false">443</securePort>
<countryId>1</countryId><dataCenterInfo class="x"><name>MyOwn</name><metadata><zone>z &lt;1&gt;</zone></metadata></dataCenterInfo>
<metadata><jmx.port>9&amp;1</jmx.port><empty/><deep><a b="c">1</a></deep></metadata>
<homePageUrl>http://e1/?a=1&amp;b=2</homePageUrl><statusPageUrl> </statusPageUrl><vipAddress>v</vipAddress>
<secureVipAddress><![CDATA[a<b]]></secureVipAddress></instance></application>
<application><name>BARE</name><instance><hostName>bare</hostName></instance></application></applications>"""
