// SPDX-License-Identifier: Apache-2.0
//
// The targets of one group while they are made, within limits: a few hundred ports by as many
// addresses, each with all labels of its pod, would be more than there is memory for.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "narthex/base/result.h"
#include "narthex/config/discovery_config.h"
#include "narthex/model/labels.h"

namespace narthex::scrape::kubernetes {

class TargetList {
 public:
  /// The cluster cuts an endpoints object at 1000 addresses; this leaves 100 ports for each.
  static constexpr std::size_t kMaxTargets = 100'000;
  static constexpr std::size_t kMaxBytes = std::size_t{128} << 20;  // Of their labels.

  /// @return false when the list was full: no more need be made
  bool Add(model::Labels target) {
    if (full_ || targets_.size() == kMaxTargets || target.bytes().size() > kMaxBytes - bytes_) {
      full_ = true;
      return false;
    }
    bytes_ += target.bytes().size();
    targets_.push_back(std::move(target));
    return true;
  }

  /// The group with these targets. Errors: kResourceExhausted: there were too many.
  Result<config::TargetGroup> Into(config::TargetGroup group) && {
    if (full_) {
      return Fail(Code::kResourceExhausted, fmt::format("more than {} targets or {} MiB of labels",
                                                        kMaxTargets, kMaxBytes >> 20));
    }
    group.targets = std::move(targets_);
    return group;
  }

 private:
  std::vector<model::Labels> targets_;
  std::size_t bytes_ = 0;
  bool full_ = false;
};

}  // namespace narthex::scrape::kubernetes
