// SPDX-License-Identifier: Apache-2.0
//
// Chunks with room for start times: bytes as Prometheus 3.14.0 writes them, and back.
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "narthex/model/float_histogram.h"
#include "narthex/model/sample.h"
#include "tsdb/chunkenc/chunk.h"
#include "tsdb/chunkenc/histogram.h"
#include "tsdb/chunkenc/xor2.h"

namespace narthex::tsdb {
namespace {

using model::FloatHistogram;
using model::Histogram;
using model::kMaxTime;
using model::kMinTime;
using model::kStaleNaN;
using model::TimestampMs;
using storage::SampleColumns;

struct Started {
  TimestampMs start = 0;
  TimestampMs t = 0;
  double v = 0;
};

std::string Hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += kDigits[static_cast<std::uint8_t>(c) >> 4];
    out += kDigits[static_cast<std::uint8_t>(c) & 15];
  }
  return out;
}

std::string Encode(const std::vector<Started>& samples) {
  XorState state;
  state.size = kXor2HeaderBytes;
  Xor2More more;
  std::string bytes(kXor2HeaderBytes, '\0');
  for (const Started& s : samples) {
    bytes.resize(state.tail_offset() + kMaxXor2SampleBytes);
    Xor2Append(state, more, reinterpret_cast<std::uint8_t*>(bytes.data()), s.t, s.v, s.start);
  }
  bytes.resize(state.size);
  return bytes;
}

std::vector<Started> Decode(std::string_view bytes, TimestampMs mint = kMinTime,
                            TimestampMs maxt = kMaxTime) {
  SampleColumns columns;
  EXPECT_TRUE(DecodeChunk(Encoding::kXor2, AsBytes(bytes), mint, maxt, columns));
  std::vector<Started> samples;
  for (std::size_t i = 0; i < columns.t.size(); ++i) {
    samples.push_back({columns.starts.At(i), columns.t[i], columns.v[i]});
  }
  return samples;
}

bool Same(const Started& a, const Started& b) {
  return a.start == b.start && a.t == b.t &&
         std::bit_cast<std::uint64_t>(a.v) == std::bit_cast<std::uint64_t>(b.v);
}

void ExpectSame(const std::vector<Started>& got, const std::vector<Started>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    EXPECT_TRUE(Same(got[i], want[i]))
        << i << ": " << got[i].start << ' ' << got[i].t << ' ' << got[i].v;
  }
}

