// SPDX-License-Identifier: Apache-2.0
#include "tsdb/wal/records.h"

#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "narthex/model/sample.h"

namespace narthex::tsdb::wal {
namespace {

constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
constexpr auto kMin = std::numeric_limits<std::int64_t>::min();

std::string Hex(const std::string& bytes) {
  std::string out;
  for (const char c : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[c & 15];
  }
  return out;
}

TEST(WalRecordsTest, BytesAsInTheFormat) {
  std::string out;
  BeginSeries(out);
  AppendSeries(258, {{"a", "bc"}}, out);
  EXPECT_EQ(Hex(out),
            "01"
            "0000000000000102"
            "01"
            "0161"
            "026263");
  const SampleEntry samples[] = {{5, 1000, 1.0}, {3, 1001, -0.0}};
  EncodeSamples(samples, out);
  EXPECT_EQ(Hex(out),
            "02"
            "0000000000000005"
            "00000000000003e8"
            "00"
            "00"
            "3ff0000000000000"
            "03"
            "02"
            "8000000000000000");
  const TombstoneEntry tombstones[] = {{7, -1, 64}};
  EncodeTombstones(tombstones, out);
  EXPECT_EQ(Hex(out),
            "03"
            "0000000000000007"
            "01"
            "8001");
  const MarkerEntry markers[] = {{1, 2}};
  EncodeMmapMarkers(markers, out);
  EXPECT_EQ(Hex(out),
            "05"
            "0000000000000001"
            "0000000000000002");
  const MetadataEntry metadata[] = {{300, {model::MetricType::kCounter, "s", "h"}}};
  EncodeMetadata(metadata, out);
  EXPECT_EQ(Hex(out),
            "06"
            "ac02"
            "01"
            "02"
            "04554e4954"
            "0173"
            "0448454c50"
            "0168");
}

std::string Bytes(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return out;
}

// Written by hand from Prometheus's description of the records.
TEST(WalRecordsTest, RecordsWithStartTimestamps) {
  const std::string record = Bytes(
      "0b"
      "0a"                // ref 5
      "d00f"              // t 1000
      "c80f"              // ST 996
      "3ff0000000000000"  // 1
      "03"                // ref 5 - 2
      "02"                // t 1000 + 1
      "00"                // no ST
      "8000000000000000"  // -0
      "0c"                // ref 3 + 6
      "01"                // t 1000 - 1
      "02"                // another ST than the last one:
      "00"                // 996
      "4000000000000000"  // 2
      "02"                // ref 9 + 1
      "00"                // t 1000
      "02"                // another ST:
      "06"                // 996 + 3
      "4008000000000000"  // 3
      "02"                // ref 10 + 1
      "02"                // t 1000 + 1
      "01"                // ST as before
      "4010000000000000");
  EXPECT_EQ(TypeOf(AsBytes(record)), RecordType::kSamplesV2);
  std::vector<SampleEntry> samples;
  storage::StartTimes starts;
  ASSERT_TRUE(DecodeSamples(AsBytes(record), samples, &starts));
  ASSERT_EQ(samples.size(), 5U);
  std::string encoded;
  EncodeStartedSamples(samples, starts, encoded);
  EXPECT_EQ(encoded, record);
  const model::TimestampMs want_starts[] = {996, 0, 996, 999, 999};
  const SampleEntry want[] = {
      {5, 1000, 1}, {3, 1001, -0.0}, {9, 999, 2}, {10, 1000, 3}, {11, 1001, 4}};
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(samples[i].ref, want[i].ref) << i;
    EXPECT_EQ(samples[i].t, want[i].t) << i;
    EXPECT_EQ(samples[i].v, want[i].v) << i;
    EXPECT_EQ(starts.At(i), want_starts[i]) << i;
  }
  EXPECT_FALSE(DecodeSamples(AsBytes(record).first(record.size() - 1), samples));

