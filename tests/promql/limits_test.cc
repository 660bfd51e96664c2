// SPDX-License-Identifier: Apache-2.0
//
// Queries that would need all memory or time end with an error, before they have taken it.
#include <gtest/gtest.h>

#include "narthex/base/clock.h"
#include "narthex/base/metrics.h"
#include "narthex/model/float_histogram.h"
#include "narthex/promql/engine.h"
#include "narthex/promql/parser.h"
#include "promql/exec/operator.h"
#include "promql/exec/sides.h"
#include "promql/plan/plan.h"
#include "promql/plan/select.h"
#include "tests/support/memory_storage.h"

namespace narthex::promql {
namespace {

constexpr const char* kTooManySamples =
    "query processing would load too many samples into memory in query execution";

class LimitsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto appender = storage_.NewAppender();
    for (int i = 0; i < 20; ++i) {
      storage::SeriesRef ref{0};
      const model::Labels labels{{"__name__", "x"}, {"i", std::to_string(i)}};
      for (int k = 0; k <= 100; ++k) {
        ASSERT_EQ(appender->Append(ref, labels, k * 10'000, k * 20 + i),
                  storage::AppendError::kNone);
      }
    }
    ASSERT_TRUE(appender->Commit());
  }

  std::string ErrorOf(const std::string& query, EngineOptions options = {}) {
    Engine engine(options, nullptr, SystemClock(), registry_);
    const auto result = engine.Range(storage_, query, 500'000, 600'000, 10'000);
    return result ? "" : result.error().message();
  }

  std::int64_t PeakOf(const std::string& query) {
    Engine engine(EngineOptions(), nullptr, SystemClock(), registry_);
    const auto result = engine.Range(storage_, query, 500'000, 600'000, 10'000);
    EXPECT_TRUE(result) << query << ": " << (result ? "" : result.error().message());
    return result ? result->stats.peak_samples : -1;
  }

  testing::MemoryStorage storage_;
  metrics::Registry registry_;
};

// Nothing of this is as large as it says: each ends before its first value is computed.
TEST_F(LimitsTest, CountlessSubquerySteps) {
  for (const char* query :
       {"count_over_time(vector(1)[1000000000s:1s])", "count_over_time(vector(1)[290y:1ms])",
        "max_over_time(max_over_time(vector(time())[5y:1s])[5y:1s])",
        "count_over_time((1 + x)[1000000000s:1s])", "sum_over_time(hour()[1000000000s:1s])"}) {
    EXPECT_EQ(ErrorOf(query), kTooManySamples) << query;
  }
  EngineOptions options;
  options.max_query_bytes = 100'000'000;
  for (const char* query :
       {"count_over_time(x[1000000000s:1s])", "count_over_time(absent(none)[1000000000s:1s])",
        "count_over_time(sum(x)[1000000000s:1s])",
        "count_over_time(rate(x[1m])[1000000000s:1s])"}) {
    EXPECT_EQ(ErrorOf(query, options),
              "query needs more than 100000000 bytes of memory, the limit of one query")
        << query;
  }
  EXPECT_EQ(ErrorOf("count_over_time(none[1000000000s:1s])"), "");
}

TEST_F(LimitsTest, LabelsThatGrow) {
  std::string query = "x";
  for (int i = 0; i < 30; ++i) query = "label_replace(" + query + ",'i','$1$1$1$1$1$1','i','(.*)')";
  EXPECT_EQ(ErrorOf(query), "String too long to encode as label.");
  query = "x";
  for (int i = 0; i < 30; ++i) query = "label_join(" + query + ",'i',',','i','i','i','i','i')";
  EXPECT_EQ(ErrorOf(query), "String too long to encode as label.");
  // Each is short enough, all together are not.
  EngineOptions options;
  options.max_query_bytes = 50'000'000;
  query = "label_replace(x,'i','" + std::string(4'000'000, 'y') + "$1','i','(.*)')";
  EXPECT_EQ(ErrorOf(query, options),
            "query needs more than 50000000 bytes of memory, the limit of one query");
}

TEST_F(LimitsTest, ManyDifferentValues) {
  // 20 series x 11 steps, no value twice: 220 rows with one sample each.
  Engine engine(EngineOptions(), nullptr, SystemClock(), registry_);
  const auto result = engine.Range(storage_, "count_values('v', x)", 500'000, 600'000, 10'000);
  ASSERT_TRUE(result) << result.error().message();
  const auto& matrix = std::get<Matrix>(result->value);
  ASSERT_EQ(matrix.size(), 220U);
  EXPECT_EQ(matrix[0].floats.size(), 1U);
  EngineOptions options;
  options.max_query_bytes = 60'000;
  EXPECT_EQ(ErrorOf("count_values('v', x)", options),
            "query needs more than 60000 bytes of memory, the limit of one query");
}

/// The numbers are those of Prometheus 3.14, which decides by them.
TEST_F(LimitsTest, CountsSamplesAsPrometheus) {
  const struct {
    const char* query;
    std::int64_t peak;
  } cases[] = {{"x", 220},
               {"1", 11},
               {"vector(1)", 11},
               {"x * 2", 472},
               {"-x", 220},
               {"x + x", 700},
               {"x + x + x", 700},
               {"(x * 2) + (x * 2)", 700},
               {"x or x", 700},
               {"sum(x)", 220},
               {"sum(x @ 500)", 20},
               {"topk(2, x)", 231},
               {"quantile(0.5, x)", 231},
               {"sum(rate(x[1m]))", 226},
               {"count_values('v', x)", 460},
               {"label_replace(x, 'a', 'b', 'c', '')", 220},
               {"predict_linear(x[1m], 60)", 237},
               {"max_over_time(x[1m:20s])", 383},
               {"absent(none)", 11},
               {"sort(x)", 460},
               {"clamp(x, 1, 2)", 484},
               {"hour()", 11},
               {"scalar(sum(x))", 220},
               {"time() + 1", 35},
               {"histogram_quantile(0.5, x)", 252},
               {"timestamp(x)", 240}};
  for (const auto& c : cases) EXPECT_EQ(PeakOf(c.query), c.peak) << c.query;
}

// What functions and operators look at once more is there already: a histogram counts as one then.
TEST_F(LimitsTest, CountsHistogramsOnce) {
  const auto appender = storage_.NewAppender();
  model::FloatHistogram h;
  h.positive_spans = {{0, 20}};
  h.positive_buckets.assign(20, 1);
  h.count = 20;
  storage::SeriesRef ref{0};
  ASSERT_EQ(appender->AppendFloatHistogram(ref, model::Labels{{"__name__", "h"}}, 500'000, h),
            storage::AppendError::kNone);
  ASSERT_TRUE(appender->Commit());
  const auto peak = [&](const char* query) {
    Engine engine(EngineOptions(), nullptr, SystemClock(), registry_);
    const auto result = engine.Instant(storage_, query, 500'000);
    return result ? result->stats.peak_samples : -1;
  };
  const std::int64_t weight = model::SampleWeight(h);
  EXPECT_EQ(peak("h"), weight);
  EXPECT_EQ(peak("histogram_quantile(0.5, h)"), weight + 1 + 1 + 1 + 1);
  EXPECT_EQ(peak("scalar(h)"), weight + 1 + 1);
  EXPECT_EQ(peak("vector(3)"), 3);
}

/// A query in the middle of its evaluation.
class HeldTest : public LimitsTest {
 protected:
  static constexpr int kCountless = 1'900'000'000;

  std::unique_ptr<ExecContext> NewContext() {
    return std::make_unique<ExecContext>(options_, QueryOptions{.stop = stop_.get_token()}, nullptr,
                                         SystemClock(), total_);
  }
  /// Sets expr_, ready for evaluation.
  void PrepareOn(const char* query, const Grid& grid, ExecContext& ctx) {
    auto parsed = ParseExpr(query, {});
    ASSERT_TRUE(parsed) << query;
    expr_ = std::move(*parsed);
    ASSERT_TRUE(Prepare(expr_, {grid.start, grid.end(), grid.step}));
    ASSERT_TRUE(SelectAll(*expr_, grid, storage_, ctx));
  }
  OperatorPtr BuildOn(const char* query, const Grid& grid, ExecContext& ctx) {
    PrepareOn(query, grid, ctx);
    auto op = Build(*expr_, grid, ctx);
    EXPECT_TRUE(op) << query;
    return op ? std::move(*op) : nullptr;
  }

  EngineOptions options_;
  std::stop_source stop_;
  TotalMemory total_{.limit = 1'000'000};
  ExprPtr expr_;
};

TEST_F(HeldTest, ARefusedClaimStandsNowhere) {
  options_.max_query_bytes = 800'000;
  const auto first = NewContext(), second = NewContext();
  Holding greedy(*first), modest(*second);
  EXPECT_FALSE(greedy.AddBytes(800'001));
  EXPECT_FALSE(greedy.AddBytes(SIZE_MAX));
  EXPECT_EQ(total_.bytes, 0U);
  EXPECT_TRUE(modest.AddBytes(800'000));
  // Within its own budget, but not within what the other has left.
  EXPECT_FALSE(greedy.AddBytes(200'001));
  EXPECT_EQ(total_.bytes, 800'000U);
  EXPECT_TRUE(greedy.AddBytes(200'000));
  EXPECT_EQ(total_.bytes, 1'000'000U);
  greedy.Release();
  EXPECT_EQ(total_.bytes, 800'000U);
}

TEST_F(HeldTest, AFailedQueryTakesNothingFromOthersWhileItEnds) {
  const auto ctx = NewContext();
  const OperatorPtr op = BuildOn("x", {500'000, 1, kCountless}, *ctx);
  Batch out;
  EXPECT_FALSE(op->Next(out));
  EXPECT_EQ(total_.bytes, 0U);
}

// Counting at countless steps would take seconds, and gigabytes with numbers per step.
TEST_F(HeldTest, WhatDoesNotChangeIsHeldBeforeItIsCounted) {
  for (const bool per_step : {false, true}) {
    options_.features.per_step_stats = per_step;
    const auto ctx = NewContext();
    const OperatorPtr op = BuildOn("x @ 500", {500'000, 1, kCountless}, *ctx);
    Batch out;
    const Status status = op->Next(out);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().message(), kTooManySamples);
    EXPECT_EQ(ctx->stats.total_queryable_samples, 20);
    EXPECT_LE(ctx->stats.total_per_step.size(), 1U);
  }
}

TEST_F(HeldTest, ScalarsThatDoNotChangeAreHeldBeforeTheyAreCounted) {
  const Grid grid{500'000, 1, kCountless};
  const auto ctx = NewContext();
  PrepareOn("scalar(sum(x @ 500))", grid, *ctx);
  const auto scalars = EvalScalar(*expr_, grid, *ctx);
  ASSERT_FALSE(scalars);
  EXPECT_EQ(scalars.error().message(), kTooManySamples);
  EXPECT_EQ(ctx->stats.total_queryable_samples, 20);
}

TEST_F(HeldTest, NumbersPerStepAreHeld) {
  options_.features.per_step_stats = true;
  options_.max_query_bytes = 100'000;
  auto ctx = NewContext();
  EXPECT_TRUE(ctx->CountSamples({0, 1, 5'000}, 0, 1, 1));
  EXPECT_EQ(total_.bytes, 80'000U);
  EXPECT_TRUE(ctx->CountAtLaterSteps({0, 1, 5'000}, 3));
  EXPECT_EQ(total_.bytes, 80'000U);
  EXPECT_EQ(ctx->stats.total_queryable_samples, 1 + 3 * 4'999);
  EXPECT_EQ(ctx->stats.total_per_step[0], 1);
  EXPECT_EQ(ctx->stats.total_per_step[4'999], 3);
  EXPECT_FALSE(ctx->CountSamples({0, 1, 10'000}, 0, 1, 1));
  EXPECT_EQ(ctx->stats.total_per_step.size(), 5'000U);
  ctx = nullptr;
  EXPECT_EQ(total_.bytes, 0U);
}

TEST_F(HeldTest, CopiesHoldWhatTheyTake) {
  const auto ctx = NewContext();
  const Grid grid{500'000, 10'000, 3};
  Batch rows(grid.n);
  RowRef row = rows.AddRow(model::Labels{{"long", std::string(100'000, 'x')}});
  for (int s = 0; s < grid.n; ++s) row.Set(s, model::FloatHistogram());
  PrepareOn("x", grid, *ctx);
  EvaluatedExpr there;
  there.expr = expr_.get();
  there.grid = grid;
  there.rows = &rows;
  ctx->evaluated = &there;
  const auto op = Build(*expr_, grid, *ctx);
  ASSERT_TRUE(op);
  Batch out;
  const std::size_t before = total_.bytes;
  ASSERT_TRUE((*op)->Next(out));
  ASSERT_EQ(out.rows(), 1U);
  EXPECT_GE(total_.bytes, before + 100'000 + 3 * sizeof(HistogramPtr));
  stop_.request_stop();
  const Status stopped = (*op)->Next(out);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code(), Code::kCancelled);
}

TEST_F(HeldTest, CollectingEndsWithTheQuery) {
  class Endless final : public Operator {
   public:
    explicit Endless(std::stop_source& stop) : stop_(stop) {}
    Status Next(Batch& out) override {
      if (++batches == 3) stop_.request_stop();
      out.Reset(1, 1);
      return {};
    }
    int batches = 0;

   private:
    std::stop_source& stop_;
  };
  const auto ctx = NewContext();
  Holding holding(*ctx);
  Endless endless(stop_);
  const auto rows = Collect(endless, {0, 1, 1}, holding);
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code(), Code::kCancelled);
  EXPECT_EQ(endless.batches, 3);
}

}  // namespace
}  // namespace narthex::promql
