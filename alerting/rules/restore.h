// SPDX-License-Identifier: Apache-2.0
//
// After a restart alerts would have to wait their whole `for` again. ALERTS_FOR_STATE in storage
// says since when each was pending; the time that the server was down is not counted as waiting.
// Rules whose `for` is shorter than the grace period simply wait again.
// Source: Prometheus rules.Group.RestoreForState.
#pragma once

#include <cstdint>

#include "alerting/rules/alerts.h"
#include "alerting/rules/spec.h"

namespace narthex::storage {
class Queryable;
}

namespace narthex::alerting {

struct RestoreLimits {
  model::DurationMs outage_tolerance_ms = 0;  // Older samples do not count.
  model::DurationMs grace_period_ms = 0;      // Least time that a restored alert still waits.
};

/// Moves the start of the active alerts back and marks the rule as restored, also when storage
/// fails: there is no second try.
void RestoreAlerts(const RuleSpec& rule, storage::Queryable& queryable, std::int64_t now_ns,
                   const RestoreLimits& limits, Alerts& alerts);

/// When an alert counts as active: it was since `active_at`, last seen at `last_seen`, and has to
/// be for `hold`. All in nanoseconds.
std::int64_t RestoredActiveAt(std::int64_t active_at, std::int64_t last_seen, std::int64_t now,
                              std::int64_t hold, std::int64_t grace);

}  // namespace narthex::alerting
