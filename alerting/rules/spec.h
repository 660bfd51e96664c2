// SPDX-License-Identifier: Apache-2.0
//
// Rule groups as they were asked for: the configuration with defaults filled in and expressions
// checked. Immutable; what happens to them over time is in group.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/labels.h"
#include "narthex/model/timestamp.h"
#include "narthex/promql/features.h"

namespace narthex::config {
struct Config;
struct GlobalConfig;
}  // namespace narthex::config

namespace narthex::alerting {

struct RuleSpec {
  bool alerting = false;
  std::string name;
  std::string query;  // Canonical form; this is what is evaluated.
  /// The group's, overridden by the rule's. As written, with labels of empty values, which the rule
  /// takes away from its results.
  model::Labels labels;
  // Of alerting rules only:
  model::Labels annotations;      // As written, with empty ones.
  model::DurationMs hold_ms = 0;  // `for`.
  model::DurationMs keep_firing_ms = 0;

  bool operator==(const RuleSpec&) const = default;
};

struct GroupSpec {
  std::string file;
  std::string name;
  model::DurationMs interval_ms = 0;      // At least 1.
  model::DurationMs query_offset_ms = 0;  // Evaluations look this far back.
  int limit = 0;                          // Most series of a rule; 0 = any number.
  model::Labels external_labels;          // For templates.
  std::vector<RuleSpec> rules;

  bool operator==(const GroupSpec&) const = default;
  /// "FILE;NAME": unique, and the label rule_group of metrics.
  std::string Key() const { return file + ';' + name; }
};

/// What a recording rule sets on the labels of its results; an empty value takes a label away.
model::Labels LabelsOfRecorded(const std::string& name, const model::Labels& rule_labels);

/// Reads all files that the globs of the configuration match. Of two groups with the same key the
/// last one counts, as upstream.
/// Errors: as RuleManager::Update.
Result<std::vector<GroupSpec>> LoadGroups(const config::Config& config,
                                          const promql::Features& features);

/// Groups, unless there are problems.
struct LoadedGroups {
  std::vector<GroupSpec> groups;
  std::vector<std::string> problems;  // All of the first file that has some, in Prometheus's words.
};

/// The same of files named one by one. @param global  interval, offset and labels
LoadedGroups LoadGroupsOf(std::span<const std::string> files, const config::GlobalConfig& global,
                          const promql::Features& features, bool ignore_unknown_fields);

/// Errors: kInvalidArgument with a line for each problem.
Result<std::vector<GroupSpec>> GroupsOrError(LoadedGroups loaded);

/// When in its interval a group is evaluated, nanoseconds in [0, interval): spread by the hash of
/// file and name, the same on every start. Source: Prometheus rules.Group.EvalTimestamp.
std::int64_t SlotOffsetNs(std::string_view file, std::string_view name, std::int64_t interval_ns);

/// The last tick at or before `now_ns`; all are Unix nanoseconds.
std::int64_t SlotBefore(std::int64_t now_ns, std::int64_t interval_ns, std::int64_t offset_ns);

}  // namespace narthex::alerting
