// SPDX-License-Identifier: Apache-2.0
//
// The recording rules of rule files, for those who evaluate them elsewhere (backfill).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/labels.h"
#include "narthex/model/timestamp.h"

namespace narthex::alerting {

struct RecordingRuleSpec {
  std::string name;
  std::string query;  // Printed in canonical form.
  /// The group's, overridden by the rule's; one with an empty value is taken away from the results.
  model::Labels labels;

  /// The series that a result with these labels is stored as.
  model::Labels SeriesOf(const model::Labels& result) const;
};

struct RecordingGroup {
  std::string file;
  std::string name;
  model::DurationMs interval_ms = 0;
  std::vector<RecordingRuleSpec> rules;  // In order of the file; alerting rules are left out.

  /// The last tick of the group at or before `at_ns`, as a server would place it. Unix nanoseconds.
  std::int64_t TickBefore(std::int64_t at_ns) const;
};

/// The groups of the files, by file and name. @param interval_ms  of groups that have none
/// Errors: kNotFound; kInvalidArgument as RuleManager::Update.
Result<std::vector<RecordingGroup>> LoadRecordingRules(std::span<const std::string> files,
                                                       model::DurationMs interval_ms);

}  // namespace narthex::alerting
