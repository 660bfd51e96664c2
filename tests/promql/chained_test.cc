// SPDX-License-Identifier: Apache-2.0
//
// Series whose samples lie in two parts of the storage: upstream's iterator over both forgets
// whether a histogram is a reset where it leaps over samples that no step needs.
#include <gtest/gtest.h>

#include "narthex/base/clock.h"
#include "narthex/base/metrics.h"
#include "narthex/promql/engine.h"
#include "narthex/storage/merge.h"
#include "tests/support/memory_storage.h"

namespace narthex::promql {
namespace {

using model::CounterResetHint;

class ChainedStorage final : public storage::Queryable {
 public:
  Result<std::unique_ptr<storage::Querier>> NewQuerier(model::TimestampMs mint,
                                                       model::TimestampMs maxt) override {
    std::vector<std::unique_ptr<storage::Querier>> queriers;
    for (auto* part : {&older, &newer}) {
      NX_ASSIGN_OR_RETURN(auto querier, part->NewQuerier(mint, maxt));
      queriers.push_back(std::move(querier));
    }
    return storage::MergeQueriers(std::move(queriers));
  }

  testing::MemoryStorage older, newer;
};

/// A sample a minute, every second one a reset.
void Fill(testing::MemoryStorage& to, int first_minute, int last_minute) {
  const auto appender = to.NewAppender();
  storage::SeriesRef ref{0};
  for (int m = first_minute; m <= last_minute; ++m) {
    model::FloatHistogram h;
    h.counter_reset_hint = m % 2 == 0 ? CounterResetHint::kReset : CounterResetHint::kNotReset;
    h.count = h.zero_count = 1;
    ASSERT_EQ(appender->AppendFloatHistogram(ref, model::Labels{{"__name__", "h"}}, m * 60'000, h),
              storage::AppendError::kNone);
  }
  ASSERT_TRUE(appender->Commit());
}

class ChainedTest : public ::testing::Test {
 protected:
  bool Warns(storage::Queryable& storage, const char* query, int from, int to, int step) {
    Engine engine(EngineOptions(), nullptr, SystemClock(), registry_);
    const auto result = engine.Range(storage, query, from * 60'000, to * 60'000, step * 60'000);
    EXPECT_TRUE(result) << (result ? "" : result.error().message());
    return result && !result->annotations.warnings().empty();
  }

  metrics::Registry registry_;
};

TEST_F(ChainedTest, LeapsForgetResets) {
  testing::MemoryStorage whole;
  Fill(whole, 0, 60);
  ChainedStorage chained;
  Fill(chained.older, 0, 30);
  Fill(chained.newer, 31, 60);
  // Windows of two samples, the older one a reset; gaps between them, and an end of the window
  // between samples.
  EXPECT_TRUE(Warns(whole, "sum_over_time(h[90s])", 11, 41, 10));
  EXPECT_FALSE(Warns(chained, "sum_over_time(h[90s])", 11, 41, 10));
  // Three samples: only the first one is forgotten.
  EXPECT_TRUE(Warns(chained, "sum_over_time(h[150s])", 11, 41, 10));
  // Without gaps the iterator never leaps.
  EXPECT_TRUE(Warns(chained, "sum_over_time(h[90s])", 11, 41, 1));
  // All in one part after all.
  EXPECT_TRUE(Warns(chained, "sum_over_time(h[90s])", 41, 51, 10));
}

}  // namespace
}  // namespace narthex::promql
