// SPDX-License-Identifier: Apache-2.0
#include "tsdb/wal/compress_samples.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <random>

#include <gtest/gtest.h>
#include <snappy.h>

#include "narthex/model/sample.h"
#include "tsdb/wal/records.h"

namespace narthex::tsdb::wal {
namespace {

// The bytes behind the bound stay as they are. Undone by snappy itself.
std::string Compress(const std::string& record) {
  const std::size_t bound = CompressSamplesBound(record.size());
  std::string out(bound + 8, '\x55');
  // A copy that ends where the record does, so that a sanitizer sees reads beyond it.
  const std::vector<std::uint8_t> exact(record.begin(), record.end());
  const std::size_t n = CompressSamples(exact, reinterpret_cast<std::uint8_t*>(out.data()));
  EXPECT_LE(n, bound);
  EXPECT_EQ(out.substr(bound), std::string(8, '\x55'));
  out.resize(n);
  return out;
}

// @return whether it was compressed
bool ExpectRoundTrip(const std::string& record) {
  const std::string compressed = Compress(record);
  if (compressed.empty()) return false;
  std::string back;
  EXPECT_TRUE(snappy::Uncompress(compressed.data(), compressed.size(), &back));
  EXPECT_EQ(back, record);
  return true;
}

// Of `kinds` of values: repeated ones, small whole numbers, two decimals, any bits.
std::vector<SampleEntry> Entries(std::size_t n, std::uint64_t seed, unsigned kinds) {
  std::mt19937_64 random(seed);
  std::vector<SampleEntry> entries;
  WalRef ref = 1000;
  for (std::size_t i = 0; i < n; ++i) {
    SampleEntry entry{ref += random() % 3, 1'700'000'000'000, 0};
    if (seed % 2 == 1) entry.t += static_cast<std::int64_t>(random() % 100) * 15'000;
    switch (random() % kinds) {
      case 0:
        entry.v = static_cast<double>(random() % 3);
        break;
      case 1:
        entry.v = static_cast<double>(random() % 100'000);
        break;
      case 2:
        entry.v = static_cast<double>(random() % 10'000) / 100;
        break;
      default:
        entry.v = std::bit_cast<double>(random());
    }
    entries.push_back(entry);
  }
  return entries;
}

TEST(CompressSamplesTest, SnappyUndoesIt) {
  std::size_t compressed = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::vector<std::string> records;
    EncodeSampleRuns(Entries(1 + seed * seed % 3000, seed, 1 + seed % 4), records);
    for (const auto& record : records) compressed += ExpectRoundTrip(record);
  }
  EXPECT_GT(compressed, 500U);
}

// What makes it try.
void MakeRun(std::string& record) {
  if (record.size() < 38) return;
  record[0] = 2;
  record[17] = 0x7f;
  record[18] = 0;
  record[28] = 0;
}

TEST(CompressSamplesTest, NumbersOfAnyWidth) {
  std::mt19937_64 random(3);
  std::vector<SampleEntry> entries;
  for (int i = 0; i < 500; ++i) {
    entries.push_back({random() >> random() % 64,
                       static_cast<model::TimestampMs>(random() >> random() % 64),
                       static_cast<double>(random() % 4)});
  }
  std::string record;
  EncodeSamples(entries, record);
  MakeRun(record);
  ExpectRoundTrip(record);
}

TEST(CompressSamplesTest, AnyBytesAreSafe) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 3000; ++round) {
    std::string record(1 + random() % 300, '\2');
    for (std::size_t i = 1; i < record.size(); ++i) {
      record[i] = static_cast<char>(round % 2 == 0 ? random() : random() % 2 * 0x80);
    }
    MakeRun(record);
    ExpectRoundTrip(record);
  }
}

TEST(CompressSamplesTest, LongestRecord) {
  std::string record;
  EncodeSamples(Entries(5300, 2, 3), record);
  MakeRun(record);
  ASSERT_LE(record.size(), kMaxCompressSamplesBytes);
  EXPECT_TRUE(ExpectRoundTrip(record));
  EncodeSamples(Entries(7000, 2, 3), record);
  MakeRun(record);
  ASSERT_GT(record.size(), kMaxCompressSamplesBytes);
  EXPECT_FALSE(ExpectRoundTrip(record));
}

TEST(CompressSamplesTest, LeavesRecordsOfManyTimesToSnappy) {
  std::vector<SampleEntry> entries;
  for (int i = 0; i < 100; ++i) entries.push_back({1, 1000 + i, 1});
  std::vector<std::string> records;
  EncodeSampleRuns(entries, records);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_FALSE(ExpectRoundTrip(records[0]));
}

TEST(CompressSamplesTest, RepeatedAndWholeValuesShrink) {
  std::vector<SampleEntry> entries;
  for (WalRef ref = 1; ref <= 128; ++ref) entries.push_back({ref, 1000, ref % 2 == 0 ? 0.1 : 0.3});
  std::vector<std::string> records;
  EncodeSampleRuns(entries, records);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_LT(Compress(records[0]).size(), records[0].size() / 2);
  for (auto& entry : entries) entry.v = static_cast<double>(entry.ref * 1009);
  records.clear();
  EncodeSampleRuns(entries, records);
  EXPECT_LT(Compress(records[0]).size(), records[0].size() * 9 / 10);
}

void ExpectSame(const std::vector<SampleEntry>& got, const std::vector<SampleEntry>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    ASSERT_EQ(got[i].ref, want[i].ref);
    ASSERT_EQ(got[i].t, want[i].t);
    ASSERT_EQ(std::bit_cast<std::uint64_t>(got[i].v), std::bit_cast<std::uint64_t>(want[i].v));
  }
}

