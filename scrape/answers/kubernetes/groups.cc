// SPDX-License-Identifier: Apache-2.0
//
// The roles whose targets are made of one object: pods, nodes, services, ingresses.
#include "scrape/answers/kubernetes/groups.h"

#include <absl/container/flat_hash_set.h>
#include <fmt/core.h>

#include "scrape/answers/kubernetes/label_set.h"
#include "scrape/answers/kubernetes/pod_labels.h"
#include "scrape/answers/kubernetes/target_list.h"
#include "scrape/answers/naming.h"

namespace narthex::scrape::kubernetes {

namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return lower;
}

std::string_view SourcePrefix(Resource resource) {
  switch (resource) {
    case Resource::kPod:
      return "pod/";
    case Resource::kService:
      return "svc/";
    case Resource::kNode:
      return "node/";
    case Resource::kEndpoints:
      return "endpoints/";
    case Resource::kEndpointSlice:
      return "endpointslice/";
    case Resource::kIngress:
      return "ingress/";
    default:
      return "";
  }
}

/// The address that a node is scraped at, null when it has none.
const std::string* NodeAddress(const Node& node) {
  for (const std::string_view type :
       {"InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname"}) {
    for (const auto& [kind, address] : node.addresses) {
      if (kind == type) return &address;
    }
  }
  return nullptr;
}

/// Whether one of the patterns fits: "*.example.org" stands for any one label in the place of the
/// star, so that only one such pattern can.
bool MatchesHost(const absl::flat_hash_set<std::string_view>& patterns, std::string_view host) {
  if (patterns.contains(host)) return true;
  std::string pattern = "*";
  if (const std::size_t dot = host.find('.'); dot != std::string_view::npos) {
    pattern += host.substr(dot);
  }
  return patterns.contains(pattern);
}

}  // namespace

std::string SourceOf(Resource resource, std::string_view key) {
  return std::string(SourcePrefix(resource)).append(key);
}

Result<config::TargetGroup> PodGroup(const Pod& pod, Related& related) {
  config::TargetGroup group;
  group.source = SourceOf(Resource::kPod, pod.Key());
  if (pod.ip.empty()) return group;  // It is starting, or was evicted.
  // With a selector for nodes only the pods on those nodes count.
  if (related.attach().node && related.Find<Node>(Resource::kNode, pod.node_name) == nullptr) {
    return group;
  }
  LabelSet labels;
  AddPodLabels(pod, related, labels);
  labels.Set("namespace", pod.space);
  labels.AttachNode(pod.node_name, related);
  labels.AttachNamespace(pod.space, related);
  group.labels = labels.Build();
  TargetList targets;
  for (const Container& container : pod.containers) {
    LabelSet base;
    AddContainerLabels(container, base);
    base.Set("pod_container_id", container.id);
    // Without a port the container is a target all the same; the user adds a port by relabelling.
    if (container.ports.empty()) {
      base.SetPlain("__address__", pod.ip);
      if (!targets.Add(base.Build())) break;
    }
    for (const ContainerPort& port : container.ports) {
      LabelSet target = base;
      target.SetPlain("__address__", JoinHostPort(pod.ip, port.number));
      AddContainerPortLabels(port, port.protocol, target);
      if (!targets.Add(target.Build())) break;
    }
  }
  return std::move(targets).Into(std::move(group));
}

Result<config::TargetGroup> NodeGroup(const Node& node) {
  config::TargetGroup group;
  group.source = SourceOf(Resource::kNode, node.Key());
  const std::string* address = NodeAddress(node);
  if (address == nullptr) {
    return Fail(Code::kNotFound, "no node address found: host address unknown");
  }
  LabelSet labels;
  labels.Set("node_provider_id", node.provider_id);
  for (const auto& [type, status] : node.conditions) {
    labels.SetSanitized("node_condition_", Lower(type), Lower(status));
  }
  labels.AddMetadata("node", node);
  group.labels = labels.Build();
  LabelSet target;
  target.SetPlain("__address__", JoinHostPort(*address, node.kubelet_port));
  target.SetPlain("instance", node.name);
  // Of several addresses of a type the first counts, and what is set last does.
  for (auto it = node.addresses.rbegin(); it != node.addresses.rend(); ++it) {
    target.SetSanitized("node_address_", it->first, it->second);
  }
  group.targets.push_back(target.Build());
  return group;
}

Result<config::TargetGroup> ServiceGroup(const Service& service, Related& related) {
  config::TargetGroup group;
  group.source = SourceOf(Resource::kService, service.Key());
  LabelSet labels;
  AddServiceLabels(service, labels);
  labels.AttachNamespace(service.space, related);
  group.labels = labels.Build();
  TargetList targets;
  for (const ServicePort& port : service.ports) {
    LabelSet target;
    target.SetPlain("__address__",
                    fmt::format("{}.{}.svc:{}", service.name, service.space, port.number));
    target.Set("service_port_name", port.name);
    target.Set("service_port_number", std::to_string(port.number));
    target.Set("service_port_protocol", port.protocol);
    target.Set("service_type", service.type);
    if (service.type == "ExternalName") {
      target.Set("service_external_name", service.external_name);
    } else {
      target.Set("service_cluster_ip", service.cluster_ip);
    }
    if (service.type == "LoadBalancer") {
      target.Set("service_loadbalancer_ip", service.load_balancer_ip);
    }
    if (!targets.Add(target.Build())) break;
  }
  return std::move(targets).Into(std::move(group));
}

Result<config::TargetGroup> IngressGroup(const Ingress& ingress, Related& related) {
  config::TargetGroup group;
  group.source = SourceOf(Resource::kIngress, ingress.Key());
  LabelSet labels;
  labels.Set("namespace", ingress.space);
  labels.SetIf("ingress_class_name", ingress.class_name);
  labels.AddMetadata("ingress", ingress);
  labels.AttachNamespace(ingress.space, related);
  group.labels = labels.Build();
  const absl::flat_hash_set<std::string_view> tls_hosts(ingress.tls_hosts.begin(),
                                                        ingress.tls_hosts.end());
  TargetList targets;
  for (const IngressRule& rule : ingress.rules) {
    const bool tls = MatchesHost(tls_hosts, rule.host);
    static const std::vector<std::string> kRoot = {"/"};
    for (const std::string& path : rule.paths ? *rule.paths : kRoot) {
      LabelSet target;
      target.SetPlain("__address__", rule.host);
      target.Set("ingress_scheme", tls ? "https" : "http");
      target.Set("ingress_host", rule.host);
      target.Set("ingress_path", path.empty() ? std::string_view("/") : path);
      if (!targets.Add(target.Build())) break;
    }
  }
  return std::move(targets).Into(std::move(group));
}

Result<config::TargetGroup> MakeGroup(Resource resource, const Object& object, Related& related) {
  switch (resource) {
    case Resource::kPod:
      return PodGroup(static_cast<const Pod&>(object), related);
    case Resource::kNode:
      return NodeGroup(static_cast<const Node&>(object));
    case Resource::kService:
      return ServiceGroup(static_cast<const Service&>(object), related);
    case Resource::kIngress:
      return IngressGroup(static_cast<const Ingress&>(object), related);
    case Resource::kEndpoints:
      return EndpointsGroup(static_cast<const Endpoints&>(object), related);
    case Resource::kEndpointSlice:
      return EndpointSliceGroup(static_cast<const EndpointSlice&>(object), related);
    default:
      return config::TargetGroup{};
  }
}

}  // namespace narthex::scrape::kubernetes
