// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/ref_map.h"

#include <gtest/gtest.h>

namespace narthex::tsdb {
namespace {

TEST(RefMapTest, DenseAndSparseNumbers) {
  RefMap map;
  SeriesSlot slot = 0;
  std::vector<wal::WalRef> refs;
  for (wal::WalRef ref = 1; ref < 300'000; ++ref) refs.push_back(ref);
  for (wal::WalRef ref = 10'000'000; ref < (1ULL << 34); ref += 1ULL << 20) {
    refs.push_back(ref);
    refs.push_back(ref + 1);
  }
  for (unsigned shift = 34; shift < 64; ++shift) refs.push_back(1ULL << shift);
  for (const auto ref : refs) map.Set(ref, ++slot);
  // Around those that are there already.
  for (wal::WalRef ref = 10'000'000; ref < 10'004'096; ++ref) {
    if (map.Get(ref) != 0) continue;
    refs.push_back(ref);
    map.Set(ref, ++slot);
  }
  for (std::size_t i = 0; i < refs.size(); ++i) ASSERT_EQ(map.Get(refs[i]), i + 1) << refs[i];
  for (const wal::WalRef ref : {0ULL, 300'001ULL, 9'000'000ULL, 1ULL << 33 | 77, ~0ULL}) {
    EXPECT_EQ(map.Get(ref), 0U) << ref;
  }
  map.Set(10'000'000, 5);
  EXPECT_EQ(map.Get(10'000'000), 5U) << "set again";
}

// A log of a few megabytes must not take gigabytes.
TEST(RefMapTest, MemoryGoesByTheNumberOfSeries) {
  RefMap map;
  constexpr std::size_t kSeries = 300'000;
  for (std::size_t i = 1; i <= kSeries; ++i) map.Set(i << 12, static_cast<SeriesSlot>(i));
  EXPECT_LE(map.held_bytes(), (8U << 20) + kSeries * 128);
  for (std::size_t i = 1; i <= kSeries; ++i) ASSERT_EQ(map.Get(i << 12), i);
}

}  // namespace
}  // namespace narthex::tsdb
