// SPDX-License-Identifier: Apache-2.0
//
// What the server tells about its rules; names and meanings are Prometheus's.
#pragma once

#include <string>

#include "narthex/base/metrics.h"

namespace narthex::alerting {

/// Of all groups together. Lives as long as the registry.
struct RuleMetrics {
  explicit RuleMetrics(metrics::Registry& registry);

  metrics::Summary& rule_duration;
  metrics::Summary& group_duration;
  metrics::Histogram& rule_duration_histogram;
  metrics::Histogram& group_duration_histogram;
  metrics::Counter& template_expansions;
  metrics::Counter& template_failures;
};

/// Of one group. Two objects with the same key in one registry share their values.
struct GroupMetrics {
  GroupMetrics(metrics::Registry& registry, const std::string& key);

  metrics::Counter& evaluations;
  metrics::Counter& failures;
  metrics::Counter& iterations;
  metrics::Counter& missed;
  metrics::Gauge& interval;
  metrics::Gauge& num_rules;
  metrics::Gauge& last_duration;
  metrics::Gauge& last_rule_duration_sum;
  metrics::Gauge& last_evaluation;
  metrics::Gauge& last_samples;

  /// This metric begins when it is set.
  void SetLastRestoreDuration(double seconds);

 private:
  metrics::Registry& registry_;
  const std::string key_;
};

/// Forgets the metrics of a group that is gone.
void RemoveGroupMetrics(metrics::Registry& registry, const std::string& key);

}  // namespace narthex::alerting
