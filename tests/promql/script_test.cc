// SPDX-License-Identifier: Apache-2.0
//
// The language of test scripts; what a script's run finds is seen in promql_script_test.cc.
#include "promql/testing/script.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "narthex/model/float_histogram.h"
#include "narthex/model/sample.h"
#include "promql/testing/compare.h"
#include "promql/testing/fix_time.h"
#include "promql/testing/load.h"
#include "tests/support/memory_storage.h"

namespace narthex::promql {
namespace {

std::vector<Command> Parse(std::string_view script) {
  std::vector<Command> commands;
  const auto error = ParseScript(script, commands);
  EXPECT_FALSE(error.has_value()) << error->line << ": " << error->text;
  return commands;
}

TEST(ScriptTest, CommentsAndEmptyLinesEndACommand) {
  const auto commands = Parse("# Comment.\n  clear  \n\nload 5m\n  a 1\n # and\nclear\n");
  ASSERT_EQ(commands.size(), 3U);
  EXPECT_EQ(std::get<LoadCommand>(commands[1]).series.size(), 1U);
}

TEST(ScriptTest, Load) {
  const auto commands =
      Parse("CLEAR\nload 30s\n  a 1x2\n  b{x=\"y\"} _ 2\n  a 7\n\nload_with_nhcb 1m\n");
  ASSERT_EQ(commands.size(), 3U);
  EXPECT_TRUE(std::holds_alternative<ClearCommand>(commands[0]));
  const auto& load = std::get<LoadCommand>(commands[1]);
  EXPECT_EQ(load.line, 2);
  EXPECT_EQ(load.step_ms, 30'000);
  EXPECT_FALSE(load.with_nhcb);
  ASSERT_EQ(load.series.size(), 2U);
  ASSERT_EQ(load.series[0].values.size(), 1U);  // The last definition counts.
  EXPECT_EQ(load.series[0].values[0].value, 7);
  EXPECT_TRUE(std::get<LoadCommand>(commands[2]).with_nhcb);
}

TEST(ScriptTest, InstantEval) {
  const auto commands = Parse(R"(eval instant at 5m sum(a) by (x)
  expect warn msg: PromQL warning: some text (1:2)
  expect no_info
  expect ordered
  {x="1"} 5
  {x="2"} {{count:1}}

eval instant 1 + 1
  2
eval instant at 0 "a"
  expect string "a"

eval instant at 1m a[2m]
  expect range vector from 0 to 1m step 1m
  a 1 2
)");
  ASSERT_EQ(commands.size(), 4U);
  const auto& eval = std::get<EvalCommand>(commands[0]);
  EXPECT_EQ(eval.query, "sum(a) by (x)");
  EXPECT_EQ(eval.eval_ms, 300'000);
  ASSERT_EQ(eval.warnings.size(), 1U);
  EXPECT_TRUE(eval.warnings[0].Matches("PromQL warning: some text (1:2)"));
  EXPECT_FALSE(eval.warnings[0].Matches("PromQL warning: some text (1:2) more"));
  EXPECT_TRUE(eval.no_info);
  EXPECT_TRUE(eval.ordered);
  ASSERT_EQ(eval.series.size(), 2U);
  EXPECT_TRUE(eval.series[1].values[0].histogram.has_value());
  EXPECT_EQ(std::get<EvalCommand>(commands[1]).scalar, 2.0);
  EXPECT_EQ(std::get<EvalCommand>(commands[2]).text, "a");
  const auto& range_vector = std::get<EvalCommand>(commands[3]);
  EXPECT_TRUE(range_vector.range_vector);
  EXPECT_EQ(range_vector.eval_ms, 60'000);
  EXPECT_EQ(range_vector.step_ms, 60'000);
}

TEST(ScriptTest, RangeAndOlderForms) {
  const auto commands = Parse(R"(eval range from 1m to 10m step 30s rate(a[5m])
  {} 1+1x18

eval_fail instant at 1m a + b
  expected_fail_message many-to-many
eval_fail range from 0 to 1m step 1m a + b
  expected_fail_regexp many-to-(one|many)
eval_warn instant at 0 a

eval_info range from 0 to 1m step 1m a

eval_ordered instant at 0 a
  a 1

eval instant at 0 a
  expect fail

eval instant at 0 a
  expect fail regex: ^x+y$
)");
  ASSERT_EQ(commands.size(), 8U);
  const auto eval = [&commands](std::size_t i) { return std::get<EvalCommand>(commands[i]); };
  EXPECT_TRUE(eval(0).range);
  EXPECT_EQ(eval(0).start_ms, 60'000);
  EXPECT_EQ(eval(0).end_ms, 600'000);
  EXPECT_EQ(eval(0).step_ms, 30'000);
  EXPECT_EQ(eval(0).series[0].values.size(), 19U);
  EXPECT_FALSE(eval(1).fail->Matches("other many-to-many"));
  EXPECT_TRUE(eval(2).fail->Matches("is many-to-one here"));
  EXPECT_TRUE(eval(3).warnings[0].any);
  EXPECT_TRUE(eval(4).infos[0].any);
  EXPECT_TRUE(eval(5).ordered);
  EXPECT_TRUE(eval(6).fail->Matches("anything"));
  EXPECT_TRUE(eval(7).fail->Matches("xxy"));
  EXPECT_FALSE(eval(7).fail->Matches("xxyz"));
}

TEST(ScriptTest, ErrorsNameTheLine) {
  const struct {
    const char* script;
    int line;
  } cases[] = {{"clear\n\nnonsense", 3},
               {"load x\n a 1", 1},
               {"load 1m\n a 1\n a{ 1", 3},
               {"eval instant at x a", 1},
               {"eval instant at 5m", 1},
               {"eval sometimes a", 1},
               {"eval range from 5m to 1m step 1m a", 1},
               {"eval range from 5m step 1m a", 1},
               {"eval instant at 0 a\n  a 1 2", 1},
               {"\neval instant at 0 a\n  expect nothing", 2},
               {"eval instant at 0 a\n  expect warn txt: x", 1},
               {"eval instant at 0 a\n  expect fail regex: (", 1},
               {"eval instant at 0 a\n  expect no_warn\n  expect warn", 1},
               {"eval instant at 0 a\n  expect fail\n  expect fail", 1},
               {"eval instant at 0 a\n  expect string a", 1}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.script);
    std::vector<Command> commands;
    const auto error = ParseScript(c.script, commands);
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->line, c.line);
    EXPECT_FALSE(error->text.empty());
  }
}

TEST(ScriptTest, AlmostEqualFloats) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const double nan = std::nan("");
  EXPECT_TRUE(AlmostEqual(1, 1 + 1e-7));
  EXPECT_FALSE(AlmostEqual(1, 1 + 1e-5));
  EXPECT_FALSE(AlmostEqual(0, 1e-9));
  EXPECT_TRUE(AlmostEqual(0, -0.0));
  EXPECT_TRUE(AlmostEqual(kInf, kInf));
  EXPECT_FALSE(AlmostEqual(kInf, -kInf));
  EXPECT_TRUE(AlmostEqual(nan, model::kNormalNaN));
  EXPECT_FALSE(AlmostEqual(nan, model::kStaleNaN));
  EXPECT_TRUE(AlmostEqual(model::kStaleNaN, model::kStaleNaN));
}

TEST(ScriptTest, AlmostEqualHistograms) {
  const auto histogram = [](const char* text) {
    const auto series = ParseSeriesDescription(std::string("a ") + text);
    return *series->values[0].histogram;
  };
  const auto h = histogram("{{count:3 sum:1 buckets:[1 0 2]}}");
  EXPECT_TRUE(AlmostEqual(h, histogram("{{count:3 sum:1 buckets:[1 0 2 0]}}"), false));
  EXPECT_TRUE(AlmostEqual(h, histogram("{{count:3 sum:1 buckets:[0 1 0 2] offset:-1}}"), false));
  EXPECT_FALSE(AlmostEqual(h, histogram("{{count:3 sum:1 buckets:[1 0 2] offset:1}}"), false));
  EXPECT_FALSE(AlmostEqual(h, histogram("{{count:3 sum:2 buckets:[1 0 2]}}"), false));
  const auto gauge = histogram("{{count:3 sum:1 buckets:[1 0 2] counter_reset_hint:gauge}}");
  EXPECT_TRUE(AlmostEqual(h, gauge, false));
  EXPECT_FALSE(AlmostEqual(h, gauge, true));
  EXPECT_EQ(ToScript(gauge), "{{count:3 sum:1 counter_reset_hint:gauge buckets:[1 0 2]}}");
}

TEST(ScriptTest, FixTimeAddsAtWhereNoneIs) {
  const struct {
    const char* query;
    const char* fixed;  // Null: depends on the evaluation time.
  } cases[] = {{"a + rate(b[5m] offset 1m)", "a @ 60.000 + rate(b[5m] @ 60.000 offset 1m)"},
               {"a @ 5", "a @ 5.000"},
               {"sum(max_over_time(a[5m:1m]))", "sum(max_over_time(a[5m:1m] @ 60.000))"},
               {"1", "1"},
               {"time()", nullptr},
               {"hour(a)", nullptr},
               {"predict_linear(a[5m], 60)", nullptr}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.query);
    const auto fixed = FixTime(c.query, 60'000, Features());
    ASSERT_TRUE(fixed.has_value());
    ASSERT_EQ(fixed->has_value(), c.fixed != nullptr);
    if (*fixed) {
      EXPECT_EQ(**fixed, c.fixed);
    }
  }
}

TEST(ScriptTest, ClassicHistogramsBecomeNative) {
  const auto commands = Parse(R"(load_with_nhcb 1m
  h_bucket{le="1", x="y"} 1 2
  h_bucket{le="5", x="y"} 3 5
  h_bucket{le="+Inf", x="y"} 4 9
  h_sum{x="y"} 10 30
  h_count{x="y"} 4 9
  g_bucket{le="2"} _ 7
  g_bucket{le="bad"} 1 1
  other 1 2
)");
  const auto converted = ConvertClassicHistograms(std::get<LoadCommand>(commands[0]).series);
  ASSERT_TRUE(converted.has_value()) << converted.error().message();
  ASSERT_EQ(converted->size(), 2U);
  const ScriptSeries& g = (*converted)[0];
  EXPECT_EQ(g.labels.ToString(), "{__name__=\"g\"}");
  ASSERT_EQ(g.values.size(), 2U);
  EXPECT_TRUE(g.values[0].omitted);
  EXPECT_EQ(ToScript(*g.values[1].histogram),
            "{{schema:-53 count:7 custom_values:[2] buckets:[7]}}");
  const ScriptSeries& h = (*converted)[1];
  EXPECT_EQ(h.labels.ToString(), "{__name__=\"h\", x=\"y\"}");
  EXPECT_EQ(ToScript(*h.values[1].histogram),
            "{{schema:-53 count:9 sum:30 custom_values:[1 5] buckets:[2 3 4]}}");
}

TEST(ScriptTest, ContradictoryClassicHistogramIsAnError) {
  for (const char* series :
       {"h_bucket{le=\"1\"} 5\n h_bucket{le=\"+Inf\"} 4", "h_bucket{le=\"+Inf\"} 4\n h_count 5"}) {
    SCOPED_TRACE(series);
    const auto commands = Parse(std::string("load_with_nhcb 1m\n ") + series);
    const auto converted = ConvertClassicHistograms(std::get<LoadCommand>(commands[0]).series);
    ASSERT_FALSE(converted.has_value());
    EXPECT_EQ(converted.error().code(), Code::kInvalidArgument);
  }
}

TEST(ScriptTest, LoadAppendsAtEachStep) {
  testing::MemoryStorage storage;
  const auto commands = Parse("load 1m\n  a 1 _ stale\n  b {{count:1}}");
  ASSERT_TRUE(Load(std::get<LoadCommand>(commands[0]), storage).has_value());
  const auto querier = storage.NewQuerier(model::kMinTime, model::kMaxTime);
  const std::vector<model::Matcher> all = {
      *model::Matcher::Create(model::MatchType::kRegex, "__name__", ".+")};
  const auto set = (*querier)->Select(all, {});
  ASSERT_EQ((*set)->size(), 2U);
  storage::SampleColumns columns;
  ASSERT_TRUE((*set)->Read(0, model::kMinTime, model::kMaxTime, columns).has_value());
  ASSERT_EQ(columns.t.size(), 2U);
  EXPECT_EQ(columns.t[1], 120'000);
  EXPECT_TRUE(model::IsStale(columns.v[1]));
  columns.Clear();
  ASSERT_TRUE((*set)->Read(1, model::kMinTime, model::kMaxTime, columns).has_value());
  EXPECT_EQ(columns.histograms.size(), 1U);
  // The same again is out of order.
  EXPECT_FALSE(Load(std::get<LoadCommand>(commands[0]), storage).has_value());
}

}  // namespace
}  // namespace narthex::promql
