// SPDX-License-Identifier: Apache-2.0
//
// A matrix that is evaluated again as it is read is the one that would be held.
#include <bit>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "narthex/base/metrics.h"
#include "narthex/model/float_histogram.h"
#include "narthex/promql/engine.h"
#include "promql/exec/operator.h"
#include "tests/support/fake_clock.h"
#include "tests/support/watched_storage.h"

namespace narthex::promql {
namespace {

std::string Text(const MatrixSeries& series) {
  std::string text = series.metric.ToString();
  for (const model::Sample& s : series.floats) {
    text += fmt::format(" {}:{:x}", s.t, std::bit_cast<std::uint64_t>(s.v));
  }
  for (const HistogramPoint& p : series.histograms) {
    text += fmt::format(" {}:{}", p.t, model::ToString(p.h));
  }
  return text + "\n";
}

/// All that a stream still has.
Result<std::string> ReadAll(MatrixStream& stream) {
  std::string text;
  while (true) {
    NX_ASSIGN_OR_RETURN(const MatrixSeries* const series, stream.Next());
    if (series == nullptr) return text;
    text += Text(*series);
  }
}

std::string NotesOf(const QueryResult& result) {
  std::string text;
  for (const auto* entries : {&result.annotations.warnings(), &result.annotations.infos()}) {
    for (const auto& [note, position] : *entries) text += note + "\n";
  }
  return text;
}

/// So many steps that a batch of rows is the smallest: of 64.
constexpr int kSteps = 1024;
constexpr int kBatch = 64;
constexpr int kSeries = 2 * kBatch + 10;

class MatrixStreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(RowsPerBatch(kSteps), kBatch);
    const auto appender = storage_.data.NewAppender();
    for (int i = 0; i < kSeries; ++i) {
      const auto number = fmt::format("{:03}", i);
      // Names, and groups, that run against the order of the series.
      const auto falling = fmt::format("{:03}", kSeries - i);
      AddFloats(*appender, {{"__name__", "a"}, {"g", falling}, {"i", number}}, i);
      AddFloats(*appender, {{"__name__", i < kSeries - 9 ? "m" : "n"}, {"i", falling}}, i);
      AddFloats(*appender, {{"__name__", "b_bucket"}, {"i", number}, {"le", "1"}}, i);
      AddFloats(*appender, {{"__name__", "b_bucket"}, {"i", number}, {"le", "+Inf"}}, i - 3);
      if (i < 3) AddFloats(*appender, {{"__name__", "m_too"}, {"i", falling}}, i);
      AddFloats(*appender, {{"__name__", "early"}, {"i", number}}, i, 0, 1);
      AddFloats(*appender, {{"__name__", "late"}, {"i", number}}, i, 4, 6);
      if (i % 2 == 0) AddHistograms(*appender, {{"__name__", "h"}, {"i", number}}, i);
    }
    ASSERT_TRUE(appender->Commit());
  }

