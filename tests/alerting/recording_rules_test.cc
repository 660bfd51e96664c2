// SPDX-License-Identifier: Apache-2.0
#include "narthex/alerting/recording_rules.h"

#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace narthex::alerting {
namespace {

TEST(RecordingRulesTest, LeavesAlertsOutAndFillsDefaultsIn) {
  const testing::TempDir dir;
  const std::vector<std::string> files = {dir.path() + "/r.yml"};
  std::ofstream(files[0]) << R"(groups:
- name: g
  labels: {team: a, gone: x}
  rules:
  - record: sum:a
    expr: sum(a)by(x)
    labels: {extra: b, gone: ""}
  - alert: A
    expr: a > 1
- name: slow
  interval: 5m
  rules: []
)";
  const auto groups = LoadRecordingRules(files, 30'000);
  ASSERT_TRUE(groups) << groups.error().message();
  ASSERT_EQ(groups->size(), 2U);
  EXPECT_EQ((*groups)[0].interval_ms, 30'000);
  EXPECT_EQ((*groups)[1].interval_ms, 300'000);
  ASSERT_EQ((*groups)[0].rules.size(), 1U);
  const RecordingRuleSpec& rule = (*groups)[0].rules[0];
  EXPECT_EQ(rule.name, "sum:a");
  EXPECT_EQ(rule.query, "sum by (x) (a)");
  const model::Labels result = {{"__name__", "a"}, {"x", "1"}, {"gone", "y"}, {"team", "z"}};
  EXPECT_EQ(rule.SeriesOf(result).ToString(),
            "{__name__=\"sum:a\", extra=\"b\", team=\"a\", x=\"1\"}");
}

TEST(RecordingRulesTest, TicksAreOneIntervalApart) {
  RecordingGroup group{"file.yml", "g", 60'000, {}};
  constexpr std::int64_t kMinute = 60'000'000'000;
  const std::int64_t at = 1'700'000'000'000'000'000;
  const std::int64_t tick = group.TickBefore(at);
  EXPECT_LE(tick, at);
  EXPECT_GT(tick, at - kMinute);
  EXPECT_EQ(group.TickBefore(tick), tick);
  EXPECT_EQ(group.TickBefore(tick - 1), tick - kMinute);
}

TEST(RecordingRulesTest, BadFilesAreNamed) {
  const testing::TempDir dir;
  const std::vector<std::string> files = {dir.path() + "/none.yml"};
  const auto groups = LoadRecordingRules(files, 30'000);
  ASSERT_FALSE(groups);
  EXPECT_NE(groups.error().message().find("none.yml"), std::string::npos);
}

}  // namespace
}  // namespace narthex::alerting