std::vector<Started> Many(TimestampMs last_start) {
  std::vector<Started> samples;
  for (int i = 0; i < 140; ++i) {
    samples.push_back({0, 1'700'000'000'000 + i * 15'000, static_cast<double>(i % 3)});
  }
  samples.back().start = last_start;
  return samples;
}

TEST(Xor2ChunkTest, TheLongestFirstSampleHasRoom) {
  constexpr TimestampMs kFar = TimestampMs{1} << 62;
  for (const TimestampMs t : {kFar, -kFar - 1, kMinTime + 1, kMaxTime}) {
    for (const TimestampMs start : {TimestampMs{1}, TimestampMs{1'700'000'000'000}, -t}) {
      XorState state;
      state.size = kXor2HeaderBytes;
      Xor2More more;
      std::uint8_t header[kXor2HeaderBytes] = {};
      std::uint8_t tail[kMaxXor2SampleBytes + 8];
      std::fill(std::begin(tail), std::end(tail), std::uint8_t{0xa5});
      tail[0] = 0;
      Xor2AppendTail(state, more, header, tail, t, 1.5, start);
      for (std::size_t i = kMaxXor2SampleBytes; i < sizeof tail; ++i) EXPECT_EQ(tail[i], 0xa5);
      EXPECT_EQ(tail[kMaxXor2SampleBytes - 1], 0xa5) << "as many as that are never needed";
      ExpectSame(Decode(Encode({{start, t, 1.5}})), {{start, t, 1.5}});
    }
  }
}

// The bytes were written by the chunk encoders of Prometheus 3.14.0.
TEST(Xor2ChunkTest, BytesAreThoseOfPrometheus) {
  const struct {
    const char* name;
    std::vector<Started> samples;
    const char* hex;
  } cases[] = {
      {"every code of times and values",
       {{0, 1000, 1},
        {0, 16000, 1},
        {0, 31000, 1},
        {0, 46000, 2},
        {0, 61001, 2},
        {0, 76001, 3.5},
        {0, 200000, 3.5},
        {0, 5000000000000, 7},
        {0, 5000000015000, kStaleNaN},
        {0, 5000000030000, kStaleNaN},
        {0, 5000000045000, 7}},
       "000b00d00f3ff00000000000009875284bfff8002dfffcc0be1a9c778000012309cd179872c1"
       "fbffffedcf6327df63fc"},
      {"markers are not what values are coded against",
       {{0, -5, kStaleNaN},
        {0, 10, kStaleNaN},
        {0, 25, 1.5},
        {0, 40, kStaleNaN},
        {0, 56, kStaleNaN},
        {0, 71, 1.5},
        {0, 86, 1.25}},
       "000700097ff00000000000020ff445ffffe000fdfff56058"},
      {"a start that stays",
       {{900, 1000, 1}, {900, 2000, 2}, {900, 3000, 3}, {900, 4000, 4}},
       "000480d00f3ff0000000000000c801e807c12fffd603ab0b"},
      {"a start that comes, changes and goes",
       {{0, 1000, 1},
        {0, 2000, 2},
        {1500, 3000, 3},
        {1500, 4000, 4},
        {3999, 5000, 1},
        {0, 6000, 1},
        {-1000000, 7000, 1}},
       "000702d00f3ff0000000000000e807c12fffd603f0fa5585f8fa284afffd44af813877e07a31"
       "40"},
      {"each starts where the last one ends",
       {{0, 1000, 1}, {1000, 2000, 2}, {2000, 3001, 3}, {3001, 4000, 4}},
       "000401d00f3ff0000000000000e807c12fffb0007301b7ffb2c2c0"},
      {"no start: told at the last place to tell one", Many(0),
       "008c7f80a0abfef96200000000000000009875c22bffa12fffc8011ffcfff20047ff3ffc8011"
       "ffcfff20047ff3ffc8011ffcfff20047ff3ffc8011ffcfff20047ff3ffc8011ffcfff20047ff"
       "3ffc8011ffcfff20047ff3ffc8011ffcfff20047ff3ffc8011ffcfff20047ff3ffc8011ffcff"
       "f20047ff3ffc8011ffcfff20047ff3ffc8011ffcfff20047ff3ffc8011ffcfff20047ff3ffc8"
       "011ffcfff20047ff3ffc8011ffcfff20047ff3ffc8011ffcfff20047ff3ffc8011ffcfff2004"
       "7ff3ffc8011ffcfff20047ff3ffc8011ffcfff20047ff3ffc8011ffcfff20047ff3ffc8011ff"
       "cfff20047ff3ffc8011ffcfff20047fffc000317a0047da13fffc1d4c4801f075311fffc1d4c"
       "4ffff075312007c1d4c47fff075313fffc1d4c4801f075311fffc1d4c4ffff075312007c1d4c"
       "47fff07530"},
      {"a start behind that place", Many(1'700'000'000'000),
       "008c7f80a0abfef96200000000000000009875c22bffa12fffc8011ffcfff20047ff3ffc8011"
       "ffcfff20047ff3ffc8011ffcfff20047ff3ffc8011ffcfff20047ff3ffc8011ffcfff20047ff"
       "3ffc8011ffcfff20047ff3ffc8011ffcfff20047ff3ffc8011ffcfff20047ff3ffc8011ffcff"
       "f20047ff3ffc8011ffcfff20047ff3ffc8011ffcfff20047ff3ffc8011ffcfff20047ff3ffc8"
       "011ffcfff20047ff3ffc8011ffcfff20047ff3ffc8011ffcfff20047ff3ffc8011ffcfff2004"
       "7ff3ffc8011ffcfff20047ff3ffc8011ffcfff20047ff3ffc8011ffcfff20047ff3ffc8011ff"
       "cfff20047ff3ffc8011ffcfff20047fffc000317a0047da13fffc1d4c4801f075311fffc1d4c"
       "4ffff075312007c1d4c47fff075313fffc1d4c4801f075311fffc1d4c4ffff075312007c1d4c"
       "47fffdfffce86035a530"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string bytes = Encode(c.samples);
    EXPECT_EQ(Hex(bytes), c.hex);
    ExpectSame(Decode(bytes), c.samples);
  }
}

TEST(Xor2ChunkTest, RandomSamplesComeBack) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 300; ++round) {
    std::vector<Started> samples;
    TimestampMs t = static_cast<TimestampMs>(random() % 2'000'000) - 1'000'000;
    double v = 0;
    for (std::size_t i = 0, n = random() % 300; i < n; ++i) {
      t += 1 + static_cast<TimestampMs>(random() % (random() % 4 == 0 ? 1ULL << 40 : 20'000));
      if (random() % 3 == 0) v = std::bit_cast<double>(random());
      const bool stale = random() % 10 == 0;
      TimestampMs start = samples.empty() ? 0 : samples.back().start;
      if (random() % 4 == 0) start = static_cast<TimestampMs>(random() % (1ULL << (random() % 63)));
      samples.push_back({start, t, stale ? kStaleNaN : v});
    }
    const std::string bytes = Encode(samples);
    EXPECT_EQ(ChunkSampleCount(Encoding::kXor2, AsBytes(bytes)), samples.size());
    ExpectSame(Decode(bytes), samples);
    // A part in the middle keeps its own start times.
    if (samples.size() < 10) continue;
    const auto first = samples.begin() + 3;
    const auto last = samples.end() - 3;
    ExpectSame(Decode(bytes, first->t, last[-1].t), {first, last});
  }
}

TEST(Xor2ChunkTest, PartsAreCorrupt) {
  const std::string bytes = Encode(Many(5));
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    SampleColumns columns;
    columns.t = {1};
    columns.v = {2};
    columns.starts.Append(0, 7);
    EXPECT_FALSE(
        DecodeChunk(Encoding::kXor2, AsBytes(bytes).first(n), kMinTime, kMaxTime, columns));
    EXPECT_EQ(columns.t.size(), 1U);
    EXPECT_EQ(columns.starts.At(0), 7);
    EXPECT_EQ(columns.starts.At(1), 0);
  }
}

constexpr TimestampMs kHistogramStarts[] = {900, 900, 1500, 1500, 0};

Histogram NthHistogram(int i) {
  Histogram h;
  h.schema = 1;
  h.zero_threshold = 0.001;
  h.zero_count = 1;
  h.count = static_cast<std::uint64_t>(3 + i);
  h.sum = 2.5;
  h.positive_spans = {{0, i < 3 ? 1U : 2U}};
  h.positive_buckets = {2 + i};
  if (i >= 3) h.positive_buckets = {1 + i, -i};  // One more bucket, with the count 1.
  return h;
}

template <typename H>
std::string EncodeHistograms() {
  HistogramChunk<H> chunk(true);
  for (int i = 0; i < 5; ++i) {
    H h;
    if constexpr (std::is_same_v<H, Histogram>) {
      h = NthHistogram(i);
    } else {
      h = model::ToFloat(NthHistogram(i));
    }
    EXPECT_TRUE(chunk.Check(h).fits) << i;
    chunk.Append(1000 + i * 1000, h, kHistogramStarts[i]);
    if (i == 2) {
      auto restored = HistogramChunk<H>::Restore(AsBytes(chunk.bytes()), true);
      EXPECT_TRUE(restored);
      if (restored) chunk = std::move(*restored);
    }
  }
  return chunk.bytes();
}

// The fourth brings a bucket, so that the chunk is written anew; as Prometheus 3.14.0 writes it.
TEST(StartedHistogramChunkTest, BytesAreThoseOfPrometheus) {
  EXPECT_EQ(Hex(EncodeHistograms<Histogram>()),
            "000582ff3f50624dd2f1a9fc8c6478fa271400400000000000095b2007c7d1123703c3e81797"
            "8fa0236f809c40");
  EXPECT_EQ(Hex(EncodeHistograms<FloatHistogram>()),
            "000582ff3f50624dd2f1a9fc8c6478fa10020000000000000ffc000000000000100100000000"
            "00001000000000000000000000000000000032007c7d1ac2cd80cda0cd616f0fa36058c457ff"
            "e3e849b41be02710");
}

TEST(StartedHistogramChunkTest, StartsComeBack) {
  const std::pair<Encoding, std::string> chunks[] = {
      {Encoding::kHistogramSt, EncodeHistograms<Histogram>()},
      {Encoding::kFloatHistogramSt, EncodeHistograms<FloatHistogram>()}};
  for (const auto& [encoding, bytes] : chunks) {
    SampleColumns columns;
    ASSERT_TRUE(DecodeChunk(encoding, AsBytes(bytes), 2000, kMaxTime, columns));
    EXPECT_EQ(ChunkSampleCount(encoding, AsBytes(bytes)), 5U);
    ASSERT_EQ(columns.histogram_t.size(), 4U);
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(columns.histogram_starts.At(i), kHistogramStarts[i + 1]) << i;
      EXPECT_EQ(columns.histograms[i].count, 4.0 + static_cast<double>(i));
    }
  }
}

// The hint shares its byte with the count.
TEST(StartedHistogramChunkTest, HintAndCountDoNotMeet) {
  HistogramChunk<Histogram> chunk(model::CounterResetHint::kReset, 1, NthHistogram(0), true, 0);
  for (int i = 1; i < 1000; ++i) {
    ASSERT_TRUE(chunk.Check(NthHistogram(1)).fits);
    chunk.Append(1 + i, NthHistogram(1));
  }
  EXPECT_EQ(chunk.count(), 1000);
  std::string bytes = chunk.bytes();
  EXPECT_EQ(static_cast<std::uint8_t>(bytes[0]) >> 6, 0b10);
  EXPECT_EQ(ChunkSampleCount(Encoding::kHistogramSt, AsBytes(bytes)), 1000U);
  ForgetReset(Encoding::kHistogramSt, bytes);
  EXPECT_EQ(static_cast<std::uint8_t>(bytes[0]) >> 6, 0);
  EXPECT_EQ(ChunkSampleCount(Encoding::kHistogramSt, AsBytes(bytes)), 1000U);
  EXPECT_EQ(chunk.encoding(), Encoding::kHistogramSt);
}

TEST(StartedHistogramChunkTest, IsFullWhereItsCountEnds) {
  HistogramChunk<Histogram> chunk(true);
  const Histogram h;
  while (chunk.count() < kMaxStartedHistogramSamples) chunk.Append(chunk.count() + 1, h, 1);
  EXPECT_FALSE(chunk.Check(h).fits);
  EXPECT_TRUE(chunk.is_full());
}

}  // namespace
}  // namespace narthex::tsdb
