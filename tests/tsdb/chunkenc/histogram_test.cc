// SPDX-License-Identifier: Apache-2.0
#include "tsdb/chunkenc/histogram.h"

#include <random>

#include <gtest/gtest.h>

#include "narthex/model/sample.h"
#include "tsdb/chunkenc/chunk.h"

namespace narthex::tsdb {
namespace {

using model::CounterResetHint;
using model::FloatHistogram;
using model::Histogram;
using model::kMaxTime;
using model::kMinTime;
using model::TimestampMs;
using storage::SampleColumns;

constexpr auto kUnknown = CounterResetHint::kUnknown;
constexpr auto kReset = CounterResetHint::kReset;
constexpr auto kNotReset = CounterResetHint::kNotReset;
constexpr auto kGauge = CounterResetHint::kGauge;

Histogram Basic() {
  Histogram h;
  h.schema = 1;
  h.zero_threshold = 0.001;
  h.zero_count = 2;
  h.count = 12;
  h.sum = 18.4;
  h.positive_spans = {{0, 2}, {1, 2}};
  h.positive_buckets = {1, 1, -1, 0};  // 1 2 1 1
  h.negative_spans = {{1, 1}, {2, 1}};
  h.negative_buckets = {3, -1};  // 3 2
  return h;
}

// Adds observations to each bucket.
Histogram Grown(Histogram h, int step) {
  h.count += 6 * static_cast<std::uint64_t>(step);
  h.sum += 1.25 * step;
  h.positive_buckets[0] += step;
  h.negative_buckets[0] += step;
  return h;
}

FloatHistogram AsFloat(const Histogram& h) {
  FloatHistogram f;
  f.counter_reset_hint = h.counter_reset_hint;
  f.schema = h.schema;
  f.zero_threshold = h.zero_threshold;
  f.zero_count = static_cast<double>(h.zero_count);
  f.count = static_cast<double>(h.count);
  f.sum = h.sum;
  f.positive_spans = h.positive_spans;
  f.negative_spans = h.negative_spans;
  double sum = 0;
  for (const auto d : h.positive_buckets)
    f.positive_buckets.push_back(sum += static_cast<double>(d));
  sum = 0;
  for (const auto d : h.negative_buckets)
    f.negative_buckets.push_back(sum += static_cast<double>(d));
  f.custom_values = h.custom_values;
  return f;
}

template <typename H>
void ExpectSame(const H& a, const H& b) {
  EXPECT_EQ(a.counter_reset_hint, b.counter_reset_hint);
  EXPECT_EQ(a.schema, b.schema);
  EXPECT_EQ(a.zero_threshold, b.zero_threshold);
  EXPECT_EQ(a.zero_count, b.zero_count);
  EXPECT_EQ(a.count, b.count);
  EXPECT_EQ(std::bit_cast<std::uint64_t>(a.sum), std::bit_cast<std::uint64_t>(b.sum));
  EXPECT_EQ(a.positive_spans, b.positive_spans);
  EXPECT_EQ(a.negative_spans, b.negative_spans);
  EXPECT_EQ(a.positive_buckets, b.positive_buckets);
  EXPECT_EQ(a.negative_buckets, b.negative_buckets);
  EXPECT_EQ(a.custom_values, b.custom_values);
}

ByteSpan Bytes(const auto& chunk) { return AsBytes(chunk.bytes()); }

TEST(HistogramChunkTest, RoundTripOfIntegers) {
  HistogramChunk<Histogram> chunk;
  std::vector<Histogram> want;
  for (int i = 0; i < 50; ++i) {
    Histogram h = Grown(Basic(), i * i);
    ASSERT_TRUE(chunk.Check(h).fits) << i;
    chunk.Append(1000 + i * 15 + i % 3, h);
    h.counter_reset_hint = i == 0 ? kUnknown : kNotReset;
    want.push_back(h);
  }
  EXPECT_EQ(ChunkSampleCount(Encoding::kHistogram, Bytes(chunk)), 50U);
  const auto got = ReadHistograms<Histogram>(Encoding::kHistogram, Bytes(chunk));
  ASSERT_TRUE(got);
  ASSERT_EQ(got->size(), want.size());
  SampleColumns columns;
  ASSERT_TRUE(DecodeChunk(Encoding::kHistogram, Bytes(chunk), kMinTime, kMaxTime, columns));
  for (int i = 0; i < 50; ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ((*got)[i].t, 1000 + i * 15 + i % 3);
    ExpectSame((*got)[i].histogram, want[i]);
    ExpectSame(columns.histograms[i], AsFloat(want[i]));
  }
}

TEST(HistogramChunkTest, RoundTripOfFloats) {
  HistogramChunk<FloatHistogram> chunk(kReset, -21, AsFloat(Basic()));
  std::vector<FloatHistogram> want;
  for (int i = 0; i < 50; ++i) {
    FloatHistogram h = AsFloat(Grown(Basic(), i));
    h.count += 0.5 * i;
    chunk.Append(-20 + i, h);
    h.counter_reset_hint = kNotReset;
    want.push_back(h);
  }
  SampleColumns columns;
  ASSERT_TRUE(DecodeChunk(Encoding::kFloatHistogram, Bytes(chunk), -10, -5, columns));
  ASSERT_EQ(columns.histogram_t.size(), 6U);
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(columns.histogram_t[i], -10 + i);
    ExpectSame(columns.histograms[i], want[10 + i]);
  }
}

TEST(HistogramChunkTest, ReadersAreNotToldOfTheResetInTheHeader) {
  FloatHistogram h;
  HistogramChunk<FloatHistogram> chunk(kReset, 1, h);
  chunk.Append(2, h);
  storage::SampleColumns columns;
  ASSERT_TRUE(DecodeChunk(Encoding::kFloatHistogram, Bytes(chunk), 0, 9, columns));
  ASSERT_EQ(columns.histograms.size(), 2U);
  EXPECT_EQ(columns.histograms[0].counter_reset_hint, CounterResetHint::kUnknown);
  EXPECT_EQ(columns.histograms[1].counter_reset_hint, kNotReset);
  const auto samples = ReadHistograms<FloatHistogram>(Encoding::kFloatHistogram, Bytes(chunk));
  EXPECT_EQ(samples->at(0).histogram.counter_reset_hint, CounterResetHint::kUnknown);
}

// As AtFloatHistogram of Prometheus with a histogram to fill, which is how its engine reads.
TEST(HistogramChunkTest, HugeCountsAddUpAsFloats) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 60;
  Histogram h;
  h.positive_spans = {{0, 2}};
  h.positive_buckets = {kHuge + 1, -kHuge};  // The second bucket has 1.
  h.count = static_cast<std::uint64_t>(kHuge) + 2;
  HistogramChunk<Histogram> chunk;
  chunk.Append(1, h);
  storage::SampleColumns columns;
  ASSERT_TRUE(DecodeChunk(Encoding::kHistogram, Bytes(chunk), 0, 9, columns));
  const std::vector<double> want = {static_cast<double>(kHuge), 0};
  EXPECT_EQ(columns.histograms[0].positive_buckets, want);
  EXPECT_EQ(model::ToFloat(h).positive_buckets, want);
}

