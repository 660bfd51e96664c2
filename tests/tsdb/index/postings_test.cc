// SPDX-License-Identifier: Apache-2.0
#include "tsdb/postings.h"

#include <random>

#include <gtest/gtest.h>

namespace narthex::tsdb {
namespace {

template <typename Id>
void CheckSetOperations(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (int round = 0; round < 200; ++round) {
    const auto list = [&](std::size_t n) {
      std::set<Id> ids;
      for (std::size_t i = 0; i < n; ++i) ids.insert(static_cast<Id>(random() % 2000));
      return ids;
    };
    const auto a = list(random() % 50);
    const auto b = list(round % 2 == 0 ? random() % 50 : random() % 1500);  // Gallops.
    const std::vector<Id> va(a.begin(), a.end());
    const std::vector<Id> vb(b.begin(), b.end());
    std::vector<Id> both, either, rest;
    for (const Id x : a) (b.contains(x) ? both : rest).push_back(x);
    std::set<Id> all = a;
    all.insert(b.begin(), b.end());
    std::vector<Id> out{1};
    Intersect<Id>(va, vb, out);
    EXPECT_EQ(out, both);
    Intersect<Id>(vb, va, out);
    EXPECT_EQ(out, both);
    Unite<Id>(va, vb, out);
    EXPECT_EQ(out, std::vector<Id>(all.begin(), all.end()));
    Subtract<Id>(va, vb, out);
    EXPECT_EQ(out, rest);
    std::vector<Id> joined = vb;
    joined.insert(joined.end(), va.begin(), va.end());
    SortUnique(joined);
    EXPECT_EQ(joined, std::vector<Id>(all.begin(), all.end()));
  }
}

TEST(PostingsTest, SetOperationsAgreeWithSets) {
  CheckSetOperations<std::uint32_t>(1);
  CheckSetOperations<std::uint64_t>(2);
}

TEST(PostingsTest, SortsDenseAndSparseLists) {
  const struct {
    std::vector<std::uint64_t> ids, want;
  } cases[] = {{{}, {}},
               {{5}, {5}},
               {{2, 1}, {1, 2}},
               {{64, 63, 0, 64}, {0, 63, 64}},
               {{1ULL << 63, 0}, {0, 1ULL << 63}},
               {{~0ULL, 0, ~0ULL - 1}, {0, ~0ULL - 1, ~0ULL}},
               {{~0ULL, ~0ULL - 64}, {~0ULL - 64, ~0ULL}}};
  for (const auto& c : cases) {
    auto ids = c.ids;
    SortUnique(ids);
    EXPECT_EQ(ids, c.want);
  }
}

TEST(PostingsTest, EdgesOfGalloping) {
  std::vector<std::uint32_t> large;
  for (std::uint32_t i = 0; i < 1000; ++i) large.push_back(2 * i);
  const struct {
    std::vector<std::uint32_t> small, want;
  } cases[] = {{{}, {}},
               {{0}, {0}},
               {{1998}, {1998}},
               {{1999}, {}},
               {{0, 1, 2, 1996, 1998, 5000}, {0, 2, 1996, 1998}},
               {{4'000'000'000}, {}}};
  for (const auto& c : cases) {
    std::vector<std::uint32_t> out;
    Intersect<std::uint32_t>(c.small, large, out);
    EXPECT_EQ(out, c.want);
    Intersect<std::uint32_t>({}, large, out);
    EXPECT_TRUE(out.empty());
  }
}

}  // namespace
}  // namespace narthex::tsdb
