// SPDX-License-Identifier: Apache-2.0
//
// The alerts of one alerting rule and how they change from evaluation to evaluation:
//
//   (in the result)  pending ── after `for` ──► firing ── gone, and keep_firing_for over ──►
//   inactive
//                       └───── gone: forgotten                         (kept 15 minutes, then
//                       forgotten)
//
// Source: Prometheus rules.AlertingRule.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "alerting/rules/labels_hash.h"
#include "alerting/rules/spec.h"
#include "alerting/template/expand.h"
#include "narthex/alerting/rule_manager.h"
#include "narthex/base/result.h"
#include "narthex/promql/engine.h"

namespace narthex::alerting {

/// Times are Unix nanoseconds, 0 = not set.
struct ActiveAlert {
  model::Labels annotations;
  AlertState state = AlertState::kPending;
  std::int64_t active_at_ns = 0;
  std::int64_t fired_at_ns = 0;
  std::int64_t resolved_at_ns = 0;
  std::int64_t keep_firing_since_ns = 0;
  std::int64_t last_sent_ns = 0;
  double value = 0;
};

/// One sample of the expression as an alert, with its templates executed.
struct AlertInstance {
  model::Labels labels;
  model::Labels annotations;
  double value = 0;
};

/// The labels and annotations of an alerting rule, by name.
struct AlertTexts {
  explicit AlertTexts(const RuleSpec& rule);

  std::vector<std::pair<std::string, AlertText>> labels;
  std::vector<std::pair<std::string, AlertText>> annotations;
};

/// Gives each sample the name, labels and annotations of its alert. `t` is the tick, without query
/// offset.
std::vector<AlertInstance> MakeInstances(const std::string& alert_name, const AlertTexts& texts,
                                         const promql::Vector& result,
                                         const TemplateContext& context, model::TimestampMs t);

/// Not thread-safe; the group's lock guards it.
class Alerts {
 public:
  /// Takes the result of the expression at `slot_ns` into account.
  /// @return the samples of ALERTS and ALERTS_FOR_STATE at `sample_t`, two for each pending or
  ///         firing alert; none before the alerts were restored (see SetRestored)
  /// Errors: kExecution for two results with equal labels (nothing changes), and for more than
  /// `limit` alerts (0 = no limit; all alerts are forgotten then).
  Result<promql::Vector> Update(const RuleSpec& rule, std::vector<AlertInstance> instances,
                                std::int64_t slot_ns, model::TimestampMs sample_t, int limit);

  /// What is to be sent after the evaluation at `slot_ns`: alerts that have resolved since they
  /// were sent last, and firing and resolved ones whose last sending is longer ago than
  /// `resend_ns`. They end, as far as known now, after four times the longer of that and the
  /// group's interval: enough for two evaluations or deliveries that fail.
  std::vector<Notification> TakeUnsent(std::int64_t slot_ns, std::int64_t resend_ns,
                                       std::int64_t interval_ns);

  /// Pending and firing ones, sorted by labels.
  std::vector<AlertSnapshot> Snapshot() const;
  /// The most severe state of any alert.
  AlertState state() const;

  bool restored() const { return restored_; }
  void SetRestored(bool restored) { restored_ = restored; }
  /// Calls fn with each pending or firing alert, which it may change.
  void ForEachActive(const std::function<void(const model::Labels&, ActiveAlert&)>& fn);

 private:
  using Map = std::unordered_map<model::Labels, ActiveAlert, LabelsHash>;

  /// @return false when the alert is to be forgotten
  static bool Advance(const RuleSpec& rule, bool in_result, std::int64_t slot_ns, ActiveAlert& a);

  Map active_;  // Inactive ones too, for a while.
  bool restored_ = false;
};

}  // namespace narthex::alerting
