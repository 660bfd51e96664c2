// SPDX-License-Identifier: Apache-2.0
//
// Limits, cancellation and statistics of the engine. What expressions give is in the scripts.
#include "narthex/promql/engine.h"

#include <cmath>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "narthex/base/clock.h"
#include "narthex/base/metrics.h"
#include "narthex/base/thread_pool.h"
#include "tests/support/memory_storage.h"

namespace narthex::promql {
namespace {

class EngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // x{i="…"}: 100 series with a sample every 10 s for 1000 s.
    const auto appender = storage_.NewAppender();
    for (int i = 0; i < 100; ++i) {
      storage::SeriesRef ref{0};
      const model::Labels labels{
          {"__name__", "x_total"}, {"g", std::to_string(i % 3)}, {"i", std::to_string(i)}};
      for (int k = 0; k <= 100; ++k) {
        ASSERT_EQ(appender->Append(ref, labels, k * 10'000, k * 0.1 * i),
                  storage::AppendError::kNone);
      }
    }
    ASSERT_TRUE(appender->Commit());
  }

  Result<QueryResult> Range(Engine& engine, const std::string& query,
                            const QueryOptions& options = {}) {
    return engine.Range(storage_, query, 300'000, 900'000, 15'000, options);
  }

  /// All of a value, for comparisons.
  static std::string Printed(const Value& value) {
    std::string text;
    if (const auto* scalar = std::get_if<ScalarValue>(&value)) {
      text = fmt::format("{} @{}", scalar->v, scalar->t);
    }
    if (const auto* vector = std::get_if<Vector>(&value)) {
      for (const VectorSample& sample : *vector) {
        text += fmt::format("{} {} @{}\n", sample.metric.ToString(), sample.v, sample.t);
      }
    }
    EXPECT_FALSE(text.empty());
    return text;
  }

  testing::MemoryStorage storage_;
  metrics::Registry registry_;
};

TEST_F(EngineTest, SampleLimit) {
  EngineOptions options;
  options.max_samples = 500;
  Engine engine(options, nullptr, SystemClock(), registry_);
  const auto result = Range(engine, "x_total");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kExecution);
  EXPECT_EQ(result.error().message(),
            "query processing would load too many samples into memory in query execution");
  EXPECT_TRUE(engine.Instant(storage_, "x_total", 500'000));
}

TEST_F(EngineTest, MemoryLimits) {
  EngineOptions options;
  options.max_query_bytes = 10'000;
  Engine engine(options, nullptr, SystemClock(), registry_);
  const auto result = Range(engine, "x_total");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message(),
            "query needs more than 10000 bytes of memory, the limit of one query");
  // What was held is given back: a small query runs.
  EXPECT_TRUE(engine.Instant(storage_, "sum(x_total)", 500'000));
}

TEST_F(EngineTest, Cancelled) {
  Engine engine(EngineOptions(), nullptr, SystemClock(), registry_);
  std::stop_source source;
  source.request_stop();
  QueryOptions options;
  options.stop = source.get_token();
  const auto result = Range(engine, "sum(x_total)", options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kCancelled);
}

/// Each look at the clock takes a second.
class SlowClock final : public Clock {
 public:
  std::int64_t NowMs() const override { return 0; }
  std::int64_t NowNs() const override { return 0; }
  std::int64_t MonotonicNs() const override { return ticks_ += 1'000'000'000; }

 private:
  mutable std::atomic<std::int64_t> ticks_{0};
};

TEST_F(EngineTest, TimesOut) {
  SlowClock clock;
  EngineOptions options;
  options.timeout_ms = 5000;
  Engine engine(options, nullptr, clock, registry_);
  const auto result = Range(engine, "sum(x_total) + sum(x_total) + sum(x_total)");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kTimeout);
  EXPECT_EQ(result.error().message(), "query timed out in expression evaluation");
}

TEST_F(EngineTest, SameBitsOnAnyNumberOfThreads) {
  metrics::Registry other;
  Engine alone(EngineOptions(), nullptr, SystemClock(), registry_);
  ThreadPool pool("query", 3);
  Engine parallel(EngineOptions(), &pool, SystemClock(), other);
  for (const char* query :
       {"sum by (g) (rate(x_total[1m]))", "avg(x_total)", "quantile(0.3, deriv(x_total[2m]))",
        "topk(3, x_total)", "x_total / on (i) group_left () x_total",
        "max_over_time(sum(rate(x_total[1m]))[5m:30s])"}) {
    SCOPED_TRACE(query);
    const auto a = Range(alone, query), b = Range(parallel, query);
    ASSERT_TRUE(a) << a.error().message();
    ASSERT_TRUE(b) << b.error().message();
    const auto &ma = std::get<Matrix>(a->value), &mb = std::get<Matrix>(b->value);
    ASSERT_EQ(ma.size(), mb.size());
    for (std::size_t i = 0; i < ma.size(); ++i) {
      EXPECT_EQ(ma[i].metric, mb[i].metric);
      ASSERT_EQ(ma[i].floats.size(), mb[i].floats.size());
      for (std::size_t k = 0; k < ma[i].floats.size(); ++k) {
        EXPECT_EQ(std::bit_cast<std::uint64_t>(ma[i].floats[k].v),
                  std::bit_cast<std::uint64_t>(mb[i].floats[k].v));
      }
    }
  }
}

TEST_F(EngineTest, RangeOfOtherTypes) {
  Engine engine(EngineOptions(), nullptr, SystemClock(), registry_);
  const auto matrix = Range(engine, "x_total[5m]");
  ASSERT_FALSE(matrix);
  EXPECT_EQ(matrix.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(matrix.error().message(),
            "invalid expression type \"range vector\" for range query, must be Scalar or instant "
            "Vector");
  EXPECT_FALSE(Range(engine, "\"text\""));
  const auto scalar = Range(engine, "time()");
  ASSERT_TRUE(scalar);
  EXPECT_EQ(std::get<Matrix>(scalar->value)[0].floats.size(), 41U);
}

TEST_F(EngineTest, EmptyAndImpossibleRanges) {
  Engine engine(EngineOptions(), nullptr, SystemClock(), registry_);
  const auto backwards = engine.Range(storage_, "sum(x_total) + 1", 1000, 0, 1000);
  ASSERT_TRUE(backwards) << backwards.error().message();
  EXPECT_TRUE(std::get<Matrix>(backwards->value).empty());
  EXPECT_FALSE(engine.Range(storage_, "x_total", 0, 1000, 0));
  EXPECT_FALSE(engine.Range(storage_, "x_total", model::kMinTime, model::kMaxTime, 1));
}

TEST_F(EngineTest, Statistics) {
  Engine engine(EngineOptions(), nullptr, SystemClock(), registry_);
  const auto result = engine.Instant(storage_, "sum_over_time(x_total{i=\"5\"}[1m])", 600'000);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->stats.total_queryable_samples, 6);
  EXPECT_EQ(result->stats.samples_read, 6);
  EXPECT_EQ(result->stats.peak_samples, 7);  // The window and the result.
}

TEST_F(EngineTest, StatisticsPerStep) {
  EngineOptions options;
  options.features.per_step_stats = true;
  Engine engine(options, nullptr, SystemClock(), registry_);
  const auto range = [&](const char* query) {
    return engine.Range(storage_, query, 600'000, 660'000, 30'000);
  };
  // Windows of a minute every half a minute: each brings three samples that are new.
  const auto window = range("sum_over_time(x_total{i=\"5\"}[1m])");
  ASSERT_TRUE(window);
  EXPECT_EQ(window->stats.total_per_step, (std::vector<std::int64_t>{6, 6, 6}));
  EXPECT_EQ(window->stats.read_per_step, (std::vector<std::int64_t>{6, 3, 3}));
  const auto fixed = range("sum_over_time(x_total{i=\"5\"}[1m] @ 500)");
  ASSERT_TRUE(fixed);
  EXPECT_EQ(fixed->stats.total_per_step, (std::vector<std::int64_t>{6, 6, 6}));
  EXPECT_EQ(fixed->stats.samples_read, 6);
  const auto subquery = range("max_over_time(x_total{i=\"5\"}[1m:20s])");
  ASSERT_TRUE(subquery);
  EXPECT_EQ(subquery->stats.total_queryable_samples, 9);
  EXPECT_EQ(subquery->stats.total_per_step, (std::vector<std::int64_t>{3, 3, 3}));
  // The steps of the subquery lie at 560, 580, 600 | 620 | 640, 660.
  EXPECT_EQ(subquery->stats.read_per_step, (std::vector<std::int64_t>{3, 1, 2}));
}

/// Every thread of the matcher would keep every group: gigabytes for this one.
TEST_F(EngineTest, RegexWithCountlessGroups) {
  std::string pattern;
  for (int i = 0; i < 3000; ++i) pattern += "(a|b)*";
  Engine engine(EngineOptions(), nullptr, SystemClock(), registry_);
  const auto result = engine.Instant(
      storage_, "label_replace(x_total, \"a\", \"$1\", \"i\", \"" + pattern + "\")", 600'000);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kExecution);
  EXPECT_EQ(result.error().message(),
            "regular expression in label_replace() has too many groups for its length");
}

/// The fast way through moving windows against the plain one.
TEST_F(EngineTest, ExtremesOfMovingWindows) {
  const auto appender = storage_.NewAppender();
  storage::SeriesRef ref{0};
  std::vector<double> values;
  for (int k = 0; k < 200; ++k) {
    values.push_back(k % 7 == 3 ? std::nan("") : (k * 37) % 11);
    ASSERT_EQ(appender->Append(ref, model::Labels{{"__name__", "jagged"}}, k * 1000, values.back()),
              storage::AppendError::kNone);
  }
  ASSERT_TRUE(appender->Commit());
  Engine engine(EngineOptions(), nullptr, SystemClock(), registry_);
  for (const int width : {1, 2, 5, 40}) {
    SCOPED_TRACE(width);
    const std::string range = "[" + std::to_string(width) + "s]";
    const auto max = engine.Range(storage_, "max_over_time(jagged" + range + ")", 0, 199'000, 1000);
    const auto min = engine.Range(storage_, "min_over_time(jagged" + range + ")", 0, 199'000, 1000);
    ASSERT_TRUE(max && min);
    for (int k = 0; k < 200; ++k) {
      double highest = std::nan(""), lowest = highest;
      for (int i = std::max(0, k - width + 1); i <= k; ++i) {
        highest = std::fmax(highest, values[i]);
        lowest = std::fmin(lowest, values[i]);
      }
      const double got_max = std::get<Matrix>(max->value)[0].floats[k].v;
      const double got_min = std::get<Matrix>(min->value)[0].floats[k].v;
      EXPECT_TRUE(got_max == highest || (std::isnan(got_max) && std::isnan(highest))) << k;
      EXPECT_TRUE(got_min == lowest || (std::isnan(got_min) && std::isnan(lowest))) << k;
    }
  }
}

// What depends on the time of the evaluation is computed anew for each.
TEST_F(EngineTest, PreparedQueriesGiveWhatTheirTextsGive) {
  EngineOptions options;
  options.features.experimental_functions = true;
  Engine engine(options, nullptr, SystemClock(), registry_);
  for (const char* const text :
       {"sum by (g) (rate(x_total[1m]))", "x_total @ end()", "sum(x_total @ start() offset 10s)",
        "start() + 1", "vector(end())", "sum(rate(x_total[30s + 30s]))", "step()", "range()",
        "time()", "max_over_time(x_total{i=\"3\"}[1m:10s] @ end())", "sort(x_total) > 10",
        "absent(nothing)", "(x_total{i=\"1\"}) + on (g) group_left x_total{i=\"4\"}"}) {
    SCOPED_TRACE(text);
    const auto prepared = engine.PrepareInstant(text);
    ASSERT_TRUE(prepared) << prepared.error().message();
    EXPECT_EQ(prepared->text(), text);
    for (const model::TimestampMs t : {300'000, 600'000, 600'001}) {
      const auto want = engine.Instant(storage_, text, t);
      const auto got = engine.Instant(storage_, *prepared, t);
      ASSERT_EQ(want.has_value(), got.has_value());
      if (!want) {
        EXPECT_EQ(got.error().message(), want.error().message());
      } else {
        EXPECT_EQ(Printed(got->value), Printed(want->value));
        EXPECT_EQ(got->stats.total_queryable_samples, want->stats.total_queryable_samples);
      }
    }
  }
}

TEST_F(EngineTest, QueriesThatCannotBePrepared) {
  Engine engine(EngineOptions(), nullptr, SystemClock(), registry_);
  for (const char* const text : {"sum(", "x_total[1m - 2m]", "nofunction(x_total)"}) {
    SCOPED_TRACE(text);
    const auto prepared = engine.PrepareInstant(text);
    ASSERT_FALSE(prepared);
    EXPECT_EQ(prepared.error().code(), Code::kInvalidArgument);
    EXPECT_EQ(prepared.error().message(), engine.Instant(storage_, text, 0).error().message());
  }
}

TEST_F(EngineTest, DefaultSubqueryStepCanChange) {
  Engine engine(EngineOptions(), nullptr, SystemClock(), registry_);
  const std::string query = "count_over_time(x_total{i=\"1\"}[5m:])";
  const auto before = engine.Instant(storage_, query, 600'000);
  engine.SetDefaultSubqueryStep(10'000);
  const auto after = engine.Instant(storage_, query, 600'000);
  ASSERT_TRUE(before && after);
  EXPECT_EQ(std::get<Vector>(before->value)[0].v, 5);
  EXPECT_EQ(std::get<Vector>(after->value)[0].v, 30);
}

}  // namespace
}  // namespace narthex::promql