TEST(HistogramChunkTest, LayoutsSurvive) {
  std::vector<Histogram> cases(6, Basic());
  cases[0].zero_threshold = 0;
  cases[1].zero_threshold = std::ldexp(1.0, -128);
  cases[2].zero_threshold = 1024;
  cases[3].zero_threshold = 2048;  // Beyond the one-byte codes.
  cases[4].positive_spans.clear();
  cases[4].positive_buckets.clear();
  cases[5] = {};
  cases[5].schema = model::kCustomBucketsSchema;
  cases[5].custom_values = {-1, 0, 0.005, 0.1, 1.0 / 3, 33554.430, 33554.431, 1e9};
  cases[5].positive_spans = {{0, 3}};
  cases[5].positive_buckets = {1, 0, 0};
  cases[5].count = 3;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    HistogramChunk<Histogram> chunk;
    chunk.Append(5, cases[i]);
    chunk.Append(6, cases[i]);
    const auto got = ReadHistograms<Histogram>(Encoding::kHistogram, Bytes(chunk));
    ASSERT_TRUE(got);
    ASSERT_EQ(got->size(), 2U);
    ExpectSame((*got)[0].histogram, cases[i]);
  }
}

TEST(HistogramChunkTest, HigherSchemasAreReadAsEight) {
  Histogram h;
  h.schema = 9;
  h.count = 6;
  h.positive_spans = {{1, 4}};  // Two buckets of schema 9 make one of schema 8.
  h.positive_buckets = {1, 0, 0, 1};
  HistogramChunk<Histogram> chunk;
  chunk.Append(5, h);
  SampleColumns columns;
  ASSERT_TRUE(DecodeChunk(Encoding::kHistogram, Bytes(chunk), kMinTime, kMaxTime, columns));
  EXPECT_EQ(columns.histograms.at(0).schema, 8);
  EXPECT_EQ(columns.histograms[0].positive_buckets, (std::vector<double>{2, 3}));
}

