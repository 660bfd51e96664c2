// SPDX-License-Identifier: Apache-2.0
//
// Expected errors were read off a Prometheus 3.5.3 that scraped these bodies.
#include "scrape/textparse/openmetrics_parser.h"

#include <fmt/core.h>

#include "narthex/base/go_format.h"

namespace narthex::scrape {
namespace {

/// Each series as labels, value and time, then the error if there is one.
std::vector<std::string> ParseAll(std::string body) {
  std::vector<std::string> lines;
  OpenMetricsParser parser(body);
  ParsedLabels labels;
  for (;;) {
    const EntryKind kind = parser.Next({});
    if (kind == EntryKind::kEnd) return lines;
    if (kind == EntryKind::kError) {
      lines.push_back("error: " + parser.error());
      return lines;
    }
    if (kind != EntryKind::kSeries) continue;
    const auto status = parser.ReadLabels(labels);
    if (!status) {
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

TEST(OpenMetricsParserTest, Series) {
  const Case cases[] = {
      {"nothing", "# EOF\n", {}},
      {"no line break at the end", "# EOF", {}},
      {"plain", "a 1\nb{c=\"d\"} +Inf\n# EOF\n", {"__name__=a 1", "__name__=b,c=d +Inf"}},
      {"seconds", "a 1 123.4567\nb 2 -1\n# EOF\n", {"__name__=a 1 @123456", "__name__=b 2 @-1000"}},
      {"exemplars",
       "a_bucket{le=\"1\"} 1 # {id=\"x\"} 0.5\na_bucket{le=\"2\"} 2 5 # {} 0.5 123\n# EOF\n",
       {"__name__=a_bucket,le=1 1", "__name__=a_bucket,le=2 2 @5000"}},
      {"hash in a value", "a{b=\" # {\"} 1\n# EOF\n", {"__name__=a,b= # { 1"}},
      {"quoted name", "{\"a.b\",c=\"d\"} 1\n# EOF\n", {"__name__=a.b,c=d 1"}},
      {"bounds",
       "# TYPE a histogram\na_bucket{le=\"1\"} 1\n# EOF\n",
       {"__name__=a_bucket,le=1.0 1"}},
      {"escapes", "a{b=\"\\\\x\\ny\\\"z\"} 1\n# EOF\n", {"__name__=a,b=\\x\ny\"z 1"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(ParseAll(c.body), c.want);
  }
}

TEST(OpenMetricsParserTest, Errors) {
  const Case cases[] = {
      {"no end", "a 1\n", {"__name__=a 1", "error: data does not end with # EOF"}},
      {"cut line", "a 1", {"error: data does not end with # EOF"}},
      {"empty", "", {"error: data does not end with # EOF"}},
      {"text behind the end", "# EOF\na 1\n", {"error: unexpected data after # EOF"}},
      {"blank line",
       "a 1\n\n# EOF\n",
       {"__name__=a 1",
        R"(error: expected a valid start token, got "\n" ("INVALID") while parsing: "\n")"}},
      {"blank first",
       " a 1\n# EOF\n",
       {R"(error: expected a valid start token, got " " ("INVALID") while parsing: " ")"}},
      {"two blanks",
       "a  1\n# EOF\n",
       {R"(error: expected value after metric, got "  " ("INVALID") while parsing: "a  ")"}},
      {"comment",
       "# FOO a\n# EOF\n",
       {R"(error: expected a valid start token, got "# F" ("INVALID") while parsing: "# F")"}},
      {"untyped", "# TYPE a untyped\n# EOF\n", {R"(error: invalid metric type "untyped")"}},
      {"unit",
       "# UNIT a_seconds ms\n# EOF\n",
       {R"(error: unit "ms" not a suffix of metric "a_seconds")"}},
      {"timestamp", "a 1 NaN\n# EOF\n", {"error: invalid timestamp NaN"}},
      {"exemplar timestamp",
       "a 1 # {} 1 +Inf\n# EOF\n",
       {"error: invalid exemplar timestamp +Inf"}},
      {"no exemplar",
       "a_total 1 1 # id\n# EOF\n",
       {R"(error: expected next entry after timestamp, got " # i" ("INVALID") while parsing: "a_total 1 1 # i")"}},
      {"missing comma",
       "a{b=\"c\"d=\"e\"} 1\n# EOF\n",
       {R"(error: expected comma or brace close, got "d=" ("LNAME") while parsing: "a{b=\"c\"d=")"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(ParseAll(c.body), c.want);
  }
}

TEST(OpenMetricsParserTest, Metadata) {
  std::string body =
      "# HELP a_s x\\\"y\\n\n# TYPE a_s gaugehistogram\n# UNIT a_s s\n# HELP \"b.c\" \n# EOF\n";
  OpenMetricsParser parser(body);
  EXPECT_EQ(parser.Next({}), EntryKind::kHelp);
  EXPECT_EQ(Unescape(parser.text(), true), "x\"y\n");
  EXPECT_EQ(parser.Next({}), EntryKind::kType);
  EXPECT_EQ(parser.type(), model::MetricType::kGaugeHistogram);
  EXPECT_EQ(parser.Next({}), EntryKind::kUnit);
  EXPECT_EQ(parser.text(), "s");
  EXPECT_EQ(parser.Next({}), EntryKind::kHelp);
  EXPECT_EQ(parser.family(), "b.c");
  EXPECT_EQ(parser.Next({}), EntryKind::kEnd);
}

TEST(OpenMetricsParserTest, CutAnywhereItFails) {
  const std::string body =
      "# TYPE a histogram\na_bucket{le=\"1\",x=\"\\\"\"} 1 2.5 # {id=\"y\"} 0.5 1\n{\"u.v\"} 1e3\n"
      "# EOF";
  for (std::size_t n = 0; n < body.size(); ++n) {
    SCOPED_TRACE(n);
    const auto lines = ParseAll(body.substr(0, n));
    ASSERT_FALSE(lines.empty());
    EXPECT_TRUE(lines.back().starts_with("error: "));
  }
}

}  // namespace
}  // namespace narthex::scrape
