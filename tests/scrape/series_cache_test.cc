// SPDX-License-Identifier: Apache-2.0
#include "scrape/loop/series_cache.h"

#include <random>
#include <set>

namespace narthex::scrape {
namespace {

using storage::SeriesRef;

/// One iteration over series numbers; returns the refs that became stale.
std::vector<std::uint64_t> Iterate(SeriesCache& cache, const std::vector<int>& series, bool good,
                                   std::size_t* hits = nullptr) {
  for (const int s : series) {
    const std::string text = "series_" + std::to_string(s);
    const Hash128 hash = HashBytes128(text);
    const SeriesHint hint = cache.Hint();
    const bool matched = hint.length == text.size() && hint.hash == hash;
    if (hits != nullptr) *hits += matched;
    bool seen = false;
    auto i = cache.Find(hash, matched, seen);
    if (i == SeriesCache::kNone) {
      i = cache.Add(hash, text.size(), SeriesRef{static_cast<std::uint64_t>(s) + 1});
    }
    EXPECT_EQ(cache.ref(i), SeriesRef{static_cast<std::uint64_t>(s) + 1});
    cache.Track(i);
  }
  std::vector<SeriesRef> stale;
  if (good) {
    cache.Finish(stale);
  } else {
    cache.Abandon(stale);
  }
  std::vector<std::uint64_t> refs;
  for (const SeriesRef ref : stale) refs.push_back(static_cast<std::uint64_t>(ref));
  return refs;
}

TEST(SeriesCacheTest, GuessesTheOrder) {
  SeriesCache cache;
  std::size_t hits = 0;
  const std::vector<int> order = {5, 1, 9, 3};
  Iterate(cache, order, true, &hits);
  EXPECT_EQ(hits, 0u);
  Iterate(cache, order, true, &hits);
  EXPECT_EQ(hits, 4u);
  // One more in the middle: only it and the one behind it are looked up.
  Iterate(cache, {5, 1, 7, 9, 3}, true, &hits);
  EXPECT_EQ(hits, 4u + 3u);
  Iterate(cache, {5, 1, 7, 9, 3}, true, &hits);
  EXPECT_EQ(hits, 4u + 3u + 5u);
}

TEST(SeriesCacheTest, EmptyIterations) {
  SeriesCache cache;
  EXPECT_TRUE(Iterate(cache, {}, true).empty());
  EXPECT_TRUE(Iterate(cache, {}, false).empty());
  EXPECT_EQ(cache.size(), 0u);
}

TEST(SeriesCacheTest, FortyEightBytesPerSeries) {
  SeriesCache cache;
  std::vector<int> series(100'000);
  for (std::size_t i = 0; i < series.size(); ++i) series[i] = static_cast<int>(i);
  Iterate(cache, series, true);
  EXPECT_LE(cache.memory_bytes(), series.size() * 48);
}

TEST(SeriesCacheTest, ForgetsWhatIsGone) {
  SeriesCache cache;
  for (int round = 0; round < 50; ++round) {
    std::vector<int> series;
    for (int i = 0; i < 1000; ++i) series.push_back(round * 1000 + i);
    Iterate(cache, series, true);
  }
  EXPECT_LE(cache.size(), 2100u);
}

TEST(SeriesCacheTest, FailuresDoNotLetItGrowForever) {
  SeriesCache cache;
  for (int round = 0; round < 50; ++round) {
    std::vector<int> series;
    for (int i = 0; i < 500; ++i) series.push_back(round * 500 + i);
    Iterate(cache, series, false);
  }
  EXPECT_LE(cache.size(), 2000u);
}

/// Random iterations against sets: what was in the last good one and is not in this one is stale.
TEST(SeriesCacheTest, StalenessAgainstAModel) {
  std::mt19937 random(7);
  SeriesCache cache;
  std::set<std::uint64_t> before;
  for (int round = 0; round < 400; ++round) {
    SCOPED_TRACE(round);
    std::vector<int> series;
    std::set<std::uint64_t> now;
    for (int i = 0; i < 60; ++i) {
      if (random() % 5 == 0) continue;
      series.push_back(i);
      now.insert(static_cast<std::uint64_t>(i) + 1);
    }
    if (random() % 4 == 0) std::shuffle(series.begin(), series.end(), random);
    const bool good = random() % 4 != 0;
    const auto stale = Iterate(cache, series, good);
    std::set<std::uint64_t> want;
    for (const auto ref : before) {
      if (!good || !now.contains(ref)) want.insert(ref);
    }
    EXPECT_EQ(std::set<std::uint64_t>(stale.begin(), stale.end()), want);
    before = good ? now : std::set<std::uint64_t>();
  }
}

}  // namespace
}  // namespace narthex::scrape
