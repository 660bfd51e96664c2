// SPDX-License-Identifier: Apache-2.0
//
// What a trace says of the operators of a query, and numbers per step.
#include "narthex/promql/trace.h"

#include <gtest/gtest.h>

#include "narthex/base/clock.h"
#include "narthex/base/json_writer.h"
#include "narthex/base/metrics.h"
#include "narthex/base/thread_pool.h"
#include "narthex/promql/engine.h"
#include "tests/support/memory_storage.h"

namespace narthex::promql {
namespace {

class TraceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.features.per_step_stats = true;
    const auto appender = storage_.NewAppender();
    for (int i = 0; i < 3; ++i) {
      storage::SeriesRef ref{0};
      const model::Labels labels{{"__name__", "x"}, {"i", std::to_string(i)}};
      for (int k = 0; k <= 10; ++k) {
        ASSERT_EQ(appender->Append(ref, labels, k * 10'000, k), storage::AppendError::kNone);
      }
    }
    ASSERT_TRUE(appender->Commit());
  }

  Result<QueryResult> Range(const std::string& query, bool trace = true) {
    Engine engine(options_, &pool_, SystemClock(), registry_);
    QueryOptions options;
    options.trace = trace;
    return engine.Range(storage_, query, 60'000, 90'000, 10'000, options);
  }
  Result<QueryResult> Instant(const std::string& query) {
    Engine engine(options_, nullptr, SystemClock(), registry_);
    QueryOptions options;
    options.trace = true;
    return engine.Instant(storage_, query, 60'000, options);
  }

  /// "sum 4/1/4 (rate 4/3/12 read 9)": steps/series/samples and what is below.
  static std::string Shape(const TraceNode& node) {
    std::string text(node.name.empty() ? std::string(node.type) : node.name);
    text += ' ' + std::to_string(node.steps) + '/' + std::to_string(node.series) + '/' +
            std::to_string(node.samples);
    if (node.samples_read > 0) text += " read " + std::to_string(node.samples_read);
    for (const auto& child : node.children) text += " (" + Shape(*child) + ')';
    return text;
  }

  EngineOptions options_;
  testing::MemoryStorage storage_;
  metrics::Registry registry_;
  ThreadPool pool_{"trace", 2};
};

TEST_F(TraceTest, OperatorsInTheirTree) {
  const struct {
    const char* query;
    const char* shape;
  } cases[] = {
      {"x", "vectorSelector 4/3/12 read 12"},
      {"sum by (j) (rate(x[30s]))", "sum 4/1/4 (rate 4/3/12 read 18)"},
      {"((x)) + on (i) (x * 2)",
       "+ 4/3/12 (vectorSelector 4/3/12 read 12) (* 4/3/12 (vectorSelector 4/3/12 read 12))"},
      {"sum(x @ 60)", "sum 1/1/1 (vectorSelector 1/3/3 read 3)"},
      {"max_over_time(sum(x)[20s:10s])",
       "max_over_time 4/1/4 (subquery 4/1/5 (sum 5/1/5 (vectorSelector 5/3/15 read 15)))"},
      {"vector(time() - 1)", "vector 4/1/4 (- 4/1/4 (time 4/1/4))"},
      {"-x", "- 4/3/12 (vectorSelector 4/3/12 read 12)"},
  };
  for (const auto& c : cases) {
    const auto result = Range(c.query);
    ASSERT_TRUE(result) << c.query << ": " << result.error().message();
    ASSERT_NE(result->trace, nullptr) << c.query;
    EXPECT_EQ(Shape(*result->trace), c.shape) << c.query;
    EXPECT_EQ(result->trace->position.start, 0) << c.query;
    EXPECT_GT(result->trace->cpu_ns.load(), 0) << c.query;
    EXPECT_GT(result->trace->bytes, 0) << c.query;
  }
}

TEST_F(TraceTest, RangeVectorsAndWhatHasNoOperator) {
  EXPECT_EQ(Shape(*Instant("x[30s]")->trace), "matrixSelector 1/3/9 read 9");
  EXPECT_EQ(Shape(*Instant("x[20s:10s]")->trace), "subquery 1/3/6 (vectorSelector 2/3/6 read 6)");
  EXPECT_EQ(Instant("1")->trace, nullptr);
  EXPECT_EQ(Instant("\"a\"")->trace, nullptr);
  EXPECT_EQ(Range("x", false)->trace, nullptr);
}

TEST_F(TraceTest, AsJson) {
  const auto result = Range("sum(x)");
  ASSERT_TRUE(result);
  result->trace->cpu_ns = 1'500'000;
  result->trace->bytes = 64;
  result->trace->children.clear();
  JsonWriter out;
  WriteTrace(*result->trace, out);
  EXPECT_EQ(out.TakeText(),
            R"({"type":"aggregation","name":"sum","position":{"start":0,"end":6},"steps":4,)"
            R"("series":1,"samples":4,"samplesRead":0,"bytes":64,"cpuTime":0.0015,"children":[]})");
}

// Prometheus has a number for each step, whether anything was read for it or not; what a subquery
// alone reads is read for the only step there is.
TEST_F(TraceTest, NumbersForEachStep) {
  using Counts = std::vector<std::int64_t>;
  EXPECT_EQ(Range("none")->stats.total_per_step, Counts(4, 0));
  EXPECT_EQ(Range("1")->stats.read_per_step, Counts(4, 0));
  EXPECT_EQ(Instant("\"a\"")->stats.total_per_step, Counts(1, 0));
  EXPECT_EQ(Instant("x[20s:10s]")->stats.total_per_step, Counts{6});
  EXPECT_EQ(Instant("(x @ 60)[20s:10s]")->stats.total_per_step, Counts{6});
}

TEST_F(TraceTest, TrimmingIsNoOperationOfScalars) {
  for (const char* query : {"1 </ 2", "1 >/ 2"}) {
    const auto result = Instant(query);
    ASSERT_FALSE(result) << query;
    EXPECT_EQ(result.error().code(), Code::kExecution);
    EXPECT_EQ(result.error().message(),
              std::string("operator \"") + query[2] + "/\" not allowed for Scalar operations");
  }
}

}  // namespace
}  // namespace narthex::promql