  /// Samples [from, to) of six.
  static void AddFloats(storage::Appender& appender, const model::Labels& labels, int i,
                        int from = 0, int to = 6) {
    for (int k = from; k < to; ++k) {
      storage::SeriesRef ref{0};
      ASSERT_EQ(appender.Append(ref, labels, k * 200'000, k * 0.7 + i),
                storage::AppendError::kNone);
    }
  }

  static void AddHistograms(storage::Appender& appender, const model::Labels& labels, int i) {
    model::FloatHistogram h;
    h.schema = 0;
    h.positive_spans = {{0, 2}};
    for (int k = 0; k < 6; ++k) {
      h.positive_buckets = {k + 1.0, static_cast<double>(i)};
      h.count = k + 1.0 + i;
      h.sum = h.count * 1.5;
      storage::SeriesRef ref{0};
      ASSERT_EQ(appender.AppendFloatHistogram(ref, labels, k * 200'000, h),
                storage::AppendError::kNone);
    }
  }

  Engine NewEngine() { return Engine(options_, nullptr, clock_, registry_); }

  Result<QueryResult> RunRange(Engine& engine, const std::string& query, std::size_t above) {
    QueryOptions options;
    options.stop = stop_.get_token();
    options.stream_above_bytes = above;
    return engine.Range(storage_, query, 100'000, 100'000 + (kSteps - 1) * 1000, 1000, options);
  }

  Result<QueryResult> RunInstant(Engine& engine, const std::string& query, std::size_t above) {
    QueryOptions options;
    options.stream_above_bytes = above;
    return engine.Instant(storage_, query, 1'000'000, options);
  }

  /// Holds what comes of a query with and without a stream against each other.
  /// @return whether there was one
  bool Compare(bool instant, const std::string& query) {
    SCOPED_TRACE(query);
    Engine engine = NewEngine();
    auto held = instant ? RunInstant(engine, query, 0) : RunRange(engine, query, 0);
    auto streamed = instant ? RunInstant(engine, query, 1) : RunRange(engine, query, 1);
    EXPECT_EQ(held.has_value(), streamed.has_value());
    if (!held || !streamed) {
      if (held || streamed) return false;
      EXPECT_EQ(held.error().message(), streamed.error().message());
      return false;
    }
    EXPECT_EQ(held->stream, nullptr);
    EXPECT_EQ(NotesOf(*held), NotesOf(*streamed));
    EXPECT_EQ(held->stats.peak_samples, streamed->stats.peak_samples);
    EXPECT_EQ(held->stats.total_queryable_samples, streamed->stats.total_queryable_samples);
    EXPECT_EQ(held->stats.samples_read, streamed->stats.samples_read);
    EXPECT_EQ(held->stats.total_per_step, streamed->stats.total_per_step);
    EXPECT_EQ(held->stats.read_per_step, streamed->stats.read_per_step);
    const auto* matrix = std::get_if<Matrix>(&held->value);
    if (matrix == nullptr) {
      EXPECT_EQ(streamed->stream, nullptr);
      return false;
    }
    std::string want;
    for (const MatrixSeries& series : *matrix) want += Text(series);
    std::string got;
    for (const MatrixSeries& series : std::get<Matrix>(streamed->value)) got += Text(series);
    if (streamed->stream != nullptr) {
      EXPECT_EQ(got, "");
      EXPECT_EQ(streamed->stream->size(), matrix->size());
      const auto all = ReadAll(*streamed->stream);
      EXPECT_TRUE(all) << all.error().message();
      got = all.value_or("");
    }
    EXPECT_TRUE(want == got) << want.substr(0, 300) << "\nis not\n" << got.substr(0, 300);
    return streamed->stream != nullptr;
  }

  EngineOptions options_;
  testing::FakeClock clock_;
  metrics::Registry registry_;
  testing::WatchedStorage storage_;
  std::stop_source stop_;
};

TEST_F(MatrixStreamTest, GivesWhatWouldBeHeld) {
  const struct {
    const char* query;
    bool streamed;
  } ranges[] = {
      {"a", true},
      {"{__name__=~'a|m'}", true},
      {"a @ 500", true},
      {"a offset 1m", true},
      {"rate(a[5m])", true},
      {"max_over_time(a[5m:1m])", true},
      {"last_over_time({__name__=~'a|m'}[5m])", true},
      {"a * 2 > 5", true},
      {"-a", true},
      {"abs(a - 7)", true},
      {"rate(m[5m])", true},
      {"h", true},
      {"rate(h[5m])", true},
      {"histogram_avg(h)", true},
      // Not in the order of the answer.
      {"sum by (i) (a)", false},
      {"label_replace(a, 'g', '$1', 'i', '(.*)')", false},
      {"rate({__name__=~'m|n'}[5m])", false},
      {"m or a", false},
      // All at once.
      {"a + a", false},
      {"a unless a > 20", false},
      {"a or m", false},
      {"a and on (i) m", false},
      {"histogram_quantile(0.5, b_bucket)", false},
      {"sum by (g) (a)", false},
      {"vector(time())", false},
      // Of no series that could be given one by one.
      {"time()", false},
      {"nosuch", false},
      {"sum(nosuch)", false},
      // Errors.
      {"a * on () m", false},
      {"rate({__name__=~'a|b_bucket'}[5m]) + on () group_left () a", false},
      {"label_replace(b_bucket, 'le', 'x', '', '')", false},
  };
  for (const auto& c : ranges) EXPECT_EQ(Compare(false, c.query), c.streamed) << c.query;
  const struct {
    const char* query;
    bool streamed;
  } instants[] = {
      {"a[10m]", true},
      {"{__name__=~'a|h|m'}[10m]", true},
      {"h[10m]", true},
      {"a[10m:1s]", true},
      {"rate(a[5m])[10m:1s]", true},
      {"rate({__name__=~'m|n'}[5m])[10m:1s]", false},
      {"nosuch[5m]", false},
      {"a", false},
      {"sort_desc(a)", false},
      {"1", false},
  };
  for (const auto& c : instants) EXPECT_EQ(Compare(true, c.query), c.streamed) << c.query;
}

TEST_F(MatrixStreamTest, GivesWhatWouldBeHeldWithFeatures) {
  options_.features.experimental_functions = true;
  options_.features.delayed_name_removal = true;
  options_.features.extended_range_selectors = true;
  options_.features.per_step_stats = true;
  const struct {
    const char* query;
    bool streamed;
  } ranges[] = {
      {"a", true},
      {"rate(a[5m])", true},
      {"rate(a[5m]) * 2", true},
      {"rate(a[5m] anchored)", true},
      // Out of order from the first batch on.
      {"sum by (i) (a)", false},
      // Only when the batches before had been let go.
      {"rate({__name__=~'m|n'}[5m])", false},
      // So that equal labels are joined, or are an error.
      {"abs({__name__=~'early|late'})", false},
      {"abs({__name__=~'m|m_too'})", false},
      {"info(a)", false},
  };
  for (const auto& c : ranges) EXPECT_EQ(Compare(false, c.query), c.streamed) << c.query;
  EXPECT_TRUE(Compare(true, "a[10m] anchored"));
  EXPECT_FALSE(Compare(true, "h[10m] smoothed"));  // An error.
}

TEST_F(MatrixStreamTest, LimitsOfSamplesStay) {
  Engine all = NewEngine();
  for (const char* query : {"a", "a @ 500", "a * 2", "rate(a[5m])", "a[10m]"}) {
    const bool instant = std::string_view(query).ends_with(']');
    const auto held = instant ? RunInstant(all, query, 0) : RunRange(all, query, 0);
    ASSERT_TRUE(held);
    options_.max_samples = held->stats.peak_samples;
    EXPECT_TRUE(Compare(instant, query)) << query;
    --options_.max_samples;
    EXPECT_FALSE(Compare(instant, query)) << query;
  }
}

TEST_F(MatrixStreamTest, HoldsNoMoreThanTheThresholdAndABatch) {
  constexpr std::size_t kThreshold = 100'000;
  options_.max_query_bytes = 2'500'000;  // Held it takes 2.7 MB at the least.
  ASSERT_GT(kSeries * 950 * sizeof(model::Sample), 2'000'000U);
  Engine engine = NewEngine();
  const auto held = RunRange(engine, "a", 0);
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().message(),
            "query needs more than 2500000 bytes of memory, the limit of one query");
  const auto streamed = RunRange(engine, "a", kThreshold);
  ASSERT_TRUE(streamed) << streamed.error().message();
  ASSERT_NE(streamed->stream, nullptr);
  const auto all = ReadAll(*streamed->stream);
  EXPECT_TRUE(all) << all.error().message();
}

TEST_F(MatrixStreamTest, StreamsAboveTheThresholdOnly) {
  Engine engine = NewEngine();
  EXPECT_EQ(RunRange(engine, "a", 1 << 30)->stream, nullptr);
  EXPECT_NE(RunRange(engine, "a", 1 << 20)->stream, nullptr);
}

TEST_F(MatrixStreamTest, ReadsAsFarAsItIsAsked) {
  Engine engine = NewEngine();
  const auto result = RunRange(engine, "a", 1);
  ASSERT_TRUE(result);
  EXPECT_EQ(storage_.watch.reads, kSeries);
  ASSERT_TRUE(result->stream->Next());
  EXPECT_EQ(storage_.watch.reads, kSeries + kBatch);
}

TEST_F(MatrixStreamTest, GivesTheStorageBackAtTheEnd) {
  Engine engine = NewEngine();
  auto result = RunRange(engine, "a", 1);
  ASSERT_TRUE(result);
  EXPECT_EQ(storage_.watch.live_sets, 1);
  ASSERT_TRUE(ReadAll(*result->stream));
  EXPECT_EQ(storage_.watch.live_sets, 0);
  EXPECT_EQ(*result->stream->Next(), nullptr);
  // And before it.
  result = RunRange(engine, "a", 1);
  ASSERT_TRUE(result->stream->Next());
  EXPECT_EQ(storage_.watch.live_sets, 1);
  result->stream.reset();
  EXPECT_EQ(storage_.watch.live_sets, 0);
}

TEST_F(MatrixStreamTest, ErrorOfTheStorageEndsIt) {
  Engine engine = NewEngine();
  const auto result = RunRange(engine, "a", 1);
  ASSERT_TRUE(result);
  storage_.watch.fail_after = kSeries + kBatch + 3;
  for (int i = 0; i < kBatch; ++i) ASSERT_TRUE(result->stream->Next()) << i;
  const auto next = result->stream->Next();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code(), Code::kExecution);
  EXPECT_EQ(next.error().message(), "expanding series: chunk is bad");
  EXPECT_EQ(*result->stream->Next(), nullptr);
  EXPECT_EQ(storage_.watch.live_sets, 0);
}

