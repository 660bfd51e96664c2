// SPDX-License-Identifier: Apache-2.0
//
// Which selections may come unsorted: those whose order no result can show.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "narthex/base/clock.h"
#include "narthex/base/metrics.h"
#include "narthex/promql/engine.h"
#include "tests/support/memory_storage.h"

namespace narthex::promql {
namespace {

/// Notes what is selected, with a '~' in front of what may come in any order.
class NotingStorage final : public storage::Queryable {
 public:
  class Querier final : public storage::Querier {
   public:
    Querier(std::unique_ptr<storage::Querier> querier, std::vector<std::string>& selected)
        : querier_(std::move(querier)), selected_(selected) {}
    Result<std::unique_ptr<storage::SeriesSet>> Select(std::span<const model::Matcher> matchers,
                                                       const storage::SelectHints& hints,
                                                       std::stop_token stop) const override {
      selected_.push_back((hints.any_order ? "~" : "") + std::string(matchers.back().value()));
      return querier_->Select(matchers, hints, stop);
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
    std::vector<std::string>& selected_;
  };

  Result<std::unique_ptr<storage::Querier>> NewQuerier(model::TimestampMs mint,
                                                       model::TimestampMs maxt) override {
    NX_ASSIGN_OR_RETURN(auto querier, data.NewQuerier(mint, maxt));
    return std::make_unique<Querier>(std::move(querier), selected);
  }

  testing::MemoryStorage data;
  std::vector<std::string> selected;
};

TEST(AnyOrderTest, OnlyWhereTheResultCantTell) {
  NotingStorage storage;
  metrics::Registry registry;
  Engine engine(EngineOptions(), nullptr, SystemClock(), registry);
  using Names = std::vector<std::string>;
  const struct {
    const char* query;
    Names selected;
  } cases[] = {
      {"count(a)", {"~a"}},
      {"group(last_over_time(a[5m]))", {"~a"}},
      {"count(max_over_time(rate(a[1m])[5m:1m]))", {"~a"}},
      {"count(a) > 5 or count(b)", {"~a", "~b"}},
      {"a", {"a"}},
      {"sum(a)", {"a"}},
      {"min(a)", {"a"}},
      {"count by (x) (a)", {"a"}},
      {"count without () (a)", {"a"}},
      {"count(topk(3, a))", {"a"}},
      {"count(sum(a))", {"a"}},
      {"count(label_replace(a, \"x\", \"y\", \"\", \"\"))", {"a"}},
      {"count(a + b)", {"a", "b"}},
      {"count_values(\"v\", a)", {"a"}},
      // Selected once for both.
      {"count(a) / sum(a)", {"a"}},
      {"count(a) / count(a)", {"~a"}},
  };
  for (const auto& c : cases) {
    storage.selected.clear();
    const auto result = engine.Instant(storage, c.query, 600'000);
    ASSERT_TRUE(result) << c.query << ": " << result.error().message();
    EXPECT_EQ(storage.selected, c.selected) << c.query;
  }
}

}  // namespace
}  // namespace narthex::promql
