// SPDX-License-Identifier: Apache-2.0
//
// The ring of exemplars: order, lateness, eviction.
#include "tsdb/head/exemplar_store.h"

#include <map>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace narthex::tsdb::testing {
namespace {

using model::Exemplar;
using storage::AppendError;

const model::Labels kSeries = {{"__name__", "m"}};

Exemplar At(model::TimestampMs t, double value = 1) { return {{{"trace", "x"}}, value, t, true}; }

std::string Stored(const ExemplarStore& store) {
  std::string text;
  store.ForEach(model::kMinTime, model::kMaxTime, [&](const auto&, const Exemplar& exemplar) {
    text += fmt::format("{}{}", text.empty() ? "" : " ", exemplar.t);
  });
  return text;
}

TEST(ExemplarStoreTest, TakesLateOnesWithinTheWindow) {
  ExemplarStore store(10);
  constexpr model::DurationMs kWindow = 100;
  const struct {
    const char* name;
    Exemplar exemplar;
    AppendError want;
  } cases[] = {
      {"the first", At(1000), AppendError::kNone},
      {"the same again", At(1000), AppendError::kNone},
      {"same time, larger value", At(1000, 2), AppendError::kNone},
      {"same time, smaller value", At(1000, 1.5), AppendError::kExemplarOutOfOrder},
      {"in the window", At(901), AppendError::kNone},
      {"at its end", At(900), AppendError::kExemplarOutOfOrder},
      {"between", At(950), AppendError::kNone},
      {"of a time that is taken", At(950, 7), AppendError::kNone},
      {"newest", At(2000), AppendError::kNone},
      {"late, after the newest", At(1950), AppendError::kNone},
      {"too late now", At(1000, 9), AppendError::kExemplarOutOfOrder},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(store.Check(kSeries, c.exemplar, kWindow), c.want);
    EXPECT_EQ(store.Add(kSeries, c.exemplar, kWindow), c.want);
  }
  EXPECT_EQ(Stored(store), "1000 1000 901 950 2000 1950") << "what is repeated is not stored";
  EXPECT_EQ(store.num_series(), 1U);
  EXPECT_EQ(store.Add(kSeries, At(1999), 0), AppendError::kExemplarOutOfOrder) << "no window";
}

TEST(ExemplarStoreTest, TheNewestByTimeMayBeTheFirstToGo) {
  ExemplarStore store(3);
  for (const model::TimestampMs t : {1000, 990, 980}) {
    ASSERT_EQ(store.Add(kSeries, At(t), 100), AppendError::kNone);
  }
  ASSERT_EQ(store.Add(kSeries, At(985), 100), AppendError::kNone);  // 1000 goes.
  EXPECT_EQ(Stored(store), "990 980 985");
  EXPECT_EQ(store.Add(kSeries, At(989), 1), AppendError::kExemplarOutOfOrder);
  EXPECT_EQ(store.Add(kSeries, At(991), 1), AppendError::kNone) << "990 was the newest";
}

TEST(ExemplarStoreTest, KeepsTheNewestThatFit) {
  ExemplarStore store(4);
  for (const model::TimestampMs t : {1000, 1010, 1005, 1020, 1030}) {  // 1000 goes.
    ASSERT_EQ(store.Add(kSeries, At(t), 100), AppendError::kNone);
  }
  EXPECT_EQ(store.Resize(6), 4U);
  EXPECT_EQ(Stored(store), "1010 1005 1020 1030");
  ASSERT_EQ(store.Add(kSeries, At(1040), 100), AppendError::kNone);
  EXPECT_EQ(store.Resize(3), 3U);
  EXPECT_EQ(Stored(store), "1020 1030 1040");
  EXPECT_EQ(store.capacity(), 3U);
  EXPECT_EQ(store.Resize(0), 0U);
  EXPECT_FALSE(store.enabled());
  EXPECT_EQ(store.num_series(), 0U);
  EXPECT_EQ(store.held_bytes(), 0U);
  EXPECT_EQ(store.Add(kSeries, At(1050), 100), AppendError::kExemplarsDisabled);
  EXPECT_EQ(store.Resize(1), 0U);
  EXPECT_EQ(store.Add(kSeries, At(1050), 100), AppendError::kNone) << "nothing is left of before";
}

// Whatever comes, the chain of each series is that of its entries by time.
TEST(ExemplarStoreTest, AgreesWithASimpleModel) {
  std::size_t capacity = 7;
  constexpr model::DurationMs kWindow = 20;
  ExemplarStore store(capacity);
  std::vector<std::pair<int, model::TimestampMs>> want;  // Series and time, oldest first.
  std::mt19937 random(5);
  for (int i = 0; i < 20'000; ++i) {
    if (random() % 50 == 0) {
      capacity = 1 + random() % 9;
      want.erase(want.begin(),
                 want.end() - static_cast<std::ptrdiff_t>(std::min(want.size(), capacity)));
      ASSERT_EQ(store.Resize(capacity), want.size());
    }
    const int series = static_cast<int>(random() % 3);
    const model::TimestampMs t = 1000 + i / 4 + static_cast<int>(random() % 30);
    model::TimestampMs newest = model::kMinTime;
    bool taken = false;
    for (const auto& [s, time] : want) {
      if (s != series) continue;
      newest = std::max(newest, time);
      taken = taken || time == t;
    }
    const bool refused = newest != model::kMinTime && t < newest && newest - t >= kWindow;
    const model::Labels labels = {{"s", std::to_string(series)}};
    ASSERT_EQ(store.Add(labels, At(t), kWindow),
              refused ? AppendError::kExemplarOutOfOrder : AppendError::kNone);
    if (!refused && !taken) {
      want.emplace_back(series, t);
      if (want.size() > capacity) want.erase(want.begin());
    }
    std::string text;
    for (const auto& [s, time] : want) text += fmt::format("{}{}", text.empty() ? "" : " ", time);
    ASSERT_EQ(Stored(store), text);
  }
}

}  // namespace
}  // namespace narthex::tsdb::testing
