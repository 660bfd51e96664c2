// SPDX-License-Identifier: Apache-2.0
#include "narthex/alerting/recording_rules.h"

#include "alerting/rules/spec.h"
#include "narthex/config/config.h"

namespace narthex::alerting {

model::Labels RecordingRuleSpec::SeriesOf(const model::Labels& result) const {
  return result.With(LabelsOfRecorded(name, labels));
}

std::int64_t RecordingGroup::TickBefore(std::int64_t at_ns) const {
  const std::int64_t interval_ns = interval_ms * 1'000'000;
  return SlotBefore(at_ns, interval_ns, SlotOffsetNs(file, name, interval_ns));
}

Result<std::vector<RecordingGroup>> LoadRecordingRules(std::span<const std::string> files,
                                                       model::DurationMs interval_ms) {
  config::GlobalConfig global;
  global.evaluation_interval_ms = interval_ms;
  NX_ASSIGN_OR_RETURN(const auto specs, GroupsOrError(LoadGroupsOf(files, global, {}, false)));
  std::vector<RecordingGroup> groups;
  for (const GroupSpec& spec : specs) {
    RecordingGroup& group = groups.emplace_back();
    group.file = spec.file;
    group.name = spec.name;
    group.interval_ms = spec.interval_ms;
    for (const RuleSpec& rule : spec.rules) {
      if (!rule.alerting) group.rules.push_back({rule.name, rule.query, rule.labels});
    }
  }
  return groups;
}

}  // namespace narthex::alerting