TEST(HistogramChunkTest, ChecksWhatFits) {
  const auto changed = [](auto change) {
    Histogram h = Grown(Basic(), 5);
    change(h);
    return h;
  };
  const struct {
    const char* name;
    Histogram next;
    bool fits;
    CounterResetHint header;
  } cases[] = {
      {"grown", Grown(Basic(), 7), true, kNotReset},
      {"equal", Grown(Basic(), 5), true, kNotReset},
      {"stale", changed([](Histogram& h) { h.sum = model::kStaleNaN; }), true, kNotReset},
      {"schema", changed([](Histogram& h) { h.schema = 2; }), false, kUnknown},
      {"zero threshold", changed([](Histogram& h) { h.zero_threshold = 1; }), false, kUnknown},
      {"count fell", changed([](Histogram& h) { --h.count; }), false, kReset},
      {"zero count fell", changed([](Histogram& h) { --h.zero_count; }), false, kReset},
      {"bucket fell", changed([](Histogram& h) { --h.negative_buckets[0]; }), false, kReset},
      {"explicit", changed([](Histogram& h) { h.counter_reset_hint = kReset; }), false, kReset},
      {"gauge", changed([](Histogram& h) { h.counter_reset_hint = kGauge; }), false, kGauge},
      {"bucket vanished", changed([](Histogram& h) {
         h.negative_spans = {{1, 1}};
         h.negative_buckets = {20};
       }),
       false, kReset},
      {"bucket came", changed([](Histogram& h) {
         h.negative_spans = {{1, 2}, {1, 1}};
         h.negative_buckets = {8, 1, -2};
       }),
       true, kNotReset},
  };
  HistogramChunk<Histogram> chunk;
  chunk.Append(1, Grown(Basic(), 5));
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(chunk.Check(c.next).fits, c.fits);
    EXPECT_EQ(chunk.Check(c.next).header, c.header);
    HistogramChunk<FloatHistogram> floats;
    floats.Append(1, AsFloat(Grown(Basic(), 5)));
    EXPECT_EQ(floats.Check(AsFloat(c.next)).fits, c.fits);
    // Floats tell less of a chunk that begins because the sample does not fit.
    const bool told = c.header == kReset || c.header == kGauge;
    EXPECT_EQ(floats.Check(AsFloat(c.next)).header, told ? c.header : kUnknown);
    EXPECT_EQ(floats.Check(AsFloat(c.next)).header_when_full, told ? c.header : kNotReset);
  }
}