TEST_F(MatrixStreamTest, StopEndsIt) {
  Engine engine = NewEngine();
  const auto result = RunRange(engine, "a", 1);
  ASSERT_TRUE(result);
  ASSERT_TRUE(result->stream->Next());
  stop_.request_stop();
  for (int i = 1; i < kBatch; ++i) ASSERT_TRUE(result->stream->Next()) << i;
  const auto next = result->stream->Next();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code(), Code::kCancelled);
}

TEST_F(MatrixStreamTest, NeitherTimeoutNorSlotReachesIt) {
  options_.max_concurrency = 1;
  options_.timeout_ms = 1000;
  Engine engine = NewEngine();
  const auto result = RunRange(engine, "a", 1);
  ASSERT_TRUE(result);
  // Our own work may take long; only the caller is watched.
  storage_.watch.on_read = [this] { clock_.AdvanceMs(500); };
  for (int i = 0; i < kBatch + 1; ++i) {
    const auto next = result->stream->Next();
    ASSERT_TRUE(next) << next.error().message();
  }
  EXPECT_EQ(storage_.watch.reads, kSeries + 2 * kBatch);
  storage_.watch.on_read = [] {};
  EXPECT_TRUE(RunRange(engine, "vector(1)", 0));
}

TEST_F(MatrixStreamTest, ASlowCallerDoesNotKeepTheStorage) {
  options_.timeout_ms = 10'000;
  Engine engine = NewEngine();
  const auto held = RunRange(engine, "a", 0);
  ASSERT_TRUE(held);
  std::string want;
  for (const auto& series : std::get<Matrix>(held->value)) want += Text(series);
  for (const int calls : {0, 3, kBatch, kBatch + 1}) {
    SCOPED_TRACE(calls);
    const auto result = RunRange(engine, "a", 1);
    ASSERT_TRUE(result);
    std::string got;
    for (int i = 0; i < calls; ++i) got += Text(**result->stream->Next());
    clock_.AdvanceMs(5000);
    got += Text(**result->stream->Next());
    EXPECT_EQ(storage_.watch.live_sets, 1);
    clock_.AdvanceMs(5001);
    got += Text(**result->stream->Next());
    EXPECT_EQ(storage_.watch.live_sets, 0);
    clock_.AdvanceMs(50'000);
    got += *ReadAll(*result->stream);
    EXPECT_TRUE(want == got);
  }
}

TEST_F(MatrixStreamTest, WhatASlowCallerMakesHeldHasTheBudget) {
  options_.timeout_ms = 10'000;
  options_.max_query_bytes = 2'000'000;
  Engine engine = NewEngine();
  const auto result = RunRange(engine, "a", 1);
  ASSERT_TRUE(result);
  clock_.AdvanceMs(10'001);
  const auto next = result->stream->Next();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().message(),
            "query needs more than 2000000 bytes of memory, the limit of one query");
  EXPECT_EQ(storage_.watch.live_sets, 0);
}

TEST_F(MatrixStreamTest, CountsAgainstTheMemoryOfAllQueries) {
  options_.max_total_bytes = 3'500'000;  // Held it takes 2.7 MB at the least.
  Engine engine = NewEngine();
  ASSERT_TRUE(RunRange(engine, "a", 0));
  {
    const auto result = RunRange(engine, "a", 1);
    ASSERT_TRUE(result);
    ASSERT_TRUE(result->stream->Next());
    EXPECT_FALSE(RunRange(engine, "a", 0));
  }
  EXPECT_TRUE(RunRange(engine, "a", 0));
}

}  // namespace
}  // namespace narthex::promql