  const std::string body =
      "00"                // no hint
      "02"                // schema 1
      "3f50624dd2f1a9fc"  // zero threshold 0.001
      "01"                // zero count
      "03"                // count
      "4004000000000000"  // sum 2.5
      "01"                // one span:
      "0001"              // offset 0, length 1
      "00"                // no negative spans
      "01"                // one bucket:
      "04"                // 2
      "00";               // no negative ones
  const std::string histograms = Bytes(
      "0c"
      "0a"
      "d00f"
      "c80f" +
      body +
      "02"
      "04"
      "01" +
      body);
  EXPECT_EQ(TypeOf(AsBytes(histograms)), RecordType::kHistogramsV2);
  std::vector<HistogramEntry> entries;
  ASSERT_TRUE(DecodeHistograms(AsBytes(histograms), entries));
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[1].ref, 6U);
  EXPECT_EQ(entries[1].t, 1002);
  EXPECT_EQ(entries[0].start, 996);
  EXPECT_EQ(entries[1].start, 996);
  EncodeStartedHistograms(entries, encoded);
  EXPECT_EQ(encoded, histograms);
  EXPECT_EQ(entries[1].histogram.sum, 2.5);
  EXPECT_EQ(entries[1].histogram.positive_buckets, std::vector<std::int64_t>{2});
}

TEST(WalRecordsTest, SamplesRoundTrip) {
  const std::vector<SampleEntry> want = {
      {1, 0, 1.5},
      {std::numeric_limits<WalRef>::max(), kMax, model::kStaleNaN},
      {0, kMin, -0.0},
      {1ULL << 40, -1, std::numeric_limits<double>::infinity()},
      {2, 1, model::kNormalNaN}};
  std::string record;
  EncodeSamples(want, record);
  EXPECT_EQ(TypeOf(AsBytes(record)), RecordType::kSamples);
  std::vector<SampleEntry> got;
  ASSERT_TRUE(DecodeSamples(AsBytes(record), got));
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(got[i].ref, want[i].ref);
    EXPECT_EQ(got[i].t, want[i].t);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(got[i].v), std::bit_cast<std::uint64_t>(want[i].v));
  }
}

TEST(WalRecordsTest, SeriesRoundTrip) {
  const std::vector<model::Labels> want = {
      {{"__name__", "up"}, {"job", "é\xff"}}, {{"long", std::string(100'000, 'x')}}, {}};
  std::string record;
  BeginSeries(record);
  for (std::size_t i = 0; i < want.size(); ++i) AppendSeries(i + 1, want[i], record);
  std::vector<SeriesEntry> got;
  ASSERT_TRUE(DecodeSeries(AsBytes(record), got));
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(got[i].ref, i + 1);
    EXPECT_EQ(got[i].labels, want[i]);
  }
}

TEST(WalRecordsTest, ExemplarsTombstonesMarkersMetadataRoundTrip) {
  std::string record;
  const std::vector<ExemplarEntry> exemplars = {{9, {{{"trace", "1"}}, 2.5, 77, true}},
                                                {4, {{}, -1, -77, true}}};
  EncodeExemplars(exemplars, record);
  std::vector<ExemplarEntry> got;
  ASSERT_TRUE(DecodeExemplars(AsBytes(record), got));
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[1].ref, 4U);
  EXPECT_EQ(got[1].exemplar.t, -77);
  EXPECT_EQ(got[0].exemplar.labels, exemplars[0].exemplar.labels);
  EXPECT_EQ(got[0].exemplar.value, 2.5);

  const TombstoneEntry tombstones[] = {{1, kMin, kMax}, {2, -5, 5}};
  EncodeTombstones(tombstones, record);
  std::vector<TombstoneEntry> stones;
  ASSERT_TRUE(DecodeTombstones(AsBytes(record), stones));
  ASSERT_EQ(stones.size(), 2U);
  EXPECT_EQ(stones[0].mint, kMin);
  EXPECT_EQ(stones[0].maxt, kMax);

  const MarkerEntry markers[] = {{1, 1ULL << 40}};
  EncodeMmapMarkers(markers, record);
  std::vector<MarkerEntry> marks;
  ASSERT_TRUE(DecodeMmapMarkers(AsBytes(record), marks));
  EXPECT_EQ(marks.at(0).chunk_ref, 1ULL << 40);

  const MetadataEntry metadata[] = {{1, {model::MetricType::kStateset, "", "näh"}}};
  EncodeMetadata(metadata, record);
  std::vector<MetadataEntry> metas;
  ASSERT_TRUE(DecodeMetadata(AsBytes(record), metas));
  EXPECT_EQ(metas.at(0).metadata, metadata[0].metadata);
}

TEST(WalRecordsTest, HistogramsRoundTripAndCustomOnesAreApart) {
  HistogramEntry plain;
  plain.ref = 3;
  plain.t = 1000;
  plain.histogram.counter_reset_hint = model::CounterResetHint::kGauge;
  plain.histogram.schema = -4;
  plain.histogram.zero_threshold = 0.001;
  plain.histogram.zero_count = 2;
  plain.histogram.count = 12;
  plain.histogram.sum = 18.4;
  plain.histogram.positive_spans = {{-2, 2}, {1, 1}};
  plain.histogram.positive_buckets = {1, 1, -1};
  plain.histogram.negative_spans = {{5, 1}};
  plain.histogram.negative_buckets = {kMax};
  HistogramEntry custom = plain;
  custom.ref = 1;
  custom.t = 900;
  custom.histogram.schema = model::kCustomBucketsSchema;
  custom.histogram.custom_values = {0.1, 1, 2.5};
  std::string plain_record;
  std::string custom_record;
  const HistogramEntry entries[] = {custom, plain};
  EncodeHistograms(entries, plain_record, custom_record);
  EXPECT_EQ(TypeOf(AsBytes(plain_record)), RecordType::kHistograms);
  EXPECT_EQ(TypeOf(AsBytes(custom_record)), RecordType::kCustomHistograms);
  // The base is the first entry's, also in the record that it is not in.
  EXPECT_EQ(plain_record[8], 1);
  std::vector<HistogramEntry> got;
  ASSERT_TRUE(DecodeHistograms(AsBytes(plain_record), got));
  ASSERT_TRUE(DecodeHistograms(AsBytes(custom_record), got));
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0].ref, 3U);
  EXPECT_EQ(got[0].t, 1000);
  EXPECT_EQ(got[0].histogram.positive_spans, plain.histogram.positive_spans);
  EXPECT_EQ(got[0].histogram.negative_buckets, plain.histogram.negative_buckets);
  EXPECT_EQ(got[0].histogram.counter_reset_hint, model::CounterResetHint::kGauge);
  EXPECT_EQ(got[1].histogram.custom_values, custom.histogram.custom_values);
}

