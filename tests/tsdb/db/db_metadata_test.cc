// SPDX-License-Identifier: Apache-2.0
//
// Metadata in the WAL, a feature.
#include <gtest/gtest.h>

#include "narthex/model/metadata.h"
#include "tests/tsdb/support/db_fixture.h"
#include "tsdb/wal/reader.h"
#include "tsdb/wal/records.h"

namespace narthex::tsdb::testing {
namespace {

const model::Labels kLabels = {{"__name__", "m"}};

void Update(DbFixture& db, model::TimestampMs t, const char* help, bool with_sample = true) {
  auto appender = db->NewAppender();
  storage::SeriesRef ref{0};
  ASSERT_EQ(appender->Append(ref, kLabels, t, 1), storage::AppendError::kNone);
  if (!with_sample) {
    appender->Rollback();
    appender = db->NewAppender();
  }
  appender->UpdateMetadata(ref, kLabels, {model::MetricType::kCounter, "bytes", help});
  ASSERT_TRUE(appender->Commit());
}

// "REF HELP" of each entry in the log.
std::vector<std::string> Logged(const std::string& dir) {
  std::vector<std::string> all;
  const auto segments = wal::ListSegments(SystemFs(), dir).value();
  wal::LogReader reader(SystemFs(), dir, segments.front(), segments.back());
  while (reader.Next()) {
    if (wal::TypeOf(reader.record()) != wal::RecordType::kMetadata) continue;
    std::vector<wal::MetadataEntry> entries;
    EXPECT_TRUE(wal::DecodeMetadata(reader.record(), entries));
    for (const auto& entry : entries) {
      EXPECT_EQ(entry.metadata.type, model::MetricType::kCounter);
      EXPECT_EQ(entry.metadata.unit, "bytes");
      all.push_back(std::to_string(entry.ref) + " " + entry.metadata.help);
    }
  }
  return all;
}

TEST(DbMetadataTest, ChangesAreLoggedOnce) {
  DbOptions options;
  options.metadata_wal_records = true;
  DbFixture db(options);
  Update(db, 1'000, "old");
  Update(db, 2'000, "old");
  Update(db, 3'000, "new");
  EXPECT_EQ(Logged(db.dir() + "/wal"), (std::vector<std::string>{"1 old", "1 new"}));
  db.Kill();
  Update(db, 4'000, "new");
  EXPECT_EQ(Logged(db.dir() + "/wal"), (std::vector<std::string>{"1 old", "1 new"}))
      << "replay remembers";
  Update(db, 5'000, "old");
  EXPECT_EQ(Logged(db.dir() + "/wal"), (std::vector<std::string>{"1 old", "1 new", "1 old"}));
}

TEST(DbMetadataTest, ItsSeriesIsLoggedToo) {
  DbOptions options;
  options.metadata_wal_records = true;
  DbFixture db(options);
  Update(db, 1'000, "help", false);
  EXPECT_EQ(Logged(db.dir() + "/wal"), std::vector<std::string>{"1 help"});
  db.Kill();
  std::string text;
  db.registry().WriteText(text);
  EXPECT_EQ(text.find("unknown_refs"), std::string::npos);
}

TEST(DbMetadataTest, IsNotKeptWithoutTheFeature) {
  DbFixture db;
  Update(db, 1'000, "help");
  EXPECT_TRUE(Logged(db.dir() + "/wal").empty());
}

}  // namespace
}  // namespace narthex::tsdb::testing
