// SPDX-License-Identifier: Apache-2.0
//
// Unit tests of rules as plain structs. Series, expressions and histograms are text here.
// Source: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/labels.h"
#include "narthex/model/timestamp.h"

namespace narthex::config {

struct RuleTestSeries {
  std::string series, values;
};

struct ExpectedAlert {
  model::Labels labels, annotations;
};

struct AlertRuleTest {
  model::DurationMs eval_time_ms = 0;  // Since the start, as everywhere here.
  std::string alertname;
  std::vector<ExpectedAlert> alerts;
};

struct ExpectedSample {
  std::string labels;
  double value = 0;
  std::string histogram;  // Not empty: the value does not count.
};

struct PromqlExprTest {
  std::string expr;
  model::DurationMs eval_time_ms = 0;
  std::vector<ExpectedSample> samples;
};

struct RuleTestGroup {
  std::string name;
  model::DurationMs interval_ms = 0;  // 0 = the file's evaluation_interval.
  std::vector<RuleTestSeries> input_series;
  std::vector<AlertRuleTest> alert_tests;
  std::vector<PromqlExprTest> promql_tests;
  model::Labels external_labels;
  std::string external_url;
  std::int64_t start_ns = 0;  // Unix time.
};

struct RuleTestFile {
  std::vector<std::string> rule_files;  // As written.
  model::DurationMs evaluation_interval_ms = 60'000;
  std::vector<std::string> group_eval_order;
  bool fuzzy_compare = false;
  std::vector<RuleTestGroup> tests;
};

/// Errors: kNotFound / kIo when it can't be read, kInvalidArgument "yaml: unmarshal errors:\n …",
/// "cannot parse "x" to a valid timestamp".
Result<RuleTestFile> LoadRuleTestFile(const std::string& path);
Result<RuleTestFile> LoadRuleTestText(std::string_view text);

}  // namespace narthex::config
