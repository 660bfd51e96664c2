// SPDX-License-Identifier: Apache-2.0
//
// The objects that are known, and what of them went into a group.
#pragma once

#include <array>
#include <set>
#include <string>

#include <absl/container/flat_hash_map.h>

#include "narthex/config/kubernetes_sd.h"
#include "scrape/answers/kubernetes/object.h"

namespace narthex::scrape::kubernetes {

/// The objects of one resource by their Key().
using ObjectMap = absl::flat_hash_map<std::string, ObjectPtr>;
using ObjectMaps = std::array<ObjectMap, kNumResources>;

struct Reference {
  Resource resource;
  std::string key;
  auto operator<=>(const Reference&) const = default;
};

/// Finds the objects that a group takes labels from, and notes which it looked for: when one of
/// them comes, changes or goes, the group has to be made again.
class Related {
 public:
  /// @param maps, attach  not owned
  Related(const ObjectMaps& maps, const config::KubernetesAttachMetadata& attach)
      : maps_(maps), attach_(attach) {}

  const config::KubernetesAttachMetadata& attach() const { return attach_; }

  /// Null when there is none.
  template <typename T>
  const T* Find(Resource resource, const std::string& key) {
    used_.insert({resource, key});
    const ObjectMap& map = maps_[static_cast<std::size_t>(resource)];
    const auto found = map.find(key);
    return found == map.end() ? nullptr : static_cast<const T*>(found->second.get());
  }

  const std::set<Reference>& used() const { return used_; }

 private:
  const ObjectMaps& maps_;
  const config::KubernetesAttachMetadata& attach_;
  std::set<Reference> used_;
};

}  // namespace narthex::scrape::kubernetes
