// SPDX-License-Identifier: Apache-2.0
//
// Series that leave the head and come back: the log then has them under two numbers.
#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "narthex/model/matcher.h"
#include "tests/tsdb/support/db_fixture.h"
#include "tests/tsdb/support/test_blocks.h"
#include "tsdb/head/chunk_files.h"
#include "tsdb/wal/reader.h"
#include "tsdb/wal/records.h"
#include "tsdb/wal/wal.h"

namespace narthex::tsdb::testing {
namespace {

using model::TimestampMs;

constexpr model::DurationMs kRange = 60'000;
constexpr TimestampMs kNow = 1'700'000'040'000;  // A multiple of the range.
constexpr TimestampMs kStep = 100;               // So that a range has several full chunks.

const model::Labels kAlways = {{"__name__", "always"}};
const model::Labels kReturns = {{"__name__", "returns"}};

DbOptions SmallRanges() {
  DbOptions options;
  options.min_block_duration_ms = kRange;
  options.retention_ms = 0;
  options.wal_segment_bytes = 8 * 32 * 1024;
  return options;
}

// Appends to both series, or to the one that is always there, and knows what should be there.
class ReturnTest : public ::testing::Test {
 protected:
  // Samples in [from, to), a commit for each time.
  void Append(TimestampMs from, TimestampMs to, bool both) {
    for (TimestampMs t = from; t < to; t += kStep) {
      const auto v = static_cast<double>(t % 977);
      std::vector<DbFixture::Sample> samples = {{kAlways, t, v}};
      if (both) samples.push_back({kReturns, t, v + 1});
      db_.Append(samples);
      for (const auto& s : samples) want_[s.labels.ToString()].push_back({s.t, s.v});
    }
  }
  void Compact() {
    const auto status = db_->Compact();
    ASSERT_TRUE(status) << status.error().message();
  }
  // The series has been there, has left the head, and is back since 100 s.
  void LeaveAndReturn() {
    Append(kNow, kNow + 30'000, true);
    Append(kNow + 30'000, kNow + 100'000, false);
    Compact();
    ASSERT_EQ(db_->Blocks().size(), 1U);
    ASSERT_EQ(db_->Stats(10).num_series, 1U) << "it has left";
    Append(kNow + 100'000, kNow + 130'000, true);
  }
  // The numbers under which chunks_head has chunks that begin at `from` or later.
  std::set<wal::WalRef> NumbersInChunksHead(TimestampMs from) {
    std::set<wal::WalRef> numbers;
    const std::string copy = db_.dir() + "/copy";
    std::filesystem::copy(db_.dir() + "/chunks_head", copy);
    ChunkFiles chunk_files(SystemFs(), copy);
    EXPECT_TRUE(chunk_files.Load([&](ChunkPlace, const HeadChunk& chunk) {
      if (chunk.chunk.mint >= from) numbers.insert(chunk.wal_ref);
    }));
    std::filesystem::remove_all(copy);
    return numbers;
  }

  DbFixture db_{SmallRanges()};
  SeriesData want_;
};

TEST_F(ReturnTest, ChunksOfBothNumbersAreThereAfterKills) {
  LeaveAndReturn();
  Compact();  // Writes the full chunks.
  db_.Kill();
  EXPECT_EQ(db_.ReadAll(), want_) << "killed once";
  Append(kNow + 130'000, kNow + 149'000, true);
  Compact();
  db_.Kill();
  EXPECT_EQ(db_.ReadAll(), want_) << "killed twice";
  Append(kNow + 149'000, kNow + 260'000, true);
  Compact();
  EXPECT_EQ(db_.ReadAll(), want_) << "in blocks";
  db_.Kill();
  EXPECT_EQ(db_.ReadAll(), want_) << "in blocks, killed";
}

TEST_F(ReturnTest, TheNewestNumberIsUsedAfterAReplay) {
  LeaveAndReturn();
  Compact();
  const auto before = NumbersInChunksHead(kNow + 100'000);
  ASSERT_FALSE(before.empty());
  db_.Kill();
  Append(kNow + 130'000, kNow + 149'000, true);
  Compact();
  EXPECT_EQ(NumbersInChunksHead(kNow + 100'000), before);
}

// Prometheus goes on with the first number. Its folder then has chunks of both that alternate, and
// some of them twice: it takes only those of the second number, and the rest from its WAL.
TEST_F(ReturnTest, ChunksOfBothNumbersMayAlternate) {
  for (const bool overlap : {false, true}) {
    SCOPED_TRACE(overlap);
    narthex::testing::TempDir dir;
    const std::string data = dir.path() + "/data";
    std::filesystem::create_directories(data);
    constexpr wal::WalRef kFirst = 5;
    constexpr wal::WalRef kSecond = 9;
    const auto ref_at = [](int i) { return i < 150 || i >= 300 ? kSecond : kFirst; };
    SeriesData want;
    const auto log = wal::Wal::Open(SystemFs(), data + "/wal", {}, {}).value();
    std::vector<std::string> records(2);
    wal::BeginSeries(records[0]);
    wal::AppendSeries(kFirst, kReturns, records[0]);
    wal::BeginSeries(records[1]);
    wal::AppendSeries(kSecond, kReturns, records[1]);
    ASSERT_TRUE(log->Log(records));
    std::vector<model::Sample> samples;
    for (int i = 0; i < 450; ++i) {
      samples.push_back({kNow + i * kStep, static_cast<double>(i)});
      const std::vector<wal::SampleEntry> entry = {{ref_at(i), samples.back().t, samples.back().v}};
      records.resize(1);
      wal::EncodeSamples(entry, records[0]);
      ASSERT_TRUE(log->Log(records));
      want[kReturns.ToString()].push_back({samples.back().t, samples.back().v});
    }
    ASSERT_TRUE(log->Close());
    ChunkFiles chunk_files(SystemFs(), data + "/chunks_head");
    ASSERT_TRUE(chunk_files.Load([](ChunkPlace, const HeadChunk&) {}));
    const auto write = [&](wal::WalRef ref, int from, int to) {
      const std::vector<model::Sample> part(samples.begin() + from, samples.begin() + to);
      const auto encoded = EncodeChunks(part);
      ASSERT_EQ(encoded.size(), 1U);
      const std::vector<HeadChunk> chunk = {
          {ref,
           {part.front().t, part.back().t, Encoding::kXor, AsBytes(encoded[0].second)},
           false}};
      std::vector<ChunkPlace> places;
      ASSERT_TRUE(chunk_files.Write(chunk, places));
    };
    write(kSecond, 0, 120);
    write(kFirst, 120, 230);
    if (overlap) {
      write(kFirst, 120, 210);
      write(kFirst, 210, 290);
    } else {
      write(kFirst, 230, 290);
    }
    write(kSecond, 290, 400);
    ASSERT_TRUE(chunk_files.Close());
    DbFixture db(SmallRanges());
    db.Adopt(data);
    EXPECT_EQ(db.ReadAll(), want);
    db.Kill();
    EXPECT_EQ(db.ReadAll(), want);
  }
}

// The record of a number is kept as long as the log has samples of it.
TEST_F(ReturnTest, CheckpointsKeepTheRecordsOfBothNumbers) {
  narthex::testing::TempDir dir;
  const std::string data = dir.path() + "/data";
  std::filesystem::create_directories(data);
  SeriesData want;
  {
    const auto log = wal::Wal::Open(SystemFs(), data + "/wal", {}, {}).value();
    std::vector<std::string> records(2);
    wal::BeginSeries(records[0]);
    wal::AppendSeries(5, kReturns, records[0]);
    wal::BeginSeries(records[1]);
    wal::AppendSeries(9, kReturns, records[1]);
    ASSERT_TRUE(log->Log(records));
    for (int i = 0; i < 250; ++i) {
      const TimestampMs t = kNow + 40'000 + i * kStep;
      const std::vector<wal::SampleEntry> entry = {{i % 2 == 0 ? 5U : 9U, t, 1.0 * i}};
      records.resize(1);
      wal::EncodeSamples(entry, records[0]);
      ASSERT_TRUE(log->Log(records));
      want[kReturns.ToString()].push_back({t, 1.0 * i});
    }
  }
  DbOptions options = SmallRanges();
  options.wal_segment_bytes = 32 * 1024;
  DbFixture db(options);
  db.Adopt(data);
  for (TimestampMs t = kNow + 65'000; t < kNow + 140'000; t += kStep) {
    std::vector<DbFixture::Sample> samples;
    for (int i = 0; i < 100; ++i) {
      samples.push_back({{{"__name__", "many"}, {"i", std::to_string(i)}}, t, 1.0 * i});
      want[samples.back().labels.ToString()].push_back({t, 1.0 * i});
    }
    db.Append(samples);
  }
  ASSERT_TRUE(db->Compact());
  ASSERT_EQ(db->Blocks().size(), 1U);
  ASSERT_FALSE(wal::ListCheckpoints(SystemFs(), db.dir() + "/wal").value().empty());
  EXPECT_EQ(db.ReadAll(), want);
  // What is not in the log is lost: chunks_head only saves time.
  db.Close();
  std::filesystem::remove_all(db.dir() + "/chunks_head");
  std::filesystem::remove(db.dir() + "/head_snapshot");
  db.Open();
  EXPECT_EQ(db.ReadAll(), want);
}

TEST_F(ReturnTest, DeletionsFollowTheSeriesToItsNewNumber) {
  LeaveAndReturn();
  const auto matcher = model::Matcher::Equal("__name__", "returns");
  const auto remove = [&](TimestampMs from, TimestampMs to) {
    ASSERT_TRUE(db_->DeleteSeries(from, to, std::span(&matcher, 1)));
    std::erase_if(want_[kReturns.ToString()],
                  [&](const auto& sample) { return sample.t >= from && sample.t <= to; });
  };
  remove(kNow + 105'000, kNow + 107'000);
  db_.Kill();
  EXPECT_EQ(db_.ReadAll(), want_);
  Append(kNow + 130'000, kNow + 140'000, true);
  remove(kNow + 120'000, kNow + 133'000);
  EXPECT_EQ(db_.ReadAll(), want_);
  db_.Kill();
  EXPECT_EQ(db_.ReadAll(), want_);
}

// The log has lost the record of a series, but chunks_head has its chunks.
TEST_F(ReturnTest, NumbersOfLostSeriesAreNotGivenAgain) {
  Append(kNow, kNow + 30'000, true);
  Compact();
  ASSERT_FALSE(NumbersInChunksHead(kNow).empty());
  db_.Close();
  std::filesystem::remove_all(db_.dir() + "/wal");
  std::filesystem::remove(db_.dir() + "/head_snapshot");
  db_.Open();
  EXPECT_TRUE(db_.ReadAll().empty());
  want_.clear();
  const model::Labels other = {{"__name__", "other"}};
  db_.Append({{other, kNow + 40'000, 1}});
  db_.Kill();
  EXPECT_EQ(db_.ReadAll(), (SeriesData{{other.ToString(), {{kNow + 40'000, 1}}}}));
}

// The same, where the log itself has samples of the number.
TEST_F(ReturnTest, NumbersThatTheLogNamesAreNotGivenAgain) {
  narthex::testing::TempDir dir;
  const std::string data = dir.path() + "/data";
  std::filesystem::create_directories(data);
  {
    const auto log = wal::Wal::Open(SystemFs(), data + "/wal", {}, {}).value();
    const std::vector<wal::SampleEntry> samples = {{1, kNow, 1}};
    const std::vector<wal::ExemplarEntry> exemplars = {{7, {{{"trace", "1"}}, 1, kNow, true}}};
    std::vector<std::string> records(2);
    wal::EncodeSamples(samples, records[0]);
    wal::EncodeExemplars(exemplars, records[1]);
    ASSERT_TRUE(log->Log(records));
  }
  DbOptions options = SmallRanges();
  options.max_exemplars = 10;
  DbFixture db(options);
  db.Adopt(data);
  db.Append({{kAlways, kNow + 1, 1}});
  const auto segments = wal::ListSegments(SystemFs(), db.dir() + "/wal").value();
  wal::LogReader reader(SystemFs(), db.dir() + "/wal", segments.front(), segments.back());
  std::vector<wal::SeriesEntry> series;
  while (reader.Next()) {
    if (wal::TypeOf(reader.record()) != wal::RecordType::kSeries) continue;
    ASSERT_TRUE(wal::DecodeSeries(reader.record(), series));
  }
  ASSERT_EQ(series.size(), 1U);
  EXPECT_EQ(series[0].ref, 8U);
}

// A series is there for its exemplar, though its sample was refused.
TEST(DbExemplarTest, ItsSeriesIsLoggedToo) {
  DbOptions options = SmallRanges();
  options.max_exemplars = 10;
  options.out_of_order_window_ms = kRange;
  DbFixture db(options);
  db.Append({{kAlways, kNow, 1}});
  auto appender = db->NewAppender();
  storage::SeriesRef ref{0};
  ASSERT_EQ(appender->Append(ref, kReturns, kNow - 2 * kRange, 1), storage::AppendError::kTooOld);
  ASSERT_EQ(appender->AppendExemplar(ref, kReturns, {{{"trace", "1"}}, 1, kNow, true}),
            storage::AppendError::kNone);
  ASSERT_TRUE(appender->Commit());
  db.Kill();
  std::string text;
  db.registry().WriteText(text);
  EXPECT_EQ(text.find("unknown_refs"), std::string::npos);
}

}  // namespace
}  // namespace narthex::tsdb::testing
