// SPDX-License-Identifier: Apache-2.0
//
// What discovery reads of the objects of the Kubernetes API, and no more: a pod of 20 KB of JSON
// becomes the kilobyte that its targets are made of.
// Source: the API reference of core/v1, discovery.k8s.io/v1, networking.k8s.io/v1.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::scrape::kubernetes {

/// The kinds of objects that are watched.
enum class Resource : std::uint8_t {
  kPod,
  kService,
  kNode,
  kEndpoints,
  kEndpointSlice,
  kIngress,
  kNamespace,
  kReplicaSet,
  kJob,
};
inline constexpr std::size_t kNumResources = 9;

using TextMap = std::vector<std::pair<std::string, std::string>>;

/// The owner that manages an object: "ReplicaSet", "web-6d4c".
struct Controller {
  std::string kind, name;
  bool operator==(const Controller&) const = default;
};

/// Base of all: what every object of the API has.
struct Object {
  virtual ~Object() = default;

  std::string name;
  std::string space;  // Its namespace; "" for nodes and namespaces.
  std::string uid;
  std::string version;  // metadata.resourceVersion
  TextMap labels, annotations;
  std::optional<Controller> controller;

  /// "namespace/name", or the name alone: unique within a resource.
  std::string Key() const { return space.empty() ? name : space + "/" + name; }

  /// Whether all metadata but the version is the same.
  bool SameMetadata(const Object& other) const {
    return name == other.name && space == other.space && uid == other.uid &&
           labels == other.labels && annotations == other.annotations &&
           controller == other.controller;
  }
};
using ObjectPtr = std::shared_ptr<const Object>;

struct ContainerPort {
  std::string name, protocol;
  std::int32_t number = 0;
  bool operator==(const ContainerPort&) const = default;
};

struct Container {
  std::string name, image, id;
  bool init = false;
  std::vector<ContainerPort> ports;
  bool operator==(const Container&) const = default;
};

struct Pod : Object {
  std::string ip, host_ip, node_name, phase;
  std::string ready = "unknown";      // "true", "false"
  std::vector<Container> containers;  // Those of the pod, then its init containers.
};

struct ServicePort {
  std::string name, protocol;
  std::int32_t number = 0;
  bool operator==(const ServicePort&) const = default;
};

struct Service : Object {
  std::string type, cluster_ip, external_name, load_balancer_ip;
  std::string ip_family_policy;
  std::vector<std::string> ip_families;
  std::vector<ServicePort> ports;
};

struct Node : Object {
  std::string provider_id;
  TextMap conditions;  // Type to status, as sent.
  TextMap addresses;   // Type to address; a type may come several times.
  std::int32_t kubelet_port = 0;
};

struct ObjectReference {
  std::string kind, space, name;
  bool operator==(const ObjectReference&) const = default;
};

struct EndpointAddress {
  std::string ip, hostname;
  std::optional<std::string> node_name;
  std::optional<ObjectReference> target;
  bool operator==(const EndpointAddress&) const = default;
};

struct EndpointSubset {
  std::vector<EndpointAddress> ready, not_ready;
  std::vector<ServicePort> ports;
  bool operator==(const EndpointSubset&) const = default;
};

struct Endpoints : Object {
  std::vector<EndpointSubset> subsets;
};

struct SliceEndpoint {
  std::vector<std::string> addresses;
  std::optional<bool> ready, serving, terminating;
  std::optional<std::string> hostname, node_name, zone;
  std::optional<ObjectReference> target;
  TextMap topology;  // Deprecated, but still sent by old clusters.
  bool operator==(const SliceEndpoint&) const = default;
};

struct SlicePort {
  std::optional<std::string> name, protocol, app_protocol;
  std::optional<std::int32_t> number;
  bool operator==(const SlicePort&) const = default;
};

struct EndpointSlice : Object {
  std::string address_type;
  std::vector<SliceEndpoint> endpoints;
  std::vector<SlicePort> ports;
};

struct IngressRule {
  std::string host;
  /// Without http: none, which means "/".
  std::optional<std::vector<std::string>> paths;
  bool operator==(const IngressRule&) const = default;
};

struct Ingress : Object {
  std::optional<std::string> class_name;
  std::vector<std::string> tls_hosts;
  std::vector<IngressRule> rules;
};

/// Namespaces, replica sets and jobs: only their metadata counts.
struct PlainObject : Object {};

/// Whether two objects of the same resource make the same targets; only their version may differ.
bool SameForTargets(Resource resource, const Object& a, const Object& b);

}  // namespace narthex::scrape::kubernetes
