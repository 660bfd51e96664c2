// SPDX-License-Identifier: Apache-2.0
//
// Expected values were read off a Prometheus 3.5.3 that scraped these bodies.
#include "scrape/textparse/text_parser.h"

#include <cmath>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/labels.h"
#include "narthex/model/sample.h"

namespace narthex::scrape {
namespace {

using namespace std::string_literals;

/// Each series as {labels} value [timestamp], then the error if there is one.
std::vector<std::string> ParseAll(std::string body) {
  std::vector<std::string> lines;
  TextParser parser(body);
  ParsedLabels labels;
  for (;;) {
    const EntryKind kind = parser.Next({});
    if (kind == EntryKind::kEnd) return lines;
    if (kind == EntryKind::kError) {
      lines.push_back("error: " + parser.error());
      return lines;
    }
    if (kind != EntryKind::kSeries) continue;
    if (auto status = parser.ReadLabels(labels); !status) {
      lines.push_back("error: " + status.error().message());
      return lines;
    }
    std::string line;
    for (const auto& [name, value] : labels.pairs) {
      line += fmt::format("{}{}={}", line.empty() ? "" : ",", name, value);
    }
    line += " " + go::FormatFloatF(parser.value());
    if (parser.has_timestamp()) line += fmt::format(" @{}", parser.timestamp());
    lines.push_back(line);
  }
}

struct Case {
  const char* name;
  std::string body;
  std::vector<std::string> want;
};

void Check(std::span<const Case> cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(ParseAll(c.body), c.want);
  }
}

TEST(TextParserTest, Lines) {
  const Case cases[] = {
      {"empty", "", {}},
      {"no line break", "foo 1", {"__name__=foo 1"}},
      {"blank lines", "\n\t\n  \nfoo 1\n\n", {"__name__=foo 1"}},
      {"blanks before the name belong to it",
       "  foo 1\nbar 2\n",
       {"__name__=  foo 1", "__name__=bar 2"}},
      {"tabs before the name", "\t\tfoo{a=\"b\"} 1", {"__name__=\t\tfoo,a=b 1"}},
      {"nothing between brace and value",
       "foo{a=\"b\"}1\nbar+Inf\n",
       {"__name__=foo,a=b 1", "__name__=bar +Inf"}},
      {"blank before the brace", "foo {a=\"b\"} 1\n", {"__name__=foo,a=b 1"}},
      {"blanks around the value",
       "foo   \t 1  \nbar 2 1000  \n",
       {"__name__=foo 1", "__name__=bar 2 @1000"}},
      {"a zero byte ends it all", "foo 1\n\0bar 2\nbaz 3\n"s, {"__name__=foo 1"}},
      {"colons", ":foo:bar 1\n", {"__name__=:foo:bar 1"}},
      {"comments", "#HELP foo x\n# HELPER foo\n#\n# \n## TYPE foo x\nfoo 1\n", {"__name__=foo 1"}},
      {"empty braces", "foo{} 1\n", {"__name__=foo 1"}},
      {"largest timestamp", "foo 1 9223372036854775807\n", {"__name__=foo 1 @9223372036854775807"}},
  };
  Check(cases);
}

TEST(TextParserTest, Labels) {
  const Case cases[] = {
      {"missing comma", "foo{a=\"b\" c=\"d\"} 1\n", {"__name__=foo,a=b,c=d 1"}},
      {"trailing comma", "foo{a=\"b\",} 1\n", {"__name__=foo,a=b 1"}},
      {"blanks", "foo{ a = \"b\" , c = \"d\" } 1\n", {"__name__=foo,a=b,c=d 1"}},
      {"sorted by name", "foo{z=\"1\",a=\"2\"} 1\n", {"__name__=foo,a=2,z=1 1"}},
      {"quoted name", "{\"foo.bar\",a=\"b\"} 1\n", {"__name__=foo.bar,a=b 1"}},
      {"quoted name alone", "{\"foo.bar\"} 1\n", {"__name__=foo.bar 1"}},
      {"quoted name and comma", "{\"foo\",} 1\n", {"__name__=foo 1"}},
      {"name after labels", "{a=\"b\",\"foo\"} 1\n", {"__name__=foo,a=b 1"}},
      {"quoted label", "foo{\"a.b\"=\"c\"} 1\n", {"__name__=foo,a.b=c 1"}},
      {"escapes", R"(foo{a="q\"b\\c\nd\te"} 1)", {"__name__=foo,a=q\"b\\c\nd\\te 1"}},
      {"brace in a value", "foo{a=\"}\",b=\"{\"} 1\n", {"__name__=foo,a=},b={ 1"}},
      {"line break in a value", "foo{a=\"x\ny\"} 1\n", {"__name__=foo,a=x\ny 1"}},
      {"zero byte in a value", "foo{a=\"x\0y\"} 1\n"s, {"__name__=foo,a=x\0y 1"s}},
      {"empty value", "foo{a=\"\"} 1\n", {"__name__=foo,a= 1"}},
      {"long values",
       "foo{a=\"0123456789012345678901234567890123456789\",b=\"\\\"01234567890123456789\"} 1\n",
       {"__name__=foo,a=0123456789012345678901234567890123456789,b=\"01234567890123456789 1"}},
  };
  Check(cases);
}

