// SPDX-License-Identifier: Apache-2.0

#include "alerting/rules/restore.h"

#include <unordered_map>
#include <utility>
#include <vector>

#include "narthex/base/log.h"
#include "narthex/model/sample.h"
#include "narthex/storage/querier.h"

namespace narthex::alerting {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;

using LastSamples = std::unordered_map<model::Labels, model::Sample, LabelsHash>;

std::vector<model::Matcher> ForStateMatchers(const RuleSpec& rule) {
  std::vector<model::Matcher> matchers;
  const auto equal = [&](std::string_view name, std::string_view value) {
    matchers.push_back(model::Matcher::Equal(name, value));
  };
  equal(model::kMetricName, "ALERTS_FOR_STATE");
  equal(model::kAlertName, rule.name);
  for (const auto& [name, value] : rule.labels) {
    // A template's result differs from alert to alert.
    if (value.find("{{") == std::string_view::npos) equal(name, value);
  }
  return matchers;
}

/// The newest sample of each series of the rule, by labels without the name.
Result<LastSamples> ReadForState(const RuleSpec& rule, storage::Queryable& queryable,
                                 model::TimestampMs mint, model::TimestampMs maxt) {
  NX_ASSIGN_OR_RETURN(const auto querier, queryable.NewQuerier(mint, maxt));
  const auto matchers = ForStateMatchers(rule);
  storage::SelectHints hints;
  hints.start_ms = mint;
  hints.end_ms = maxt;
  NX_ASSIGN_OR_RETURN(const auto set, querier->Select(matchers, hints));
  LastSamples found;
  storage::SampleColumns columns;
  for (std::size_t i = 0; i < set->size(); ++i) {
    columns.Clear();
    NX_RETURN_IF_ERROR(set->Read(i, mint, maxt, columns));
    if (columns.t.empty()) continue;
    model::LabelsBuilder builder(set->LabelsAt(i));
    builder.Delete(model::kMetricName);
    found[builder.Build()] = {columns.t.back(), columns.v.back()};
  }
  return found;
}

}  // namespace

std::int64_t RestoredActiveAt(std::int64_t active_at, std::int64_t last_seen, std::int64_t now,
                              std::int64_t hold, std::int64_t grace) {
  const std::int64_t remaining = hold - (last_seen - active_at);
  if (remaining <= 0) return active_at;  // It was firing, and fires again at once.
  if (remaining < grace) return now + grace - hold;
  return active_at + (now - last_seen);
}

void RestoreAlerts(const RuleSpec& rule, storage::Queryable& queryable, std::int64_t now_ns,
                   const RestoreLimits& limits, Alerts& alerts) {
  alerts.SetRestored(true);
  if (rule.hold_ms < limits.grace_period_ms) return;
  const model::TimestampMs now_ms = now_ns / kNsPerMs;
  const auto found = ReadForState(rule, queryable, now_ms - limits.outage_tolerance_ms, now_ms);
  if (!found) {
    log::Error("Restoring the alerts of a rule failed",
               {{"rule", rule.name}, {"err", found.error().message()}});
    return;
  }
  alerts.ForEachActive([&](const model::Labels& labels, ActiveAlert& alert) {
    const auto it = found->find(labels);
    if (it == found->end() || model::IsStale(it->second.v)) return;
    // Both in whole seconds, as upstream.
    const auto active_at = static_cast<std::int64_t>(it->second.v) * kNsPerSecond;
    const std::int64_t last_seen = it->second.t / 1000 * kNsPerSecond;
    alert.active_at_ns = RestoredActiveAt(active_at, last_seen, now_ns, rule.hold_ms * kNsPerMs,
                                          limits.grace_period_ms * kNsPerMs);
  });
}

}  // namespace narthex::alerting
