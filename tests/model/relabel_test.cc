// SPDX-License-Identifier: Apache-2.0
#include "narthex/model/relabel.h"

namespace narthex::model {
namespace {

RelabelConfig Rule(RelabelAction action, std::vector<std::string> sources, std::string_view regex,
                   std::string target = "", std::string replacement = "$1") {
  RelabelConfig rule;
  rule.action = action;
  rule.source_labels = std::move(sources);
  rule.regex = Regex::Compile(regex).value();
  rule.target_label = std::move(target);
  rule.replacement = std::move(replacement);
  return rule;
}

RelabelConfig HashMod(std::vector<std::string> sources, std::string target, std::uint64_t modulus) {
  RelabelConfig rule = Rule(RelabelAction::kHashMod, std::move(sources), "(.*)", std::move(target));
  rule.modulus = modulus;
  return rule;
}

struct Case {
  const char* name;
  Labels input;
  std::vector<RelabelConfig> rules;
  Labels output;
  bool kept = true;
};

void Check(const Case& c) {
  SCOPED_TRACE(c.name);
  LabelsBuilder builder(c.input);
  const auto kept = Relabel(builder, c.rules);
  ASSERT_TRUE(kept) << kept.error().message();
  EXPECT_EQ(*kept, c.kept);
  if (*kept) {
    EXPECT_EQ(builder.Build().ToString(), c.output.ToString());
  }
}

constexpr auto kReplace = RelabelAction::kReplace;

TEST(RelabelTest, Replace) {
  const Labels abc{{"a", "foo"}, {"b", "bar"}, {"c", "baz"}};
  const Case cases[] = {
      {"group",
       abc,
       {Rule(kReplace, {"a"}, "f(.*)", "d", "ch${1}-ch${1}")},
       {{"a", "foo"}, {"b", "bar"}, {"c", "baz"}, {"d", "choo-choo"}}},
      {"two sources",
       abc,
       {Rule(kReplace, {"a", "b"}, "f(.*);(.*)r", "a", "b${1}${2}m")},
       {{"a", "boobam"}, {"b", "bar"}, {"c", "baz"}}},
      {"no match", abc, {Rule(kReplace, {"a"}, "x.*", "d", "never")}, abc},
      {"anchored", abc, {Rule(kReplace, {"a"}, "o", "d", "never")}, abc},
      {"empty result deletes",
       abc,
       {Rule(kReplace, {"a"}, "(f).*", "b", "$2")},
       {{"a", "foo"}, {"c", "baz"}}},
      {"constant without source",
       {{"a", "1"}},
       {Rule(kReplace, {}, "(.*)", "x", "static")},
       {{"a", "1"}, {"x", "static"}}},
      {"constant for absent source",
       {{"a", "1"}},
       {Rule(kReplace, {"no"}, "(.*)", "x", "s")},
       {{"a", "1"}, {"x", "s"}}},
      {"empty regex matches only empty",
       {{"a", "1"}},
       {Rule(kReplace, {"a"}, "", "x", "s")},
       {{"a", "1"}}},
      {"target from group",
       {{"a", "some-name-value"}},
       {Rule(kReplace, {"a"}, "some-([^-]+)-([^,]+)", "${1}", "${2}")},
       {{"a", "some-name-value"}, {"name", "value"}}},
      {"name is the longest word",
       {{"a", "foo"}},
       {Rule(kReplace, {"a"}, "(f).*", "x", "$1x|$$")},
       {{"a", "foo"}, {"x", "|$"}}},
      {"empty target name",
       {{"a", "foo"}},
       {Rule(kReplace, {"a"}, "(z)?foo", "${1}", "x")},
       {{"a", "foo"}}},
      {"newline in the value",
       {{"a", "x\ny"}},
       {Rule(kReplace, {"a"}, "x(.)y", "b", "[$1]")},
       {{"a", "x\ny"}, {"b", "[\n]"}}},
      {"named group",
       {{"a", "foo"}},
       {Rule(kReplace, {"a"}, "f(?P<rest>.*)", "b", "${rest}")},
       {{"a", "foo"}, {"b", "oo"}}},
  };
  for (const Case& c : cases) Check(c);
}

TEST(RelabelTest, TargetNamesFollowTheScheme) {
  auto rule = Rule(kReplace, {"a"}, "(.*)", "${1}", "x");
  Check({"utf-8", {{"a", "dotted.name"}}, {rule}, {{"a", "dotted.name"}, {"dotted.name", "x"}}});
  rule.legacy_names = true;
  Check({"legacy", {{"a", "dotted.name"}}, {rule}, {{"a", "dotted.name"}}});
}

TEST(RelabelTest, KeepAndDrop) {
  const Labels foo{{"a", "foo"}, {"b", "foo"}};
  const Case cases[] = {
      {"keep", foo, {Rule(RelabelAction::kKeep, {"a"}, "foo")}, foo},
      {"keep fails", foo, {Rule(RelabelAction::kKeep, {"a"}, "f")}, {}, false},
      {"keep absent", foo, {Rule(RelabelAction::kKeep, {"z"}, "")}, foo},
      {"drop", foo, {Rule(RelabelAction::kDrop, {"a"}, ".*o.*")}, {}, false},
      {"drop no match", foo, {Rule(RelabelAction::kDrop, {"a"}, "f|o")}, foo},
      {"keepequal", foo, {Rule(RelabelAction::kKeepEqual, {"a"}, "(.*)", "b")}, foo},
      {"keepequal other", foo, {Rule(RelabelAction::kKeepEqual, {"a"}, "(.*)", "c")}, {}, false},
      {"dropequal", foo, {Rule(RelabelAction::kDropEqual, {"a"}, "(.*)", "b")}, {}, false},
      {"dropequal other", foo, {Rule(RelabelAction::kDropEqual, {"a"}, "(.*)", "c")}, foo},
      {"later rules do not run",
       foo,
       {Rule(RelabelAction::kDrop, {"a"}, "foo"), Rule(kReplace, {}, "(.*)", "x", "y")},
       {},
       false},
  };
  for (const Case& c : cases) Check(c);
}

TEST(RelabelTest, HashMod) {
  // Expected values from Prometheus's relabel_test.go.
  const Case cases[] = {
      {"one source",
       {{"a", "foo"}, {"b", "bar"}, {"c", "baz"}},
       {HashMod({"c"}, "d", 1000)},
       {{"a", "foo"}, {"b", "bar"}, {"c", "baz"}, {"d", "976"}}},
      {"newline",
       {{"a", "foo\nbar"}},
       {HashMod({"a"}, "b", 1000)},
       {{"a", "foo\nbar"}, {"b", "734"}}},
      {"modulus one", {{"a", "x"}}, {HashMod({"a"}, "b", 1)}, {{"a", "x"}, {"b", "0"}}},
  };
  for (const Case& c : cases) Check(c);
}

TEST(RelabelTest, LabelNames) {
  const Labels labels{{"a", "foo"}, {"b1", "bar"}, {"b2", "baz"}};
  const Case cases[] = {
      {"map",
       labels,
       {Rule(RelabelAction::kLabelMap, {}, "(b.*)", "", "bar_${1}")},
       {{"a", "foo"}, {"b1", "bar"}, {"b2", "baz"}, {"bar_b1", "bar"}, {"bar_b2", "baz"}}},
      {"map to one name",
       {{"__meta_my_bar", "aaa"}, {"a", "foo"}},
       {Rule(RelabelAction::kLabelMap, {}, "__meta_(my.*)", "", "${1}")},
       {{"__meta_my_bar", "aaa"}, {"a", "foo"}, {"my_bar", "aaa"}}},
      {"drop", labels, {Rule(RelabelAction::kLabelDrop, {}, "b.*")}, {{"a", "foo"}}},
      {"keep",
       labels,
       {Rule(RelabelAction::kLabelKeep, {}, "b.*")},
       {{"b1", "bar"}, {"b2", "baz"}}},
      {"keep nothing", labels, {Rule(RelabelAction::kLabelKeep, {}, "zz")}, {}},
  };
  for (const Case& c : cases) Check(c);
}

TEST(RelabelTest, Case) {
  const Case cases[] = {
      {"lower",
       {{"a", "bAr123Foo"}},
       {Rule(RelabelAction::kLowercase, {"a"}, "(.*)", "b")},
       {{"a", "bAr123Foo"}, {"b", "bar123foo"}}},
      {"upper",
       {{"a", "bAr123Foo"}},
       {Rule(RelabelAction::kUppercase, {"a"}, "(.*)", "b")},
       {{"a", "bAr123Foo"}, {"b", "BAR123FOO"}}},
      {"unicode",
       {{"a", "straße ÄÖ日本𐐀"}},
       {Rule(RelabelAction::kLowercase, {"a"}, "(.*)", "b")},
       {{"a", "straße ÄÖ日本𐐀"}, {"b", "straße äö日本𐐨"}}},
      {"absent source deletes",
       {{"b", "x"}},
       {Rule(RelabelAction::kUppercase, {"a"}, "(.*)", "b")},
       {}},
  };
  for (const Case& c : cases) Check(c);
}

TEST(RelabelTest, ActionNames) {
  EXPECT_EQ(RelabelActionName(RelabelAction::kReplace), "replace");
  EXPECT_EQ(RelabelActionName(RelabelAction::kLabelDrop), "labeldrop");
  EXPECT_EQ(RelabelActionName(RelabelAction::kUppercase), "uppercase");
}

std::string ErrorOf(const Labels& labels, const std::vector<RelabelConfig>& rules) {
  LabelsBuilder builder(labels);
  const auto kept = Relabel(builder, rules);
  return kept ? "" : kept.error().message();
}

TEST(RelabelTest, LabelsThatGrow) {
  const Labels a{{"a", "foo"}};
  const std::string too_long = "relabelling gives more than 16777216 bytes for ";
  EXPECT_EQ(ErrorOf(a, std::vector(40, Rule(kReplace, {"a"}, "(.*)", "a", "$1$1"))),
            too_long + "label \"a\"");
  EXPECT_EQ(ErrorOf(a, std::vector(40, Rule(kReplace, {"a", "a"}, "(.*)", "a"))),
            too_long + "source label \"a\"");
  EXPECT_EQ(ErrorOf(a, std::vector(40, Rule(RelabelAction::kUppercase, {"a", "a"}, "", "a"))),
            too_long + "source label \"a\"");
  // None is too long alone.
  std::vector<RelabelConfig> rules;
  for (int i = 0; i < 100; ++i) {
    rules.push_back(
        Rule(kReplace, {"a"}, "(.*)", "l" + std::to_string(i), std::string(1'000'000, 'x')));
  }
  EXPECT_EQ(ErrorOf(a, rules), "relabelling gives labels of more than 67108864 bytes together");
  rules.resize(60);
  EXPECT_EQ(ErrorOf(a, rules), "");
}

}  // namespace
}  // namespace narthex::model
