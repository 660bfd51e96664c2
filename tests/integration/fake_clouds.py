"""Clouds that discoveries ask, made up and strict: OpenStack, OVHcloud, Uyuni, Triton. They refuse what is not as their
documentation says, and remember that they did."""
import hashlib
import json
import time
import urllib.parse
from xmlrpc.server import SimpleXMLRPCDispatcher

from harness import HttpPeer

OVH = {"application": "app", "secret": "app-secret", "consumer": "consumer"}
OVH_AHEAD_SECONDS = 500  # OVHcloud's clock is not ours.
PAGE = 2
JSON = {"Content-Type": "application/json"}


class FakeClouds:
    """All of them behind one address, each below a path of its own; Triton alone has an address with TLS.

    @param context  ssl.SSLContext of Triton
    """

    def __init__(self, context):
        self.refused = []
        self.closed = False  # Keystone then gives no tokens.
        self.tokens = set()
        self.peer = HttpPeer(self.answer)
        self.address = self.peer.address
        self.triton = HttpPeer(self.answer_triton, context)
        self.triton_port = self.triton.port
        self.servers = [self.server(i) for i in range(5)]
        self.logins = 0
        self.uyuni = SimpleXMLRPCDispatcher()
        self.uyuni.register_function(self.uyuni_login, "auth.login")
        self.uyuni.register_function(self.uyuni_groups, "system.listSystemGroupsForSystemsWithEntitlement")
        self.uyuni.register_function(self.uyuni_endpoints, "system.monitoring.listEndpoints")
        self.uyuni.register_function(self.uyuni_networks, "system.getNetworkForSystems")

    def cleanup(self):
        for peer in (self.peer, self.triton):
            peer.cleanup()

    def refuse(self, status, why):
        self.refused.append(why)
        return status, JSON, json.dumps({"message": why}).encode()

    @staticmethod
    def give(value, status=200, **headers):
        return status, {**JSON, **headers}, json.dumps(value).encode()

    def answer(self, method, path, headers, body):
        plain = path.partition("?")[0]
        query = dict(urllib.parse.parse_qsl(path.partition("?")[2]))
        if path.startswith("/identity"):
            return self.keystone(method, plain, body)
        if path.startswith(("/compute/", "/network/", "/balancer/", "/internal/")):
            return self.openstack(plain, query, headers)
        if path.startswith("/1.0/"):
            return self.ovhcloud(plain, headers)
        if path == "/manager/rpc/api" and method == "POST" and headers["Content-Type"] == "text/xml":
            return 200, {"Content-Type": "text/xml"}, self.uyuni._marshaled_dispatch(body)
        return self.refuse(404, f"{method} {path}: no such path")

    # OpenStack.

    def keystone(self, method, path, body):
        url = f"http://{self.address}"
        if path == "/identity/":
            links = lambda version: [{"rel": "self", "href": f"{url}/identity/{version}/"}]
            return self.give({"versions": {"values": [
                {"id": "v3.14", "status": "stable", "links": links("v3"), "media-types": []},
                {"id": "v2.0", "status": "deprecated", "links": links("v2.0")}]}}, 300)
        if (method, path) != ("POST", "/identity/v3/auth/tokens"):
            return self.refuse(404, f"keystone: {method} {path}")
        auth = json.loads(body)["auth"]
        domain = {"name": "Default"}
        password = {"identity": {"methods": ["password"], "password": {"user": {
            "name": "me", "domain": domain, "password": "pass\"word"}}},
                    "scope": {"project": {"name": "mine", "domain": domain}}}
        credential = {"identity": {"methods": ["application_credential"], "application_credential": {
            "id": "cred", "secret": "s3"}}}
        if self.closed or auth not in (password, credential):
            return self.refuse(401, f"keystone: {auth}")
        self.tokens.add(token := f"token-{len(self.tokens)}")
        place = lambda interface, region, path: {"id": "e", "interface": interface, "region": region, "region_id": region,
                                                 "url": url + path}
        catalogue = [
            {"type": "identity", "name": "keystone", "endpoints": [place("public", "One", "/identity")]},
            {"type": "compute", "name": "nova", "endpoints": [
                place("public", "Two", "/wrong/v2.1"), place("internal", "One", "/internal/v2.1"),
                place("public", "One", "/compute/v2.1/")]},
            {"type": "network", "name": "neutron", "endpoints": [
                place("public", "One", "/network/"), place("internal", "One", "/network")]},
            {"type": "load-balancer", "name": "octavia", "endpoints": [place("public", "One", "/balancer")]}]
        return self.give({"token": {"catalog": catalogue, "methods": ["password"],
                                    "expires_at": "2099-01-01T00:00:00.000000Z"}}, 201, **{"X-Subject-Token": token})

    def openstack(self, path, query, headers):
        if headers["X-Auth-Token"] not in self.tokens:
            return self.refuse(401, f"{path}: no token")
        if path in ("/network/", "/balancer/"):
            return self.give({"versions": [{"id": "v2.0", "status": "SUPPORTED"}, {"id": "v2.27", "status": "CURRENT"}]})
        hypervisors = [{"id": i + 1, "hypervisor_hostname": f"host-{i}", "host_ip": f"172.16.70.{i}", "state": "up",
                        "status": "enabled", "hypervisor_type": "QEMU", "hypervisor_version": 2000000, "vcpus": 1,
                        "service": {"host": f"host-{i}", "id": 7, "disabled_reason": None}, "cpu_info": "",
                        "free_disk_gb": 10, "local_gb": 20} for i in range(3)]
        hypervisors[2]["id"] = "c48f6247-abe4-4a24-824e-ea39e108874f"
        lists = {"/network/v2.0/ports": ("ports", self.ports()), "/network/v2.0/floatingips": ("floatingips", self.floating()),
                 "/compute/v2.1/servers/detail": ("servers", self.servers[:None if query.get("all_tenants") == "true" else 3]),
                 "/internal/v2.1/os-hypervisors/detail": ("hypervisors", hypervisors),
                 "/balancer/v2.0/lbaas/loadbalancers": ("loadbalancers", self.balancers()),
                 "/balancer/v2.0/lbaas/listeners": ("listeners", self.listeners())}
        if path not in lists:
            return self.refuse(404, f"openstack: {path}")
        name, items = lists[path]
        first = int(query.get("marker", 0))
        answer = {name: items[first:first + PAGE]}
        if first + PAGE < len(items):
            more = urllib.parse.urlencode({**query, "marker": first + PAGE})
            answer[f"{name}_links"] = [{"rel": "previous", "href": "x"},
                                       {"rel": "next", "href": f"http://{self.address}{path}?{more}"}]
        return self.give(answer)

    @staticmethod
    def server(i):
        own = {"addr": f"10.0.0.{i}", "version": 4, "OS-EXT-IPS:type": "fixed", "OS-EXT-IPS-MAC:mac_addr": "fa"}
        server = {"id": f"i-{i}", "name": f"vm {i}", "status": "ACTIVE", "tenant_id": "t", "user_id": "u",
                  "created": "2024-01-01T00:00:00Z", "image": {"id": "image"}, "metadata": {"env.x": "prod", "größe": "1"},
                  "flavor": {"id": f"f{i}", "links": []},
                  "addresses": {"private": [own, {"addr": f"198.51.100.{i}", "version": 4, "OS-EXT-IPS:type": "floating"}]}}
        if i == 1:
            server |= {"image": "", "flavor": {"original_name": "m1.small", "vcpus": 1}, "metadata": {}}
            server["addresses"]["v6"] = [{"addr": "fd00::1", "version": 6}]
        if i == 2:
            server["addresses"] = {}
        return server

    @staticmethod
    def ports():
        return [{"id": f"p{i}", "device_id": f"i-{i}", "network_id": "n"} for i in range(4)]

    @staticmethod
    def floating():
        ips = [{"id": f"f{i}", "floating_ip_address": f"198.51.100.{i}", "fixed_ip_address": f"10.0.0.{i}", "port_id": f"p{i}"}
               for i in range(2)]
        return [*ips, {"id": "free", "floating_ip_address": "198.51.100.99", "fixed_ip_address": None, "port_id": None},
                {"id": "lb", "floating_ip_address": "198.51.100.50", "fixed_ip_address": "10.0.1.0", "port_id": "vip-0"}]

    @staticmethod
    def balancers():
        return [{"id": f"lb-{i}", "name": f"lb {i}", "vip_address": f"10.0.1.{i}", "vip_port_id": f"vip-{i}",
                 "operating_status": "ONLINE", "provisioning_status": "ACTIVE", "provider": "amphora",
                 "availability_zone": None if i else "az", "project_id": "pr", "tags": [] if i else ["a", "b"]} for i in range(3)]

    @staticmethod
    def listeners():
        listener = lambda protocol, port, *ids: {"id": f"l{port}", "protocol": protocol, "protocol_port": port,
                                                 "loadbalancers": [{"id": i} for i in ids]}
        return [listener("HTTP", 80, "lb-0", "lb-1"), listener("PROMETHEUS", 9000, "lb-0"),
                listener("PROMETHEUS", 9001, "lb-0", "lb-2")]

    # OVHcloud.

    def ovhcloud(self, path, headers):
        now = int(time.time()) + OVH_AHEAD_SECONDS
        if headers["X-Ovh-Application"] != OVH["application"]:
            return self.refuse(403, f"ovhcloud: {path}: no such application")
        if path == "/1.0/auth/time":
            return self.give(now)
        stamp = headers["X-Ovh-Timestamp"] or "0"
        signed = "+".join([OVH["secret"], OVH["consumer"], "GET", f"http://{self.address}{path}", "", stamp])
        want = "$1$" + hashlib.sha1(signed.encode()).hexdigest()
        if headers["X-Ovh-Consumer"] != OVH["consumer"] or headers["X-Ovh-Signature"] != want:
            return self.refuse(403, f"ovhcloud: {path}: bad signature")
        if abs(now - int(stamp)) > 60:
            return self.refuse(403, f"ovhcloud: {path}: {stamp} is too long ago")
        vps = {"name": "vps 1/a", "zone": "Region", "model": {"name": "value", "offer": "VPS", "version": "2019v1", "vcore": 1,
                                                              "disk": 40, "memory": 2048, "maximumAdditionnalIp": 16,
                                                              "datacenter": ["SBG1", "SBG2"]},
               "displayName": "one", "cluster": "c", "state": "running", "netbootMode": "local", "memoryLimit": 2048,
               "offerType": "ssd", "vcore": 1, "keymap": None, "monitoringIpBlocks": []}
        metal = {"name": "ns1", "state": "ok", "commercialRange": "Advance", "linkSpeed": 123, "rack": "R", "os": "debian",
                 "noIntervention": False, "supportLevel": "pro", "serverId": 1234567890123, "reverse": "r", "datacenter": "gra3"}
        answers = {"/1.0/vps": ["vps 1/a", "bare", "gone", "lost"], "/1.0/vps/vps+1%2Fa": vps, "/1.0/vps/bare": {"name": "bare"},
                   "/1.0/vps/vps+1%2Fa/ips": ["192.0.2.1", "2001:db8::1", "192.0.2.0/24", "192.0.2.9/32", "0.0.0.0"],
                   "/1.0/vps/bare/ips": ["2001:db8:0:0::2"], "/1.0/vps/lost": {}, "/1.0/vps/lost/ips": [],
                   "/1.0/dedicated/server": ["ns1"], "/1.0/dedicated/server/ns1": metal,
                   "/1.0/dedicated/server/ns1/ips": ["1.2.3.4/32", "2001:db8::/64"]}
        if path == "/1.0/vps/gone":
            return self.give({"message": "This service is expired"}, 460)
        return self.give(answers[path]) if path in answers else self.refuse(404, f"ovhcloud: {path}")

    # Uyuni.

    def uyuni_login(self, user, password, seconds):
        if (user, password, seconds) != ("admin", "p<&>w", 600):
            self.refused.append(f"uyuni: {user}, {password}, {seconds}")
            raise ValueError("bad login")
        self.logins += 1
        return "key-1"

    def uyuni_groups(self, key, entitlement):
        self.check_uyuni((key, entitlement) == ("key-1", "monitoring_entitled"), entitlement)
        return [{"id": 7, "system_groups": [{"id": 1, "name": "web"}, {"id": 2, "name": "größer & <so>"}]},
                {"id": 3, "system_groups": []}]

    def uyuni_endpoints(self, key, systems):
        self.check_uyuni(key == "key-1" and sorted(systems) == [3, 7], systems)
        return [{"system_id": 7, "endpoint_name": "node_exporter", "port": 9100, "path": "/metrics", "module": "node",
                 "exporter_name": "node_exporter", "tls_enabled": True},
                {"system_id": 3, "endpoint_name": "a", "port": 80, "path": "", "module": "", "exporter_name": "x",
                 "tls_enabled": False}]

    def uyuni_networks(self, key, systems):
        self.check_uyuni(key == "key-1" and sorted(systems) == [3, 7], systems)
        return [{"system_id": i, "hostname": f"h{i}.example.com", "primary_fqdn": f"f{i}.example.com", "ip": "192.0.2.7"}
                for i in systems]

    def check_uyuni(self, good, what):
        if not good:
            self.refused.append(f"uyuni: {what}")
            raise ValueError("bad call")

    # Triton.

    def answer_triton(self, _, path, __, ___):
        containers = [{"vm_uuid": "u1", "vm_alias": "a1", "vm_brand": "lx", "vm_image_uuid": "im", "server_uuid": "s",
                       "groups": ["foo", "bar"]}, {"vm_uuid": "u2", "vm_alias": "a2", "vm_brand": "kvm", "server_uuid": "s"}]
        answers = {"/v1/discover": {"containers": containers}, "/v1/discover?groups=foo%2Cb+r": {"containers": containers[:1]},
                   "/v1/gz/discover": {"cns": [{"server_uuid": "s", "server_hostname": "head"}]}}
        return self.give(answers[path]) if path in answers else self.refuse(404, f"triton: {path}")
