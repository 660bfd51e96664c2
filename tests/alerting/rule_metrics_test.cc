// SPDX-License-Identifier: Apache-2.0
//
// What rules tell of themselves in /metrics and in the log.

#include <string>

#include <gtest/gtest.h>

#include "tests/alerting/rule_manager_fixture.h"

namespace narthex::alerting {
namespace {

class RuleMetricsTest : public RuleManagerTest {
 protected:
  /// The samples and types of families whose name begins with `prefix`, the folder as DIR.
  std::string Metrics(const std::string& prefix) const {
    std::string text;
    registry_.WriteText(text);
    std::string found;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      std::string line = text.substr(at, end - at);
      at = end + 1;
      if (!line.starts_with(prefix) && !line.starts_with("# TYPE " + prefix)) continue;
      if (const auto dir = line.find(dir_.path()); dir != line.npos) {
        line.replace(dir, dir_.path().size(), "DIR");
      }
      found += line + '\n';
    }
    return found;
  }

  static constexpr const char* kRules = R"~(groups:
- name: g
  rules:
  - {record: two, expr: up * 2}
  - alert: Down
    expr: up == 0
    for: 1h
    annotations: {bad: '{{ humanize "x" }}', good: '{{ $value }}'}
)~";
};

// Names, types and labels are Prometheus's; on this clock nothing takes time.
TEST_F(RuleMetricsTest, AllOfThem) {
  Put({{"__name__", "up"}, {"job", "a"}}, 0);
  MustLoad(kRules);
  ::testing::internal::CaptureStderr();
  Tick();
  EXPECT_EQ(Metrics("prometheus_rule_group_last_restore_duration_seconds"), "")
      << "nothing has been restored yet";
  Tick();
  clock_.AdvanceMs(2 * kStepMs);
  Tick();  // Two ticks were missed.
  ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(Metrics("prometheus_rule_"),
            R"(# TYPE prometheus_rule_evaluation_duration_histogram_seconds histogram
prometheus_rule_evaluation_duration_histogram_seconds_bucket{le="0.01"} 6
prometheus_rule_evaluation_duration_histogram_seconds_bucket{le="0.1"} 6
prometheus_rule_evaluation_duration_histogram_seconds_bucket{le="1"} 6
prometheus_rule_evaluation_duration_histogram_seconds_bucket{le="10"} 6
prometheus_rule_evaluation_duration_histogram_seconds_bucket{le="+Inf"} 6
prometheus_rule_evaluation_duration_histogram_seconds_sum 0
prometheus_rule_evaluation_duration_histogram_seconds_count 6
# TYPE prometheus_rule_evaluation_duration_seconds summary
prometheus_rule_evaluation_duration_seconds{quantile="0.5"} 0
prometheus_rule_evaluation_duration_seconds{quantile="0.9"} 0
prometheus_rule_evaluation_duration_seconds{quantile="0.99"} 0
prometheus_rule_evaluation_duration_seconds_sum 0
prometheus_rule_evaluation_duration_seconds_count 6
# TYPE prometheus_rule_evaluation_failures_total counter
prometheus_rule_evaluation_failures_total{rule_group="DIR/rules.yml;g"} 0
# TYPE prometheus_rule_evaluations_total counter
prometheus_rule_evaluations_total{rule_group="DIR/rules.yml;g"} 6
# TYPE prometheus_rule_group_duration_histogram_seconds histogram
prometheus_rule_group_duration_histogram_seconds_bucket{le="0.01"} 3
prometheus_rule_group_duration_histogram_seconds_bucket{le="0.1"} 3
prometheus_rule_group_duration_histogram_seconds_bucket{le="1"} 3
prometheus_rule_group_duration_histogram_seconds_bucket{le="10"} 3
prometheus_rule_group_duration_histogram_seconds_bucket{le="+Inf"} 3
prometheus_rule_group_duration_histogram_seconds_sum 0
prometheus_rule_group_duration_histogram_seconds_count 3
# TYPE prometheus_rule_group_duration_seconds summary
prometheus_rule_group_duration_seconds{quantile="0.01"} 0
prometheus_rule_group_duration_seconds{quantile="0.05"} 0
prometheus_rule_group_duration_seconds{quantile="0.5"} 0
prometheus_rule_group_duration_seconds{quantile="0.9"} 0
prometheus_rule_group_duration_seconds{quantile="0.99"} 0
prometheus_rule_group_duration_seconds_sum 0
prometheus_rule_group_duration_seconds_count 3
# TYPE prometheus_rule_group_interval_seconds gauge
prometheus_rule_group_interval_seconds{rule_group="DIR/rules.yml;g"} 10
# TYPE prometheus_rule_group_iterations_missed_total counter
prometheus_rule_group_iterations_missed_total{rule_group="DIR/rules.yml;g"} 2
# TYPE prometheus_rule_group_iterations_total counter
prometheus_rule_group_iterations_total{rule_group="DIR/rules.yml;g"} 5
# TYPE prometheus_rule_group_last_duration_seconds gauge
prometheus_rule_group_last_duration_seconds{rule_group="DIR/rules.yml;g"} 0
# TYPE prometheus_rule_group_last_evaluation_samples gauge
prometheus_rule_group_last_evaluation_samples{rule_group="DIR/rules.yml;g"} 3
# TYPE prometheus_rule_group_last_evaluation_timestamp_seconds gauge
prometheus_rule_group_last_evaluation_timestamp_seconds{rule_group="DIR/rules.yml;g"} 1.70000005e+09
# TYPE prometheus_rule_group_last_restore_duration_seconds gauge
prometheus_rule_group_last_restore_duration_seconds{rule_group="DIR/rules.yml;g"} 0
# TYPE prometheus_rule_group_last_rule_duration_sum_seconds gauge
prometheus_rule_group_last_rule_duration_sum_seconds{rule_group="DIR/rules.yml;g"} 0
# TYPE prometheus_rule_group_rules gauge
prometheus_rule_group_rules{rule_group="DIR/rules.yml;g"} 2
)");
  EXPECT_EQ(Metrics("prometheus_template_"),
            R"(# TYPE prometheus_template_text_expansion_failures_total counter
prometheus_template_text_expansion_failures_total 3
# TYPE prometheus_template_text_expansions_total counter
prometheus_template_text_expansions_total 6
)");
}

TEST_F(RuleMetricsTest, LogsATemplateThatFails) {
  Put({{"__name__", "up"}, {"job", "a"}}, 0);
  MustLoad(kRules);
  ::testing::internal::CaptureStderr();
  Tick();
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("level=WARN"), log.npos) << log;
  EXPECT_NE(log.find(R"(msg="Expanding alert template failed" alert=Down err="error executing )"
                     R"(template __alert_Down: template: __alert_Down:1:115: )"),
            log.npos)
      << log;
  EXPECT_NE(log.find(R"(data="{Labels:map[__name__:up job:a] ExternalLabels:map[dc:eu] )"
                     R"(ExternalURL:http://ex.org/p Value:0}")"),
            log.npos)
      << log;
}

}  // namespace
}  // namespace narthex::alerting
