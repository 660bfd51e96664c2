// SPDX-License-Identifier: Apache-2.0
//
// Deletion, clean-up and snapshots on a file system where any single operation fails: the error
// names the file, nothing that was to stay is lost, and it can be tried again.
#include <functional>

#include <gtest/gtest.h>

#include "tests/support/fault_fs.h"
#include "tests/tsdb/support/db_fixture.h"

namespace narthex::tsdb::testing {
namespace {

using narthex::testing::Fault;
using narthex::testing::FaultFs;
using narthex::testing::FileOp;

constexpr model::TimestampMs kFrom = 1'050'000;  // Deleted: the end of a block …
constexpr model::TimestampMs kTo = 1'190'000;    // … up to samples of the head.

DbOptions SmallRanges() {
  DbOptions options;
  options.min_block_duration_ms = 60'000;
  return options;
}

void Fill(DbFixture& db) {
  for (model::TimestampMs t = 1'000'000; t < 1'200'000; t += 10'000) {
    db.Append({{{{"__name__", "a"}}, t, static_cast<double>(t)}, {{{"__name__", "b"}}, t, 1}});
  }
  ASSERT_TRUE(db->Compact());
}

Status DeleteA(Db& db) {
  std::vector<model::Matcher> matchers;
  matchers.push_back(model::Matcher::Create(model::MatchType::kEqual, "__name__", "a").value());
  return db.DeleteSeries(kFrom, kTo, matchers);
}

// Every sample of `part` is in `whole`.
void ExpectPartOf(const SeriesData& part, const SeriesData& whole) {
  for (const auto& [series, samples] : part) {
    const auto it = whole.find(series);
    ASSERT_NE(it, whole.end()) << series;
    for (const auto& sample : samples) {
      EXPECT_NE(std::find(it->second.begin(), it->second.end(), sample), it->second.end())
          << series << " " << sample.t;
    }
  }
}

// Runs `act` with operation 0, 1, 2, … failing, on a fresh database each time.
// @param check  what must hold afterwards, given whether it was done
void FailEachOperation(const std::function<void(DbFixture&)>& prepare,
                       const std::function<Status(DbFixture&)>& act,
                       const std::function<void(DbFixture&, bool done)>& check) {
  for (const Fault fault : {Fault::kFail, Fault::kTear}) {
    constexpr int kMoreThanThereAre = 1000;
    int failures = 0;
    for (int failing = 0; failing < kMoreThanThereAre; ++failing) {
      FaultFs fs(SystemFs());
      DbFixture db(SmallRanges(), fs);
      Fill(db);
      prepare(db);
      int seen = 0;
      std::string what;
      fs.SetHook([&](FileOp op, const std::string& path, int number) {
        seen = number + 1;
        if (number != failing) return Fault::kNone;
        what = std::to_string(static_cast<int>(op)) + " on " + path;
        return fault;
      });
      const Status status = act(db);
      fs.SetHook(nullptr);
      SCOPED_TRACE(::testing::Message() << "operation " << failing << ": " << what);
      if (!status) {
        ++failures;
        EXPECT_EQ(status.error().code(), Code::kIo) << status.error().message();
        EXPECT_NE(status.error().message().find(db.dir()), std::string::npos)
            << status.error().message();
      }
      check(db, status.has_value());
      db.Kill();
      check(db, status.has_value());
      const Status again = act(db);
      EXPECT_TRUE(again) << again.error().message();
      check(db, true);
      if (::testing::Test::HasFailure()) return;
      if (seen <= failing) break;
    }
    EXPECT_GT(failures, 3);
  }
}

TEST(DbAdminFaultsTest, Deletion) {
  DbFixture reference(SmallRanges());
  Fill(reference);
  const SeriesData before = reference.ReadAll();
  ASSERT_TRUE(DeleteA(*reference.get()));
  const SeriesData after = reference.ReadAll();
  ASSERT_NE(before, after);
  FailEachOperation([](DbFixture&) {}, [](DbFixture& db) { return DeleteA(*db.get()); },
                    [&](DbFixture& db, bool done) {
                      const SeriesData now = db.ReadAll();
                      ExpectPartOf(after, now);
                      ExpectPartOf(now, before);
                      if (done) {
                        EXPECT_EQ(now, after);
                      }
                    });
}

TEST(DbAdminFaultsTest, CleanUp) {
  SeriesData want;
  FailEachOperation(
      [&](DbFixture& db) {
        ASSERT_TRUE(DeleteA(*db.get()));
        want = db.ReadAll();
      },
      [](DbFixture& db) { return db->CleanTombstones(); },
      [&](DbFixture& db, bool done) {
        EXPECT_EQ(db.ReadAll(), want);
        for (const auto& block : db->Blocks()) {
          EXPECT_FALSE(done && block.num_tombstones > 0);
          EXPECT_EQ(block.meta_json.find("failed"), std::string::npos);
        }
      });
}

TEST(DbAdminFaultsTest, Snapshots) {
  DbFixture reference(SmallRanges());
  Fill(reference);
  const SeriesData want = reference.ReadAll();
  int number = 0;
  FailEachOperation([](DbFixture&) {},
                    [&](DbFixture& db) {
                      const std::string dir = db.dir() + "/snapshots/" + std::to_string(++number);
                      Status status = db->Snapshot(dir, true);
                      if (status) {
                        DbFixture copy(SmallRanges());
                        copy.Adopt(dir);
                        EXPECT_EQ(copy.ReadAll(), want);
                      } else {
                        EXPECT_FALSE(SystemFs().Exists(dir));
                      }
                      return status;
                    },
                    [&](DbFixture& db, bool) { EXPECT_EQ(db.ReadAll(), want); });
}

}  // namespace
}  // namespace narthex::tsdb::testing
