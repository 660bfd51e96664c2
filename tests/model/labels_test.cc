// SPDX-License-Identifier: Apache-2.0
#include "narthex/model/labels.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "narthex/model/timestamp.h"

namespace narthex::model {
namespace {

TEST(LabelsTest, SortsDropsEmptyAndKeepsTheLast) {
  const Labels labels{{"b", "2"}, {"a", "1"}, {"c", ""}, {"a", "3"}};
  EXPECT_EQ(labels.ToString(), R"({a="3", b="2"})");
  EXPECT_EQ(labels.size(), 2U);
  EXPECT_EQ(labels.Get("a"), "3");
  EXPECT_EQ(labels.Get("c"), "");
  EXPECT_FALSE(labels.Has("c"));
  EXPECT_TRUE(Labels().empty());
  EXPECT_EQ(Labels().ToString(), "{}");
  EXPECT_EQ((Labels{{"x.y", "\n"}}).ToString(), R"({"x.y"="\n"})");
}

TEST(LabelsTest, LongFields) {
  for (const std::size_t n : {254U, 255U, 256U, 70'000U}) {
    SCOPED_TRACE(n);
    const std::string text(n, 'x');
    const Labels labels{{text, text}, {"z", "1"}};
    EXPECT_EQ(labels.Get(text), text);
    EXPECT_EQ(labels.Get("z"), "1");
  }
}

TEST(LabelsTest, OrderIsByPairsAndAPrefixComesFirst) {
  const Labels sorted[] = {{},
                           {{"a", "1"}},
                           {{"a", "1"}, {"b", "1"}},
                           {{"a", "10"}},
                           {{"a", "2"}},
                           {{"aa", "1"}},
                           {{"b", "0"}}};
  for (std::size_t i = 0; i < std::size(sorted); ++i) {
    for (std::size_t j = 0; j < std::size(sorted); ++j) {
      SCOPED_TRACE(sorted[i].ToString() + sorted[j].ToString());
      EXPECT_EQ(sorted[i] <=> sorted[j], i <=> j);
      EXPECT_EQ(sorted[i] == sorted[j], i == j);
    }
  }
}

TEST(LabelsBuilderTest, SetDeleteKeep) {
  LabelsBuilder builder(Labels{{"a", "1"}, {"b", "2"}, {"c", "3"}});
  builder.Set("b", "x").Set("d", "4").Delete("a").Set("c", "");
  EXPECT_EQ(builder.Build(), (Labels{{"b", "x"}, {"d", "4"}}));
  builder.Keep(std::vector<std::string>{"d", "e"});
  EXPECT_EQ(builder.Build(), (Labels{{"d", "4"}}));
}

TEST(LabelNamesTest, Legacy) {
  for (const char* name : {"a", "_", "a1", "A_z"}) EXPECT_TRUE(IsLegacyLabelName(name)) << name;
  for (const char* name : {"", "1a", "a:b", "a-b", "\xc3\xa9"}) {
    EXPECT_FALSE(IsLegacyLabelName(name)) << name;
  }
  EXPECT_TRUE(IsLegacyMetricName("a:b"));
  EXPECT_TRUE(IsLegacyMetricName(":a"));
  EXPECT_FALSE(IsLegacyMetricName("1:a"));
}

TEST(Utf8Test, Validity) {
  for (const char* text : {"", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x94\xa5"}) {
    EXPECT_TRUE(IsValidUtf8(text));
  }
  for (const char* text : {"\x80", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82"}) {
    EXPECT_FALSE(IsValidUtf8(text));
  }
}

TEST(LabelsTest, With) {
  const Labels base = {{"b", "2"}, {"d", "4"}, {"f", "6"}};
  const auto changed = [&](std::vector<std::pair<std::string, std::string>> changes) {
    return base.With(Labels::FromSorted(changes));
  };
  EXPECT_EQ(changed({}), base);
  EXPECT_EQ(changed({{"a", "1"}, {"c", "3"}, {"g", "7"}}).ToString(),
            R"({a="1", b="2", c="3", d="4", f="6", g="7"})");
  EXPECT_EQ(changed({{"b", "x"}, {"f", "y"}}).ToString(), R"({b="x", d="4", f="y"})");
  EXPECT_EQ(changed({{"b", ""}, {"e", ""}, {"f", ""}}).ToString(), R"({d="4"})");
  EXPECT_EQ(Labels().With(base), base);
}

TEST(LabelsTest, EraseIf) {
  const std::string long_name(300, 'n');
  const Labels all = {{"a", "1"}, {"b", std::string(1000, 'x')}, {long_name, "3"}};
  const auto without = [&](const std::set<std::string_view>& names) {
    Labels labels = all;
    labels.EraseIf([&](std::string_view name) { return names.contains(name); });
    return labels;
  };
  EXPECT_EQ(without({}), all);
  EXPECT_EQ(without({"a"}), (Labels{{"b", all.Get("b")}, {long_name, "3"}}));
  EXPECT_EQ(without({"b"}), (Labels{{"a", "1"}, {long_name, "3"}}));
  EXPECT_EQ(without({long_name}), (Labels{{"a", "1"}, {"b", all.Get("b")}}));
  EXPECT_TRUE(without({"a", "b", long_name}).empty());
}

TEST(DurationTest, ParseAndFormat) {
  const struct {
    const char* text;
    DurationMs ms;
    const char* printed;
  } cases[] = {{"0", 0, "0s"},
               {"5m", 300'000, "5m"},
               {"90s", 90'000, "1m30s"},
               {"36h", 129'600'000, "1d12h"},
               {"7d", 604'800'000, "1w"},
               {"1y", 31'536'000'000, "1y"},
               {"382d", 33'004'800'000, "382d"},
               {"1h30m5s7ms", 5'405'007, "1h30m5s7ms"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(ParseDuration(c.text).value(), c.ms);
    EXPECT_EQ(FormatDuration(c.ms), c.printed);
  }
  const struct {
    const char* text;
    const char* error;
  } bad[] = {{"", "empty duration string"},
             {"1", "not a valid duration string: \"1\""},
             {"15", "not a valid duration string: \"15\""},
             {"1s5", "not a valid duration string: \"1s5\""},
             {"1.5h", "unknown unit \".\" in duration \"1.5h\""},
             {"1s1h", "not a valid duration string: \"1s1h\""},
             {"1m1m", "not a valid duration string: \"1m1m\""},
             {"-1m", "not a valid duration string: \"-1m\""},
             {"999999y", "duration out of range"}};
  for (const auto& c : bad) {
    SCOPED_TRACE(c.text);
    const auto result = ParseDuration(c.text);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message(), c.error);
  }
}

}  // namespace
}  // namespace narthex::model
