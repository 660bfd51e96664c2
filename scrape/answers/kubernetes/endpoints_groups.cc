// SPDX-License-Identifier: Apache-2.0
//
// The roles whose targets are the addresses behind a service: endpoints and endpoint slices.
#include <fmt/core.h>

#include "narthex/base/log.h"
#include "scrape/answers/kubernetes/groups.h"
#include "scrape/answers/kubernetes/label_set.h"
#include "scrape/answers/kubernetes/pod_labels.h"
#include "scrape/answers/kubernetes/target_list.h"
#include "scrape/answers/naming.h"

namespace narthex::scrape::kubernetes {

namespace {

constexpr std::string_view kServiceNameLabel = "kubernetes.io/service-name";
constexpr std::string_view kOverCapacity = "endpoints.kubernetes.io/over-capacity";

const std::string* FindText(const TextMap& map, std::string_view key) {
  for (const auto& [name, value] : map) {
    if (name == key) return &value;
  }
  return nullptr;
}

LabelSet EndpointLabels(const EndpointAddress& address, const ServicePort& port, bool ready,
                        Related& related) {
  LabelSet target;
  target.SetPlain("__address__", JoinHostPort(address.ip, port.number));
  target.Set("endpoint_port_name", port.name);
  target.Set("endpoint_port_protocol", port.protocol);
  target.Set("endpoint_ready", ready);
  if (address.target) {
    target.Set("endpoint_address_target_kind", address.target->kind);
    target.Set("endpoint_address_target_name", address.target->name);
  }
  target.SetIf("endpoint_node_name", address.node_name);
  target.Set("endpoint_hostname", address.hostname);
  if (address.node_name) {
    target.AttachNode(*address.node_name, related);
  } else if (address.target && address.target->kind == "Node") {
    target.AttachNode(address.target->name, related);
  }
  return target;
}

LabelSet SliceLabels(const std::string& address, const SliceEndpoint& endpoint,
                     const SlicePort& port, Related& related) {
  LabelSet target;
  target.SetPlain("__address__", port.number ? JoinHostPort(address, *port.number) : address);
  target.SetIf("endpointslice_port_name", port.name);
  target.SetIf("endpointslice_port_protocol", port.protocol);
  if (port.number) target.Set("endpointslice_port", std::to_string(*port.number));
  target.SetIf("endpointslice_port_app_protocol", port.app_protocol);
  target.SetIf("endpointslice_endpoint_conditions_ready", endpoint.ready);
  target.SetIf("endpointslice_endpoint_conditions_serving", endpoint.serving);
  target.SetIf("endpointslice_endpoint_conditions_terminating", endpoint.terminating);
  target.SetIf("endpointslice_endpoint_hostname", endpoint.hostname);
  if (endpoint.target) {
    target.Set("endpointslice_address_target_kind", endpoint.target->kind);
    target.Set("endpointslice_address_target_name", endpoint.target->name);
  }
  target.SetIf("endpointslice_endpoint_node_name", endpoint.node_name);
  target.SetIf("endpointslice_endpoint_zone", endpoint.zone);
  for (const auto& [key, value] : endpoint.topology) {
    target.SetSanitized("endpointslice_endpoint_topology_", key, value);
    target.SetSanitized("endpointslice_endpoint_topology_present_", key, "true");
  }
  if (endpoint.target && endpoint.target->kind == "Node") {
    target.AttachNode(endpoint.target->name, related);
  } else if (endpoint.node_name) {
    target.AttachNode(*endpoint.node_name, related);
  }
  return target;
}

/// Whether the slice has the addresses of the second IP family of its service: they are those of
/// the first once more.
bool IsOfSecondFamily(const EndpointSlice& slice, const Service* service) {
  if (service == nullptr || service->ip_families.empty()) return false;
  const std::string& policy = service->ip_family_policy;
  if (policy != "PreferDualStack" && policy != "RequireDualStack") return false;
  return slice.address_type != service->ip_families.front();
}

}  // namespace

void WarnOfCapacity(const Endpoints* before, const Endpoints& now) {
  const std::string* state = FindText(now.labels, kOverCapacity);
  if (state == nullptr) return;
  const std::string* old = before == nullptr ? nullptr : FindText(before->labels, kOverCapacity);
  if (old != nullptr && *old == *state) return;
  if (*state == "truncated") {
    log::Warn(
        "Number of endpoints in one Endpoints object exceeds 1000 and has been truncated, please "
        "use \"role: endpointslice\" instead",
        {{"endpoint", now.name}});
  } else if (*state == "warning") {
    log::Warn(
        "Number of endpoints in one Endpoints object exceeds 1000, please use \"role: "
        "endpointslice\" instead",
        {{"endpoint", now.name}});
  }
}

Result<config::TargetGroup> EndpointsGroup(const Endpoints& endpoints, Related& related) {
  config::TargetGroup group;
  group.source = SourceOf(Resource::kEndpoints, endpoints.Key());
  LabelSet labels;
  labels.Set("namespace", endpoints.space);
  if (const auto* service = related.Find<Service>(Resource::kService, endpoints.Key())) {
    AddServiceLabels(*service, labels);
  }
  labels.AddMetadata("endpoints", endpoints);
  labels.AttachNamespace(endpoints.space, related);
  group.labels = labels.Build();

  BackingPods pods;
  TargetList targets;
  const auto add = [&](const EndpointAddress& address, const ServicePort& port, bool ready) {
    LabelSet target = EndpointLabels(address, port, ready, related);
    if (const Pod* pod = BackingPods::Resolve(address.target, related)) {
      pods.AddLabels(*pod, port.number, &port.protocol, related, target);
    }
    return targets.Add(target.Build());
  };
  const auto add_all = [&](const EndpointSubset& subset) {
    for (const ServicePort& port : subset.ports) {
      for (const EndpointAddress& address : subset.ready) {
        if (!add(address, port, true)) return false;
      }
      for (const EndpointAddress& address : subset.not_ready) {
        if (!add(address, port, false)) return false;
      }
    }
    return true;
  };
  for (const EndpointSubset& subset : endpoints.subsets) {
    if (!add_all(subset)) break;
  }
  pods.AddOtherPorts(related, targets);
  return std::move(targets).Into(std::move(group));
}

Result<config::TargetGroup> EndpointSliceGroup(const EndpointSlice& slice, Related& related) {
  config::TargetGroup group;
  group.source = SourceOf(Resource::kEndpointSlice, slice.Key());
  LabelSet labels;
  labels.Set("namespace", slice.space);
  labels.Set("endpointslice_address_type", slice.address_type);
  labels.AddMetadata("endpointslice", slice);
  const Service* service = nullptr;
  if (const std::string* name = FindText(slice.labels, kServiceNameLabel)) {
    service = related.Find<Service>(Resource::kService, slice.space + "/" + *name);
  }
  if (service != nullptr) AddServiceLabels(*service, labels);
  labels.AttachNamespace(slice.space, related);
  group.labels = labels.Build();
  if (IsOfSecondFamily(slice, service)) return group;

  BackingPods pods;
  TargetList targets;
  const auto add_all = [&](const SliceEndpoint& endpoint) {
    for (const SlicePort& port : slice.ports) {
      for (const std::string& address : endpoint.addresses) {
        LabelSet target = SliceLabels(address, endpoint, port, related);
        if (const Pod* pod = BackingPods::Resolve(endpoint.target, related)) {
          pods.AddLabels(*pod, port.number, nullptr, related, target);
        }
        if (!targets.Add(target.Build())) return false;
      }
    }
    return true;
  };
  for (const SliceEndpoint& endpoint : slice.endpoints) {
    if (!add_all(endpoint)) break;
  }
  pods.AddOtherPorts(related, targets);
  return std::move(targets).Into(std::move(group));
}

}  // namespace narthex::scrape::kubernetes
