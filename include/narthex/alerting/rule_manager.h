// SPDX-License-Identifier: Apache-2.0
//
// Evaluates the rule groups of the configuration on their aligned ticks and writes the results.
//
//   RuleManager rules(engine, queryable, appendable, SystemClock(), registry, options);
//   if (auto status = rules.Update(config); !status) …   // the old groups stay
//   rules.Start();                                       // once storage is ready
//   rules.Stop();
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "narthex/alerting/notification.h"
#include "narthex/base/result.h"
#include "narthex/model/labels.h"
#include "narthex/model/timestamp.h"
#include "narthex/promql/features.h"

namespace narthex {
class Clock;
namespace config {
struct Config;
}
namespace metrics {
class Registry;
}
namespace promql {
class Engine;
}
namespace storage {
class Appendable;
class Queryable;
}  // namespace storage
}  // namespace narthex

namespace narthex::alerting {

enum class AlertState : std::uint8_t { kInactive, kPending, kFiring };
enum class RuleHealth : std::uint8_t { kUnknown, kOk, kErr };

/// One active alert. Times are Unix nanoseconds, 0 = not set.
struct AlertSnapshot {
  model::Labels labels;
  model::Labels annotations;
  AlertState state = AlertState::kInactive;
  std::int64_t active_at_ns = 0;
  std::int64_t keep_firing_since_ns = 0;
  double value = 0;
};

struct RuleSnapshot {
  bool alerting = false;
  std::string name;
  std::string query;     // Printed in canonical form.
  model::Labels labels;  // The group's and the rule's own.
  RuleHealth health = RuleHealth::kUnknown;
  std::string last_error;
  double evaluation_time_s = 0;
  std::int64_t last_evaluation_ns = 0;  // 0 = never.
  // Of alerting rules only:
  AlertState state = AlertState::kInactive;
  double hold_duration_s = 0;
  double keep_firing_for_s = 0;
  model::Labels annotations;          // Templates as written; alerts have them executed.
  std::vector<AlertSnapshot> alerts;  // Pending and firing, sorted by labels.
};

struct GroupSnapshot {
  std::string name;
  std::string file;
  double interval_s = 0;
  int limit = 0;
  double evaluation_time_s = 0;
  std::int64_t last_evaluation_ns = 0;
  std::vector<RuleSnapshot> rules;  // In order of the file.
};

struct RuleManagerOptions {
  promql::Features features;
  std::string external_url;  // --web.external-url without a trailing slash; templates link to it.
  /// Groups that may be evaluated at the same time; more wait for a free thread. With at least as
  /// many as there may be queries (--query.max-concurrency) a group waits for queries only, as in
  /// Prometheus.
  std::size_t num_threads = 20;
  /// --rules.alert.for-outage-tolerance, --rules.alert.for-grace-period: see
  /// alerting/rules/restore.h.
  model::DurationMs for_outage_tolerance_ms = 3'600'000;
  model::DurationMs for_grace_period_ms = 600'000;
  /// --rules.alert.resend-delay: a firing alert is sent again when more than this has passed.
  model::DurationMs resend_delay_ms = 60'000;
  /// How many rules of all groups together may run beside the one that a group is at; 0 = the rules
  /// of a group run one after the other.
  std::size_t max_concurrent_rules = 0;
  /// Gets the alerts that have something to tell; called on the evaluating threads and returns at
  /// once. None = nobody is told.
  std::function<void(std::vector<Notification>)> notify;
  /// Where alerts that were active before the start are looked for; null = where rules read. Not
  /// owned, outlives the manager.
  storage::Queryable* restore_from = nullptr;
};

/// Rules of a group run one after the other, each seeing the results of those before (those that do
/// not need each other's may run together, see max_concurrent_rules); groups run beside each other.
/// Thread safety: Groups any thread; the rest one thread at a time. Source: Prometheus
/// rules.Manager.
class RuleManager final {
 public:
  /// All references are not owned and outlive the manager.
  RuleManager(promql::Engine& engine, storage::Queryable& queryable,
              storage::Appendable& appendable, Clock& clock, metrics::Registry& registry,
              const RuleManagerOptions& options);
  ~RuleManager();  // Calls Stop().
  RuleManager(const RuleManager&) = delete;
  RuleManager& operator=(const RuleManager&) = delete;

  /// Loads the rule files of the configuration. Groups that did not change go on undisturbed;
  /// changed ones take over the state of rules with equal name and labels. Waits for running
  /// evaluations of groups that change or go.
  /// Errors: kInvalidArgument "FILE: LINE:COL: group "G", rule N, "NAME": could not parse
  /// expression: 1:5: parse error: …", kIo; all old groups stay then.
  Status Update(const config::Config& config);

  /// Begins to evaluate: each group from its next tick on.
  void Start();

  /// Cancels running queries, waits for them and ends the threads. No staleness markers are
  /// written: the series go on after a restart. Idempotent.
  void Stop();

  /// All groups sorted by file, then name. `with_alerts` false leaves `alerts` empty.
  std::vector<GroupSnapshot> Groups(bool with_alerts) const;

  /// Evaluates what is due at the clock's time, on this thread, without Start: for tests that move
  /// the clock themselves.
  void RunDue();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::alerting
