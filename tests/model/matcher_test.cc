// SPDX-License-Identifier: Apache-2.0
#include "narthex/model/matcher.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace narthex::model {
namespace {

TEST(RegexTest, FoldsFiniteSetsAndPrefixes) {
  const struct {
    const char* pattern;
    std::vector<std::string> literals;
    const char* prefix;
  } cases[] = {
      {"a|b", {"a", "b"}, ""},
      {"foo", {"foo"}, ""},
      {"", {""}, ""},
      {"a|", {"", "a"}, ""},
      {"x(1|2)y", {"x1y", "x2y"}, ""},
      {"x[1-3]", {"x1", "x2", "x3"}, ""},
      {"(?:a|b)c|d", {"ac", "bc", "d"}, ""},
      {"a\\.b", {"a.b"}, ""},
      {"foo.*", {}, "foo"},
      {"foo.+|bar", {}, ""},
      {"fo*", {}, "f"},
      {"fo+", {}, "fo"},
      {"a[(]|b.", {}, ""},
      {"a[]|]b.", {}, "a"},
      {"(?i)foo", {}, ""},
      {"a{2}", {}, ""},
      {"ab(?i)*", {}, "a"},
      {"ab(?:c.)", {}, "ab"},
      {"[^a]", {}, ""},
      {"caf\xc3\xa9?", {}, "caf"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.pattern);
    const auto regex = Regex::Compile(c.pattern);
    ASSERT_TRUE(regex);
    EXPECT_EQ(regex->set_matches(), c.literals);
    EXPECT_EQ(regex->prefix(), c.prefix);
    for (const auto& literal : c.literals) EXPECT_TRUE(regex->Matches(literal));
  }
}

TEST(RegexTest, IsAnchoredAndDotMatchesNewline) {
  const struct {
    const char* pattern;
    const char* text;
    bool matches;
  } cases[] = {{"a.c", "a\nc", true},     {"a.c", "xaycx", false},
               {".*", "", true},          {".+", "", false},
               {".+", "x", true},         {"a|b", "ab", false},
               {"foo.*", "foobar", true}, {"foo.*", "fo", false},
               {"(?i)FOO", "foo", true},  {"caf\xc3\xa9?", "caf", true},
               {"a[(]|b.", "bx", true},   {"^foo$", "foo", true},
               {"a(?i)*b", "b", true}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.pattern);
    EXPECT_EQ(Regex::Compile(c.pattern)->Matches(c.text), c.matches);
  }
}

TEST(RegexTest, ErrorsUseGoWording) {
  const struct {
    const char* pattern;
    const char* error;
  } cases[] = {{"a(", "error parsing regexp: missing closing ): `a(`"},
               {"a)", "error parsing regexp: unexpected ): `a)`"},
               {"*", "error parsing regexp: missing argument to repetition operator: `*`"},
               {"a)(b", "error parsing regexp: unexpected ): `a)(b`"},
               {"[a", "error parsing regexp: missing closing ]: `[a`"},
               {"a\\", "error parsing regexp: trailing backslash at end of expression: ``"},
               {"(?<n", "error parsing regexp: invalid named capture: `(?<n`"},
               {"x(?<=a)b", "error parsing regexp: invalid named capture: `(?<=a)b`"},
               {"(?P<n", "error parsing regexp: invalid named capture: `(?P<n`"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.pattern);
    const auto regex = Regex::Compile(c.pattern);
    ASSERT_FALSE(regex);
    EXPECT_EQ(regex.error().message(), c.error);
  }
}

TEST(RegexTest, Expand) {
  const struct {
    const char* pattern;
    const char* text;
    const char* replacement;
    const char* want;
  } cases[] = {{"(.*)-(.*)", "a-b", "$2:$1", "b:a"}, {"(?P<x>.*)", "v", "${x}1", "v1"},
               {"(?<x>.*)", "v", "${x}1", "v1"},     {"(.*)", "v", "$1x", ""},
               {"(.*)", "v", "$$1", "$1"},           {"(.*)", "v", "${1}x$", "vx$"},
               {"(a)|(b)", "b", "[$1]", "[]"},       {"(.*)", "v", "$9", ""}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.replacement);
    std::string out;
    ASSERT_TRUE(Regex::Compile(c.pattern)->Expand(c.text, c.replacement, out));
    EXPECT_EQ(out, c.want);
  }
  std::string untouched = "x";
  EXPECT_FALSE(Regex::Compile("a")->Expand("b", "$0", untouched));
  EXPECT_EQ(untouched, "x");
}

TEST(RegexTest, ReplaceAll) {
  // As Go's regexp.ReplaceAllString.
  EXPECT_EQ(Regex::Compile("a+")->ReplaceAll("baaac", "<$0>"), "b<aaa>c");
  EXPECT_EQ(Regex::Compile("x*")->ReplaceAll("abc", "-"), "-a-b-c-");
  EXPECT_EQ(Regex::Compile("b*")->ReplaceAll("abc", "-"), "-a-c-");
}

TEST(MatcherTest, MatchesAndPrints) {
  const auto regex = Matcher::Create(MatchType::kNotRegex, "job", "a|b").value();
  EXPECT_FALSE(regex.Matches("a"));
  EXPECT_TRUE(regex.Matches("ab"));
  EXPECT_TRUE(regex.MatchesEmpty());
  EXPECT_EQ(regex.ToString(), "job!~\"a|b\"");
  EXPECT_EQ(Matcher::Equal("a.b", "x\"y").ToString(), R"("a.b"="x\"y")");
  EXPECT_TRUE(Matcher::NotEqual("a", "").Matches("x"));
  EXPECT_FALSE(Matcher::Create(MatchType::kRegex, "a", "(").has_value());
}

}  // namespace
}  // namespace narthex::model
