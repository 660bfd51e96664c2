// SPDX-License-Identifier: Apache-2.0
//
// What both sides of an operator ask for is read once, and gives what it would give twice.
#include <gtest/gtest.h>

#include "narthex/base/clock.h"
#include "narthex/base/metrics.h"
#include "narthex/promql/engine.h"
#include "tests/support/watched_storage.h"

namespace narthex::promql {
namespace {

class SidesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto appender = storage_.data.NewAppender();
    for (const char* name : {"a", "b"}) {
      for (int i = 0; i < 10; ++i) {
        storage::SeriesRef ref{0};
        const model::Labels labels{{"__name__", name}, {"i", std::to_string(i)}};
        for (int k = 0; k <= 100; ++k) {
          ASSERT_EQ(appender->Append(ref, labels, k * 10'000, k + i), storage::AppendError::kNone);
        }
      }
    }
    ASSERT_TRUE(appender->Commit());
    options_.features.per_step_stats = true;
  }

  QueryResult Run(const std::string& query) {
    storage_.watch.reads = 0;
    Engine engine(options_, nullptr, SystemClock(), registry_);
    auto result = engine.Range(storage_, query, 500'000, 600'000, 10'000);
    EXPECT_TRUE(result) << query << ": " << (result ? "" : result.error().message());
    return result ? std::move(*result) : QueryResult();
  }

  testing::WatchedStorage storage_;
  metrics::Registry registry_;
  EngineOptions options_;
};

TEST_F(SidesTest, ReadOnce) {
  const struct {
    const char* query;
    int reads;
  } cases[] = {{"a / (a + b)", 20},
               {"rate(a[1m]) / rate(a[1m])", 10},
               {"rate(a[1m]) / rate(a[2m])", 20},
               {"a / a", 10},
               {"a / a offset 10s", 20},
               {"sum(a) / (sum(a) + sum(b))", 20},
               {"sum(a) / sum by (i) (a)", 20},
               {"a and (b or a)", 20},
               {"a + on (i) group_left () (a + (a + a))", 10},
               {"a / on (i) max_over_time(a[1m:10s])", 20},
               // What is noted would point beside.
               {"rate(a[1m]) / rate(  a[1m])", 20},
               {"rate(a[1m]) / rate(a[60s])", 20},
               {"sum(a) / sum(  a)", 10}};
  for (const auto& c : cases) {
    Run(c.query);
    EXPECT_EQ(storage_.watch.reads, c.reads) << c.query;
  }
}

TEST_F(SidesTest, GivesWhatItGivesTwice) {
  // The pairs differ in what can be shared and not in what they give.
  const struct {
    const char* shared;
    const char* apart;
  } cases[] = {{"a / (a + b)", "a / ((b + a))"},
               {"rate(a[1m]) + rate(a[1m])", "rate(a[1m]) + rate(a[60s] offset 0s)"},
               {"sum(a) / (sum(a) + sum(b))", "sum(a) / ((sum(a)) + sum(b))"},
               {"a unless (b and a)", "a unless (b and {__name__=\"a\"})"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.shared);
    const QueryResult shared = Run(c.shared), apart = Run(c.apart);
    const auto &x = std::get<Matrix>(shared.value), &y = std::get<Matrix>(apart.value);
    ASSERT_EQ(x.size(), y.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      EXPECT_EQ(x[i].metric, y[i].metric);
      ASSERT_EQ(x[i].floats.size(), y[i].floats.size());
      for (std::size_t k = 0; k < x[i].floats.size(); ++k) {
        EXPECT_EQ(x[i].floats[k].v, y[i].floats[k].v);
      }
    }
    EXPECT_EQ(shared.stats.total_queryable_samples, apart.stats.total_queryable_samples);
    EXPECT_EQ(shared.stats.samples_read, apart.stats.samples_read);
    EXPECT_EQ(shared.stats.total_per_step, apart.stats.total_per_step);
    EXPECT_EQ(shared.stats.read_per_step, apart.stats.read_per_step);
    EXPECT_EQ(shared.stats.peak_samples, apart.stats.peak_samples);
  }
}

TEST_F(SidesTest, NotesPointToTheLastPlace) {
  const QueryResult result = Run("rate(a[1m]) + rate(a[1m])");
  ASSERT_EQ(result.annotations.infos().size(), 1U);
  const auto& [text, position] = *result.annotations.infos().begin();
  ASSERT_TRUE(position);
  EXPECT_EQ(position->start, 19);
}

TEST_F(SidesTest, NotesPointToTheLastPlaceOfAnotherLayout) {
  for (const auto& [query, start, end] : {std::tuple("rate(a[1m]) + rate(  a[1m])", 21, 26),
                                          {"rate(a[1m]) + rate(a[60s])", 19, 25}}) {
    SCOPED_TRACE(query);
    const QueryResult result = Run(query);
    ASSERT_EQ(result.annotations.infos().size(), 1U);
    const auto& position = result.annotations.infos().begin()->second;
    ASSERT_TRUE(position);
    EXPECT_EQ(position->start, start);
    EXPECT_EQ(position->end, end);
  }
}

}  // namespace
}  // namespace narthex::promql
