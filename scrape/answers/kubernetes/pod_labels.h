// SPDX-License-Identifier: Apache-2.0
//
// What targets of several roles have in common when a pod or a service is behind them.
#pragma once

#include <set>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "scrape/answers/kubernetes/label_set.h"
#include "scrape/answers/kubernetes/target_list.h"

namespace narthex::scrape::kubernetes {

/// pod_ip, pod_ready, …, the pod's metadata, its controller and what of it is attached.
void AddPodLabels(const Pod& pod, Related& related, LabelSet& labels);

/// pod_container_{name,image,init}.
void AddContainerLabels(const Container& container, LabelSet& labels);
/// pod_container_port_{name,number,protocol}.
void AddContainerPortLabels(const ContainerPort& port, std::string_view protocol, LabelSet& labels);

/// namespace and the service's metadata.
void AddServiceLabels(const Service& service, LabelSet& labels);

/// The pods behind the addresses of an endpoints object, in the order in which they were seen.
class BackingPods {
 public:
  /// The pod that a reference means, null when it means none that is known.
  static const Pod* Resolve(const std::optional<ObjectReference>& target, Related& related);

  /// Labels of the pod and, where one of its containers has the port, of that container.
  /// @param port      none when the endpoint has no port
  /// @param protocol  of the endpoint's port; null = the container's own
  void AddLabels(const Pod& pod, std::optional<std::int32_t> port, const std::string* protocol,
                 Related& related, LabelSet& labels);

  /// Targets for the container ports that no endpoint has led to.
  void AddOtherPorts(Related& related, TargetList& targets) const;

 private:
  struct Backing {
    const Pod* pod;
    std::set<std::int32_t> ports;  // Those that an endpoint has led to.
  };

  std::vector<Backing> pods_;
  absl::flat_hash_map<const Pod*, std::size_t> index_;  // Into pods_.
};

}  // namespace narthex::scrape::kubernetes
