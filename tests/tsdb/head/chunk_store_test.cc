// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/chunk_store.h"

#include <bit>
#include <random>

#include <gtest/gtest.h>

#include "narthex/model/sample.h"

namespace narthex::tsdb {
namespace {

std::vector<model::Sample> Decode(const ChunkStore& store, const MemSeries& series) {
  std::vector<model::Sample> samples;
  storage::SampleColumns columns;
  for (const auto& chunk : store.FullChunks(series)) {
    EXPECT_TRUE(DecodeChunk(chunk.encoding(), store.MemoryBytes(chunk), model::kMinTime,
                            model::kMaxTime, columns));
  }
  if (series.has_open_chunk()) {
    EXPECT_TRUE(DecodeChunk(series.encoding, store.OpenBytes(series), model::kMinTime,
                            model::kMaxTime, columns));
  }
  for (std::size_t i = 0; i < columns.t.size(); ++i)
    samples.push_back({columns.t[i], columns.v[i]});
  return samples;
}

// Many series grow side by side through all sizes of blocks; none may touch a neighbour.
TEST(ChunkStoreTest, ChunksGrowBesideEachOther) {
  std::mt19937_64 random(8);
  ChunkStore store({2 * 3600 * 1000, 120});
  std::vector<MemSeries> series(200);
  std::vector<std::vector<model::Sample>> want(series.size());
  for (int step = 0; step < 600; ++step) {
    for (std::size_t i = 0; i < series.size(); ++i) {
      const model::TimestampMs t =
          step * 15'000 + static_cast<model::TimestampMs>(random() % (1 + i));
      const double v = i % 3 == 0   ? 1.0
                       : i % 3 == 1 ? static_cast<double>(random() % 1000)
                                    : std::bit_cast<double>(random());
      store.AppendFloat(series[i], t, v);
      want[i].push_back({t, v});
    }
  }
  for (std::size_t i = 0; i < series.size(); ++i) {
    const auto got = Decode(store, series[i]);
    ASSERT_EQ(got.size(), want[i].size());
    for (std::size_t j = 0; j < got.size(); ++j) {
      ASSERT_EQ(got[j].t, want[i][j].t);
      ASSERT_EQ(std::bit_cast<std::uint64_t>(got[j].v), std::bit_cast<std::uint64_t>(want[i][j].v));
    }
  }
}

// Source: Prometheus computeChunkEndTime and the rules around it, done by hand for these intervals.
TEST(ChunkStoreTest, CutsWherePrometheusDoes) {
  const struct {
    const char* name;
    model::DurationMs interval;
    std::vector<std::uint16_t> want;  // Samples of each full chunk within two hours.
  } cases[] = {
      {"15 s: 480 samples in four equal chunks", 15'000, {120, 120, 120}},
      {"60 s: 120 samples in one chunk", 60'000, {}},
      {"an hour", 3'600'000, {}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    ChunkStore store({7'200'000, 120});
    MemSeries series;
    for (model::TimestampMs t = 0; t < 7'200'000; t += c.interval) {
      store.AppendFloat(series, t, 1.0);
    }
    std::vector<std::uint16_t> got;
    for (const auto& chunk : store.FullChunks(series)) {
      got.push_back(
          static_cast<std::uint16_t>(ChunkSampleCount(chunk.encoding(), store.MemoryBytes(chunk))));
    }
    EXPECT_EQ(got, c.want);
    EXPECT_TRUE(store.AppendFloat(series, 7'200'000, 1.0)) << "the next range has its own chunk";
  }
}

TEST(ChunkStoreTest, SecondsOrderChunks) {
  EXPECT_EQ(CoarseSeconds(model::kMinTime), 0U);
  EXPECT_EQ(CoarseSeconds(-1), 0U);
  EXPECT_EQ(CoarseSeconds(999), 0U);
  EXPECT_EQ(CoarseSeconds(1000), 1U);
  EXPECT_EQ(CoarseSeconds(model::kMaxTime), 0xffffffffU);
  EXPECT_EQ(RangeEnd(0, 60), 60);
  EXPECT_EQ(RangeEnd(59, 60), 60);
  EXPECT_EQ(RangeEnd(60, 60), 120);
  EXPECT_EQ(RangeEnd(-1, 60), 60) << "as Go divides";
  EXPECT_EQ(RangeEnd(model::kMaxTime, 7'200'000), model::kMaxTime);
}

TEST(ChunkStoreTest, EndsAreEstimatedAtTheEndsOfTime) {
  EXPECT_EQ(EstimateChunkEnd(0, 100, 1'000, 4), 500);
  EXPECT_EQ(EstimateChunkEnd(0, 1'000, 1'000, 4), 1'000);
  EXPECT_EQ(EstimateChunkEnd(0, model::kMaxTime, model::kMaxTime, 4), model::kMaxTime);
  EXPECT_EQ(EstimateChunkEnd(model::kMinTime, model::kMaxTime, model::kMaxTime, 4),
            model::kMaxTime);
  const model::TimestampMs late = model::kMaxTime - 1'000;
  EXPECT_EQ(EstimateChunkEnd(late, late + 200, model::kMaxTime, 4), model::kMaxTime);
}

}  // namespace
}  // namespace narthex::tsdb
