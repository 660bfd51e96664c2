// SPDX-License-Identifier: Apache-2.0

#include "alerting/rules/spec.h"

#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "narthex/config/config.h"
#include "tests/support/temp_dir.h"

namespace narthex::alerting {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// The first is from Prometheus 3.5.3: a group whose alerts were active at …:55.337076781.
TEST(SlotTest, OffsetIsThatOfPrometheus) {
  EXPECT_EQ(SlotOffsetNs("rules.yml", "example", 5 * kSecond), 337'076'781);
  EXPECT_EQ(SlotOffsetNs("rules.yml", "example", kSecond), 337'076'781);
}

TEST(SlotTest, LastTick) {
  const struct {
    std::int64_t now, interval, offset, want;
  } cases[] = {{100, 10, 3, 93}, {103, 10, 3, 103}, {102, 10, 3, 93}, {104, 10, 0, 100}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.now);
    EXPECT_EQ(SlotBefore(c.now, c.interval, c.offset), c.want);
  }
}

class LoadGroupsTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_.path() + "/" + name) << text;
  }
  Result<std::vector<GroupSpec>> Load(bool legacy_names = false) {
    config::Config config;
    config.global.legacy_names = legacy_names;
    config.global.evaluation_interval_ms = 30'000;
    config.global.rule_query_offset_ms = 7'000;
    config.rule_files = {dir_.path() + "/*.yml", dir_.path() + "/missing.yaml"};
    return LoadGroups(config, {});
  }

  testing::TempDir dir_;
};

TEST_F(LoadGroupsTest, DefaultsAndOwnValues) {
  Write("b.yml", R"(groups:
- name: second
  interval: 5s
  query_offset: 1s
  limit: 3
  labels: {team: a, region: eu}
  rules:
  - record: job:up:sum
    expr: sum(up) by(job)
    labels: {team: b}
  - alert: Down
    expr: up==0
    for: 1m
    keep_firing_for: 2m
    labels: {region: ""}
    annotations: {summary: "{{ $value }}"}
)");
  Write("a.yml", "groups:\n- name: first\n  rules:\n  - {record: a, expr: '1'}\n");
  const auto groups = Load();
  ASSERT_TRUE(groups.has_value()) << groups.error().message();
  ASSERT_EQ(groups->size(), 2U);
  EXPECT_EQ((*groups)[0].name, "first");
  EXPECT_EQ((*groups)[0].interval_ms, 30'000);
  EXPECT_EQ((*groups)[0].query_offset_ms, 7'000);
  const GroupSpec& second = (*groups)[1];
  EXPECT_EQ(second.Key(), dir_.path() + "/b.yml;second");
  EXPECT_EQ(second.interval_ms, 5'000);
  EXPECT_EQ(second.query_offset_ms, 1'000);
  EXPECT_EQ(second.limit, 3);
  ASSERT_EQ(second.rules.size(), 2U);
  EXPECT_FALSE(second.rules[0].alerting);
  EXPECT_EQ(second.rules[0].query, "sum by (job) (up)");
  EXPECT_EQ(second.rules[0].labels, (model::Labels{{"team", "b"}, {"region", "eu"}}));
  const RuleSpec& down = second.rules[1];
  EXPECT_TRUE(down.alerting);
  EXPECT_EQ(down.query, "up == 0");
  EXPECT_EQ(down.hold_ms, 60'000);
  EXPECT_EQ(down.keep_firing_ms, 120'000);
  EXPECT_EQ(down.labels.ToString(), R"({region="", team="a"})");
  EXPECT_EQ(down.annotations.Get("summary"), "{{ $value }}");
}

// The wording and the place are those of promtool 3.5.3.
TEST_F(LoadGroupsTest, BrokenExpressionNamesFileLineAndReason) {
  Write("bad.yml",
        "groups:\n- name: g1\n  rules:\n  - record: a\n    expr: up\n"
        "  - record: b\n    expr: up +\n");
  const auto groups = Load();
  ASSERT_FALSE(groups.has_value());
  EXPECT_EQ(groups.error().message(),
            dir_.path() +
                "/bad.yml: 7:11: group \"g1\", rule 2, \"b\": could not parse "
                "expression: 1:5: parse error: unexpected end of input");
}

// The wording is that of promtool 3.5.3.
TEST_F(LoadGroupsTest, BrokenTemplateNamesItsPlace) {
  Write("bad.yml",
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n"
        "    annotations: {a: '{{ nope }}'}\n");
  const auto groups = Load();
  ASSERT_FALSE(groups.has_value());
  EXPECT_EQ(groups.error().message(),
            dir_.path() +
                "/bad.yml: group \"g\", rule 1, \"A\": annotation \"a\": template: "
                "__alert_A:1: function \"nope\" not defined");
}

// As Prometheus, which checks the names in rule files by the scheme of the configuration.
TEST_F(LoadGroupsTest, NamesFollowTheSchemeOfTheConfiguration) {
  const struct {
    const char* rule;
    const char* problem;
  } cases[] = {
      {"{record: 'a.b', expr: up}",
       "4:14: group \"g\", rule 1, \"a.b\": invalid recording rule name: a.b"},
      {"{record: a, expr: up, labels: {b.c: d}}",
       "group \"g\", rule 1, \"a\": invalid label name: b.c"},
      {"{alert: a, expr: up, annotations: {b.c: d}}",
       "group \"g\", rule 1, \"a\": invalid annotation name: b.c"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.rule);
    Write("a.yml", std::string("groups:\n- name: g\n  rules:\n  - ") + c.rule + "\n");
    EXPECT_TRUE(Load().has_value());
    const auto legacy = Load(/*legacy_names=*/true);
    ASSERT_FALSE(legacy.has_value());
    EXPECT_EQ(legacy.error().message(), dir_.path() + "/a.yml: " + c.problem);
  }
}

TEST_F(LoadGroupsTest, NoFilesNoGroups) {
  const auto groups = Load();
  ASSERT_TRUE(groups.has_value());
  EXPECT_TRUE(groups->empty());
}

}  // namespace
}  // namespace narthex::alerting