std::vector<std::string> ExpectRuns(const std::vector<SampleEntry>& entries) {
  std::vector<std::string> records;
  EncodeSampleRuns(entries, records);
  std::vector<SampleEntry> got;
  for (const auto& record : records) EXPECT_TRUE(DecodeSamples(AsBytes(record), got));
  ExpectSame(got, entries);
  return records;
}

TEST(SampleRunsTest, NeighboursTakeOneByteEach) {
  std::vector<SampleEntry> entries;
  for (WalRef ref = 500; ref < 1500; ++ref) entries.push_back({ref, 1000, 0.5});
  const auto records = ExpectRuns(entries);
  EXPECT_EQ(records.size(), 8U);
  std::size_t bytes = 0;
  for (const auto& record : records) bytes += record.size();
  EXPECT_EQ(bytes, 8 * 17 + 1000 * 10U);
}

TEST(SampleRunsTest, OthersStayTogether) {
  EXPECT_TRUE(ExpectRuns({}).empty());
  EXPECT_EQ(ExpectRuns({{std::numeric_limits<WalRef>::max(), 5, 1}}).size(), 1U);
  std::vector<SampleEntry> entries;
  for (WalRef ref = 0; ref < 1000; ++ref) entries.push_back({ref * 7919 % 1000 + 1, 1000, 0.5});
  EXPECT_EQ(ExpectRuns(entries).size(), 1U);
  // A few that are far away, then neighbours.
  entries.assign(10, {1'000'000, 1000, 1});
  for (WalRef ref = 1; ref < 100; ++ref) entries.push_back({ref, 1000, 0.5});
  EXPECT_EQ(ExpectRuns(entries).size(), 1U);
}

TEST(SampleRunsTest, ManyTimesOfFewSeries) {
  std::vector<SampleEntry> entries;
  for (WalRef ref = 1; ref <= 250; ++ref) {
    for (int i = 0; i < 40; ++i) entries.push_back({ref, 1'700'000'000'000 + i * 15'000, 0.5});
  }
  for (const auto& record : ExpectRuns(entries)) {
    EXPECT_LE(record.size(), kMaxCompressSamplesBytes);
  }
}

}  // namespace
}  // namespace narthex::tsdb::wal
