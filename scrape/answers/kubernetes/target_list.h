// SPDX-License-Identifier: Apache-2.0
//
// The targets of one group while they are made, within limits: a few hundred ports by as many
// addresses, each with all labels of its pod, would be more than there is memory for.
#pragma once

#include <cstddef>
#include <utility>

#include "narthex/base/result.h"
#include "narthex/config/target_group.h"
#include "narthex/model/labels.h"
#include "scrape/answers/target_budget.h"

namespace narthex::scrape::kubernetes {

class TargetList {
 public:
  /// The cluster cuts an endpoints object at 1000 addresses; this leaves 100 ports for each.
  static constexpr std::size_t kMaxTargets = 100'000;
  static constexpr std::size_t kMaxBytes = std::size_t{128} << 20;  // Of their labels.

  /// @return false when the list was full: no more need be made
  bool Add(model::Labels target) { return budget_.Add(std::move(target), group_).has_value(); }

  /// The group with these targets. Errors: kResourceExhausted: there were too many.
  Result<config::TargetGroup> Into(config::TargetGroup group) && {
    NX_RETURN_IF_ERROR(budget_.status());
    group.targets = std::move(group_.targets);
    return group;
  }

 private:
  TargetBudget budget_{{.targets = kMaxTargets, .bytes = kMaxBytes}};
  config::TargetGroup group_;
};

}  // namespace narthex::scrape::kubernetes