TEST(TextParserTest, Errors) {
  const Case cases[] = {
      {"negative timestamp",
       "foo 1 -5\n",
       {R"(error: expected timestamp or new record, got "-" ("INVALID") while parsing: "foo 1 -")"}},
      {"float timestamp",
       "foo 1 1.5\n",
       {R"(error: expected next entry after timestamp, got "." ("INVALID") while parsing: "foo 1 1.")"}},
      {"huge timestamp",
       "foo 1 99999999999999999999\n",
       {R"(error: strconv.ParseInt: parsing "99999999999999999999": value out of range while parsing: "foo 1 99999999999999999999")"}},
      {"more behind",
       "foo 1 2 3\n",
       {R"(error: expected next entry after timestamp, got "3\n" ("TIMESTAMP") while parsing: "foo 1 2 3\n")"}},
      {"no value",
       "foo\n",
       {R"(error: expected value after metric, got "\n" ("INVALID") while parsing: "foo\n")"}},
      {"no value after braces",
       "foo{a=\"b\"}\n",
       {R"(error: expected value after metric, got "\n" ("INVALID") while parsing: "foo{a=\"b\"}\n")"}},
      {"carriage return",
       "foo 1\r\n",
       {R"(error: strconv.ParseFloat: parsing "1\r": invalid syntax while parsing: "foo 1\r")"}},
      {"two commas",
       "foo{a=\"b\",,c=\"d\"} 1\n",
       {R"(error: expected label name, got ",c" ("COMMA") while parsing: "foo{a=\"b\",,c")"}},
      {"comma alone",
       "foo{,} 1\n",
       {R"(error: expected label name, got ",}" ("COMMA") while parsing: "foo{,}")"}},
      {"two names",
       "{\"foo\",\"bar\"} 1\n",
       {R"(error: metric name already set while parsing: "{\"foo\",\"bar\"}")"}},
      {"name in and before the braces",
       "foo{\"bar\"} 1\n",
       {R"(error: metric name already set while parsing: "foo{\"bar\"}")"}},
      {"no name", "{a=\"b\"} 1\n", {R"(error: metric name not set while parsing: "{a=\"b\"} 1")"}},
      {"bad UTF-8", "foo{a=\"\xff\"} 1\n", {R"(error: invalid UTF-8 label value: "\"\xff\"")"}},
      {"open quote",
       "foo{a=\"b 1\nbar 2\n",
       {R"(error: expected label value, got "\"b 1\nbar 2\n\n" ("INVALID") while parsing: "foo{a=\"b 1\nbar 2\n\n")"}},
      {"open brace",
       "foo{a=\"b\" 1\n",
       {R"(error: expected label name, got "1" ("INVALID") while parsing: "foo{a=\"b\" 1")"}},
      {"bad start",
       "!foo 1\n",
       {R"(error: expected a valid start token, got "!" ("INVALID") while parsing: "!")"}},
      {"digit at the start",
       "1foo 1\n",
       {R"(error: expected a valid start token, got "1" ("INVALID") while parsing: "1")"}},
      {"dash in the name",
       "foo-bar 1\n",
       {R"(error: strconv.ParseFloat: parsing "-bar": invalid syntax while parsing: "foo-bar")"}},
      {"colon in a label name",
       "foo{a:b=\"c\"} 1\n",
       {R"(error: expected equal, got ":" ("INVALID") while parsing: "foo{a:")"}},
      {"braces twice",
       "foo{}{} 1\n",
       {R"(error: expected value after metric, got "{}" ("BOPEN") while parsing: "foo{}{}")"}},
      {"value without quotes",
       "ok 1\nbad{x=1} 2\n",
       {"__name__=ok 1",
        R"(error: expected label value, got "1" ("INVALID") while parsing: "bad{x=1")"}},
      {"a page",
       "<html>\n",
       {R"(error: expected a valid start token, got "<" ("INVALID") while parsing: "<")"}},
      {"unknown type", "# TYPE foo bar\n", {R"(error: invalid metric type "bar")"}},
      {"blank behind the type",
       "# TYPE foo counter \n",
       {R"(error: invalid metric type "counter ")"}},
      {"no type", "# TYPE foo\n", {R"(error: invalid metric type "")"}},
      {"help of nothing",
       "# HELP \n",
       {R"(error: expected metric name after HELP, got "\n" ("INVALID") while parsing: "# HELP \n")"}},
      {"help in bad UTF-8",
       "# HELP foo \xff\n",
       {R"(error: help text "\xff" is not a valid utf8 string)"}},
  };
  Check(cases);
}

TEST(TextParserTest, CutAnywhereItNeverReadsPastTheEnd) {
  const std::string body =
      "# HELP foo A \\\\ help.\n# TYPE foo histogram\nfoo_bucket{le=\"1\",a=\"\\\"x\"} 1.5e3 123\n"
      "{\"utf.8\", b = \"y\"} +Inf\nfoo 1 2\n";
  for (std::size_t n = 0; n <= body.size(); ++n) {
    SCOPED_TRACE(n);
    const std::string cut = body.substr(0, n);
    const auto lines = ParseAll(cut);
    EXPECT_LE(lines.size(), 4u);
  }
}

TEST(TextParserTest, BoundsAreNormalised) {
  const Case cases[] = {
      {"histogram",
       "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1e3\"} 1\nh_bucket{le=\"+Inf\"} 2\n"
       "h_bucket{le=\"x\"} 2\nother{le=\"5\"} 1\n# TYPE g gauge\nk{le=\"7\"} 2\n",
       {"__name__=h_bucket,le=1.0 1", "__name__=h_bucket,le=1000.0 1",
        "__name__=h_bucket,le=+Inf 2", "__name__=h_bucket,le=x 2", "__name__=other,le=5.0 1",
        "__name__=k,le=7 2"}},
      {"summary",
       "# TYPE s summary\ns{quantile=\"0\",le=\"1\"} 1\ns{quantile=\"0.50\"} 1\n",
       {"__name__=s,le=1,quantile=0.0 1", "__name__=s,quantile=0.5 1"}},
      {"large",
       "# TYPE h histogram\nh{le=\"1000000\"} 1\nh{le=\"0.00001\"} 1\n",
       {"__name__=h,le=1e+06 1", "__name__=h,le=1e-05 1"}},
  };
  Check(cases);
}

TEST(TextParserTest, Metadata) {
  std::string body =
      "# HELP foo a\\\\b\\nc\\\"d\n# TYPE foo counter\n#  \t HELP \t bar   two blanks\n"
      "# TYPE \"foo.bar\" untyped\n# HELP baz\n";
  TextParser parser(body);
  EXPECT_EQ(parser.Next({}), EntryKind::kHelp);
  EXPECT_EQ(parser.family(), "foo");
  EXPECT_EQ(Unescape(parser.text(), false), "a\\b\nc\\\"d");
  EXPECT_EQ(parser.Next({}), EntryKind::kType);
  EXPECT_EQ(parser.type(), model::MetricType::kCounter);
  EXPECT_EQ(parser.Next({}), EntryKind::kHelp);
  EXPECT_EQ(parser.family(), "bar");
  EXPECT_EQ(parser.text(), "  two blanks");
  EXPECT_EQ(parser.Next({}), EntryKind::kType);
  EXPECT_EQ(parser.family(), "foo.bar");
  EXPECT_EQ(parser.type(), model::MetricType::kUnknown);
  EXPECT_EQ(parser.Next({}), EntryKind::kHelp);
  EXPECT_EQ(parser.family(), "baz");
  EXPECT_EQ(parser.text(), "");
  EXPECT_EQ(parser.Next({}), EntryKind::kEnd);
}

TEST(TextParserTest, HintsAreTakenOnlyForTheWholeSeries) {
  const struct {
    const char* name;
    std::string body;
    std::string guess;
    bool matched;
    std::string series;
  } cases[] = {
      {"right", "foo{a=\"b\"} 1\n", "foo{a=\"b\"}", true, "foo{a=\"b\"}"},
      {"bare name", "foo 1\n", "foo", true, "foo"},
      {"name with braces", "foo {a=\"b\"} 1\n", "foo", false, "foo {a=\"b\"}"},
      {"beginning of a name", "foobar 1\n", "foo", false, "foobar"},
      {"another value", "foo{a=\"c\"} 1\n", "foo{a=\"b\"}", false, "foo{a=\"c\"}"},
      {"longer than the body", "f 1\n", "foofoofoo{a=\"b\"}", false, "f"},
      {"value without a blank", "foo{}1\n", "foo{}", false, "foo{}"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    std::string body = c.body;
    TextParser parser(body);
    EXPECT_EQ(parser.Next({HashBytes128(c.guess), static_cast<std::uint32_t>(c.guess.size())}),
              EntryKind::kSeries);
    EXPECT_EQ(parser.hint_matched(), c.matched);
    EXPECT_EQ(parser.series(), c.series);
    EXPECT_EQ(parser.series_hash(), HashBytes128(c.series));
    EXPECT_EQ(parser.value(), 1);
  }
}

TEST(TextParserTest, Values) {
  const struct {
    const char* text;
    double want;
  } cases[] = {
      {"0", 0.0},
      {"-0", -0.0},
      {"1.", 1.0},
      {".5", 0.5},
      {"-.5e-3", -0.0005},
      {"+1", 1.0},
      {"1e5", 1e5},
      {"1E+5", 1e5},
      {"123456789012345678", 123456789012345678.0},
      {"9007199254740993", 9007199254740992.0},
      {"12345678901234567890123", 12345678901234567890123.0},
      {"0.1", 0.1},
      {"1.7976931348623157e308", 1.7976931348623157e308},
      {"4.9e-324", 4.9e-324},
      {"2.2250738585072011e-308", 2.2250738585072011e-308},
      {"1e-400", 0.0},
      {"1.00000000000000011102230246251565404236316680908203125", 1.0},
      {"inf", HUGE_VAL},
      {"+Inf", HUGE_VAL},
      {"-infinity", -HUGE_VAL},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    std::string body = std::string("foo ") + c.text + "\n";
    TextParser parser(body);
    ASSERT_EQ(parser.Next({}), EntryKind::kSeries) << parser.error();
    EXPECT_EQ(std::bit_cast<std::uint64_t>(parser.value()), std::bit_cast<std::uint64_t>(c.want))
        << parser.value();
  }
}

TEST(TextParserTest, NotANumberHasItsCanonicalBits) {
  for (const char* text : {"NaN", "nan", "NAN"}) {
    std::string body = std::string("foo ") + text + "\n";
    TextParser parser(body);
    ASSERT_EQ(parser.Next({}), EntryKind::kSeries);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(parser.value()), model::kNormalNaNBits);
  }
}

TEST(TextParserTest, RefusedValues) {
  const struct {
    const char* text;
    const char* error;
  } cases[] = {
      {"0x10", R"(strconv.ParseFloat: parsing "0x10": invalid syntax while parsing: "foo 0x10")"},
      {"0x1p4", R"(unsupported character in float while parsing: "foo 0x1p4")"},
      {"1_0", R"(unsupported character in float while parsing: "foo 1_0")"},
      {"1e999",
       R"(strconv.ParseFloat: parsing "1e999": value out of range while parsing: "foo 1e999")"},
      {"-", R"(strconv.ParseFloat: parsing "-": invalid syntax while parsing: "foo -")"},
      {"1e", R"(strconv.ParseFloat: parsing "1e": invalid syntax while parsing: "foo 1e")"},
      {"1.2.3",
       R"(strconv.ParseFloat: parsing "1.2.3": invalid syntax while parsing: "foo 1.2.3")"},
      {".", R"(strconv.ParseFloat: parsing ".": invalid syntax while parsing: "foo .")"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(ParseAll(std::string("foo ") + c.text + "\n"),
              std::vector<std::string>{std::string("error: ") + c.error});
  }
}

}  // namespace
}  // namespace narthex::scrape
