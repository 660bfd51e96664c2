// SPDX-License-Identifier: Apache-2.0
#include "narthex/config/rule_file.h"

#include <string>

namespace narthex::config {
namespace {

const std::string kGroup = "groups:\n- name: g\n  rules:\n  - ";

// The words of promtool 3.14, with its places; that of a field that is not there is 0:0. What is
// not of the form of a rule file it says twice, and a duration's error without its line.
TEST(RuleFileTest, Errors) {
  const struct {
    std::string text;
    const char* want;
  } cases[] = {
      {"groups:\n- name: g\n- name: g\n",
       "f.yml: 0:0: groupname: \"g\" is repeated in the same file"},
      {"groups:\n- rules: []\n", "f.yml: 0:0: Groupname must not be empty"},
      {kGroup + "{record: a, alert: b, expr: up}\n",
       "f.yml: 4:14: 4:24: group \"g\", rule 1, \"b\": only one of 'record' and 'alert' must be "
       "set"},
      {kGroup + "{expr: up}\n",
       "f.yml: 0:0: 0:0: group \"g\", rule 1, \"\": one of 'record' or 'alert' must be set"},
      {kGroup + "{record: a}\n",
       "f.yml: 0:0: group \"g\", rule 1, \"a\": field 'expr' must be set in rule"},
      {kGroup + "{record: a, expr: up}\n  - {alert: b, expr: ''}\n",
       "f.yml: 5:22: group \"g\", rule 2, \"b\": field 'expr' must be set in rule"},
      {kGroup + "{record: a, expr: up, for: 1m}\n",
       "f.yml: 4:14: group \"g\", rule 1, \"a\": invalid field 'for' in recording rule"},
      {kGroup + "{record: a, expr: up, keep_firing_for: 1m}\n",
       "f.yml: 4:14: group \"g\", rule 1, \"a\": invalid field 'keep_firing_for' in recording "
       "rule"},
      {kGroup + "{record: a, expr: up, annotations: {b: c}}\n",
       "f.yml: 4:14: group \"g\", rule 1, \"a\": invalid field 'annotations' in recording rule"},
      {kGroup + "{record: 'a{b}', expr: up}\n",
       "f.yml: 4:14: group \"g\", rule 1, \"a{b}\": braces present in the recording rule name; "
       "should it be in expr?: a{b}"},
      {kGroup + "{record: a, expr: up, labels: {__name__: c}}\n",
       "f.yml: group \"g\", rule 1, \"a\": invalid label name: __name__"},
      {kGroup + "{alert: a, expr: up, annotations: {'': c}}\n",
       "f.yml: group \"g\", rule 1, \"a\": invalid annotation name: "},
      {kGroup + "{alert: a, expr: up, for: 1x}\n",
       "f.yml: unknown unit \"x\" in duration \"1x\" (line 4)"},
      {kGroup + "{alert: a, expr: up, foo: 1}\n",
       "f.yml: yaml: unmarshal errors:\n  line 4: field foo not found in type rulefmt.Rule"},
      {"groups:\n- name: g\n  rules:\n  - record: a\n    expr: up\n    record: b\n",
       "f.yml: yaml: unmarshal errors:\n  line 6: mapping key \"record\" already defined at line "
       "4"},
      {"groups:\n- name: g\n  labels: {a: b, a: c}\n",
       "f.yml: yaml: unmarshal errors:\n  line 3: mapping key \"a\" already defined at line 3"},
      {"groups: 5\n",
       "f.yml: yaml: unmarshal errors:\n  line 1: cannot unmarshal !!int `5` into "
       "[]rulefmt.RuleGroup"},
      {"groups:\n- {name: g, labels: {__name__: a}}\n", "f.yml: invalid label name: __name__"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto groups = LoadRuleText(c.text, "f.yml");
    ASSERT_FALSE(groups);
    EXPECT_EQ(Code::kInvalidArgument, groups.error().code());
    EXPECT_EQ(c.want, groups.error().message());
  }
}

TEST(RuleFileTest, FillsTheStructs) {
  const auto groups = LoadRuleText(
      "groups:\n"
      "- name: g\n"
      "  interval: 5s\n"
      "  query_offset: 0s\n"
      "  limit: 7\n"
      "  labels: {z: '1', a: '2'}\n"
      "  rules:\n"
      "  - record: job:up\n"
      "    expr: |\n"
      "      sum by (job) (up)\n"
      "  - alert: Down\n"
      "    expr: up == 0\n"
      "    for: 1h30m\n"
      "    keep_firing_for: 5m\n"
      "    labels: {b: x, a: ''}\n"
      "    annotations: {summary: '{{ $value }}'}\n"
      "- name: h\n",
      "f.yml");
  ASSERT_TRUE(groups) << groups.error().message();
  ASSERT_EQ(2u, groups->size());
  const RuleGroupConfig& g = (*groups)[0];
  EXPECT_EQ(5'000, g.interval_ms);
  EXPECT_EQ(0, g.query_offset_ms) << "set, though zero";
  EXPECT_EQ(7, g.limit);
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ((Pairs{{"a", "2"}, {"z", "1"}}), g.labels);
  ASSERT_EQ(2u, g.rules.size());
  EXPECT_EQ("job:up", g.rules[0].record);
  EXPECT_EQ("sum by (job) (up)\n", g.rules[0].expr);
  EXPECT_EQ(9, g.rules[0].expr_line);
  const RuleConfig& down = g.rules[1];
  EXPECT_EQ("Down", down.alert);
  EXPECT_EQ(90 * 60'000, down.for_ms);
  EXPECT_EQ(5 * 60'000, down.keep_firing_for_ms);
  EXPECT_EQ((Pairs{{"a", ""}, {"b", "x"}}), down.labels);
  EXPECT_EQ((Pairs{{"summary", "{{ $value }}"}}), down.annotations);
  EXPECT_EQ(11, down.line);
  EXPECT_EQ(12, down.expr_line);
  EXPECT_EQ(11, down.expr_column);
  EXPECT_FALSE((*groups)[1].query_offset_ms);
  EXPECT_TRUE((*groups)[1].rules.empty());
}

TEST(RuleFileTest, LegacyNamesAreStricter) {
  const std::string text = kGroup + "{record: 'a.b', expr: up, labels: {'c.d': e}}\n";
  EXPECT_TRUE(LoadRuleText(text, "f.yml"));
  EXPECT_FALSE(LoadRuleText(text, "f.yml", true));
}

}  // namespace
}  // namespace narthex::config
