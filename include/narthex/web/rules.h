// SPDX-License-Identifier: Apache-2.0
//
// What the API wants to know about rules. Implemented by src/server over the rule manager.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "narthex/model/labels.h"

namespace narthex::web {

/// kUnknown: the rule has not been evaluated yet.
enum class AlertState : std::uint8_t { kUnknown, kInactive, kPending, kFiring };
enum class RuleHealth : std::uint8_t { kUnknown, kOk, kErr };

/// One active alert of a rule. Times are Unix nanoseconds, 0 = not set.
struct AlertStatus {
  model::Labels labels;
  model::Labels annotations;
  AlertState state = AlertState::kInactive;
  std::int64_t active_at_ns = 0;
  std::int64_t keep_firing_since_ns = 0;
  double value = 0;
};

struct RuleStatus {
  bool alerting = false;
  std::string name;
  std::string query;  // Printed in canonical form.
  model::Labels labels;
  RuleHealth health = RuleHealth::kUnknown;
  std::string last_error;
  double evaluation_time_s = 0;
  std::int64_t last_evaluation_ns = 0;  // 0 = never.
  // Of alerting rules only:
  AlertState state = AlertState::kInactive;
  double hold_duration_s = 0;
  double keep_firing_for_s = 0;
  model::Labels annotations;        // Templates as written.
  std::vector<AlertStatus> alerts;  // Pending and firing.
};

struct RuleGroupStatus {
  std::string name;
  std::string file;
  double interval_s = 0;
  int limit = 0;
  double evaluation_time_s = 0;
  std::int64_t last_evaluation_ns = 0;
  std::vector<RuleStatus> rules;  // In order of the file.
};

/// Thread safety: any thread.
class RulesRetriever {
 public:
  virtual ~RulesRetriever() = default;
  /// All groups, sorted by file, then name. `with_alerts` false may leave `alerts` empty.
  virtual std::vector<RuleGroupStatus> RuleGroups(bool with_alerts) const = 0;
};

}  // namespace narthex::web
