// SPDX-License-Identifier: Apache-2.0
#include "narthex/config/rule_test_file.h"

#include <cmath>
#include <map>

#include <fmt/core.h>

#include "narthex/base/fs.h"
#include "narthex/base/go_format.h"
#include "src/config/yaml/reader.h"
#include "src/config/yaml/schema.h"

namespace narthex::config {
namespace {

const Type& AlertTestsType() {
  static const Schema alert{
      "main.alert", {{"exp_labels", &kStringMapType}, {"exp_annotations", &kStringMapType}}};
  static const Type alert_type{Kind::kStruct, "", &alert};
  static const Type alerts{Kind::kList, "[]main.alert", nullptr, &alert_type};
  static const Schema test{
      "main.alertTestCase",
      {{"eval_time", &kDurationType}, {"alertname", &kStringType}, {"exp_alerts", &alerts}}};
  static const Type test_type{Kind::kStruct, "", &test};
  static const Type list{Kind::kList, "[]main.alertTestCase", nullptr, &test_type};
  return list;
}

const Type& PromqlTestsType() {
  static const Schema sample{
      "main.sample",
      {{"labels", &kStringType}, {"value", &kFloatType}, {"histogram", &kStringType}}};
  static const Type sample_type{Kind::kStruct, "", &sample};
  static const Type samples{Kind::kList, "[]main.sample", nullptr, &sample_type};
  static const Schema test{
      "main.promqlTestCase",
      {{"expr", &kStringType}, {"eval_time", &kDurationType}, {"exp_samples", &samples}}};
  static const Type test_type{Kind::kStruct, "", &test};
  static const Type list{Kind::kList, "[]main.promqlTestCase", nullptr, &test_type};
  return list;
}

const Type& RuleTestFileType() {
  static const Schema series{"main.series", {{"series", &kStringType}, {"values", &kStringType}}};
  static const Type series_type{Kind::kStruct, "", &series};
  static const Type series_list{Kind::kList, "[]main.series", nullptr, &series_type};
  static const Schema group{"main.testGroup",
                            {{"interval", &kDurationType},
                             {"input_series", &series_list},
                             {"alert_rule_test", &AlertTestsType()},
                             {"promql_expr_test", &PromqlTestsType()},
                             {"external_labels", &kStringMapType},
                             {"external_url", &kStringType},
                             {"name", &kStringType},
                             {"start_timestamp", &kStringType}}};
  static const Type group_type{Kind::kStruct, "", &group};
  static const Type groups{Kind::kList, "[]main.testGroup", nullptr, &group_type};
  static const Schema file{"main.unitTestFile",
                           {{"rule_files", &kStringListType},
                            {"evaluation_interval", &kDurationType},
                            {"group_eval_order", &kStringListType},
                            {"tests", &groups},
                            {"fuzzy_compare", &kBoolType}}};
  static const Type type{Kind::kStruct, "", &file};
  return type;
}

/// What is expected is kept as it is written: an empty value is a label that no alert has.
model::Labels LabelsOf(const Value& map) {
  std::map<std::string_view, std::string_view> pairs;
  for (std::size_t i = 0; i < map.keys.size(); ++i) pairs[map.keys[i]] = map.items[i].text;
  return model::Labels::FromSorted(pairs);
}

/// Calls fn with each element that is not null.
template <typename Fn>
void ForEach(const Value& list, const Fn& fn) {
  for (const Value& item : list.items) {
    if (item.IsOpen()) fn(item);
  }
}

/// Seconds since 1970, or RFC 3339.
Result<std::int64_t> ParseStart(const std::string& text) {
  constexpr double kNsPerSecond = 1e9;
  if (text.empty()) return 0;
  if (const auto number = go::ParseFloat(text); number && std::abs(*number) < 9e9) {
    const double whole = std::trunc(*number);
    return static_cast<std::int64_t>(whole) * 1'000'000'000 +
           static_cast<std::int64_t>((*number - whole) * kNsPerSecond);
  }
  if (const auto time = go::ParseTime(text)) {
    return time->seconds * 1'000'000'000 + time->nanoseconds;
  }
  return Fail(Code::kInvalidArgument,
              fmt::format("cannot parse {} to a valid timestamp", go::Quote(text)));
}

AlertRuleTest ExtractAlertTest(const Value& value) {
  AlertRuleTest test{value["eval_time"].number, value["alertname"].text, {}};
  ForEach(value["exp_alerts"], [&test](const Value& alert) {
    test.alerts.push_back({LabelsOf(alert["exp_labels"]), LabelsOf(alert["exp_annotations"])});
  });
  return test;
}

PromqlExprTest ExtractPromqlTest(const Value& value) {
  PromqlExprTest test{value["expr"].text, value["eval_time"].number, {}};
  ForEach(value["exp_samples"], [&test](const Value& sample) {
    test.samples.push_back({sample["labels"].text, sample["value"].real, sample["histogram"].text});
  });
  return test;
}

Result<RuleTestGroup> ExtractGroup(const Value& value) {
  RuleTestGroup group;
  group.name = value["name"].text;
  group.interval_ms = value["interval"].number;
  ForEach(value["input_series"], [&group](const Value& series) {
    group.input_series.push_back({series["series"].text, series["values"].text});
  });
  ForEach(value["alert_rule_test"],
          [&group](const Value& test) { group.alert_tests.push_back(ExtractAlertTest(test)); });
  ForEach(value["promql_expr_test"],
          [&group](const Value& test) { group.promql_tests.push_back(ExtractPromqlTest(test)); });
  group.external_labels = LabelsOf(value["external_labels"]);
  group.external_url = value["external_url"].text;
  NX_ASSIGN_OR_RETURN(group.start_ns, ParseStart(value["start_timestamp"].text));
  return group;
}

}  // namespace

Result<RuleTestFile> LoadRuleTestText(std::string_view text) {
  NX_ASSIGN_OR_RETURN(const Value root, ReadYaml(text, RuleTestFileType()));
  RuleTestFile file;
  file.rule_files = Strings(root["rule_files"]);
  if (const auto interval = root["evaluation_interval"].number; interval != 0) {
    file.evaluation_interval_ms = interval;
  }
  file.group_eval_order = Strings(root["group_eval_order"]);
  file.fuzzy_compare = root["fuzzy_compare"].flag();
  for (const Value& test : root["tests"].items) {
    if (!test.IsOpen()) continue;
    NX_ASSIGN_OR_RETURN(auto group, ExtractGroup(test));
    file.tests.push_back(std::move(group));
  }
  return file;
}

Result<RuleTestFile> LoadRuleTestFile(const std::string& path) {
  NX_ASSIGN_OR_RETURN(const std::string text, SystemFs().ReadFile(path));
  return LoadRuleTestText(text);
}

}  // namespace narthex::config
