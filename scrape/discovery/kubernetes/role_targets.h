// SPDX-License-Identifier: Apache-2.0
//
// The targets of one role in one namespace: takes in what lists and watches tell, and says which
// groups have changed by it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "narthex/base/hash.h"
#include "narthex/config/discovery_config.h"
#include "narthex/config/kubernetes_sd.h"
#include "scrape/answers/kubernetes/groups.h"
#include "scrape/discovery/kubernetes/metrics.h"

namespace narthex::scrape::kubernetes {

/// Which objects a role watches, its own first.
std::vector<Resource> ResourcesOf(const config::KubernetesSdConfig& config);

/// No I/O. Thread safety: one thread at a time.
class RoleTargets final {
 public:
  /// @param metrics  not owned, outlives the object
  RoleTargets(const config::KubernetesSdConfig& config, KubernetesMetrics& metrics);

  /// All objects of a resource that there are now.
  void Replace(Resource resource, std::vector<ObjectPtr> objects);
  /// An object that is new or has changed.
  void Put(Resource resource, ObjectPtr object);
  void Remove(Resource resource, const std::string& key);

  /// Makes the groups that have to be made anew, and returns those that differ from what was
  /// returned for them before; a group that is gone comes without targets and labels, one that
  /// can't be made stays as it was. Nothing before each resource has been listed once, but for who
  /// controls pods when the role is not theirs: half of the labels would be missing.
  std::vector<config::TargetGroup> TakeChanges();

 private:
  void CountEvent(Resource resource, KubernetesMetrics::Event event);
  /// An object that groups may have taken something from has come, changed or gone.
  void Touch(Resource resource, const std::string& key);
  /// Keeps users_ in step with what a group looked for.
  void Note(const std::string& key, std::set<Reference>& before, const std::set<Reference>& used);

  const config::KubernetesAttachMetadata attach_;
  const Resource own_;
  KubernetesMetrics& metrics_;
  std::set<Resource> unlisted_;  // Resources whose first list is still to come.
  ObjectMaps objects_;
  std::set<std::string> dirty_;  // Keys of own objects whose groups have to be made anew.

  /// What was told of a group: enough to see whether it has changed.
  struct Made {
    std::optional<Hash128> hash;  // None: nothing yet, the first group could not be made.
    bool failed = false;          // The last time; logged.
    std::set<Reference> used;
  };
  absl::flat_hash_map<std::string, Made> made_;  // By the key of the own object.
  /// Which groups looked for an object.
  std::map<Reference, std::set<std::string>> users_;
};

}  // namespace narthex::scrape::kubernetes
