// SPDX-License-Identifier: Apache-2.0
//
// Labels of a target while a discovery puts them together.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/config/target_group.h"
#include "narthex/model/labels.h"

namespace narthex::scrape {

/// Names to values; what is set again is replaced.
using LabelMap = std::map<std::string, std::string, std::less<>>;

inline const std::string kAddressLabel = "__address__";

/// Without those that are empty.
model::Labels ToLabels(const LabelMap& map);

/// What targets of one refresh may take: addresses and ports of a small answer multiply.
class TargetAllowance {
 public:
  static constexpr std::size_t kMaxTargets = 1'000'000;
  static constexpr std::size_t kMaxLabelBytes = std::size_t{256} << 20;

  explicit TargetAllowance(std::size_t max_targets = kMaxTargets,
                           std::size_t max_label_bytes = kMaxLabelBytes)
      : targets_left_(max_targets), bytes_left_(max_label_bytes) {}

  /// Adds a target with these labels. Errors: kResourceExhausted.
  Status Add(const LabelMap& labels, config::TargetGroup& group);

 private:
  std::size_t targets_left_;
  std::size_t bytes_left_;
};

/// ",a,b,": relabelling rules need not think of the places of the parts.
std::string JoinSurrounded(const std::vector<std::string>& parts, std::string_view separator = ",");

}  // namespace narthex::scrape
