// SPDX-License-Identifier: Apache-2.0
//
// Data folders change hands between this database and the real Prometheus, in both directions.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "narthex/base/clock.h"
#include "tests/tsdb/support/db_fixture.h"
#include "tests/tsdb/support/promtool.h"
#include "tests/tsdb/support/test_blocks.h"

namespace narthex::tsdb::testing {
namespace {

constexpr model::TimestampMs kStart = 1'700'000'000'000;

std::vector<std::string> SortedLines(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    lines.push_back(text.substr(begin, end - begin));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

void ExpectSameLines(const std::string& ours, const std::string& theirs) {
  const auto a = SortedLines(ours);
  const auto b = SortedLines(theirs);
  EXPECT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    ASSERT_EQ(a[i], b[i]) << "line " << i;
  }
}

class DbPeerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto path = FindPromtool();
    if (!path) GTEST_SKIP() << "no promtool in NARTHEX_PEERS or PATH";
    promtool_ = *path;
    if (RunCommand(promtool_ + " tsdb dump --help").output.find("--sandbox-dir-root") ==
        std::string::npos) {
      GTEST_SKIP() << "this promtool is too old";
    }
  }
  std::string DumpByPromtool(const std::string& dir) {
    const auto result = RunCommand(
        fmt::format("{} tsdb dump --sandbox-dir-root={} {}", promtool_, sandbox_.path(), dir));
    EXPECT_EQ(result.exit_code, 0) << result.output.substr(0, 1000);
    return result.output;
  }
  static std::string DumpByUs(DbFixture& db) {
    const auto querier = db->NewQuerier(model::kMinTime, model::kMaxTime);
    return Dump(**querier, model::kMinTime, model::kMaxTime);
  }
  std::string promtool_;
  narthex::testing::TempDir sandbox_;
};

// Samples over several block ranges, with series that come and go.
void Fill(DbFixture& db, std::size_t scrapes) {
  std::mt19937 random(7);
  for (std::size_t i = 0; i < scrapes; ++i) {
    std::vector<DbFixture::Sample> samples;
    const auto t = kStart + static_cast<model::TimestampMs>(i) * 1'000;
    for (std::size_t s = 0; s < 40; ++s) {
      if (s % 10 == 9 && i / 100 % 2 == 0) continue;
      const double v = s % 3 == 0   ? static_cast<double>(i * s)
                       : s % 3 == 1 ? static_cast<double>(random() % 1000) / 7
                                    : 1.0;
      samples.push_back(
          {{{"__name__", fmt::format("m{}", s % 5)}, {"s", std::to_string(s)}}, t, v});
    }
    db.Append(samples);
  }
}

TEST_F(DbPeerTest, PrometheusReadsOurFolder) {
  DbOptions options;
  options.min_block_duration_ms = 240'000;
  for (const auto compression :
       {WalCompression::kSnappy, WalCompression::kZstd, WalCompression::kNone}) {
    SCOPED_TRACE(static_cast<int>(compression));
    options.wal_compression = compression;
    DbFixture db(options);
    Fill(db, 300);
    const std::string wal_only = DumpByUs(db);
    EXPECT_GT(wal_only.size(), 10'000U);
    ExpectSameLines(wal_only, DumpByPromtool(db.dir()));  // While it is open: as after a kill.
    Fill(db, 0);
    db.Reopen();
    ExpectSameLines(DumpByUs(db), DumpByPromtool(db.dir()));
  }
}

TEST_F(DbPeerTest, PrometheusReadsOurBlocksAndWhatIsLeftOfTheWal) {
  DbOptions options;
  options.min_block_duration_ms = 120'000;
  DbFixture db(options);
  Fill(db, 900);
  const std::string want = DumpByUs(db);
  ASSERT_TRUE(db->Compact());
  ASSERT_FALSE(db->Blocks().empty());
  ExpectSameLines(DumpByUs(db), want);
  ExpectSameLines(DumpByPromtool(db.dir()), want);
  db.Reopen();
  ExpectSameLines(DumpByUs(db), want);
  ExpectSameLines(DumpByPromtool(db.dir()), want);
}

TEST_F(DbPeerTest, PrometheusReadsOurDeletionsAndSnapshots) {
  DbOptions options;
  options.min_block_duration_ms = 120'000;
  DbFixture db(options);
  Fill(db, 900);
  ASSERT_TRUE(db->Compact());
  ASSERT_FALSE(db->Blocks().empty());
  const std::string before = DumpByUs(db);
  std::vector<model::Matcher> matchers;
  matchers.push_back(model::Matcher::Create(model::MatchType::kRegex, "s", "1.*").value());
  ASSERT_TRUE(db->DeleteSeries(kStart + 50'000, kStart + 130'000, matchers));   // In blocks …
  ASSERT_TRUE(db->DeleteSeries(kStart + 800'000, kStart + 850'000, matchers));  // … and the head.
  const std::string want = DumpByUs(db);
  EXPECT_LT(want.size() + 10'000, before.size());
  ExpectSameLines(DumpByPromtool(db.dir()), want);
  const std::string snapshot = db.dir() + "/snapshots/one";
  ASSERT_TRUE(db->Snapshot(snapshot, true));
  ASSERT_TRUE(SystemFs().CreateDirs(snapshot + "/wal"));  // promtool wants one.
  ExpectSameLines(DumpByPromtool(snapshot), want);
  ASSERT_TRUE(db->CleanTombstones());
  ExpectSameLines(DumpByPromtool(db.dir()), want);
  db.Reopen();
  ExpectSameLines(DumpByUs(db), want);
  ExpectSameLines(DumpByPromtool(db.dir()), want);
}

// For any data folder of Prometheus: NARTHEX_TSDB_DIR=… tsdb_test --gtest_filter='DbPeerTest.*'.
// A copy is opened, so that the folder stays as it is. Floats only.
TEST_F(DbPeerTest, OpensAnyFolder) {
  const char* dir = std::getenv("NARTHEX_TSDB_DIR");
  if (dir == nullptr) GTEST_SKIP() << "NARTHEX_TSDB_DIR is not set";
  const std::string theirs = DumpByPromtool(dir);
  DbFixture db;
  db.Adopt(dir);
  ExpectSameLines(DumpByUs(db), theirs);
  db.Reopen();
  ExpectSameLines(DumpByUs(db), theirs);
}

}  // namespace
}  // namespace narthex::tsdb::testing