TEST(HistogramChunkTest, EqualsLast) {
  HistogramChunk<Histogram> chunk;
  HistogramChunk<FloatHistogram> floats;
  const auto equal = [&](const Histogram& h) {
    EXPECT_EQ(chunk.EqualsLast(h), floats.EqualsLast(AsFloat(h)));
    return chunk.EqualsLast(h);
  };
  EXPECT_FALSE(equal(Basic()));
  chunk.Append(1, Basic());
  floats.Append(1, AsFloat(Basic()));
  EXPECT_TRUE(equal(Basic()));
  EXPECT_FALSE(equal(Grown(Basic(), 1)));
  Histogram h = Basic();
  h.negative_buckets[1] = -2;
  EXPECT_FALSE(equal(h));
  h = Basic();
  ++h.zero_count;
  EXPECT_FALSE(equal(h));
  h = Basic();
  h.sum = -h.sum;
  EXPECT_FALSE(equal(h));
  h = Basic();
  h.positive_spans = {{0, 5}};  // Bucket 2 is empty.
  h.positive_buckets = {1, 1, -2, 1, 0};
  EXPECT_FALSE(equal(h));
  h = Basic();
  h.positive_spans.insert(h.positive_spans.begin() + 1, {0, 0});  // The same in other words.
  EXPECT_TRUE(equal(h));
}

// What Prometheus 3.5.3 answers to the sample of a time sent again.
TEST(HistogramChunkTest, EqualsLastComparesWithTheWidenedForm) {
  HistogramChunk<Histogram> chunk;
  HistogramChunk<FloatHistogram> floats;
  const auto append = [&](int t, const Histogram& h) {
    ASSERT_TRUE(chunk.Check(h).fits);
    chunk.Append(t, h);
    floats.Append(t, AsFloat(h));
  };
  const auto equal = [&](const Histogram& h) {
    EXPECT_EQ(chunk.EqualsLast(h), floats.EqualsLast(AsFloat(h)));
    return chunk.EqualsLast(h);
  };
  Histogram wide = Basic();
  wide.positive_spans = {{0, 4}};
  wide.positive_buckets = {1, 0, -1, 1};  // 1 1 0 1
  wide.count = wide.zero_count + 3;
  wide.negative_spans = {};
  wide.negative_buckets = {};
  append(1, wide);
  Histogram narrow = wide;  // Without the empty bucket.
  narrow.positive_spans = {{0, 2}, {1, 1}};
  narrow.positive_buckets = {1, 0, 0};
  EXPECT_TRUE(equal(wide));
  EXPECT_FALSE(equal(narrow));
  append(2, narrow);
  EXPECT_FALSE(equal(narrow));
  EXPECT_TRUE(equal(wide));
  Histogram grown = wide;  // A bucket that the chunk lacks.
  grown.positive_spans = {{0, 4}, {3, 1}};
  grown.positive_buckets = {1, 0, -1, 1, 0};
  ++grown.count;
  append(3, grown);
  EXPECT_TRUE(equal(grown));
}

TEST(HistogramChunkTest, StaleSamples) {
  Histogram stale;
  stale.sum = model::kStaleNaN;
  for (const bool first : {false, true}) {
    SCOPED_TRACE(first);
    HistogramChunk<Histogram> chunk;
    HistogramChunk<FloatHistogram> floats;
    if (!first) {
      chunk.Append(1, Basic());
      floats.Append(1, AsFloat(Basic()));
    }
    for (int t = 2; t < 5; ++t) {
      ASSERT_TRUE(chunk.Check(stale).fits);
      chunk.Append(t, stale);
      floats.Append(t, AsFloat(stale));
    }
    EXPECT_TRUE(chunk.EqualsLast(stale));
    EXPECT_FALSE(chunk.Check(Basic()).fits);
    EXPECT_EQ(chunk.Check(Basic()).header, kUnknown);
    SampleColumns columns;
    ASSERT_TRUE(DecodeChunk(Encoding::kHistogram, Bytes(chunk), 2, kMaxTime, columns));
    ASSERT_TRUE(DecodeChunk(Encoding::kFloatHistogram, Bytes(floats), 2, kMaxTime, columns));
    ASSERT_EQ(columns.histograms.size(), 6U);
    for (const FloatHistogram& h : columns.histograms) {
      EXPECT_TRUE(model::IsStale(h.sum));
      EXPECT_TRUE(h.positive_buckets.empty());
    }
  }
}

