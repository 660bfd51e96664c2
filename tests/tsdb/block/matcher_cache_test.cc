// SPDX-License-Identifier: Apache-2.0
#include "tsdb/block/matcher_cache.h"

#include <gtest/gtest.h>

namespace narthex::tsdb {
namespace {

using model::Matcher;
using model::MatchType;

// Values "0", "1", …: series i has value i. Counts the walks over values.
class CountingSource final : public PostingsSource {
 public:
  explicit CountingSource(SeriesId n) : n_(n) {}
  Status All(PostingList& out) const override {
    out.clear();
    for (SeriesId i = 0; i < n_; ++i) out.push_back(i);
    return {};
  }
  Status OfValue(std::string_view, std::string_view value, PostingList& out) const override {
    out.push_back(static_cast<SeriesId>(std::stoul(std::string(value))));
    return {};
  }
  Status OfValues(std::string_view, std::string_view, const ValueFilter& keep,
                  PostingList& out) const override {
    ++walks;
    if (fail) return Fail(Code::kCorruption, "bad list");
    for (SeriesId i = 0; i < n_; ++i) {
      if (!keep || keep(std::to_string(i))) out.push_back(i);
    }
    return {};
  }
  mutable int walks = 0;
  bool fail = false;

 private:
  SeriesId n_;
};

Matcher Re(const std::string& pattern, MatchType type = MatchType::kRegex) {
  return *Matcher::Create(type, "x", pattern);
}

TEST(MatcherCacheTest, WalksOnceForEachExpression) {
  CountingSource source(30);
  const MatcherCache cache(source);
  const auto select = [&](const Matcher& m) {
    return SelectPostings(cache, std::span(&m, 1)).value();
  };
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(select(Re(".*7")), (PostingList{7, 17, 27}));
    EXPECT_EQ(select(Re(".*8")), (PostingList{8, 18, 28}));
    EXPECT_EQ(select(Re("[12]?[0-9]*[0-6]", MatchType::kNotRegex)),
              (PostingList{7, 8, 9, 17, 18, 19, 27, 28, 29}));
    EXPECT_EQ(select(Re("5|6")), (PostingList{5, 6}));
  }
  EXPECT_EQ(source.walks, 3) << "a set of literals is looked up without a walk";
}

TEST(MatcherCacheTest, ErrorsAreNotRemembered) {
  CountingSource source(30);
  const MatcherCache cache(source);
  source.fail = true;
  PostingList out;
  EXPECT_FALSE(cache.OfMatcher(Re(".*7"), true, out));
  source.fail = false;
  ASSERT_TRUE(cache.OfMatcher(Re(".*7"), true, out));
  EXPECT_EQ(out.size(), 3U);
}

TEST(MatcherCacheTest, StaysWithinItsBudget) {
  CountingSource source(20'000);
  const MatcherCache cache(source);
  PostingList out;
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(cache.OfMatcher(Re(".*[0-9]{1," + std::to_string(10 + i % 100) + "}"), true, out));
    EXPECT_EQ(out.size(), 20'000U);
    EXPECT_LE(cache.memory_bytes(), MatcherCache::kMaxBytes + sizeof(MatcherCache));
  }
  // The last one is still there, the first one is not.
  const int walks = source.walks;
  ASSERT_TRUE(cache.OfMatcher(Re(".*[0-9]{1,109}"), true, out));
  EXPECT_EQ(source.walks, walks);
  ASSERT_TRUE(cache.OfMatcher(Re(".*[0-9]{1,10}"), true, out));
  EXPECT_EQ(source.walks, walks + 1);
}

}  // namespace
}  // namespace narthex::tsdb
