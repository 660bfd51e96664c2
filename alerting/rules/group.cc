// SPDX-License-Identifier: Apache-2.0

#include "alerting/rules/group.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <memory>
#include <utility>

#include <fmt/core.h>

#include "alerting/rules/evaluate.h"
#include "alerting/template/escape.h"
#include "narthex/base/clock.h"
#include "narthex/base/log.h"
#include "narthex/model/sample.h"
#include "narthex/storage/querier.h"

namespace narthex::alerting {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;

double Seconds(std::int64_t ns) { return static_cast<double>(ns) / 1e9; }

/// Rejections that are expected when another rule writes the same series.
bool IsHarmless(storage::AppendError error) {
  using enum storage::AppendError;
  return error == kNone || error == kOutOfOrder || error == kDuplicate || error == kTooOld ||
         error == kOutOfBounds;
}

storage::AppendError AppendSample(storage::Appender& appender, storage::SeriesRef& ref,
                                  const promql::VectorSample& sample, model::TimestampMs t) {
  return sample.h ? appender.AppendFloatHistogram(ref, sample.metric, t, *sample.h)
                  : appender.Append(ref, sample.metric, t, sample.v);
}

}  // namespace

std::vector<RuleGroup::PreparedRule> RuleGroup::PrepareRules(const GroupSpec& spec,
                                                             const promql::Engine& engine) {
  std::vector<PreparedRule> prepared;
  prepared.reserve(spec.rules.size());
  for (const RuleSpec& rule : spec.rules) {
    prepared.push_back({engine.PrepareInstant(rule.query), AlertTexts(rule)});
  }
  return prepared;
}

RuleGroup::RuleGroup(GroupSpec spec, const GroupDeps& deps, bool restore)
    : spec_(std::move(spec)),
      origin_{"ruleGroup", {{"file", spec_.file}, {"name", spec_.name}}},
      deps_(deps),
      prepared_(PrepareRules(spec_, deps.engine)),
      metrics_(deps.registry, spec_.Key()),
      batches_(deps.rule_slots == nullptr ? std::vector<RuleBatch>()
                                          : SplitIntoBatches(spec_.rules, deps.features)),
      until_restore_(restore ? 2 : 0),
      rules_(spec_.rules.size()) {
  metrics_.interval.Set(static_cast<double>(spec_.interval_ms) / 1e3);
  metrics_.num_rules.Set(static_cast<double>(spec_.rules.size()));
  for (RuleState& rule : rules_) rule.alerts.SetRestored(!restore);
}

model::TimestampMs RuleGroup::SampleTime(std::int64_t slot_ns) const {
  return slot_ns / kNsPerMs - spec_.query_offset_ms;
}

void RuleGroup::Evaluate(std::int64_t slot_ns, std::int64_t missed, const std::stop_token& stop) {
  if (missed > 0) metrics_.missed.Add(static_cast<std::uint64_t>(missed));
  metrics_.iterations.Add(static_cast<std::uint64_t>(missed) + 1);

  const std::int64_t begin_ns = deps_.clock.NowNs();
  const std::int64_t begin = deps_.clock.MonotonicNs();
  const std::size_t num_samples = EvaluateRules(slot_ns, stop);
  if (stop.stop_requested()) return;
  EndLeftOver(SampleTime(slot_ns));
  const double took_s = Seconds(deps_.clock.MonotonicNs() - begin);

  metrics_.last_samples.Set(static_cast<double>(num_samples));
  metrics_.last_evaluation.Set(Seconds(begin_ns));
  metrics_.last_duration.Set(took_s);
  deps_.rule_metrics.group_duration.Observe(took_s);
  deps_.rule_metrics.group_duration_histogram.Observe(took_s);
  double rules_s = 0;
  {
    MutexLock lock(mutex_);
    evaluation_time_s_ = took_s;
    last_evaluation_ns_ = begin_ns;
    for (const RuleState& rule : rules_) rules_s += rule.evaluation_time_s;
  }
  metrics_.last_rule_duration_sum.Set(rules_s);
  MaybeRestore();
}

std::size_t RuleGroup::EvaluateRules(std::int64_t slot_ns, const std::stop_token& stop) {
  std::atomic<std::size_t> num_samples = 0;
  const auto evaluate = [&](std::size_t index) {
    if (!stop.stop_requested()) num_samples += EvaluateRule(index, slot_ns, stop);
  };
  for (const RuleBatch& batch : batches_) deps_.rule_slots->RunBatch(batch, evaluate);
  if (batches_.empty()) {
    for (std::size_t i = 0; i < spec_.rules.size(); ++i) evaluate(i);
  }
  return num_samples;
}

void RuleGroup::Notify(std::size_t index, std::int64_t slot_ns) {
  if (!deps_.notify || !spec_.rules[index].alerting) return;
  std::vector<Notification> alerts;
  {
    MutexLock lock(mutex_);
    alerts = rules_[index].alerts.TakeUnsent(slot_ns, deps_.resend_delay_ns,
                                             spec_.interval_ms * kNsPerMs);
  }
  if (alerts.empty()) return;
  const std::string url = deps_.external_url + tmpl::TableLinkPath(spec_.rules[index].query);
  for (Notification& alert : alerts) alert.generator_url = url;
  deps_.notify(std::move(alerts));
}