TEST(HistogramChunkTest, NewBucketsRecodeTheChunkAndMissingEmptyOnesAreFilled) {
  HistogramChunk<Histogram> chunk;
  Histogram a = Basic();
  chunk.Append(1, a);
  Histogram b = a;
  b.positive_spans = {{-1, 4}, {0, 1}, {3, 1}};  // −1 0 1 2 3 7: new are −1, 2 and 7.
  b.positive_buckets = {5, -4, 1, -2, 1, 0};     // 5 1 2 0 1 1
  b.count += 6;
  // The buckets of `a` are 0 1 3 4, so 4 is missing in b, which is a reset unless it is empty.
  EXPECT_FALSE(chunk.Check(b).fits);
  a.positive_buckets[3] = -1;  // 1 2 1 0
  chunk = HistogramChunk<Histogram>();
  chunk.Append(1, a);
  ASSERT_TRUE(chunk.Check(b).fits);
  chunk.Append(2, b);
  ASSERT_TRUE(chunk.Check(b).fits);
  chunk.Append(3, b);
  const auto got = ReadHistograms<Histogram>(Encoding::kHistogram, Bytes(chunk));
  ASSERT_TRUE(got);
  ASSERT_EQ(got->size(), 3U);
  const std::vector<model::Span> spans = {{-1, 6}, {2, 1}};
  EXPECT_EQ((*got)[0].histogram.positive_spans, spans);
  EXPECT_EQ((*got)[0].histogram.positive_buckets,
            (std::vector<std::int64_t>{0, 1, 1, -2, 1, -1, 0}));
  EXPECT_EQ((*got)[2].histogram.positive_buckets,
            (std::vector<std::int64_t>{5, -4, 1, -2, 1, -1, 1}));
  EXPECT_EQ((*got)[2].histogram.count, b.count);
  EXPECT_TRUE(chunk.EqualsLast((*got)[2].histogram));
}

TEST(HistogramChunkTest, GaugesMayFall) {
  HistogramChunk<Histogram> chunk;
  Histogram h = Grown(Basic(), 9);
  h.counter_reset_hint = kGauge;
  chunk.Append(1, h);
  Histogram lower = Basic();
  EXPECT_FALSE(chunk.Check(lower).fits) << "a counter does not go into a gauge chunk";
  lower.counter_reset_hint = kGauge;
  ASSERT_TRUE(chunk.Check(lower).fits);
  chunk.Append(2, lower);
  const auto got = ReadHistograms<Histogram>(Encoding::kHistogram, Bytes(chunk));
  ASSERT_TRUE(got);
  ExpectSame((*got)[1].histogram, lower);
}

TEST(HistogramChunkTest, RestoredChunkGoesOnAsIfNeverStopped) {
  HistogramChunk<Histogram> whole(kNotReset, -10, Basic());
  HistogramChunk<FloatHistogram> whole_floats;
  for (int i = 0; i < 20; ++i) {
    auto restored = HistogramChunk<Histogram>::Restore(Bytes(whole));
    auto restored_floats = HistogramChunk<FloatHistogram>::Restore(Bytes(whole_floats));
    ASSERT_TRUE(restored);
    ASSERT_TRUE(restored_floats);
    const Histogram h = Grown(Basic(), i * 3);
    whole.Append(i * 10, h);
    restored->Append(i * 10, h);
    whole_floats.Append(i * 10, AsFloat(h));
    restored_floats->Append(i * 10, AsFloat(h));
    ASSERT_EQ(restored->bytes(), whole.bytes()) << i;
    ASSERT_EQ(restored_floats->bytes(), whole_floats.bytes()) << i;
  }
}

