// SPDX-License-Identifier: Apache-2.0
//
// Clean stops and starts of the whole database, and of a folder that changes hands in between.
#include <csignal>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/tsdb/support/db_fixture.h"
#include "tests/tsdb/support/promtool.h"
#include "tests/tsdb/support/test_blocks.h"
#include "tsdb/head/snapshot.h"

namespace narthex::tsdb::testing {
namespace {

namespace files = std::filesystem;

constexpr model::TimestampMs kStart = 1'700'000'000'000;
constexpr model::DurationMs kRange = 120'000;

DbOptions SmallRanges() {
  DbOptions options;
  options.min_block_duration_ms = kRange;
  options.retention_ms = 0;
  return options;
}

void Fill(DbFixture& db, int from, int to, int series = 20) {
  for (int i = from; i < to; ++i) {
    std::vector<DbFixture::Sample> samples;
    for (int s = 0; s < series; ++s) {
      samples.push_back({{{"__name__", fmt::format("m{}", s % 5)}, {"s", std::to_string(s)}},
                         kStart + i * 1'000LL,
                         static_cast<double>(i * s)});
    }
    db.Append(samples);
  }
}

std::string SnapshotOf(const DbFixture& db) { return db.dir() + "/" + kSnapshotName; }

TEST(DbHeadSnapshotTest, CleanStopsBetweenCompactions) {
  DbFixture db(SmallRanges());
  SeriesData want;
  for (int round = 0; round < 6; ++round) {
    SCOPED_TRACE(round);
    Fill(db, round * 150, (round + 1) * 150, 20 - 2 * round);  // Some series end in each round.
    if (round % 2 == 1) {
      ASSERT_TRUE(db->Compact());
      ASSERT_FALSE(db->Blocks().empty());
    }
    want = db.ReadAll();
    db.Close();
    ASSERT_TRUE(files::exists(SnapshotOf(db)));
    db.Open();
    EXPECT_FALSE(files::exists(SnapshotOf(db)));
    EXPECT_EQ(db.ReadAll(), want);
  }
  db.Kill();
  EXPECT_EQ(db.ReadAll(), want);
}

// The blocks say what the log's samples are good for: with other blocks it has to be read again.
TEST(DbHeadSnapshotTest, ABlockThatIsGoneBringsTheLogBack) {
  DbFixture db(SmallRanges());
  Fill(db, 0, 250);
  ASSERT_TRUE(db->Compact());
  const auto ulid = db->Blocks().back().ulid;
  const auto want = db.ReadAll();
  db.Close();
  ASSERT_TRUE(files::exists(SnapshotOf(db)));
  files::remove_all(db.dir() + "/" + ulid);
  db.Open();
  EXPECT_EQ(db.ReadAll(), want);  // The log still had it.
}

TEST(DbHeadSnapshotTest, CanBeSwitchedOff) {
  DbOptions options = SmallRanges();
  options.snapshot_on_close = false;
  DbFixture db(options);
  Fill(db, 0, 10);
  db.Close();
  EXPECT_FALSE(files::exists(SnapshotOf(db)));
}

TEST(DbHeadSnapshotTest, UnfinishedSnapshotsAreRemoved) {
  DbFixture db(SmallRanges());
  Fill(db, 0, 10);
  const auto want = db.ReadAll();
  db.Close();
  files::rename(SnapshotOf(db), SnapshotOf(db) + ".tmp");
  db.Open();
  EXPECT_EQ(db.ReadAll(), want);
  EXPECT_FALSE(files::exists(SnapshotOf(db) + ".tmp"));
}

class HeadSnapshotPeerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto path = FindPromtool();
    if (!path) GTEST_SKIP() << "no promtool in NARTHEX_PEERS or PATH";
    promtool_ = *path;
    if (RunCommand(promtool_ + " tsdb dump --help").output.find("--sandbox-dir-root") ==
        std::string::npos) {
      GTEST_SKIP() << "this promtool is too old";
    }
    prometheus_ = files::path(*path).parent_path().string() + "/prometheus";
    if (!files::exists(prometheus_)) GTEST_SKIP() << "no prometheus beside promtool";
  }
  // Runs the real server on a folder until it is ready, then ends it by a signal.
  std::string RunPrometheus(const std::string& dir, int signal) {
    const std::string config = sandbox_.path() + "/prometheus.yml";
    std::ofstream(config) << "global: {}\n";
    const std::string log = sandbox_.path() + "/log";
    const std::string pid = sandbox_.path() + "/pid";
    // The reader of its log sends the signal. `timeout` only ends what hangs.
    (void)RunCommand(fmt::format(
        "timeout -s KILL 100 sh -c 'echo $$ >{0}; exec {1} --config.file={2} "
        "--storage.tsdb.path={3} --web.listen-address=127.0.0.1:0 "
        "--storage.tsdb.min-block-duration=2m --storage.tsdb.max-block-duration=2m' 2>&1 | "
        "tee {4} | ( grep -q -m1 'ready to receive web requests'; kill -{5} $(cat {0}); "
        "cat >/dev/null )",
        pid, prometheus_, config, dir, log, signal));
    std::ifstream in(log);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string promtool_;
  std::string prometheus_;
  narthex::testing::TempDir sandbox_;
};

TEST_F(HeadSnapshotPeerTest, PromtoolPassesOverIt) {
  DbFixture db(SmallRanges());
  Fill(db, 0, 250);
  ASSERT_TRUE(db->Compact());
  const auto want = db.ReadAll();
  db.Close();
  ASSERT_TRUE(files::exists(SnapshotOf(db)));
  const auto list = RunCommand(fmt::format("{} tsdb list {}", promtool_, db.dir()));
  EXPECT_EQ(list.exit_code, 0) << list.output;
  const auto analyze = RunCommand(fmt::format("{} tsdb analyze {}", promtool_, db.dir()));
  EXPECT_EQ(analyze.exit_code, 0) << analyze.output;
  const auto dump = RunCommand(
      fmt::format("{} tsdb dump --sandbox-dir-root={} {}", promtool_, sandbox_.path(), db.dir()));
  EXPECT_EQ(dump.exit_code, 0) << dump.output.substr(0, 1000);
  EXPECT_TRUE(files::exists(SnapshotOf(db)));
  db.Open();
  EXPECT_EQ(db.ReadAll(), want);
}

TEST_F(HeadSnapshotPeerTest, PrometheusTakesOverAndHandsBack) {
  for (const int signal : {SIGTERM, SIGKILL}) {
    SCOPED_TRACE(signal);
    DbFixture db(SmallRanges());
    Fill(db, 0, 100);
    const auto want = db.ReadAll();
    db.Close();
    ASSERT_TRUE(files::exists(SnapshotOf(db)));
    const auto log = RunPrometheus(db.dir(), signal);
    ASSERT_NE(log.find("ready to receive web requests"), std::string::npos) << log;
    EXPECT_EQ(log.find(kSnapshotName), std::string::npos) << log;
    // It has begun a log segment, and may have written or deleted anything: ours is void.
    ASSERT_TRUE(files::exists(SnapshotOf(db)));
    std::error_code ignored;
    files::remove(db.dir() + "/lock", ignored);  // A killed server leaves it.
    db.Open();
    EXPECT_EQ(db.ReadAll(), want);
    EXPECT_FALSE(files::exists(SnapshotOf(db)));
    Fill(db, 100, 120);
    const auto more = db.ReadAll();
    db.Reopen();
    EXPECT_EQ(db.ReadAll(), more);
  }
}

}  // namespace
}  // namespace narthex::tsdb::testing
