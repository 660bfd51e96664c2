// SPDX-License-Identifier: Apache-2.0
//
// Which families and series all groups have together, so that a push is checked against the
// others at the cost of its own size.
// Source: the checks of client_golang's Registry and Gatherers, in their wording.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "narthex/base/hash.h"
#include "narthex/proto/metric_family.h"

namespace narthex::web {

/// All families of one name have one type, so that what is held does not depend on the order in
/// which they came and went. Thread safety: one thread at a time.
class FamilyIndex final {
 public:
  /// Adds a family if it is consistent in itself and with what is there. Adds nothing otherwise.
  /// @param[in,out] problems  one line for each is added, up to a limit, at which nothing is looked
  ///                          at any more
  bool Add(const proto::MetricFamily& family, std::vector<std::string>& problems);
  /// Puts back what was removed, unchecked: what is there now must go with it, as it did before.
  void Restore(const proto::MetricFamily& family);
  /// Takes out what was added.
  void Remove(const proto::MetricFamily& family);

 private:
  struct HashOf {
    std::size_t operator()(const Hash128& h) const { return h.low; }
  };
  struct Entry {
    proto::FamilyType type = proto::FamilyType::kUntyped;
    std::size_t num_families = 0;  // One of each group that has it.
    std::unordered_set<Hash128, HashOf> series;
  };

  std::string Collision(const proto::MetricFamily& family) const;

  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace narthex::web