TEST(HistogramChunkTest, EveryTruncationIsCorruption) {
  HistogramChunk<Histogram> chunk;
  HistogramChunk<FloatHistogram> floats;
  for (int i = 0; i < 10; ++i) {
    chunk.Append(i, Grown(Basic(), i * 7));
    floats.Append(i, AsFloat(Grown(Basic(), i * 7)));
  }
  for (const auto& [encoding, bytes] : {std::pair(Encoding::kHistogram, chunk.bytes()),
                                        std::pair(Encoding::kFloatHistogram, floats.bytes())}) {
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      SampleColumns columns;
      const auto status =
          DecodeChunk(encoding, AsBytes(bytes).first(n), kMinTime, kMaxTime, columns);
      ASSERT_FALSE(status) << n;
      EXPECT_EQ(status.error().code(), Code::kCorruption);
      EXPECT_TRUE(columns.histograms.empty());
    }
  }
}

TEST(HistogramChunkTest, AnyBytesAreSafe) {
  std::mt19937_64 random(4);
  HistogramChunk<Histogram> good;
  for (int i = 0; i < 5; ++i) good.Append(i, Grown(Basic(), i * 7));
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = good.bytes();
    if (round % 2 == 0) {
      for (char& c : bytes) c = static_cast<char>(random());
      bytes[0] = 0;
    }
    for (int i = 0; i < 3; ++i)
      bytes[random() % bytes.size()] ^= static_cast<char>(1 << (random() % 8));
    for (const Encoding encoding :
         {Encoding::kHistogram, Encoding::kFloatHistogram, Encoding::kXor2, Encoding::kHistogramSt,
          Encoding::kFloatHistogramSt}) {
      SampleColumns columns;
      const auto status = DecodeChunk(encoding, AsBytes(bytes), kMinTime, kMaxTime, columns);
      EXPECT_TRUE(status || status.error().code() == Code::kCorruption);
    }
    if (auto restored = HistogramChunk<Histogram>::Restore(AsBytes(bytes))) {
      if (restored->Check(Basic()).fits) restored->Append(100, Basic());
    }
  }
}

// Written bit by bit from the format: two samples with a start time that changes at sample 1, then
// a stale marker and a new value window after it.
TEST(Xor2ChunkTest, Decodes) {
  std::string bytes;
  BitWriter out(bytes, 0);
  out.Put(6, 16);
  out.Put(0x80 | 1, 8);  // Start time of sample 0 present; first change at sample 1.
  out.Put(0xd0, 8);      // varint 1000
  out.Put(0x0f, 8);
  out.Put(std::bit_cast<std::uint64_t>(1.0), 64);
  out.Put(20, 8);       // varint: t − st = 10
  out.Put(15, 8);       // uvarint delta 15
  out.Put(0, 1);        // same value
  out.VarbitInt(3);     // start time
  out.Put(0b11111, 5);  // dod 0, stale
  out.VarbitInt(0);
  out.Put(0b110, 3);  // 13-bit dod −2 …
  out.Put(0x1ffe, 13);
  out.Put(0b110, 3);  // … and a new window: 1.0 → 2.0 has 1 leading zero, 11 bits
  out.Put(1, 5);
  out.Put(11, 6);
  out.Put(0x7ff, 11);
  out.VarbitInt(-5);
  out.Put(0b10, 2);  // dod 0, reuse the window: 2.0 → 1.0
  out.Put(0, 1);
  out.Put(0x7ff, 11);
  out.VarbitInt(7);
  out.Put(0, 1);  // same again
  out.VarbitInt(0);
  SampleColumns columns;
  ASSERT_TRUE(DecodeChunk(Encoding::kXor2, AsBytes(bytes), kMinTime, kMaxTime, columns));
  EXPECT_EQ(std::vector<TimestampMs>(columns.t.begin(), columns.t.end()),
            (std::vector<TimestampMs>{1000, 1015, 1030, 1043, 1056, 1069}));
  ASSERT_EQ(columns.v.size(), 6U);
  EXPECT_EQ(columns.v[1], 1.0);
  EXPECT_TRUE(model::IsStale(columns.v[2]));
  EXPECT_EQ(columns.v[3], 2.0);
  EXPECT_EQ(columns.v[4], 1.0);
  EXPECT_EQ(columns.v[5], 1.0);
}

}  // namespace
}  // namespace narthex::tsdb