void RuleGroup::MaybeRestore() {
  if (until_restore_ == 0 || --until_restore_ > 0) return;
  const std::int64_t begin = deps_.clock.MonotonicNs();
  const std::int64_t now_ns = deps_.clock.NowNs();
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    if (!spec_.rules[i].alerting) continue;
    Alerts restored;
    {
      MutexLock lock(mutex_);
      restored = rules_[i].alerts;
    }
    RestoreAlerts(spec_.rules[i], deps_.restore_from, now_ns, deps_.restore, restored);
    MutexLock lock(mutex_);
    rules_[i].alerts = std::move(restored);
  }
  metrics_.SetLastRestoreDuration(Seconds(deps_.clock.MonotonicNs() - begin));
}

std::size_t RuleGroup::EvaluateRule(std::size_t index, std::int64_t slot_ns,
                                    const std::stop_token& stop) {
  const std::int64_t begin_ns = deps_.clock.NowNs();
  const std::int64_t begin = deps_.clock.MonotonicNs();
  metrics_.evaluations.Add();

  auto samples = ResultOf(index, slot_ns, stop);
  if (samples) Notify(index, slot_ns);
  std::string error;
  if (!samples) {
    error = samples.error().message();
    metrics_.failures.Add();
    // A query that ends because the server does is no news.
    if (samples.error().code() != Code::kCancelled) {
      log::Warn("Evaluating rule failed", {{"file", spec_.file},
                                           {"group", spec_.name},
                                           {"name", spec_.rules[index].name},
                                           {"err", error}});
    }
  } else if (auto written = Write(index, *samples, SampleTime(slot_ns)); !written) {
    error = written.error().message();
    log::Warn("Rule evaluation result discarded", {{"file", spec_.file},
                                                   {"group", spec_.name},
                                                   {"name", spec_.rules[index].name},
                                                   {"err", error}});
  }

  const double took_s = Seconds(deps_.clock.MonotonicNs() - begin);
  deps_.rule_metrics.rule_duration.Observe(took_s);
  deps_.rule_metrics.rule_duration_histogram.Observe(took_s);
  MutexLock lock(mutex_);
  RuleState& state = rules_[index];
  state.health = error.empty() ? RuleHealth::kOk : RuleHealth::kErr;
  state.last_error = std::move(error);
  state.evaluation_time_s = took_s;
  state.last_evaluation_ns = begin_ns;
  return samples ? samples->size() : 0;
}

Result<promql::Vector> RuleGroup::ResultOf(std::size_t index, std::int64_t slot_ns,
                                           const std::stop_token& stop) {
  const RuleSpec& rule = spec_.rules[index];
  const model::TimestampMs t = SampleTime(slot_ns);
  const auto& [query, texts] = prepared_[index];
  if (!query) return Fail(query.error());
  promql::QueryOptions options;
  options.stop = stop;
  options.origin = &origin_;
  NX_ASSIGN_OR_RETURN(auto samples, QueryVector(deps_.engine, deps_.queryable, *query, t, options));
  if (!rule.alerting) {
    NX_RETURN_IF_ERROR(NameRecorded(rule, spec_.limit, samples));
    return samples;
  }
  TemplateContext context;
  context.external_labels = spec_.external_labels;
  context.external_url = deps_.external_url;
  context.expansions = &deps_.rule_metrics.template_expansions;
  context.failures = &deps_.rule_metrics.template_failures;
  context.query = [&](const std::string& expr, model::TimestampMs at) {
    return QueryVector(deps_.engine, deps_.queryable, expr, at, options);
  };
  // Templates may query, so they run before the lock.
  auto instances = MakeInstances(rule.name, texts, samples, context, slot_ns / kNsPerMs);
  MutexLock lock(mutex_);
  return rules_[index].alerts.Update(rule, std::move(instances), slot_ns, t, spec_.limit);
}

Status RuleGroup::AppendResult(const promql::Vector& samples, model::TimestampMs t,
                               storage::Appender& appender, SeriesMap& series) {
  using storage::AppendError;
  std::string first;  // Why the first one was refused.
  std::size_t num_rejected = 0;
  for (const promql::VectorSample& sample : samples) {
    const auto known = series.find(sample.metric);
    storage::SeriesRef ref = known == series.end() ? storage::SeriesRef{0} : known->second.ref;
    const AppendError error = AppendSample(appender, ref, sample, t);
    if (error != AppendError::kNone) {
      if (num_rejected++ == 0) first = appender.RefusalText(error);
    } else if (known == series.end()) {
      series.emplace(sample.metric, WrittenSeries{ref, true, true});
    } else {
      known->second.ref = ref;
      known->second.is_present = true;
    }
  }
  if (num_rejected == 0) return {};
  return Fail(
      Code::kExecution,
      fmt::format("{}{}", first,
                  num_rejected == 1 ? std::string() : fmt::format(" ({} samples)", num_rejected)));
}

