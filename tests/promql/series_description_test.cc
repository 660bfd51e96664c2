// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "narthex/base/go_format.h"
#include "narthex/model/float_histogram.h"
#include "narthex/model/sample.h"
#include "narthex/promql/parser.h"

namespace narthex::promql {
namespace {

std::string Print(const SeriesDescription& series) {
  std::string out;
  for (const auto& v : series.values) {
    if (!out.empty()) out += ' ';
    if (v.omitted) {
      out += '_';
    } else if (v.histogram) {
      out += model::ToString(*v.histogram);
    } else {
      out += model::IsStale(v.value) ? "stale" : go::FormatFloatG(v.value);
    }
  }
  return out;
}

TEST(SeriesDescriptionTest, Values) {
  const struct {
    const char* text;
    const char* values;
  } cases[] = {
      {"a", ""},
      {"a ", ""},
      {"a 1", "1"},
      {"a  1   2 ", "1 2"},
      {"a 1x3", "1 1 1 1"},
      {"a 0x3", "0 0 0 0"},
      {"a 1+2x3", "1 3 5 7"},
      {"a -1-0.5x2", "-1 -1.5 -2"},
      {"a _ _x3 5", "_ _ _ _ 5"},
      {"a _x0 5", "5"},
      {"a stale NaN Inf -Inf +5", "stale NaN +Inf -Inf 5"},
      {"a stalex2", nullptr},
      {"a{b=\"c\"} 1e3 .5 1_000", "1000 0.5 1000"},
      {"a {{}}", "{count:0, sum:0}"},
      {"a {{schema:0 count:3 sum:4 z_bucket:1 z_bucket_w:0.5 buckets:[2] offset:1}}",
       "{count:3, sum:4, [-0.5,0.5]:1, (1,2]:2}"},
      {"a {{n_buckets:[1 2] n_offset:-1 counter_reset_hint:gauge}}",
       "{count:0, sum:0, [-1,-0.5):2, [-0.5,-0.25):1}"},
      {"a {{schema:-53 custom_values:[5 10] buckets:[1 2 3]}}x1",
       "{count:0, sum:0, [-Inf,5]:1, (5,10]:2, (10,+Inf]:3} "
       "{count:0, sum:0, [-Inf,5]:1, (5,10]:2, (10,+Inf]:3}"},
      {"a {{count:1 buckets:[1]}}+{{count:2 buckets:[2]}}x2 7",
       "{count:1, sum:0, (0.5,1]:1} {count:3, sum:0, (0.5,1]:3} {count:5, sum:0, (0.5,1]:5} 7"},
      {"a {{count:5 buckets:[5]}}-{{count:2 buckets:[2]}}x1",
       "{count:5, sum:0, (0.5,1]:5} {count:3, sum:0, (0.5,1]:3}"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto series = ParseSeriesDescription(c.text);
    ASSERT_EQ(series.has_value(), c.values != nullptr);
    if (series) {
      EXPECT_EQ(Print(*series), c.values);
    }
  }
}

TEST(SeriesDescriptionTest, NamesItsCounterResetHint) {
  const auto series = ParseSeriesDescription(
      "a {{counter_reset_hint:unknown}} {{counter_reset_hint:not_reset}} {{}}");
  ASSERT_TRUE(series.has_value());
  ASSERT_EQ(series->values.size(), 3U);
  EXPECT_TRUE(series->values[0].hint_given);
  EXPECT_TRUE(series->values[1].hint_given);
  EXPECT_EQ(series->values[1].histogram->counter_reset_hint, model::CounterResetHint::kNotReset);
  EXPECT_FALSE(series->values[2].hint_given);
}

// Texts of Prometheus 3.14.
TEST(SeriesDescriptionTest, Errors) {
  const struct {
    const char* text;
    const char* message;
  } cases[] = {
      {"a 1 x", "1:5: parse error: unexpected \"x\""},
      {"a 1x", "1:5: parse error: unexpected end of input in series values"},
      {"a 1+2", "1:6: parse error: unexpected end of input in series values"},
      {"a old",
       "1:3: parse error: unexpected identifier \"old\" in series values, expected number or "
       "\"stale\""},
      {"a 1x1.5",
       "1:5: parse error: invalid repetition in series values: strconv.ParseUint: parsing \"1.5\": "
       "invalid syntax"},
      {"a{b} 1", "1:4: parse error: unexpected \"}\" in label set, expected \"=\""},
      {"a{b=\"c\" 1}", "1:9: parse error: unexpected character inside braces: '1'"},
      {"a 5 $", "1:5: parse error: unexpected character in series sequence: '$'"},
      {"a {{schema:0 sum}}", "1:14: parse error: missing `:` for histogram descriptor"},
      {"a {{nope:1}}", "1:5: parse error: bad histogram descriptor found: \"nope\""},
      {"a {{sum:1 sum:2}}", "1:1: parse error: duplicate key \"sum\" in histogram"},
      {"a {{schema:1}}+{{schema:0}}x2",
       "1:29: parse error: error combining histograms: cannot merge from schema 0 to 1"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto series = ParseSeriesDescription(c.text);
    ASSERT_FALSE(series.has_value());
    EXPECT_EQ(series.error().message(), c.message);
  }
  EXPECT_FALSE(ParseSeriesDescription("a 1x999999999999").has_value());
}

}  // namespace
}  // namespace narthex::promql
