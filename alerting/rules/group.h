// SPDX-License-Identifier: Apache-2.0
//
// A rule group at work: evaluates its rules one after the other, writes their results and ends the
// series that they no longer give.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "alerting/rules/alerts.h"
#include "alerting/rules/concurrency.h"
#include "alerting/rules/group_metrics.h"
#include "alerting/rules/restore.h"
#include "alerting/rules/spec.h"
#include "narthex/alerting/rule_manager.h"
#include "narthex/base/mutex.h"
#include "narthex/promql/engine.h"
#include "narthex/storage/appender.h"

namespace narthex {
class Clock;
class ThreadPool;
namespace promql {
class Engine;
}
namespace storage {
class Queryable;
}
}  // namespace narthex

namespace narthex::alerting {

/// What groups work with; nothing is owned.
struct GroupDeps {
  promql::Engine& engine;
  storage::Queryable& queryable;
  storage::Queryable& restore_from;
  storage::Appendable& appendable;
  Clock& clock;
  metrics::Registry& registry;
  RuleMetrics& rule_metrics;
  RestoreLimits restore;
  std::string external_url;  // For templates and links.
  std::int64_t resend_delay_ns = 0;
  std::function<void(std::vector<Notification>)> notify = {};  // May be none.
  RuleSlots* rule_slots = nullptr;  // Null: the rules of a group run one after the other.
  promql::Features features = {};
};

/// Thread safety: Snapshot any thread; the rest one thread at a time.
class RuleGroup final {
 public:
  /// @param restore  alerts take up what storage knows of them after the second evaluation
  RuleGroup(GroupSpec spec, const GroupDeps& deps, bool restore);
  RuleGroup(const RuleGroup&) = delete;
  RuleGroup& operator=(const RuleGroup&) = delete;

  const GroupSpec& spec() const { return spec_; }

  /// Evaluates all rules as of a tick.
  /// @param missed  ticks since the last evaluation that are skipped
  void Evaluate(std::int64_t slot_ns, std::int64_t missed, const std::stop_token& stop);

  /// Takes the alerts and series of rules with equal name and labels; the series of the others
  /// end at the next evaluation. `old` is not used afterwards.
  void TakeStateFrom(RuleGroup& old);

  /// Ends all series of the group: it is not evaluated any more.
  void EndSeries(model::TimestampMs t);

  GroupSnapshot Snapshot(bool with_alerts) const;

 private:
  /// A rule's query and texts, parsed.
  struct PreparedRule {
    Result<promql::InstantQuery> query;
    AlertTexts texts;
  };

  struct WrittenSeries {
    storage::SeriesRef ref{0};
    bool is_new = false;      // Not of an earlier evaluation …
    bool is_present = false;  // … and of this one. Both false between evaluations.
  };
  /// The series that a rule gave at its last evaluation.
  using SeriesMap = std::unordered_map<model::Labels, WrittenSeries, LabelsHash>;

  struct RuleState {
    SeriesMap series;  // Not guarded: only the evaluating thread uses it.
    Alerts alerts;
    RuleHealth health = RuleHealth::kUnknown;
    std::string last_error;
    double evaluation_time_s = 0;
    std::int64_t last_evaluation_ns = 0;
  };

  static std::vector<PreparedRule> PrepareRules(const GroupSpec& spec,
                                                const promql::Engine& engine);
  /// All rules, in batches. @return the number of samples they gave
  std::size_t EvaluateRules(std::int64_t slot_ns, const std::stop_token& stop);
  /// @return the number of samples the rule gave
  std::size_t EvaluateRule(std::size_t index, std::int64_t slot_ns, const std::stop_token& stop);
  Result<promql::Vector> ResultOf(std::size_t index, std::int64_t slot_ns,
                                  const std::stop_token& stop);
  /// Appends the samples, and a stale marker for each series of the last evaluation that is not
  /// among them. Errors: the first that an append or the commit gave; the other samples stay.
  Status Write(std::size_t index, const promql::Vector& samples, model::TimestampMs t);
  /// Appends the samples, noting in `series` which ones are there now.
  /// Errors: the first that an append gave.
  static Status AppendResult(const promql::Vector& samples, model::TimestampMs t,
                             storage::Appender& appender, SeriesMap& series);
  void EndLeftOver(model::TimestampMs t);
  void Notify(std::size_t index, std::int64_t slot_ns);
  void MaybeRestore();
  model::TimestampMs SampleTime(std::int64_t slot_ns) const;

  const GroupSpec spec_;
  const promql::QueryOrigin origin_;  // Of its queries.
  const GroupDeps deps_;
  const std::vector<PreparedRule> prepared_;  // As spec_.rules.
  GroupMetrics metrics_;
  /// Rules by index; those of one batch may run together. Empty: all one after the other.
  const std::vector<RuleBatch> batches_;
  SeriesMap left_over_;    // Of rules that are gone.
  int until_restore_ = 0;  // Evaluations to go; 0 = done.

  mutable Mutex mutex_;           // Leaf lock: not held during queries and appends.
  std::vector<RuleState> rules_;  // As spec_.rules. See RuleState for what is guarded.
  double evaluation_time_s_ NX_GUARDED_BY(mutex_) = 0;
  std::int64_t last_evaluation_ns_ NX_GUARDED_BY(mutex_) = 0;
};

}  // namespace narthex::alerting
