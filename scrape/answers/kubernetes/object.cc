// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/kubernetes/object.h"

#include <tuple>

namespace narthex::scrape::kubernetes {

namespace {

template <typename T>
const T& As(const Object& object) {
  return static_cast<const T&>(object);
}

bool Same(const Pod& a, const Pod& b) {
  return std::tie(a.ip, a.host_ip, a.node_name, a.phase, a.ready, a.containers) ==
         std::tie(b.ip, b.host_ip, b.node_name, b.phase, b.ready, b.containers);
}

bool Same(const Service& a, const Service& b) {
  return std::tie(a.type, a.cluster_ip, a.external_name, a.load_balancer_ip, a.ip_family_policy,
                  a.ip_families, a.ports) == std::tie(b.type, b.cluster_ip, b.external_name,
                                                      b.load_balancer_ip, b.ip_family_policy,
                                                      b.ip_families, b.ports);
}

bool Same(const Node& a, const Node& b) {
  return std::tie(a.provider_id, a.conditions, a.addresses, a.kubelet_port) ==
         std::tie(b.provider_id, b.conditions, b.addresses, b.kubelet_port);
}

}  // namespace

bool SameForTargets(Resource resource, const Object& a, const Object& b) {
  if (!a.SameMetadata(b)) return false;
  switch (resource) {
    case Resource::kPod:
      return Same(As<Pod>(a), As<Pod>(b));
    case Resource::kService:
      return Same(As<Service>(a), As<Service>(b));
    case Resource::kNode:
      return Same(As<Node>(a), As<Node>(b));
    case Resource::kEndpoints:
      return As<Endpoints>(a).subsets == As<Endpoints>(b).subsets;
    case Resource::kEndpointSlice: {
      const auto& left = As<EndpointSlice>(a);
      const auto& right = As<EndpointSlice>(b);
      return std::tie(left.address_type, left.endpoints, left.ports) ==
             std::tie(right.address_type, right.endpoints, right.ports);
    }
    case Resource::kIngress: {
      const auto& left = As<Ingress>(a);
      const auto& right = As<Ingress>(b);
      return std::tie(left.class_name, left.tls_hosts, left.rules) ==
             std::tie(right.class_name, right.tls_hosts, right.rules);
    }
    case Resource::kNamespace:
    case Resource::kReplicaSet:
    case Resource::kJob:
      break;
  }
  return true;
}

}  // namespace narthex::scrape::kubernetes
