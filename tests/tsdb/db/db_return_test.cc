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

}  // namespace
}  // namespace narthex::tsdb::testing