Status RuleGroup::Write(std::size_t index, const promql::Vector& samples, model::TimestampMs t) {
  SeriesMap& series = rules_[index].series;
  const auto appender = deps_.appendable.NewAppender();
  appender->SetDiscardOutOfOrder(true);
  Status outcome = AppendResult(samples, t, *appender, series);
  for (auto& [labels, written] : series) {
    if (written.is_present) continue;
    const auto error = appender->Append(written.ref, labels, t, model::kStaleNaN);
    if (!IsHarmless(error)) {
      log::Warn("Adding stale sample failed",
                {{"sample", labels.ToString()}, {"err", storage::AppendErrorText(error)}});
    }
  }
  Status commit = appender->Commit();
  if (!commit) metrics_.failures.Add();
  // Of a commit that failed nothing was written: the series are those of the time before.
  for (auto it = series.begin(); it != series.end();) {
    WrittenSeries& written = it->second;
    const bool stays = commit ? written.is_present : !written.is_new;
    written.is_new = written.is_present = false;
    it = stays ? std::next(it) : series.erase(it);
  }
  return commit ? outcome : commit;
}

void RuleGroup::EndLeftOver(model::TimestampMs t) {
  if (left_over_.empty()) return;
  const auto appender = deps_.appendable.NewAppender();
  appender->SetDiscardOutOfOrder(true);
  for (auto& [labels, written] : left_over_) {
    const auto error = appender->Append(written.ref, labels, t, model::kStaleNaN);
    if (!IsHarmless(error)) {
      log::Warn("Adding stale sample for previous configuration failed",
                {{"sample", labels.ToString()}, {"err", storage::AppendErrorText(error)}});
    }
  }
  if (const auto status = appender->Commit(); !status) {
    log::Warn("Stale sample appending for previous configuration failed",
              {{"err", status.error().message()}});
    return;
  }
  left_over_.clear();
}

void RuleGroup::TakeStateFrom(RuleGroup& old) {
  // The n-th of several rules with the same name and labels goes to the n-th.
  std::multimap<std::pair<std::string, model::Labels>, std::size_t> by_name;
  for (std::size_t i = 0; i < old.spec_.rules.size(); ++i) {
    by_name.emplace(std::pair(old.spec_.rules[i].name, old.spec_.rules[i].labels), i);
  }
  MutexLock old_lock(old.mutex_);
  {
    MutexLock lock(mutex_);
    evaluation_time_s_ = old.evaluation_time_s_;
    last_evaluation_ns_ = old.last_evaluation_ns_;
  }
  for (std::size_t i = 0; i < spec_.rules.size(); ++i) {
    const auto [it, end] = by_name.equal_range({spec_.rules[i].name, spec_.rules[i].labels});
    if (it == end) continue;
    RuleState& from = old.rules_[it->second];
    MutexLock lock(mutex_);
    rules_[i].series = std::move(from.series);
    from.series.clear();
    if (spec_.rules[i].alerting && old.spec_.rules[it->second].alerting) {
      const bool restored = rules_[i].alerts.restored();
      rules_[i].alerts = std::move(from.alerts);
      rules_[i].alerts.SetRestored(restored);
    }
    by_name.erase(it);
  }
  for (const auto& [name, index] : by_name) left_over_.merge(old.rules_[index].series);
  left_over_.merge(old.left_over_);
}

void RuleGroup::EndSeries(model::TimestampMs t) {
  for (RuleState& rule : rules_) {
    left_over_.merge(rule.series);
    rule.series.clear();
  }
  EndLeftOver(t);
}

GroupSnapshot RuleGroup::Snapshot(bool with_alerts) const {
  GroupSnapshot group;
  group.name = spec_.name;
  group.file = spec_.file;
  group.interval_s = static_cast<double>(spec_.interval_ms) / 1e3;
  group.limit = spec_.limit;
  MutexLock lock(mutex_);
  group.evaluation_time_s = evaluation_time_s_;
  group.last_evaluation_ns = last_evaluation_ns_;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const RuleSpec& spec = spec_.rules[i];
    const RuleState& state = rules_[i];
    RuleSnapshot& rule = group.rules.emplace_back();
    rule.alerting = spec.alerting;
    rule.name = spec.name;
    rule.query = spec.query;
    rule.labels = spec.labels;
    rule.health = state.health;
    rule.last_error = state.last_error;
    rule.evaluation_time_s = state.evaluation_time_s;
    rule.last_evaluation_ns = state.last_evaluation_ns;
    if (!spec.alerting) continue;
    rule.state = state.alerts.state();
    rule.hold_duration_s = static_cast<double>(spec.hold_ms) / 1e3;
    rule.keep_firing_for_s = static_cast<double>(spec.keep_firing_ms) / 1e3;
    rule.annotations = spec.annotations;
    if (with_alerts) rule.alerts = state.alerts.Snapshot();
  }
  return group;
}

}  // namespace narthex::alerting
