// SPDX-License-Identifier: Apache-2.0
#include "tsdb/wal/checkpoint.h"

#include <gtest/gtest.h>

#include "tests/tsdb/support/db_fixture.h"
#include "tsdb/wal/reader.h"

namespace narthex::tsdb::testing {
namespace {

constexpr model::DurationMs kRange = 60'000;
constexpr model::TimestampMs kNow = 1'700'000'040'000;

double Corruptions(DbFixture& db) {
  std::string text;
  db.registry().WriteText(text);
  const std::string name = "\nprometheus_tsdb_wal_corruptions_total ";
  const auto at = text.find(name);
  return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size()));
}

// A record whose checksum is right, but not what it says: it must not keep the log from shrinking.
TEST(CheckpointTest, PassesOverRecordsThatDoNotDecode) {
  DbOptions options;
  options.min_block_duration_ms = kRange;
  options.retention_ms = 0;
  options.wal_segment_bytes = 32 * 1024;
  DbFixture db(options);
  const auto append = [&](model::TimestampMs from, model::TimestampMs to) {
    for (auto t = from; t < to; t += 100) db.Append({{{{"a", "1"}}, t, static_cast<double>(t)}});
  };
  append(kNow, kNow + 10'000);
  db.Kill();
  db.Close();
  {
    const auto log = wal::Wal::Open(SystemFs(), db.dir() + "/wal", {}, {}).value();
    const std::vector<wal::SampleEntry> samples = {{1, kNow + 10'000, 1}, {1, kNow + 10'001, 2}};
    std::vector<std::string> records(1);
    wal::EncodeSamples(samples, records[0]);
    records[0].pop_back();
    records.push_back({2, 0});            // Samples.
    records.push_back({1, 0, 0, 0});      // Series.
    records.push_back({7, 1});            // Histograms.
    records.push_back({11, 1, 1, 1, 1});  // Samples with start timestamps.
    ASSERT_TRUE(log->Log(records));
  }
  db.Open();
  EXPECT_EQ(Corruptions(db), 5);
  append(kNow + 10'200, kNow + 160'000);
  const auto want = db.ReadAll();
  const int first = wal::ListSegments(SystemFs(), db.dir() + "/wal").value().front();
  const auto status = db->Compact();
  EXPECT_TRUE(status) << status.error().message();
  EXPECT_GT(wal::ListSegments(SystemFs(), db.dir() + "/wal").value().front(), first);
  EXPECT_EQ(Corruptions(db), 10) << "each is told where it is given up";
  EXPECT_EQ(db.ReadAll(), want);
  db.Kill();
  EXPECT_EQ(db.ReadAll(), want);
  EXPECT_EQ(Corruptions(db), 0) << "they are not carried along";
}

}  // namespace
}  // namespace narthex::tsdb::testing
