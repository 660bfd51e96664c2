// SPDX-License-Identifier: Apache-2.0
//
// Which rules of a group may run at the same time, and how many of all groups together do.
// Source: Prometheus rules.RuleConcurrencyController, rules.buildDependencyMap.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "alerting/rules/spec.h"
#include "narthex/base/thread_pool.h"
#include "narthex/promql/features.h"

namespace narthex::alerting {

using RuleBatch = std::vector<std::size_t>;  // Indexes of rules.

/// In order: the rules that need no other's result, together; then, one by one, those that do and
/// are needed themselves; then those that nobody needs, together. When a rule selects without a
/// metric name it may need any other: then each is a batch of its own.
std::vector<RuleBatch> SplitIntoBatches(std::span<const RuleSpec> rules,
                                        const promql::Features& features);

/// Thread safety: any thread.
class RuleSlots final {
 public:
  explicit RuleSlots(std::size_t count) : free_(count), pool_("rule-evals", count) {}

  /// Calls fn for each index of the batch and returns when all are done: on other threads as far as
  /// there are free ones, else here.
  void RunBatch(const RuleBatch& batch, const std::function<void(std::size_t)>& fn);

 private:
  bool TryTake();

  std::atomic<std::size_t> free_;
  ThreadPool pool_;
};

}  // namespace narthex::alerting