TEST(WalRecordsTest, CutRecordsAreCorruptionAndNeverCrash) {
  std::mt19937 random(3);
  std::string series;
  BeginSeries(series);
  AppendSeries(1, {{"a", "b"}, {"c", "d"}}, series);
  std::string samples;
  const SampleEntry entries[] = {{1, 2, 3}, {4, 5, 6}};
  EncodeSamples(entries, samples);
  for (const std::string& record : {series, samples}) {
    for (std::size_t size = 2; size < record.size(); ++size) {
      const ByteSpan cut = AsBytes(record).first(size);
      std::vector<SeriesEntry> series_out;
      std::vector<SampleEntry> samples_out;
      const bool ok = record == series ? DecodeSeries(cut, series_out).has_value()
                                       : DecodeSamples(cut, samples_out).has_value();
      // A samples record may end after its base and after each sample.
      if (record == samples && (size == 17 || size == 27)) continue;
      EXPECT_FALSE(ok) << size;
    }
  }
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(1 + random() % 60, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    std::vector<SeriesEntry> a;
    std::vector<SampleEntry> b;
    std::vector<TombstoneEntry> c;
    std::vector<ExemplarEntry> d;
    std::vector<MetadataEntry> e;
    std::vector<HistogramEntry> f;
    std::vector<FloatHistogramEntry> g;
    (void)DecodeSeries(AsBytes(bytes), a);
    (void)DecodeSamples(AsBytes(bytes), b);
    (void)DecodeTombstones(AsBytes(bytes), c);
    (void)DecodeExemplars(AsBytes(bytes), d);
    (void)DecodeMetadata(AsBytes(bytes), e);
    bytes[0] = 9;
    (void)DecodeHistograms(AsBytes(bytes), f);
    (void)DecodeFloatHistograms(AsBytes(bytes), g);
  }
}

}  // namespace
}  // namespace narthex::tsdb::wal
