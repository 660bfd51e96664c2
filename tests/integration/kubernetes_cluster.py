"""A small cluster with what discovery can meet: pods of all owners and states, IPv6, dual stack,
services of all types, endpoints without pods, names that are no label names."""

SPACES = ["default", "monitoring"]


def meta(name, space=None, labels=None, annotations=None, owner=None):
    made = {"name": name}
    if space:
        made["namespace"] = space
    if labels:
        made["labels"] = labels
    if annotations:
        made["annotations"] = annotations
    if owner:
        kind, owner_name, controller = owner
        made["ownerReferences"] = [
            {"apiVersion": "v1", "kind": "Other", "name": "not-the-controller", "uid": "0"},
            {"apiVersion": "apps/v1", "kind": kind, "name": owner_name, "uid": "1",
             "controller": controller}]
    return made


def container(name, *ports, image="registry.example/app:1.2"):
    made = {"name": name, "image": image}
    if ports:
        made["ports"] = [dict(zip(("name", "containerPort", "protocol"), p)) for p in ports]
    return made


def pod(name, space="default", node="node-a", ip="10.0.0.1", containers=(), init=(), ready="True",
        phase="Running", **metadata):
    status = {"phase": phase, "hostIP": "192.168.0.1",
              "conditions": [{"type": "Initialized", "status": "True"},
                             {"type": "Ready", "status": ready}],
              "containerStatuses": [{"name": c["name"], "containerID": f"containerd://{c['name']}",
                                     "image": c["image"], "imageID": "", "ready": True,
                                     "restartCount": 0} for c in containers],
              "initContainerStatuses": [{"name": c["name"], "containerID": f"containerd://i-{c['name']}",
                                         "image": c["image"], "imageID": "", "ready": True,
                                         "restartCount": 0} for c in init]}
    if ip:
        status["podIP"] = ip
    if ready is None:
        status["conditions"].pop()
    spec = {"containers": list(containers)}
    if node:
        spec["nodeName"] = node
    if init:
        spec["initContainers"] = list(init)
    return {"metadata": meta(name, space, **metadata), "spec": spec, "status": status}


