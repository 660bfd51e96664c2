// SPDX-License-Identifier: Apache-2.0

#include "alerting/rules/alerts.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

#include <fmt/core.h>

namespace narthex::alerting {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;
// Alertmanagers must hear of a resolved alert even when they were away for some time.
constexpr std::int64_t kResolvedRetentionNs = 15LL * 60 * kNsPerSecond;

std::string_view StateName(AlertState state) {
  switch (state) {
    case AlertState::kPending:
      return "pending";
    case AlertState::kFiring:
      return "firing";
    case AlertState::kInactive:
      break;
  }
  return "inactive";
}

std::int64_t FloorDiv(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

/// @param rule_labels  a label that the alert lacks, because its template gave nothing, shows here
/// as
///                     it is written, as in Prometheus
void AddSamples(const model::Labels& rule_labels, const model::Labels& labels,
                const ActiveAlert& alert, model::TimestampMs t, promql::Vector& out) {
  model::LabelsBuilder builder;
  for (const auto& [name, value] : rule_labels) builder.Set(name, value);
  for (const auto& [name, value] : labels) builder.Set(name, value);
  promql::VectorSample& for_state = out.emplace_back();
  for_state.metric = builder.Set(model::kMetricName, "ALERTS_FOR_STATE").Build();
  for_state.t = t;
  for_state.v = static_cast<double>(FloorDiv(alert.active_at_ns, kNsPerSecond));
  promql::VectorSample& state = out.emplace_back();
  builder.Set(model::kMetricName, "ALERTS");
  state.metric = builder.Set("alertstate", StateName(alert.state)).Build();
  state.t = t;
  state.v = 1;
}

}  // namespace

AlertTexts::AlertTexts(const RuleSpec& rule) {
  for (const auto& [name, text] : rule.labels) {
    labels.emplace_back(name, AlertText(rule.name, std::string(text)));
  }
  for (const auto& [name, text] : rule.annotations) {
    annotations.emplace_back(name, AlertText(rule.name, std::string(text)));
  }
}

std::vector<AlertInstance> MakeInstances(const std::string& alert_name, const AlertTexts& texts,
                                         const promql::Vector& result,
                                         const TemplateContext& context, model::TimestampMs t) {
  std::vector<AlertInstance> instances;
  instances.reserve(result.size());
  for (const promql::VectorSample& sample : result) {
    const AlertData data{sample.metric, sample.v, sample.h.get()};
    model::LabelsBuilder labels(sample.metric);
    labels.Delete(model::kMetricName);
    for (const auto& [name, text] : texts.labels) labels.Set(name, text.Expand(context, data, t));
    labels.Set(model::kAlertName, alert_name);
    model::Labels annotations;
    for (const auto& [name, text] : texts.annotations) {
      annotations.AppendSorted(name, text.Expand(context, data, t));
    }
    instances.push_back({labels.Build(), std::move(annotations), sample.v});
  }
  return instances;
}

bool Alerts::Advance(const RuleSpec& rule, bool in_result, std::int64_t slot_ns, ActiveAlert& a) {
  const std::int64_t hold_ns = rule.hold_ms * kNsPerMs;
  if (in_result) {
    a.keep_firing_since_ns = 0;
  } else {
    bool keep = false;
    if (a.state == AlertState::kFiring && rule.keep_firing_ms > 0) {
      if (a.keep_firing_since_ns == 0) a.keep_firing_since_ns = slot_ns;
      keep = slot_ns - a.keep_firing_since_ns < rule.keep_firing_ms * kNsPerMs;
    }
    if (a.state == AlertState::kPending) return false;
    if (a.resolved_at_ns != 0 && slot_ns - a.resolved_at_ns > kResolvedRetentionNs) return false;
    if (!keep) {
      if (a.state != AlertState::kInactive) {
        a.state = AlertState::kInactive;
        a.resolved_at_ns = slot_ns;
      }
      return true;
    }
  }
  const bool held = slot_ns - a.active_at_ns >= hold_ns;
  if (a.state == AlertState::kPending && held) {
    a.state = AlertState::kFiring;
    a.fired_at_ns = slot_ns;
  } else if (a.state == AlertState::kFiring && !held) {
    a.state = AlertState::kPending;  // A reload has raised `for`.
    a.fired_at_ns = a.last_sent_ns = a.keep_firing_since_ns = 0;
  }
  return true;
}

Result<promql::Vector> Alerts::Update(const RuleSpec& rule, std::vector<AlertInstance> instances,
                                      std::int64_t slot_ns, model::TimestampMs sample_t,
                                      int limit) {
  std::unordered_set<model::Labels, LabelsHash> in_result;
  for (const AlertInstance& instance : instances) {
    if (!in_result.insert(instance.labels).second) {
      return Fail(Code::kExecution,
                  "vector contains metrics with the same labelset after applying alert labels");
    }
  }
  for (AlertInstance& instance : instances) {
    const auto [it, inserted] = active_.try_emplace(instance.labels);
    ActiveAlert& alert = it->second;
    if (inserted || alert.state == AlertState::kInactive) {
      alert = ActiveAlert{};
      alert.active_at_ns = slot_ns;
    }
    alert.value = instance.value;
    alert.annotations = std::move(instance.annotations);
  }

  promql::Vector samples;
  std::size_t num_active = 0;
  for (auto it = active_.begin(); it != active_.end();) {
    if (!Advance(rule, in_result.contains(it->first), slot_ns, it->second)) {
      it = active_.erase(it);
      continue;
    }
    if (it->second.state != AlertState::kInactive) {
      ++num_active;
      if (restored_) AddSamples(rule.labels, it->first, it->second, sample_t, samples);
    }
    ++it;
  }
  if (limit > 0 && num_active > static_cast<std::size_t>(limit)) {
    active_.clear();
    return Fail(Code::kExecution,
                fmt::format("exceeded limit of {} with {} alerts", limit, num_active));
  }
  return samples;
}

std::vector<Notification> Alerts::TakeUnsent(std::int64_t slot_ns, std::int64_t resend_ns,
                                             std::int64_t interval_ns) {
  std::vector<Notification> unsent;
  for (auto& [labels, alert] : active_) {
    if (alert.state == AlertState::kPending) continue;
    const bool newly_resolved = alert.resolved_at_ns > alert.last_sent_ns;
    const bool never_sent = alert.last_sent_ns == 0;
    if (!never_sent && !newly_resolved && alert.last_sent_ns + resend_ns >= slot_ns) continue;
    alert.last_sent_ns = slot_ns;
    Notification& out = unsent.emplace_back();
    out.labels = labels;
    out.annotations = alert.annotations;
    out.starts_at_ns = alert.fired_at_ns;
    out.ends_at_ns = alert.resolved_at_ns != 0 ? alert.resolved_at_ns
                                               : slot_ns + 4 * std::max(interval_ns, resend_ns);
  }
  return unsent;
}

std::vector<AlertSnapshot> Alerts::Snapshot() const {
  std::vector<AlertSnapshot> all;
  for (const auto& [labels, alert] : active_) {
    if (alert.state == AlertState::kInactive) continue;
    all.push_back({labels, alert.annotations, alert.state, alert.active_at_ns,
                   alert.keep_firing_since_ns, alert.value});
  }
  std::sort(all.begin(), all.end(), [](const AlertSnapshot& a, const AlertSnapshot& b) {
    return (a.labels <=> b.labels) < 0;
  });
  return all;
}

AlertState Alerts::state() const {
  AlertState most = AlertState::kInactive;
  for (const auto& [labels, alert] : active_) most = std::max(most, alert.state);
  return most;
}

void Alerts::ForEachActive(const std::function<void(const model::Labels&, ActiveAlert&)>& fn) {
  for (auto& [labels, alert] : active_) {
    if (alert.state != AlertState::kInactive) fn(labels, alert);
  }
}

}  // namespace narthex::alerting
