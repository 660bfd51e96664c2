// SPDX-License-Identifier: Apache-2.0

#include "alerting/rules/group_metrics.h"

#include <array>
#include <string_view>

namespace narthex::alerting {
namespace {

constexpr std::array kRuleQuantiles = {0.5, 0.9, 0.99};
constexpr std::array kBuckets = {.01, .1, 1.0, 10.0};
constexpr std::array kGroupQuantiles = {0.01, 0.05, 0.5, 0.9, 0.99};

constexpr std::string_view kEvaluations = "prometheus_rule_evaluations_total";
constexpr std::string_view kFailures = "prometheus_rule_evaluation_failures_total";
constexpr std::string_view kIterations = "prometheus_rule_group_iterations_total";
constexpr std::string_view kMissed = "prometheus_rule_group_iterations_missed_total";
constexpr std::string_view kInterval = "prometheus_rule_group_interval_seconds";
constexpr std::string_view kRules = "prometheus_rule_group_rules";
constexpr std::string_view kLastDuration = "prometheus_rule_group_last_duration_seconds";
constexpr std::string_view kLastRuleSum = "prometheus_rule_group_last_rule_duration_sum_seconds";
constexpr std::string_view kLastEvaluation =
    "prometheus_rule_group_last_evaluation_timestamp_seconds";
constexpr std::string_view kLastSamples = "prometheus_rule_group_last_evaluation_samples";
constexpr std::string_view kLastRestore = "prometheus_rule_group_last_restore_duration_seconds";

metrics::LabelPairs Group(const std::string& key) { return {{"rule_group", key}}; }

}  // namespace

RuleMetrics::RuleMetrics(metrics::Registry& registry)
    : rule_duration(registry.AddSummary("prometheus_rule_evaluation_duration_seconds",
                                        "Time that one rule takes.", kRuleQuantiles)),
      group_duration(registry.AddSummary("prometheus_rule_group_duration_seconds",
                                         "Time that one pass over a group takes.",
                                         kGroupQuantiles)),
      rule_duration_histogram(
          registry.AddHistogram("prometheus_rule_evaluation_duration_histogram_seconds",
                                "Time that one rule takes.", kBuckets)),
      group_duration_histogram(
          registry.AddHistogram("prometheus_rule_group_duration_histogram_seconds",
                                "Time that one pass over a group takes.", kBuckets)),
      template_expansions(registry.AddCounter("prometheus_template_text_expansions_total",
                                              "Texts of alerts whose templates were executed.")),
      template_failures(
          registry.AddCounter("prometheus_template_text_expansion_failures_total",
                              "Texts of alerts whose templates could not be executed.")) {}

GroupMetrics::GroupMetrics(metrics::Registry& registry, const std::string& key)
    : evaluations(registry.AddCounter(kEvaluations, "Rules that were evaluated.", Group(key))),
      failures(registry.AddCounter(kFailures, "Rule evaluations that failed.", Group(key))),
      iterations(
          registry.AddCounter(kIterations, "Ticks of the group, evaluated or missed.", Group(key))),
      missed(registry.AddCounter(kMissed, "Ticks of the group that passed while it was still busy.",
                                 Group(key))),
      interval(registry.AddGauge(kInterval, "Time between two ticks.", Group(key))),
      num_rules(registry.AddGauge(kRules, "Rules in the group.", Group(key))),
      last_duration(registry.AddGauge(kLastDuration, "Time that the last pass took.", Group(key))),
      last_rule_duration_sum(registry.AddGauge(
          kLastRuleSum, "Times of all rules in the last pass, added up.", Group(key))),
      last_evaluation(
          registry.AddGauge(kLastEvaluation, "Unix time of the last pass.", Group(key))),
      last_samples(registry.AddGauge(kLastSamples, "Samples that the last pass gave.", Group(key))),
      registry_(registry),
      key_(key) {}

void GroupMetrics::SetLastRestoreDuration(double seconds) {
  registry_.AddGauge(kLastRestore, "Time that restoring alerts after the start took.", Group(key_))
      .Set(seconds);
}

void RemoveGroupMetrics(metrics::Registry& registry, const std::string& key) {
  for (const std::string_view name :
       {kEvaluations, kFailures, kIterations, kMissed, kInterval, kRules, kLastDuration,
        kLastRuleSum, kLastEvaluation, kLastSamples, kLastRestore}) {
    registry.Remove(name, Group(key));
  }
}

}  // namespace narthex::alerting
