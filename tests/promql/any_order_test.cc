// SPDX-License-Identifier: Apache-2.0
//
// Which selections may come unsorted: those whose order no result can show.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "narthex/base/clock.h"
#include "narthex/base/metrics.h"
#include "narthex/promql/engine.h"
#include "tests/support/watched_storage.h"

namespace narthex::promql {
namespace {

TEST(AnyOrderTest, OnlyWhereTheResultCantTell) {
  testing::WatchedStorage storage;
  std::vector<std::string> selected;  // With a '~' in front of what may come in any order.
  storage.watch.on_select = [&](std::span<const model::Matcher> matchers,
                                const storage::SelectHints& hints) {
    selected.push_back((hints.any_order ? "~" : "") + std::string(matchers.back().value()));
  };
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
    selected.clear();
    const auto result = engine.Instant(storage, c.query, 600'000);
    ASSERT_TRUE(result) << c.query << ": " << result.error().message();
    EXPECT_EQ(selected, c.selected) << c.query;
  }
}

}  // namespace
}  // namespace narthex::promql