def node(name, addresses, **metadata):
    return {"metadata": meta(name, **metadata),
            "spec": {"providerID": f"aws:///eu-west-1/{name}"},
            "status": {"addresses": [{"type": t, "address": a} for t, a in addresses],
                       "conditions": [{"type": "Ready", "status": "True"},
                                      {"type": "DiskPressure", "status": "False"},
                                      {"type": "Odd.Condition", "status": "Unknown"}],
                       "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}}}


def service(name, space="default", type="ClusterIP", ports=(("web", 80, "TCP"),), spec=None,
            **metadata):
    return {"metadata": meta(name, space, **metadata),
            "spec": {"type": type, "clusterIP": "10.96.0.7",
                     "ports": [{"name": n, "port": p, "protocol": q} for n, p, q in ports],
                     **(spec or {})}}


def to_pod(name, space="default"):
    return {"kind": "Pod", "namespace": space, "name": name}


def fill(fake):
    for name, labels in (("default", {"team": "a", "kubernetes.io/metadata.name": "default"}),
                         ("monitoring", {"team": "b"}), ("other", None)):
        fake.put("namespaces", {"metadata": meta(name, labels=labels,
                                                 annotations={"owner/mail": f"{name}@example.org"})})
    fake.put("nodes", node("node-a", [("InternalIP", "192.168.0.1"), ("Hostname", "node-a"),
                                      ("ExternalIP", "203.0.113.1"), ("InternalIP", "192.168.0.9")],
                           labels={"kubernetes.io/arch": "amd64", "zone": "eu-1"},
                           annotations={"csi.volume/node-id": "{\"x\":1}"}))
    fake.put("nodes", node("node-b", [("Hostname", "node-b"), ("ExternalDNS", "b.example.org")],
                           labels={"zone": "eu-2"}))
    fake.put("nodes", node("node-6", [("InternalIP", "fd00::1")]))
    fake.put("nodes", node("node-without-address", []))
    for space in SPACES:
        fake.put("replicasets", {"metadata": meta("web-5d4", space, owner=("Deployment", "web", True))})
        fake.put("replicasets", {"metadata": meta("bare-rs", space)})
        fake.put("jobs", {"metadata": meta("nightly-1", space, owner=("CronJob", "nightly", True))})
        fake.put("jobs", {"metadata": meta("once", space)})
        fill_pods(fake, space)
        fill_services(fake, space)
        fill_endpoints(fake, space)
        fill_slices(fake, space)
        fill_ingresses(fake, space)


def fill_pods(fake, space):
    web = container("web", ("http", 8080, "TCP"), ("metrics", 9090, "TCP"))
    sidecar = container("sidecar.proxy", ("admin", 15000, "UDP"), image="proxy@sha256:1")
    init = container("setup", ("init-port", 7000, "TCP"))
    for name, made in {
        "web-1": pod("web-1", space, ip="10.0.0.1", containers=[web, sidecar], init=[init],
                     labels={"app": "web", "app.kubernetes.io/name": "web", "a-b": "1"},
                     annotations={"prometheus.io/scrape": "true", "checksum/config": "é✓"},
                     owner=("ReplicaSet", "web-5d4", True)),
        "web-2": pod("web-2", space, node="node-b", ip="10.0.0.2", containers=[web], ready="False",
                     labels={"app": "web"}, owner=("ReplicaSet", "web-5d4", True)),
        "six": pod("six", space, ip="fd00::10", containers=[web, container("noport")]),
        "pending": pod("pending", space, node="", ip="", containers=[web], phase="Pending"),
        "done": pod("done", space, ip="10.0.0.4", containers=[container("job")], phase="Succeeded",
                    ready="False", owner=("Job", "nightly-1", True)),
        "once": pod("once-x", space, ip="10.0.0.5", containers=[container("job")],
                    owner=("Job", "once", True)),
        "rs": pod("bare-1", space, ip="10.0.0.6", containers=[web], owner=("ReplicaSet", "bare-rs", True)),
        "unowned": pod("unowned", space, ip="10.0.0.7", containers=[web], ready=None,
                       owner=("ReplicaSet", "web-5d4", False)),
        "lost": pod("lost", space, node="node-gone", ip="10.0.0.8", containers=[web],
                    owner=("ReplicaSet", "unknown-rs", True)),
        "set": pod("set-0", space, ip="10.0.0.9", containers=[web], owner=("StatefulSet", "set", True)),
    }.items():
        fake.put("pods", made)


def fill_services(fake, space):
    fake.put("services", service("web", space, labels={"app": "web"}, annotations={"x/y": "z"},
                                 ports=(("http", 80, "TCP"), ("metrics", 9090, "TCP"))))
    fake.put("services", service("lb", space, "LoadBalancer",
                                 spec={"loadBalancerIP": "203.0.113.50"}))
    fake.put("services", service("out", space, "ExternalName", spec={"externalName": "x.example.org"}))
    fake.put("services", service("headless", space, spec={"clusterIP": "None"}))
    fake.put("services", service("portless", space, ports=()))
    fake.put("services", service("dual", space, spec={"ipFamilyPolicy": "PreferDualStack",
                                                      "ipFamilies": ["IPv4", "IPv6"]}))
    fake.put("services", service("single", space, spec={"ipFamilyPolicy": "SingleStack",
                                                        "ipFamilies": ["IPv4"]}))


def fill_endpoints(fake, space):
    fake.put("endpoints", {
        "metadata": meta("web", space, labels={"app": "web"},
                         annotations={"endpoints.kubernetes.io/last-change-trigger-time": "now"}),
        "subsets": [
            {"addresses": [{"ip": "10.0.0.1", "nodeName": "node-a", "hostname": "web-one",
                            "targetRef": to_pod("web-1", space)}],
             "notReadyAddresses": [{"ip": "10.0.0.2", "nodeName": "node-b",
                                    "targetRef": to_pod("web-2", space)}],
             "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}]},
            {"addresses": [{"ip": "fd00::10", "targetRef": to_pod("six", space)}],
             "ports": [{"name": "http", "port": 8080, "protocol": "TCP"},
                       {"name": "none", "port": 1, "protocol": "TCP"}]}]})
    fake.put("endpoints", {
        "metadata": meta("outside", space),
        "subsets": [{"addresses": [{"ip": "198.51.100.1"},
                                   {"ip": "192.168.0.1", "targetRef": {"kind": "Node", "name": "node-a"}},
                                   {"ip": "10.9.9.9", "targetRef": to_pod("unknown", space)}],
                     "ports": [{"port": 9100, "protocol": "TCP"}]}]})
    fake.put("endpoints", {"metadata": meta("empty", space)})
    fake.put("endpoints", {"metadata": meta("init-only", space),
                           "subsets": [{"addresses": [{"ip": "10.0.0.1", "targetRef": to_pod("web-1", space)}],
                                        "ports": [{"name": "i", "port": 7000, "protocol": "UDP"}]}]})


def fill_slices(fake, space):
    def put(name, service_name, endpoints, ports, address_type="IPv4", labels=None):
        labels = dict(labels or {})
        if service_name:
            labels["kubernetes.io/service-name"] = service_name
        fake.put("endpointslices", {"metadata": meta(name, space, labels=labels),
                                    "addressType": address_type, "endpoints": endpoints,
                                    "ports": ports})

    http = {"name": "http", "port": 8080, "protocol": "TCP", "appProtocol": "kubernetes.io/h2c"}
    put("web-abc", "web", [
        {"addresses": ["10.0.0.1"], "conditions": {"ready": True, "serving": True, "terminating": False},
         "nodeName": "node-a", "zone": "eu-1", "hostname": "web-one",
         "deprecatedTopology": {"topology.kubernetes.io/zone": "eu-1"},
         "targetRef": to_pod("web-1", space)},
        {"addresses": ["10.0.0.2", "10.0.0.22"], "conditions": {"ready": False, "serving": True},
         "nodeName": "node-b", "targetRef": to_pod("web-2", space)}],
        [http, {"name": "", "port": 9090}], labels={"x": "y"})
    put("portless-1", None, [{"addresses": ["198.51.100.1"], "conditions": {}}], [{"name": "any"}])
    put("node-1", "headless", [{"addresses": ["192.168.0.1"],
                                "targetRef": {"kind": "Node", "name": "node-a"}}], [http])
    put("dual-4", "dual", [{"addresses": ["10.0.0.1"], "targetRef": to_pod("web-1", space)}], [http])
    put("dual-6", "dual", [{"addresses": ["fd00::10"], "targetRef": to_pod("six", space)}], [http],
        "IPv6")
    put("single-6", "single", [{"addresses": ["fd00::11"]}], [http], "IPv6")
    put("fqdn", "web", [{"addresses": ["a.example.org"]}], [http], "FQDN")
    put("nothing", "unknown-service", [], [http])


def fill_ingresses(fake, space):
    backend = {"service": {"name": "web", "port": {"number": 80}}}

    def path(text):
        made = {"pathType": "Prefix", "backend": backend}
        if text is not None:
            made["path"] = text
        return made

    fake.put("ingresses", {
        "metadata": meta("site", space, labels={"app": "web"}, annotations={"nginx/rewrite": "/"}),
        "spec": {"ingressClassName": "nginx",
                 "tls": [{"hosts": ["secure.example.org", "*.wild.example.org"], "secretName": "s"}],
                 "rules": [{"host": "secure.example.org", "http": {"paths": [path("/"), path("/a")]}},
                           {"host": "a.wild.example.org", "http": {"paths": [path(None)]}},
                           {"host": "a.b.wild.example.org", "http": {"paths": [path("/deep")]}},
                           {"host": "plain.example.org"}]}})
    fake.put("ingresses", {"metadata": meta("hostless", space),
                           "spec": {"rules": [{"http": {"paths": [path("/x")]}}]}})
    fake.put("ingresses", {"metadata": meta("no-rules", space), "spec": {"defaultBackend": backend}})
