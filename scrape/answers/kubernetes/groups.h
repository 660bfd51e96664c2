// SPDX-License-Identifier: Apache-2.0
//
// From an object to the group of its targets, one function per role. Pure: what they depend on
// beside the object they find through `related`.
// Source: Prometheus discovery/kubernetes.
#pragma once

#include <string>
#include <string_view>

#include "narthex/base/result.h"
#include "narthex/config/discovery_config.h"
#include "scrape/answers/kubernetes/related.h"

namespace narthex::scrape::kubernetes {

/// The group of a role's own object; without targets when there are none.
/// Errors: why there is nothing to say of the object, so that what was said before stays:
/// kNotFound: a node without an address; kResourceExhausted: more than TargetList takes.
Result<config::TargetGroup> MakeGroup(Resource resource, const Object& object, Related& related);

/// "pod/ns/name": the source of the group of the object with that Key().
std::string SourceOf(Resource resource, std::string_view key);

/// Says that the cluster has cut an endpoints object, or will. Not at each change of the object:
/// only when it says something else than before. @param before  null = the object is new
void WarnOfCapacity(const Endpoints* before, const Endpoints& now);

Result<config::TargetGroup> PodGroup(const Pod& pod, Related& related);
Result<config::TargetGroup> NodeGroup(const Node& node);
Result<config::TargetGroup> ServiceGroup(const Service& service, Related& related);
Result<config::TargetGroup> IngressGroup(const Ingress& ingress, Related& related);
Result<config::TargetGroup> EndpointsGroup(const Endpoints& endpoints, Related& related);
Result<config::TargetGroup> EndpointSliceGroup(const EndpointSlice& slice, Related& related);

}  // namespace narthex::scrape::kubernetes
