// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "narthex/model/float_histogram.h"
#include "narthex/model/histogram.h"

namespace narthex::model {
namespace {

// One schema coarser, bucket i goes to ceil(i / 2).
TEST(HistogramCoarsenTest, MergesBuckets) {
  Histogram h;
  h.schema = 9;
  h.positive_spans = {{-3, 4}, {2, 3}};         // -3 -2 -1 0, 3 4 5 -> -1 -1 0 0, 2 2 3.
  h.positive_buckets = {1, 1, 1, 1, -3, 4, 1};  // Counts 1 2 3 4 1 5 6.
  h.negative_spans = {{1, 2}};
  h.negative_buckets = {std::numeric_limits<std::int64_t>::max() / 2, 0};
  FloatHistogram f = ToFloat(h);
  ASSERT_TRUE(CoarsenChecked(h, 8));
  EXPECT_EQ(8, h.schema);
  EXPECT_EQ((std::vector<Span>{{-1, 2}, {1, 2}}), h.positive_spans);
  EXPECT_EQ((std::vector<std::int64_t>{3, 4, -1, 0}), h.positive_buckets);  // Counts 3 7 6 6.
  EXPECT_EQ((std::vector<Span>{{1, 1}}), h.negative_spans);
  EXPECT_EQ((std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::max() - 1}),
            h.negative_buckets);
  ASSERT_TRUE(CoarsenChecked(f, 8));
  EXPECT_EQ(h.positive_spans, f.positive_spans);
  EXPECT_EQ((std::vector<double>{3, 7, 6, 6}), f.positive_buckets);
}

TEST(HistogramCoarsenTest, LeavesWhatIsCoarseEnough) {
  Histogram h;
  h.schema = 3;
  h.positive_spans = {{0, 7}};  // Wrong, but nobody looks.
  EXPECT_TRUE(CoarsenChecked(h, 8));
  h.schema = kCustomBucketsSchema;
  EXPECT_TRUE(CoarsenChecked(h, -60));
  EXPECT_EQ(kCustomBucketsSchema, h.schema);
}

TEST(HistogramCoarsenTest, RefusesSpansThatDoNotFit) {
  constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();
  const struct {
    const char* name;
    std::vector<Span> spans;
    std::size_t buckets;
  } cases[] = {
      {"too few", {{0, 2}}, 1},
      {"too many", {{0, 2}}, 3},
      {"backwards", {{0, 1}, {-1, 1}}, 2},
      {"endless", {{0, std::numeric_limits<std::uint32_t>::max()}}, 2},
      {"index beyond 32 bits", {{kMost, 1}, {kMost, 1}}, 2},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    Histogram h;
    h.schema = 20;
    h.positive_spans = c.spans;
    h.positive_buckets.assign(c.buckets, 1);
    FloatHistogram f;
    f.schema = 20;
    f.negative_spans = c.spans;
    f.negative_buckets.assign(c.buckets, 1);
    EXPECT_FALSE(CoarsenChecked(h, 8));
    EXPECT_EQ(20, h.schema);
    EXPECT_EQ(c.spans, h.positive_spans);
    EXPECT_FALSE(CoarsenChecked(f, 8));
    EXPECT_EQ(c.spans, f.negative_spans);
  }
}

}  // namespace
}  // namespace narthex::model
