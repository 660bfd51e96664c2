// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "tsdb/head/hash_index.h"
#include "tsdb/head/label_store.h"
#include "tsdb/head/mem_postings.h"
#include "tsdb/head/slab_arena.h"

namespace narthex::tsdb {
namespace {

TEST(SlabArenaTest, ClassesHoldWhatIsAskedFor) {
  EXPECT_EQ(SlabArena::ClassOf(0), 0);
  for (std::size_t bytes = 1; bytes <= SlabArena::kClassBytes.back(); ++bytes) {
    const auto c = SlabArena::ClassOf(bytes);
    ASSERT_GE(SlabArena::BytesOf(c), bytes);
    if (c > 0) {
      ASSERT_LT(SlabArena::BytesOf(static_cast<std::uint8_t>(c - 1)), bytes);
    }
  }
  EXPECT_EQ(SlabArena::ClassOf(SlabArena::kClassBytes.back() + 1), SlabArena::kClassBytes.size());
}

TEST(SlabArenaTest, BlocksNeverOverlapAndMemoryIsReused) {
  SlabArena arena;
  std::mt19937 random(5);
  struct Block {
    ArenaRef ref;
    std::size_t bytes;
    std::uint8_t fill;
  };
  std::vector<Block> blocks;
  const auto intact = [&](const Block& block) {
    const std::uint8_t* p = arena.At(block.ref);
    return std::all_of(p, p + block.bytes, [&](auto byte) { return byte == block.fill; });
  };
  for (int i = 0; i < 60'000; ++i) {
    if (blocks.size() < 2'000 || random() % 2 == 0) {
      const std::size_t bytes = random() % 500 == 0 ? 100'000 : 1 + random() % 1'100;
      const Block block{arena.Allocate(bytes), bytes, static_cast<std::uint8_t>(i)};
      ASSERT_NE(block.ref, 0U);
      std::memset(arena.At(block.ref), block.fill, bytes);
      blocks.push_back(block);
    } else {
      std::swap(blocks[random() % blocks.size()], blocks.back());
      ASSERT_TRUE(intact(blocks.back()));
      arena.Free(blocks.back().ref, blocks.back().bytes);
      blocks.pop_back();
    }
  }
  std::size_t live = 0;
  for (const auto& block : blocks) {
    ASSERT_TRUE(intact(block));
    live += block.bytes;
  }
  EXPECT_GT(arena.held_bytes(), live);
  for (const auto& block : blocks) arena.Free(block.ref, block.bytes);
  EXPECT_LT(arena.held_bytes(), 4U << 20) << "one slab per class stays";
}

TEST(SlabArenaTest, FewFreeSlabsKeepTheirMemory) {
  SlabArena arena;
  constexpr std::size_t kBlockBytes = 8192;
  constexpr std::size_t kBlocksPerSlab = SlabArena::kSlabBytes / kBlockBytes;
  constexpr std::size_t kSlabs = 1'280;
  std::vector<ArenaRef> blocks;
  for (std::size_t i = 0; i < kSlabs * kBlocksPerSlab; ++i) {
    blocks.push_back(arena.Allocate(kBlockBytes));
    std::memset(arena.At(blocks.back()), 1, kBlockBytes);
  }
  const std::size_t all = arena.held_bytes();
  const auto free_slabs = [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first * kBlocksPerSlab; i < last * kBlocksPerSlab; ++i) {
      arena.Free(blocks[i], kBlockBytes);
    }
  };
  free_slabs(0, 10);
  EXPECT_GE(arena.held_bytes(), all) << "about to be used again";
  free_slabs(10, kSlabs / 2);
  const std::size_t half = arena.held_bytes();
  EXPECT_LT(half, all / 2 + all / 50);
  EXPECT_GT(half, all / 2) << "what is kept is counted";
  free_slabs(kSlabs / 2, kSlabs);
  EXPECT_LE(arena.held_bytes(), all / 100) << "a few slabs at most";
}

TEST(HashIndexTest, LikeAMap) {
  std::mt19937 random(6);
  HashIndex index;
  std::map<std::uint32_t, std::uint32_t> hashes;  // Number → hash; few hashes, so they collide.
  std::uint32_t next = 1;
  for (int i = 0; i < 20'000; ++i) {
    if (hashes.size() < 50 || random() % 5 < 3) {
      const auto hash = static_cast<std::uint32_t>(random() % 200 * 0x01000193);
      index.Insert(hash, next);
      hashes[next++] = hash;
    } else {
      auto it = hashes.lower_bound(static_cast<std::uint32_t>(random() % next));
      if (it == hashes.end()) it = hashes.begin();
      index.Erase(it->second, it->first);
      EXPECT_EQ(index.Find(it->second, [&](std::uint32_t n) { return n == it->first; }), 0U);
      hashes.erase(it);
    }
    ASSERT_EQ(index.size(), hashes.size());
  }
  for (const auto& [number, hash] : hashes) {
    EXPECT_EQ(index.Find(hash, [n = number](std::uint32_t found) { return found == n; }), number);
  }
}

TEST(LabelStoreTest, SetsComeBackAndGiveEverythingBack) {
  LabelStore store;
  const std::vector<model::Labels> sets = {
      {}, {{"a", "1"}}, {{"a", "2"}}, {{"a", "1"}, {"b", "1"}}, {{"b", "1"}}, {{"ä", "\xff"}}};
  std::vector<ArenaRef> runs;
  for (const auto& labels : sets) runs.push_back(store.Add(labels));
  for (std::size_t i = 0; i < sets.size(); ++i) {
    EXPECT_EQ(store.Get(runs[i]), sets[i]);
    for (std::size_t j = 0; j < sets.size(); ++j) {
      EXPECT_EQ(store.Equal(runs[i], sets[j]), i == j);
      EXPECT_EQ(store.Compare(runs[i], runs[j]), sets[i] <=> sets[j]);
    }
  }
  EXPECT_EQ(store.symbols().size(), 6U);  // a, b, ä, 1, 2, \xff.
  LabelStore::Remains remains;
  for (const ArenaRef run : runs) store.Release(run, remains);
  EXPECT_EQ(store.symbols().size(), 0U);
  EXPECT_EQ(store.Get(runs[3]), sets[3]) << "readable until it is freed";
  store.Free(remains);
}

// A reader may hold a set that is gone beside a new one with the same words.
TEST(LabelStoreTest, ComparesWithSetsThatWereReleased) {
  LabelStore store;
  const model::Labels gone = {{"a", "1"}, {"b", "2"}, {"c", "1"}};
  const model::Labels fresh = {{"a", "1"}, {"b", "1"}, {"d", "1"}};
  const ArenaRef gone_run = store.Add(gone);
  LabelStore::Remains remains;
  store.Release(gone_run, remains);
  const ArenaRef fresh_run = store.Add(fresh);
  EXPECT_EQ(store.Compare(gone_run, fresh_run), gone <=> fresh);
  EXPECT_EQ(store.Compare(fresh_run, gone_run), fresh <=> gone);
  store.Free(remains);
}

TEST(MemPostingsTest, LikeAMapOfSets) {
  std::mt19937 random(7);
  LabelStore store;
  MemPostings postings;
  std::map<SeriesId, ArenaRef> live;
  std::map<std::pair<Symbol, Symbol>, std::set<SeriesId>> want;
  const auto check = [&] {
    ASSERT_EQ(postings.num_pairs(), want.size());
    PostingList got;
    for (const auto& [pair, ids] : want) {
      got.clear();
      postings.OfPair(pair.first, pair.second, got);
      ASSERT_EQ(got, PostingList(ids.begin(), ids.end()));
      ASSERT_EQ(postings.CountOf(pair.first, pair.second), ids.size());
      const auto* values = postings.ValuesOf(pair.first);
      ASSERT_NE(values, nullptr);
      ASSERT_EQ(std::count(values->begin(), values->end(), pair.second), 1);
    }
    postings.All(got);
    ASSERT_EQ(got.size(), live.size());
    // What several have in common: of each kind of list, in any order, with pairs nobody has.
    for (int round = 0; round < 200; ++round) {
      std::vector<LabelStore::Pair> pairs;
      PostingList common = got;
      PostingList of_pairs;
      const auto it = want.begin();
      for (auto n = 1 + random() % 3; n > 0; --n) {
        const auto& [pair, ids] =
            *std::next(it, static_cast<std::ptrdiff_t>(random() % want.size()));
        pairs.push_back({pair.first, random() % 20 == 0 ? 0 : pair.second});
        std::erase_if(common, [&, &ids = ids](SeriesId id) {
          return pairs.back().value == 0 || !ids.contains(id);
        });
      }
      postings.OfPairs(pairs, of_pairs);
      ASSERT_EQ(of_pairs, common);
    }
  };
  for (int i = 0; i < 6'000; ++i) {
    const auto id = static_cast<SeriesId>(1 + random() % 3'000);
    if (const auto it = live.find(id); it != live.end()) {
      postings.Remove(id, it->second, store);
      store.ForEach(it->second, [&](Symbol name, Symbol value) {
        auto& ids = want[{name, value}];
        ids.erase(id);
        if (ids.empty()) want.erase({name, value});
      });
      live.erase(it);
    } else {
      const ArenaRef run = store.Add({{"few", std::to_string(id % 3)},
                                      {"many", std::to_string(id % 40)},
                                      {"most", std::to_string(id % 7 == 0 ? 1 : 0)},
                                      {"own", std::to_string(id)}});
      postings.Add(id, run, store);
      store.ForEach(run, [&](Symbol name, Symbol value) { want[{name, value}].insert(id); });
      live[id] = run;
    }
    if (i % 500 == 0) check();
  }
  check();
  for (const auto& [id, run] : live) postings.Remove(id, run, store);
  EXPECT_EQ(postings.num_pairs(), 0U);
}

}  // namespace
}  // namespace narthex::tsdb
