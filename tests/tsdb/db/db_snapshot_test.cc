// SPDX-License-Identifier: Apache-2.0
//
// Snapshots, and exemplars.
#include <gtest/gtest.h>

#include "narthex/model/exemplar.h"
#include "tests/tsdb/support/db_fixture.h"
#include "tsdb/block/ulid.h"

namespace narthex::tsdb::testing {
namespace {

DbOptions SmallRanges() {
  DbOptions options;
  options.min_block_duration_ms = 60'000;
  return options;
}

void Fill(DbFixture& db, model::TimestampMs from, model::TimestampMs to) {
  for (model::TimestampMs t = from; t < to; t += 1'000) {
    db.Append({{{{"__name__", "a"}}, t, static_cast<double>(t)}, {{{"__name__", "b"}}, t, 1}});
  }
}

TEST(DbSnapshotTest, HoldsBlocksAndHead) {
  DbFixture db(SmallRanges());
  Fill(db, 1'000'000, 1'200'000);
  ASSERT_TRUE(db->Compact());
  ASSERT_TRUE(db->DeleteSeries(1'010'000, 1'020'000, {}));
  ASSERT_TRUE(db->DeleteSeries(1'190'000, 1'191'000, {}));
  const SeriesData want = db.ReadAll();
  const std::string with_head = db.dir() + "/snapshots/one";
  const std::string without = db.dir() + "/snapshots/two";
  ASSERT_TRUE(db->Snapshot(with_head, true));
  ASSERT_TRUE(db->Snapshot(without, false));
  Fill(db, 1'200'000, 1'210'000);  // Appends go on, and are in neither.
  EXPECT_EQ(SystemFs().ListDir(with_head)->size(), db->Blocks().size() + 1);
  EXPECT_EQ(SystemFs().ListDir(without)->size(), db->Blocks().size());
  const auto first_of_head = db->Blocks().back().max_time;
  {
    DbFixture copy(SmallRanges());
    copy.Adopt(with_head);
    EXPECT_EQ(copy.ReadAll(), want);
    const auto last = copy->Blocks().back();
    EXPECT_EQ(last.min_time, first_of_head);
    EXPECT_EQ(last.max_time, 1'199'001);
    // What happens to the copy does not reach the original.
    ASSERT_TRUE(copy->DeleteSeries(model::kMinTime, model::kMaxTime, {}));
  }
  DbFixture copy(SmallRanges());
  copy.Adopt(without);
  SeriesData blocks_only = want;
  for (auto& [series, samples] : blocks_only) {
    std::erase_if(samples, [&](const BitSample& s) { return s.t >= first_of_head; });
  }
  EXPECT_EQ(copy.ReadAll(), blocks_only);
  EXPECT_EQ(db.ReadAll(model::kMinTime, 1'199'999), want);
}

TEST(DbSnapshotTest, OpenAppendersNeitherDelayNorEnterIt) {
  DbFixture db;
  Fill(db, 1'000'000, 1'010'000);
  const SeriesData want = db.ReadAll();
  auto appender = db->NewAppender();
  storage::SeriesRef ref{0};
  ASSERT_EQ(appender->Append(ref, {{"__name__", "a"}}, 1'010'000, 1), storage::AppendError::kNone);
  const std::string dir = db.dir() + "/snapshots/one";
  ASSERT_TRUE(db->Snapshot(dir, true));
  ASSERT_TRUE(appender->Commit());
  DbFixture copy;
  copy.Adopt(dir);
  EXPECT_EQ(copy.ReadAll(), want);
}

TEST(DbSnapshotTest, OfAnEmptyDatabaseIsAnEmptyFolder) {
  DbFixture db;
  const std::string dir = db.dir() + "/snapshots/one";
  ASSERT_TRUE(db->Snapshot(dir, true));
  EXPECT_TRUE(SystemFs().ListDir(dir)->empty());
}

TEST(DbSnapshotTest, BadFoldersAreRefused) {
  DbFixture db;
  Fill(db, 1'000'000, 1'010'000);
  const struct {
    const char* name;
    std::string dir;
    const char* want;
  } cases[] = {
      {"the data folder", db.dir(), "cannot snapshot into base directory"},
      {"the same in other words", db.dir() + "/./", "cannot snapshot into base directory"},
      {"a block's name", db.dir() + "/01HF0000000000000000000001", "dir must not be a valid ULID"},
      {"a full folder", db.dir() + "/wal", "is not empty"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto status = db->Snapshot(c.dir, true);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code(), Code::kInvalidArgument);
    EXPECT_NE(status.error().message().find(c.want), std::string::npos) << status.error().message();
  }
  EXPECT_EQ(db.ReadAll().size(), 2U);
}

TEST(DbExemplarsTest, AreSelectedBySeriesAndTime) {
  DbOptions options;
  options.max_exemplars = 10;
  DbFixture db(options);
  const auto add = [&](const char* name, model::TimestampMs t, const char* trace) {
    auto appender = db->NewAppender();
    storage::SeriesRef ref{0};
    const model::Labels labels{{"__name__", name}};
    ASSERT_EQ(appender->Append(ref, labels, t, 1), storage::AppendError::kNone);
    model::Exemplar exemplar;
    exemplar.labels = {{"trace", trace}};
    exemplar.t = t;
    ASSERT_EQ(appender->AppendExemplar(ref, labels, exemplar), storage::AppendError::kNone);
    ASSERT_TRUE(appender->Commit());
  };
  add("b", 1'000, "1");
  add("a", 2'000, "2");
  add("b", 3'000, "3");
  add("c", 3'000, "4");
  const auto select = [&](model::TimestampMs mint, model::TimestampMs maxt,
                          const std::vector<const char*>& names) {
    std::vector<std::vector<model::Matcher>> sets;
    for (const char* name : names) {
      sets.emplace_back().push_back(
          model::Matcher::Create(model::MatchType::kEqual, "__name__", name).value());
    }
    std::string text;
    EXPECT_TRUE(db->SelectExemplars(
        mint, maxt, sets,
        [&](const model::Labels& series, std::span<const model::Exemplar> exemplars) {
          text += std::string(series.Get("__name__")) + ":";
          for (const auto& exemplar : exemplars) text += exemplar.labels.Get("trace");
          text += " ";
        }));
    return text;
  };
  EXPECT_EQ(select(0, 9'000, {"b", "a"}), "a:2 b:13 ");
  EXPECT_EQ(select(2'000, 3'000, {"b"}), "b:3 ");
  EXPECT_EQ(select(0, 9'000, {}), "");
}

// The ring that a start finds in the snapshot of the head is that of the last size.
TEST(DbExemplarsTest, TheirNumberChangesWhileTheDatabaseIsOpen) {
  const model::Labels labels{{"__name__", "a"}};
  const auto add = [&](DbFixture& db, model::TimestampMs t) {
    auto appender = db->NewAppender();
    storage::SeriesRef ref{0};
    EXPECT_EQ(appender->Append(ref, labels, t, 1), storage::AppendError::kNone);
    model::Exemplar exemplar;
    exemplar.t = t;
    const auto outcome = appender->AppendExemplar(ref, labels, exemplar);
    EXPECT_TRUE(appender->Commit());
    return outcome;
  };
  const auto times = [](DbFixture& db) {
    std::vector<model::TimestampMs> found;
    const std::vector<std::vector<model::Matcher>> all(1);
    EXPECT_TRUE(db->SelectExemplars(
        0, 9'000, all, [&](const model::Labels&, std::span<const model::Exemplar> list) {
          for (const auto& exemplar : list) found.push_back(exemplar.t);
        }));
    return found;
  };
  DbOptions options;
  options.max_exemplars = 10;
  DbFixture before(options);
  for (const model::TimestampMs t : {1'000, 2'000, 3'000}) add(before, t);
  before->SetMaxExemplars(2);
  EXPECT_EQ(times(before), (std::vector<model::TimestampMs>{2'000, 3'000}));
  before.Close();

  options.max_exemplars = 2;
  DbFixture after(options);
  after.Adopt(before.dir());
  EXPECT_EQ(times(after), (std::vector<model::TimestampMs>{2'000, 3'000}));
  after->SetMaxExemplars(0);
  EXPECT_EQ(add(after, 4'000), storage::AppendError::kExemplarsDisabled);
  EXPECT_EQ(times(after), std::vector<model::TimestampMs>());
}

// Who writes from far away has labels alone; the series must be there already.
TEST(DbExemplarsTest, FindTheirSeriesByLabels) {
  DbOptions options;
  options.max_exemplars = 10;
  DbFixture db(options);
  const model::Labels labels{{"__name__", "a"}};
  db.Append({{labels, 1'000, 1}});
  model::Exemplar exemplar;
  exemplar.t = 1'000;
  auto appender = db->NewAppender();
  EXPECT_EQ(appender->AppendExemplar(storage::SeriesRef{0}, labels, exemplar),
            storage::AppendError::kNone);
  EXPECT_EQ(appender->AppendExemplar(storage::SeriesRef{0}, {{"__name__", "b"}}, exemplar),
            storage::AppendError::kUnknownSeries);
  ASSERT_TRUE(appender->Commit());
  const std::vector<std::vector<model::Matcher>> all(1);
  std::size_t found = 0;
  ASSERT_TRUE(db->SelectExemplars(
      0, 9'000, all,
      [&](const model::Labels&, std::span<const model::Exemplar> list) { found += list.size(); }));
  EXPECT_EQ(found, 1U);
}

}  // namespace
}  // namespace narthex::tsdb::testing
