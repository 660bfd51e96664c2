// SPDX-License-Identifier: Apache-2.0
//
// Evaluates rule files at times that the caller chooses; for unit tests of rules.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "narthex/alerting/rule_manager.h"
#include "narthex/model/labels.h"
#include "narthex/promql/features.h"

namespace narthex::alerting {

struct RuleRunnerOptions {
  model::DurationMs interval_ms = 60'000;  // Of groups that have none.
  model::Labels external_labels;
  std::string external_url;
  std::vector<std::string> group_order;  // Names; groups that are not among them count as first.
  bool ignore_unknown_fields = false;
  promql::Features features;
};

/// Thread safety: one thread at a time.
class RuleRunner final {
 public:
  /// References are not owned and outlive the runner.
  RuleRunner(promql::Engine& engine, storage::Queryable& queryable,
             storage::Appendable& appendable);
  ~RuleRunner();
  RuleRunner(const RuleRunner&) = delete;
  RuleRunner& operator=(const RuleRunner&) = delete;

  /// @return all that is wrong with the first file that is bad, in Prometheus's words; empty =
  /// loaded
  std::vector<std::string> Load(std::span<const std::string> files,
                                const RuleRunnerOptions& options);

  /// Evaluates all groups as of a time, one after the other. Unix nanoseconds.
  void Evaluate(std::int64_t at_ns);

  /// In the order of evaluation. `with_alerts` false leaves `alerts` empty, which spares copying
  /// them.
  std::vector<GroupSnapshot> Groups(bool with_alerts) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::alerting
