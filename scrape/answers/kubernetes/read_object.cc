// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/kubernetes/read_object.h"

#include <absl/container/flat_hash_map.h>
#include <boost/json/value.hpp>
#include <fmt/core.h>

#include "scrape/answers/kubernetes/json_fields.h"

namespace narthex::scrape::kubernetes {

namespace {

namespace json = boost::json;

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return text;
}

void ReadMetadata(JsonReader& read, const json::object* root, Object& object) {
  const json::object* metadata = read.Object(root, "metadata");
  object.name = read.Text(metadata, "name");
  object.space = read.Text(metadata, "namespace");
  object.uid = read.Text(metadata, "uid");
  object.version = read.Text(metadata, "resourceVersion");
  object.labels = read.Map(metadata, "labels");
  object.annotations = read.Map(metadata, "annotations");
  read.EachObject(metadata, "ownerReferences", [&](const json::object* owner) {
    const bool controls = read.OptionalBool(owner, "controller").value_or(false);
    Controller found{read.Text(owner, "kind"), read.Text(owner, "name")};
    if (controls && !object.controller) object.controller = std::move(found);
  });
}

std::optional<ObjectReference> ReadReference(JsonReader& read, const json::object* from) {
  const json::object* target = read.Object(from, "targetRef");
  if (target == nullptr) return std::nullopt;
  return ObjectReference{read.Text(target, "kind"), read.Text(target, "namespace"),
                         read.Text(target, "name")};
}

void ReadContainers(JsonReader& read, const json::object* spec, const json::object* status,
                    bool init, Pod& pod) {
  // The first status of a name counts.
  absl::flat_hash_map<std::string, std::string> ids;
  read.EachObject(status, init ? "initContainerStatuses" : "containerStatuses",
                  [&](const json::object* container) {
                    ids.try_emplace(read.Text(container, "name"),
                                    read.Text(container, "containerID"));
                  });
  read.EachObject(spec, init ? "initContainers" : "containers", [&](const json::object* container) {
    Container& made = pod.containers.emplace_back();
    made.name = read.Text(container, "name");
    made.image = read.Text(container, "image");
    made.init = init;
    if (const auto id = ids.find(made.name); id != ids.end()) made.id = id->second;
    read.EachObject(container, "ports", [&](const json::object* port) {
      made.ports.push_back(
          {read.Text(port, "name"), read.Text(port, "protocol"), read.Int(port, "containerPort")});
    });
  });
}

void ReadPod(JsonReader& read, const json::object* root, Pod& pod) {
  const json::object* spec = read.Object(root, "spec");
  const json::object* status = read.Object(root, "status");
  pod.node_name = read.Text(spec, "nodeName");
  pod.ip = read.Text(status, "podIP");
  pod.host_ip = read.Text(status, "hostIP");
  pod.phase = read.Text(status, "phase");
  bool seen = false;
  read.EachObject(status, "conditions", [&](const json::object* condition) {
    if (read.Text(condition, "type") != "Ready" || seen) return;
    seen = true;
    pod.ready = Lower(read.Text(condition, "status"));
  });
  ReadContainers(read, spec, status, false, pod);
  ReadContainers(read, spec, status, true, pod);
}

std::vector<ServicePort> ReadServicePorts(JsonReader& read, const json::object* from) {
  std::vector<ServicePort> ports;
  read.EachObject(from, "ports", [&](const json::object* port) {
    ports.push_back({read.Text(port, "name"), read.Text(port, "protocol"), read.Int(port, "port")});
  });
  return ports;
}

void ReadService(JsonReader& read, const json::object* root, Service& service) {
  const json::object* spec = read.Object(root, "spec");
  service.type = read.Text(spec, "type");
  service.cluster_ip = read.Text(spec, "clusterIP");
  service.external_name = read.Text(spec, "externalName");
  service.load_balancer_ip = read.Text(spec, "loadBalancerIP");
  service.ip_family_policy = read.Text(spec, "ipFamilyPolicy");
  service.ip_families = read.Texts(spec, "ipFamilies");
  service.ports = ReadServicePorts(read, spec);
}

void ReadNode(JsonReader& read, const json::object* root, Node& node) {
  const json::object* status = read.Object(root, "status");
  node.provider_id = read.Text(read.Object(root, "spec"), "providerID");
  read.EachObject(status, "conditions", [&](const json::object* condition) {
    node.conditions.emplace_back(read.Text(condition, "type"), read.Text(condition, "status"));
  });
  read.EachObject(status, "addresses", [&](const json::object* address) {
    node.addresses.emplace_back(read.Text(address, "type"), read.Text(address, "address"));
  });
  const json::object* daemons = read.Object(status, "daemonEndpoints");
  node.kubelet_port = read.Int(read.Object(daemons, "kubeletEndpoint"), "Port");
}

std::vector<EndpointAddress> ReadAddresses(JsonReader& read, const json::object* subset,
                                           std::string_view name) {
  std::vector<EndpointAddress> addresses;
  read.EachObject(subset, name, [&](const json::object* address) {
    addresses.push_back({read.Text(address, "ip"), read.Text(address, "hostname"),
                         read.OptionalText(address, "nodeName"), ReadReference(read, address)});
  });
  return addresses;
}

void ReadEndpoints(JsonReader& read, const json::object* root, Endpoints& endpoints) {
  read.EachObject(root, "subsets", [&](const json::object* subset) {
    endpoints.subsets.push_back({ReadAddresses(read, subset, "addresses"),
                                 ReadAddresses(read, subset, "notReadyAddresses"),
                                 ReadServicePorts(read, subset)});
  });
}

void ReadEndpointSlice(JsonReader& read, const json::object* root, EndpointSlice& slice) {
  slice.address_type = read.Text(root, "addressType");
  read.EachObject(root, "endpoints", [&](const json::object* from) {
    SliceEndpoint& endpoint = slice.endpoints.emplace_back();
    endpoint.addresses = read.Texts(from, "addresses");
    const json::object* conditions = read.Object(from, "conditions");
    endpoint.ready = read.OptionalBool(conditions, "ready");
    endpoint.serving = read.OptionalBool(conditions, "serving");
    endpoint.terminating = read.OptionalBool(conditions, "terminating");
    endpoint.hostname = read.OptionalText(from, "hostname");
    endpoint.node_name = read.OptionalText(from, "nodeName");
    endpoint.zone = read.OptionalText(from, "zone");
    endpoint.target = ReadReference(read, from);
    endpoint.topology = read.Map(from, "deprecatedTopology");
  });
  read.EachObject(root, "ports", [&](const json::object* port) {
    slice.ports.push_back({read.OptionalText(port, "name"), read.OptionalText(port, "protocol"),
                           read.OptionalText(port, "appProtocol"), read.OptionalInt(port, "port")});
  });
}

void ReadIngress(JsonReader& read, const json::object* root, Ingress& ingress) {
  const json::object* spec = read.Object(root, "spec");
  ingress.class_name = read.OptionalText(spec, "ingressClassName");
  read.EachObject(spec, "tls", [&](const json::object* tls) {
    for (std::string& host : read.Texts(tls, "hosts")) {
      ingress.tls_hosts.push_back(std::move(host));
    }
  });
  read.EachObject(spec, "rules", [&](const json::object* from) {
    IngressRule& rule = ingress.rules.emplace_back();
    rule.host = read.Text(from, "host");
    const json::object* http = read.Object(from, "http");
    if (http == nullptr) return;
    rule.paths.emplace();
    read.EachObject(http, "paths", [&](const json::object* path) {
      rule.paths->push_back(read.Text(path, "path"));
    });
  });
}

template <typename T, typename Fill>
Result<ObjectPtr> Make(const json::value& value, const Fill& fill) {
  const json::object* root = value.if_object();
  if (root == nullptr) return Fail(Code::kInvalidArgument, "not an object");
  auto object = std::make_shared<T>();
  JsonReader read;
  ReadMetadata(read, root, *object);
  fill(read, root, *object);
  if (!read.status()) {
    return Fail(Error(read.status().error()).Wrap(fmt::format("object \"{}\"", object->Key())));
  }
  if (object->name.empty()) return Fail(Code::kInvalidArgument, "an object without a name");
  return ObjectPtr(std::move(object));
}

}  // namespace

Result<ObjectPtr> ReadObject(Resource resource, const json::value& value) {
  switch (resource) {
    case Resource::kPod:
      return Make<Pod>(value, ReadPod);
    case Resource::kService:
      return Make<Service>(value, ReadService);
    case Resource::kNode:
      return Make<Node>(value, ReadNode);
    case Resource::kEndpoints:
      return Make<Endpoints>(value, ReadEndpoints);
    case Resource::kEndpointSlice:
      return Make<EndpointSlice>(value, ReadEndpointSlice);
    case Resource::kIngress:
      return Make<Ingress>(value, ReadIngress);
    case Resource::kNamespace:
    case Resource::kReplicaSet:
    case Resource::kJob:
      break;
  }
  return Make<PlainObject>(value, [](JsonReader&, const json::object*, PlainObject&) {});
}

}  // namespace narthex::scrape::kubernetes
