// SPDX-License-Identifier: Apache-2.0
//
// How much may be made of one answer. A small answer can stand for very many targets: each task of
// an application has all of its ports, each target all labels of its assignment.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/config/target_group.h"
#include "narthex/model/labels.h"

namespace narthex::scrape {

struct TargetLimits {
  std::size_t targets = 1'000'000;             // In all groups.
  std::size_t bytes = std::size_t{256} << 20;  // Names and values of all labels.
  std::size_t labels_of_one = 10'000;          // Of one target or group, those without value too.
};

/// Counts what is made of one answer. What goes beyond is refused, and the whole answer with it.
class TargetBudget final {
 public:
  explicit TargetBudget(const TargetLimits& limits = {}) : limits_(limits) {}
  TargetBudget(const TargetBudget&) = delete;
  TargetBudget& operator=(const TargetBudget&) = delete;

  void TakeTargets(std::size_t count);
  /// Adds a target. Errors: those of status().
  Status Add(model::Labels labels, config::TargetGroup& group);
  bool exhausted() const { return !error_.empty(); }
  /// kResourceExhausted with what there was too much of.
  Status status() const;

 private:
  friend class LabelList;
  /// @param count  labels of the same target, this one included
  bool TakeLabel(std::size_t count, std::size_t bytes);

  const TargetLimits limits_;
  std::size_t targets_ = 0;
  std::size_t bytes_ = 0;
  std::string error_;
};

/// Labels of one target or group in any order; takes no more when the budget is exhausted.
class LabelList final {
 public:
  /// @param budget  not owned; outlives the list
  explicit LabelList(TargetBudget& budget) : budget_(budget) {}

  /// Of equal names the last one counts, even when it is empty.
  void Add(std::string_view name, std::string_view value);
  /// `prefix` and the name with what no name of a label may have replaced.
  void AddSanitized(std::string_view prefix, std::string_view name, std::string_view value);
  /// Counts bytes that names took while they were put together.
  /// @return false when the budget is exhausted
  bool Charge(std::size_t bytes) { return budget_.TakeLabel(pairs_.size(), bytes); }
  model::Labels Build() const;

 private:
  TargetBudget& budget_;
  std::vector<std::pair<std::string, std::string>> pairs_;
};

}  // namespace narthex::scrape
