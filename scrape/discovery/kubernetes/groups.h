// SPDX-License-Identifier: Apache-2.0
//
// From an object to the group of its targets, one function per role. Pure: what they depend on
// beside the object they find through `related`.
// Source: Prometheus discovery/kubernetes.
#pragma once

#include <string>
#include <string_view>

#include "narthex/config/discovery_config.h"
#include "scrape/discovery/kubernetes/related.h"

namespace narthex::scrape::kubernetes {

/// The group of a role's own object; without targets when there are none.
config::TargetGroup MakeGroup(Resource resource, const Object& object, Related& related);

/// "pod/ns/name": the source of the group of the object with that Key().
std::string SourceOf(Resource resource, std::string_view key);

config::TargetGroup PodGroup(const Pod& pod, Related& related);
config::TargetGroup NodeGroup(const Node& node);
config::TargetGroup ServiceGroup(const Service& service, Related& related);
config::TargetGroup IngressGroup(const Ingress& ingress, Related& related);
config::TargetGroup EndpointsGroup(const Endpoints& endpoints, Related& related);
config::TargetGroup EndpointSliceGroup(const EndpointSlice& slice, Related& related);

}  // namespace narthex::scrape::kubernetes
