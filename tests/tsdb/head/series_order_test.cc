// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/series_order.h"

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace narthex::tsdb {
namespace {

using model::Labels;

/// Stores the sets as they come, sorts them, and compares with the order of model::Labels.
void ExpectSorted(const std::vector<Labels>& sets) {
  LabelStore store;
  std::vector<LabeledSeries> series;
  for (const Labels& labels : sets) {
    series.push_back({store.Add(labels), static_cast<SeriesSlot>(series.size())});
  }
  SortByLabels(store, series);
  std::vector<Labels> expected = sets;
  std::sort(expected.begin(), expected.end());
  ASSERT_EQ(series.size(), expected.size());
  std::set<SeriesSlot> slots;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(store.Get(series[i].labels), expected[i]) << "at " << i;
    ASSERT_EQ(sets[series[i].slot], expected[i]);
    ASSERT_TRUE(slots.insert(series[i].slot).second);
  }
}

std::string Text(const char* prefix, std::size_t n) { return prefix + std::to_string(n); }

TEST(SeriesOrderTest, NoneAndOne) {
  ExpectSorted({});
  ExpectSorted({Labels{{"__name__", "up"}}});
}

TEST(SeriesOrderTest, SetsOfOneShape) {
  std::vector<Labels> sets;
  for (std::size_t i = 0; i < 3000; ++i) {
    sets.push_back(Labels{{"__name__", Text("m", i % 7)},
                          {"instance", Text("host-", i / 7 % 50)},
                          {"job", "node"},
                          {"path", Text("/", i)}});
  }
  ExpectSorted(sets);
}

TEST(SeriesOrderTest, ASetComesBeforeThoseThatItBegins) {
  std::vector<Labels> sets;
  for (std::size_t i = 0; i < 50; ++i) {
    const std::string name = Text("m", i);
    sets.push_back(Labels{{"__name__", name}, {"a", "1"}, {"b", "2"}});
    sets.push_back(Labels{{"__name__", name}});
    sets.push_back(Labels{{"__name__", name}, {"a", "1"}});
    sets.push_back(Labels{{"a", name}});
  }
  sets.emplace_back();
  ExpectSorted(sets);
}

TEST(SeriesOrderTest, RandomSets) {
  std::mt19937 random(1);
  const auto one_of = [&](std::size_t n) { return random() % n; };
  for (int round = 0; round < 20; ++round) {
    std::set<Labels> unique;
    const std::size_t values = 1 + one_of(40);
    for (int i = 0; i < 1000; ++i) {
      Labels labels;
      for (std::size_t name = 0; name < 6; ++name) {
        if (one_of(3) != 0) labels.AppendSorted(Text("n", name), Text("v", one_of(values)));
      }
      unique.insert(std::move(labels));
    }
    std::vector<Labels> sets(unique.begin(), unique.end());
    std::shuffle(sets.begin(), sets.end(), random);
    ExpectSorted(sets);
    for (const std::size_t few : {0, 1, 2, 7, 32}) {
      ExpectSorted({sets.begin(), sets.begin() + static_cast<std::ptrdiff_t>(few)});
    }
  }
}

// A reader may hold series that are gone beside new ones with the same words.
TEST(SeriesOrderTest, SetsWhoseSymbolsWereReplaced) {
  LabelStore store;
  std::vector<LabeledSeries> series;
  std::vector<Labels> sets;
  LabelStore::Remains remains;
  for (std::size_t i = 0; i < 200; ++i) {
    // Odd ones end with one label, even ones with another; the words before are the same.
    sets.push_back(Labels{{"a", "1"}, {"b", "2"}, {i % 2 == 0 ? "c" : "d", Text("v", i)}});
    series.push_back({store.Add(sets.back()), static_cast<SeriesSlot>(i)});
    store.Release(series.back().labels, remains);
  }
  SortByLabels(store, series);
  std::sort(sets.begin(), sets.end());
  for (std::size_t i = 0; i < sets.size(); ++i) {
    ASSERT_EQ(store.Get(series[i].labels), sets[i]) << "at " << i;
  }
  store.Free(remains);
}

}  // namespace
}  // namespace narthex::tsdb
