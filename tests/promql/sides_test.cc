// SPDX-License-Identifier: Apache-2.0
//
// What both sides of an operator ask for is read once, and gives what it would give twice.
#include <atomic>

#include <gtest/gtest.h>

#include "narthex/base/clock.h"
#include "narthex/base/metrics.h"
#include "narthex/promql/engine.h"
#include "tests/support/memory_storage.h"

namespace narthex::promql {
namespace {

/// Counts how often a series is read.
class CountingStorage final : public storage::Queryable {
 public:
  class Set final : public storage::SeriesSet {
   public:
    Set(std::unique_ptr<storage::SeriesSet> set, std::atomic<int>& reads)
        : set_(std::move(set)), reads_(reads) {}
    std::size_t size() const override { return set_->size(); }
    model::Labels LabelsAt(std::size_t i) const override { return set_->LabelsAt(i); }
    Status Read(std::size_t i, model::TimestampMs mint, model::TimestampMs maxt,
                storage::SampleColumns& out) const override {
      ++reads_;
      return set_->Read(i, mint, maxt, out);
    }

   private:
    std::unique_ptr<storage::SeriesSet> set_;
    std::atomic<int>& reads_;
  };

  class Querier final : public storage::Querier {
   public:
    Querier(std::unique_ptr<storage::Querier> querier, std::atomic<int>& reads)
        : querier_(std::move(querier)), reads_(reads) {}
    Result<std::unique_ptr<storage::SeriesSet>> Select(std::span<const model::Matcher> matchers,
                                                       const storage::SelectHints& hints,
                                                       std::stop_token stop) const override {
      NX_ASSIGN_OR_RETURN(auto set, querier_->Select(matchers, hints, stop));
      return std::make_unique<Set>(std::move(set), reads_);
    }
    Result<std::vector<std::string>> LabelValues(std::string_view name,
                                                 std::span<const model::Matcher> matchers,
                                                 std::size_t limit,
                                                 std::stop_token stop) const override {
      return querier_->LabelValues(name, matchers, limit, stop);
    }
    Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers,
                                                std::size_t limit,
                                                std::stop_token stop) const override {
      return querier_->LabelNames(matchers, limit, stop);
    }

   private:
    std::unique_ptr<storage::Querier> querier_;
    std::atomic<int>& reads_;
  };

  Result<std::unique_ptr<storage::Querier>> NewQuerier(model::TimestampMs mint,
                                                       model::TimestampMs maxt) override {
    NX_ASSIGN_OR_RETURN(auto querier, data.NewQuerier(mint, maxt));
    return std::make_unique<Querier>(std::move(querier), reads);
  }

  testing::MemoryStorage data;
  std::atomic<int> reads{0};
};

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
    storage_.reads = 0;
    Engine engine(options_, nullptr, SystemClock(), registry_);
    auto result = engine.Range(storage_, query, 500'000, 600'000, 10'000);
    EXPECT_TRUE(result) << query << ": " << (result ? "" : result.error().message());
    return result ? std::move(*result) : QueryResult();
  }

  CountingStorage storage_;
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
    EXPECT_EQ(storage_.reads, c.reads) << c.query;
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
