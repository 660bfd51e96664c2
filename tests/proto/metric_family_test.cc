// SPDX-License-Identifier: Apache-2.0
//
// Expected errors: prometheus/common expfmt.TextParser, through a Pushgateway 1.11.
#include "narthex/proto/metric_family.h"

#include <limits>

#include <gtest/gtest.h>

namespace narthex::proto {
namespace {

std::string ErrorOf(std::string_view text, NameRule rule = NameRule::kLegacy) {
  const auto families = ParseFamilyText(text, rule);
  return families ? "" : families.error().message();
}

FamiliesByName Parsed(std::string_view text, NameRule rule = NameRule::kLegacy) {
  auto families = ParseFamilyText(text, rule);
  EXPECT_TRUE(families) << families.error().message();
  return families ? std::move(*families) : FamiliesByName();
}

TEST(FamilyTextTest, ReadsEachType) {
  const auto families = Parsed(
      "# HELP c A \\\\ counter\\nof two lines\n"
      "# TYPE c counter\n"
      "c{a=\"x\\\"\\\\\\n\",b=\"\"} 1.5\n"
      "# a comment\n"
      "\n"
      "  # TYPE\tg  Gauge\n"
      "g -3\n"
      "c{a=\"y\" , } 2\n"
      "plain +Inf\n"
      "# TYPE none counter\n");
  ASSERT_EQ(3U, families.size());
  const MetricFamily& c = families.at("c");
  EXPECT_EQ(FamilyType::kCounter, c.type);
  EXPECT_EQ("A \\ counter\nof two lines", c.help);
  ASSERT_EQ(2U, c.metrics.size());
  EXPECT_EQ((std::vector<std::pair<std::string, std::string>>{{"a", "x\"\\\n"}, {"b", ""}}),
            c.metrics[0].labels);
  EXPECT_EQ(1.5, c.metrics[0].value);
  EXPECT_EQ(FamilyType::kGauge, families.at("g").type);
  EXPECT_FALSE(families.at("g").help);
  EXPECT_EQ(FamilyType::kUntyped, families.at("plain").type);
}

TEST(FamilyTextTest, PutsDistributionsTogether) {
  const auto families = Parsed(
      "# TYPE s summary\n"
      "s{quantile=\"0.5\",x=\"1\"} 3\n"
      "s_sum{x=\"2\"} 8\n"
      "s_count{x=\"1\"} 4\n"
      "s_bucket 7\n"
      "# TYPE h histogram\n"
      "h_bucket{le=\"1\"} 2\n"
      "h_bucket{le=\"+Inf\"} 2.5\n"
      "h_sum 9\n"
      "h_count 3\n");
  const MetricFamily& s = families.at("s");
  ASSERT_EQ(2U, s.metrics.size());
  EXPECT_EQ(4U, s.metrics[0].distribution->count);
  ASSERT_EQ(1U, s.metrics[0].distribution->quantiles.size());
  EXPECT_EQ(8, s.metrics[1].distribution->sum);
  EXPECT_TRUE(families.contains("s_bucket"));  // Summaries have none.
  const Distribution& h = *families.at("h").metrics.at(0).distribution;
  // One float makes all of them floats.
  EXPECT_EQ(3, h.count_float);
  ASSERT_EQ(2U, h.buckets.size());
  EXPECT_EQ(2, h.buckets[0].count_float);
  EXPECT_EQ(2.5, h.buckets[1].count_float);
  EXPECT_EQ(0U, h.buckets[0].count);
}

TEST(FamilyTextTest, RefusesInTheWordsOfExpfmt) {
  const struct {
    const char* text;
    const char* error;  // After "text format parsing error in ".
  } cases[] = {
      {"x 1", "line 1: unexpected end of input stream"},
      {"x", "line 1: unexpected end of input stream"},
      {"x 1 \n", "line 1: expected integer as timestamp, got \"\""},
      {"x 1 5 \n", "line 1: spurious string after timestamp: \" \""},
      {"x 1\r\n", "line 1: expected float as value, got \"1\\r\""},
      {"x 0x1p3\n", "line 1: expected float as value, got \"0x1p3\""},
      {"x 1_0\n", "line 1: expected float as value, got \"1_0\""},
      {"x 1e999\n", "line 1: expected float as value, got \"1e999\""},
      {"\nx y\n", "line 2: expected float as value, got \"y\""},
      {"1x 1\n", "line 1: invalid metric name"},
      {"x{a=\"1\",a=\"2\"} 1\n", "line 1: duplicate label names for metric \"x\""},
      {"x{a} 1\n", "line 1: expected '=' after label name, found '}'"},
      {"x{=} 1\n", "line 1: invalid label name for metric \"x\""},
      {"x{a=b} 1\n", "line 1: expected '\"' at start of label value, found 'b'"},
      {"x{a=\"b\" c=\"d\"} 1\n", "line 1: unexpected end of label value \"b\""},
      {"x{a=\"\\x\"} 1\n", "line 1: invalid escape sequence '\\x'"},
      {"x{a=\"b\nc\"} 1\n", "line 1: label value \"b\" contains unescaped new-line"},
      {"x{a=\"\xff\"} 1\n", "line 1: invalid label value \"\\xff\""},
      {"x{__name__=\"y\"} 1\n", "line 1: label name \"__name__\" is reserved"},
      {"x{\"a.b\"=\"y\"} 1\n", "line 1: invalid label name \"a.b\""},
      {"{\"a.b\"} 1\n", "line 1: invalid metric name \"a.b\""},
      {"{\"a\",\"b\"} 1\n", "line 1: multiple metric names for metric \"a\""},
      {"# TYPE x counter\n# TYPE x counter\n",
       "line 2: second TYPE line for metric name \"x\", or TYPE reported after samples"},
      {"x 1\n# TYPE x counter\n",
       "line 2: second TYPE line for metric name \"x\", or TYPE reported after samples"},
      {"# HELP x a\n# HELP x b\n", "line 2: second HELP line for metric name \"x\""},
      {"# TYPE x counter \n", "line 1: unknown metric type \"counter \""},
      {"# TYPE x nosuch\n", "line 1: unknown metric type \"nosuch\""},
      {"# TYPE 1x gauge\n", "line 1: invalid metric name in comment"},
      {"# HELP x a\\y\n", "line 1: invalid escape sequence '\\y'"},
      {"# comment", "line 1: unexpected end of input stream"},
      {"# TYPE h histogram\nh_count -1.5\n", "line 2: negative count for histogram \"h\""},
      {"# TYPE h histogram\nh_bucket{le=\"1\"} -1.5\n",
       "line 2: negative bucket population for histogram \"h\""},
      {"# TYPE h histogram\nh_bucket{le=\"a\"} 1\n",
       "line 2: expected float as value for 'le' label, got \"a\""},
      {"# TYPE s summary\ns{quantile=\"a\"} 1\n",
       "line 2: expected float as value for 'quantile' label, got \"a\""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(std::string("text format parsing error in ") + c.error, ErrorOf(c.text));
  }
}

TEST(FamilyTextTest, QuotesNamesWithUtf8) {
  const auto families = Parsed(
      "# TYPE \"a.b\" gauge\n"
      "{\"a.b\",\"l\xc3\xa9\"=\"v\"} 1\n"
      "{\"a.b\"} 2\n",
      NameRule::kUtf8);
  const MetricFamily& family = families.at("a.b");
  EXPECT_EQ(FamilyType::kGauge, family.type);
  ASSERT_EQ(2U, family.metrics.size());
  EXPECT_EQ("l\xc3\xa9", family.metrics[0].labels.at(0).first);
}

TEST(FamilyWireTest, KeepsTextThroughProtobuf) {
  auto families = Parsed(
      "# HELP c h\n# TYPE c counter\nc{a=\"\"} 1\nc{a=\"b\"} NaN\n"
      "# TYPE s summary\ns{quantile=\"0.5\"} 3\ns_sum 8\ns_count 4\n"
      "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 3\nh_sum 1\nh_count 3\n"
      "# TYPE f histogram\nf_bucket{le=\"1\"} 2.5\nf_count 0\n"
      "u{x=\"y\"} 0\n");
  std::string body;
  for (const auto& [name, family] : families) EncodeFamily(family, body);
  const auto again = DecodeFamilies(body);
  ASSERT_TRUE(again);
  ASSERT_EQ(families.size(), again->size());
  for (const auto& [name, family] : families) {
    SCOPED_TRACE(name);
    const MetricFamily& other = again->at(name);
    EXPECT_EQ(family.help, other.help);
    EXPECT_EQ(family.type, other.type);
    ASSERT_EQ(family.metrics.size(), other.metrics.size());
    for (std::size_t i = 0; i < family.metrics.size(); ++i) {
      EXPECT_EQ(family.metrics[i].DebugText(), other.metrics[i].DebugText());
    }
  }
  std::string body_again;
  for (const auto& [name, family] : *again) EncodeFamily(family, body_again);
  EXPECT_EQ(body, body_again);
}

TEST(FamilyWireTest, KeepsFieldsThatItDoesNotRead) {
  // A native histogram: sample_count, sum, schema, and a field that nobody knows.
  const std::string histogram =
      std::string("\x08\x05") + std::string("\x28\x04", 2) + "\xf2\x3f\x01z";
  const std::string metric = std::string("\x3a") + static_cast<char>(histogram.size()) + histogram;
  const std::string family =
      std::string("\x0a\x01h\x18\x04\x22") + static_cast<char>(metric.size()) + metric;
  const std::string body = static_cast<char>(family.size()) + family;
  const auto families = DecodeFamilies(body);
  ASSERT_TRUE(families) << families.error().message();
  const MetricFamily& h = families->at("h");
  EXPECT_EQ(FamilyType::kHistogram, h.type);
  EXPECT_EQ(5U, h.metrics.at(0).distribution->count);
  EXPECT_EQ(metric, h.metrics[0].wire);
  std::string out;
  EncodeFamily(h, out);
  EXPECT_NE(std::string::npos, out.find(histogram));
}

TEST(FamilyWireTest, RefusesWhatScrapesFailOf) {
  const std::string head = std::string("\x0a\x01h\x18\x04", 5);
  for (const std::string& histogram : {
           std::string("\x18\x01"),          // A bucket that is a number.
           std::string("\x7a\x02\x0a\x05"),  // A start time that is cut off.
           std::string("\x82\x01\x01\x0a"),  // An exemplar that is.
           std::string("\x62\x02\x10\x03"),  // A span of three buckets that are not there.
       }) {
    SCOPED_TRACE(histogram);
    std::string metric = std::string("\x3a") + static_cast<char>(histogram.size()) + histogram;
    metric = std::string("\x22") + static_cast<char>(metric.size()) + metric;
    const auto families =
        DecodeFamilies(static_cast<char>(head.size() + metric.size()) + head + metric);
    ASSERT_FALSE(families);
    EXPECT_EQ(Code::kInvalidArgument, families.error().code());
  }
}

TEST(FamilyWireTest, RefusesBrokenMessages) {
  for (const std::string& body :
       {std::string("\x05\x0a"), std::string("\x80"), std::string(11, '\x80'),
        std::string("\x02\x0a\x05"), std::string("\x02\x08\x01"), std::string("\x02\x18\x09")}) {
    const auto families = DecodeFamilies(body);
    ASSERT_FALSE(families);
    EXPECT_EQ(Code::kInvalidArgument, families.error().code());
  }
}

TEST(FamilyLimitTest, RefusesWhatTakesTooMuch) {
  const struct {
    const char* name;
    std::string text;
  } cases[] = {
      {"metrics", "x 1\nx 2\nx 3\nx 4\nx 5\nx 6\nx 7\nx 8\n"},
      {"labels", "x{a=\"\",b=\"\",c=\"\",d=\"\",e=\"\",f=\"\",g=\"\",h=\"\",i=\"\"} 1\n"},
      {"families", "# TYPE a gauge\n# TYPE b gauge\n# TYPE c gauge\n# TYPE d gauge\n"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto whole = ParseFamilyText(c.text, NameRule::kLegacy);
    ASSERT_TRUE(whole);
    const auto families = ParseFamilyText(c.text, NameRule::kLegacy, 800);
    ASSERT_FALSE(families);
    EXPECT_EQ(Code::kResourceExhausted, families.error().code());
    std::string body;
    for (const auto& [name, family] : *whole) EncodeFamily(family, body);
    if (body.empty()) continue;  // Families without metrics.
    const auto decoded = DecodeFamilies(body, 800);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(Code::kResourceExhausted, decoded.error().code());
  }
}

TEST(FamilyLimitTest, ChargesAllThatGrows) {
  std::string buckets = "# TYPE h histogram\n", quantiles = "# TYPE s summary\n", keys;
  for (int i = 0; i < 1000; ++i) {
    buckets += "h_bucket{le=\"1\"} 1\n";
    quantiles += "s{quantile=\"1\"} 1\n";
  }
  keys = "# TYPE s summary\n";
  for (int i = 0; i < 100; ++i) keys += "s_sum{a=\"" + std::to_string(i) + "\"} 1\n";
  const struct {
    std::string text;
    std::size_t bytes;  // Less than it takes.
  } cases[] = {{buckets, 24'000}, {quantiles, 16'000}, {keys, 25'000}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text.substr(0, 60));
    EXPECT_TRUE(ParseFamilyText(c.text, NameRule::kLegacy));
    const auto families = ParseFamilyText(c.text, NameRule::kLegacy, c.bytes);
    ASSERT_FALSE(families);
    EXPECT_EQ(Code::kResourceExhausted, families.error().code());
  }
}

std::string Field(char tag, const std::string& bytes) {
  std::string out(1, tag);
  std::size_t size = bytes.size();
  for (; size >= 0x80; size >>= 7) out += static_cast<char>(size | 0x80);
  return out + static_cast<char>(size) + bytes;
}
std::string Repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST(FamilyLimitTest, BoundsMessagesOfManyParts) {
  const std::string name = "\x0a\x01x";
  const struct {
    std::string family;
    Code code;
  } cases[] = {
      // Metrics of two bytes.
      {name + Repeated(std::string("\x22\0", 2), 10'000), Code::kResourceExhausted},
      // Labels of two bytes.
      {name + Field('\x22', Repeated(std::string("\x0a\0", 2), 20'000)), Code::kResourceExhausted},
      // A metric of many buckets of two bytes.
      {name + "\x18\x04" +
           Field('\x22', Field('\x3a', Repeated(std::string("\x1a\0", 2), 1 << 19))),
       Code::kInvalidArgument},
      {name + "\x18\x04" + Field('\x22', Field('\x3a', Repeated(std::string("\x1a\0", 2), 50'000))),
       Code::kResourceExhausted},
      {"\x12" + Field('\x0a', std::string(2 << 20, 'n')).substr(1), Code::kResourceExhausted},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.family.size());
    const auto families = DecodeFamilies(Field(0, c.family).substr(1), 1 << 20);
    ASSERT_FALSE(families);
    EXPECT_EQ(c.code, families.error().code()) << families.error().message();
  }
}

TEST(FamilyLimitTest, IsNoneForWhatIsOurOwn) {
  const auto families = Parsed("x{a=\"" + std::string(2 << 20, 'v') + "\"} 1\n");
  std::string body;
  EncodeFamily(families.at("x"), body);
  EXPECT_FALSE(DecodeFamilies(body));
  EXPECT_TRUE(DecodeFamilies(body, std::numeric_limits<std::size_t>::max()));
}

TEST(FamilyLimitTest, PrintsTheBeginningOfLargeMetrics) {
  std::string text = "# TYPE h histogram\n";
  for (int i = 0; i < 10'000; ++i) text += "h_bucket{le=\"1\"} 1\n";
  text += "x{a=\"" + std::string(100'000, 'v') + "\",b=\"\"} 1\n";
  const auto families = Parsed(text);
  for (const auto& [name, family] : families) {
    const std::string debug = family.metrics.at(0).DebugText();
    EXPECT_GT(debug.size(), 500U);
    EXPECT_LT(debug.size(), 4000U);
  }
}

TEST(FamilyLimitTest, HasALimitOfLabels) {
  const auto line = [](std::size_t labels, std::string_view last) {
    std::string text = "x{";
    for (std::size_t i = 0; i < labels; ++i) text += "l" + std::to_string(i) + "=\"\",";
    return text.append(last).append("} 1\n");
  };
  EXPECT_EQ("", ErrorOf(line(kMostMetricLabels, "")));
  EXPECT_EQ("text format parsing error in line 1: more than 1024 labels",
            ErrorOf(line(kMostMetricLabels, "m=\"\"")));
  for (const std::size_t labels : {15U, 16U, 17U, 40U}) {
    SCOPED_TRACE(labels);
    EXPECT_EQ("text format parsing error in line 2: duplicate label names for metric \"x\"",
              ErrorOf(line(labels, "") + line(labels, "l3=\"\"")));
  }
}

}  // namespace
}  // namespace narthex::proto
