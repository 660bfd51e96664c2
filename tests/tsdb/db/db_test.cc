// SPDX-License-Identifier: Apache-2.0
#include "narthex/tsdb/db.h"

#include <algorithm>
#include <bit>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "narthex/base/fs.h"
#include "narthex/base/metrics.h"
#include "narthex/model/sample.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"
#include "tests/tsdb/support/db_fixture.h"

namespace narthex::tsdb {
namespace {

using model::Labels;
using storage::AppendError;
using storage::SeriesRef;
using testing::DbFixture;

TEST(DbTest, EmptyDatabaseHasNoSeries) {
  DbFixture db;
  EXPECT_TRUE(db.ReadAll().empty());
  EXPECT_EQ(db->min_time(), model::kMaxTime);
  EXPECT_TRUE(db->Blocks().empty());
}

TEST(DbTest, AppendedSamplesAreReadBack) {
  DbFixture db;
  db.Append({{{{"__name__", "up"}, {"job", "a"}}, 1000, 1.0}, {{{"__name__", "up"}}, 1000, 0.0}});
  db.Append({{{{"__name__", "up"}, {"job", "a"}}, 2000, 2.0}});
  const testing::SeriesData want = {
      {R"({__name__="up"})", {{1000, 0.0}}},
      {R"({__name__="up", job="a"})", {{1000, 1.0}, {2000, 2.0}}},
  };
  EXPECT_EQ(db.ReadAll(), want);
  db.Reopen();
  EXPECT_EQ(db.ReadAll(), want);
  db.Kill();
  EXPECT_EQ(db.ReadAll(), want);
}

TEST(DbTest, AppendRules) {
  DbFixture db;
  const Labels labels = {{"__name__", "x"}};
  db.Append({{{{"__name__", "x"}}, 10'000'000, 5.0}});
  const struct {
    const char* name;
    Labels labels;
    model::TimestampMs t;
    double v;
    AppendError want;
  } cases[] = {
      {"same sample again", labels, 10'000'000, 5.0, AppendError::kNone},
      {"another value", labels, 10'000'000, 6.0, AppendError::kDuplicate},
      {"older", labels, 9'999'999, 5.0, AppendError::kOutOfOrder},
      {"half a range older", labels, 10'000'000 - 3'600'000, 5.0, AppendError::kOutOfOrder},
      {"more than half a range", labels, 10'000'000 - 3'600'001, 5.0, AppendError::kOutOfBounds},
      {"newer", labels, 10'000'001, 6.0, AppendError::kNone},
      {"another series, older", {{"__name__", "y"}}, 9'000'000, 1.0, AppendError::kNone},
      {"no labels", {}, 10'000'002, 1.0, AppendError::kInvalidLabels},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    auto appender = db->NewAppender();
    SeriesRef ref{0};
    EXPECT_EQ(appender->Append(ref, c.labels, c.t, c.v), c.want);
  }
}

TEST(DbTest, UnknownRefsAreTold) {
  DbFixture db;
  auto appender = db->NewAppender();
  SeriesRef known{0};
  ASSERT_EQ(appender->Append(known, {{"a", "b"}}, 1, 1.0), AppendError::kNone);
  const std::vector<SeriesRef> refs = {known, SeriesRef{77}, SeriesRef{0},
                                       SeriesRef{static_cast<std::uint64_t>(known) + (1ULL << 32)}};
  const std::vector<double> values = {2.0, 2.0, 2.0, 2.0};
  std::vector<AppendError> outcomes(4);
  appender->AppendColumn(refs, 2, values, outcomes);
  EXPECT_EQ(outcomes, (std::vector{AppendError::kNone, AppendError::kUnknownSeries,
                                   AppendError::kUnknownSeries, AppendError::kUnknownSeries}));
  ASSERT_TRUE(appender->Commit());
  EXPECT_EQ(db.ReadAll(), (testing::SeriesData{{R"({a="b"})", {{1, 1.0}, {2, 2.0}}}}));
}

TEST(DbTest, RolledBackSamplesAreGone) {
  DbFixture db;
  {
    auto appender = db->NewAppender();
    SeriesRef ref{0};
    ASSERT_EQ(appender->Append(ref, {{"a", "b"}}, 1, 1.0), AppendError::kNone);
    appender->Rollback();
  }
  EXPECT_TRUE(db.ReadAll().empty());
  // The series exists but is in no WAL record yet; whoever writes to it first must log it.
  db.Append({{{{"a", "b"}}, 2, 2.0}});
  db.Kill();
  EXPECT_EQ(db.ReadAll(), (testing::SeriesData{{R"({a="b"})", {{2, 2.0}}}}));
}

TEST(DbTest, CommitIsVisibleAsAWholeToLaterReadersOnly) {
  DbFixture db;
  db.Append({{{{"a", "1"}}, 1, 1.0}, {{{"a", "2"}}, 1, 1.0}});
  auto before = db->NewQuerier(model::kMinTime, model::kMaxTime);
  ASSERT_TRUE(before);
  db.Append({{{{"a", "1"}}, 2, 2.0}, {{{"a", "2"}}, 2, 2.0}});
  auto between = db->NewQuerier(model::kMinTime, model::kMaxTime);
  ASSERT_TRUE(between);
  db.Append({{{{"a", "1"}}, 3, 3.0}, {{{"a", "2"}}, 3, 3.0}});
  const auto read = [](const storage::Querier& querier) { return testing::ReadAll(querier); };
  const testing::SeriesData one = {{R"({a="1"})", {{1, 1.0}}}, {R"({a="2"})", {{1, 1.0}}}};
  const testing::SeriesData two = {{R"({a="1"})", {{1, 1.0}, {2, 2.0}}},
                                   {R"({a="2"})", {{1, 1.0}, {2, 2.0}}}};
  EXPECT_EQ(read(**before), one);
  EXPECT_EQ(read(**between), two);
  before->reset();
  EXPECT_EQ(read(**between), two);
  EXPECT_EQ(db.ReadAll().at(R"({a="1"})").size(), 3U);
}

TEST(DbTest, SpecialValuesKeepTheirBits) {
  DbFixture db;
  const double values[] = {model::kStaleNaN,
                           model::kNormalNaN,
                           std::bit_cast<double>(0x7ff0dead00000001),
                           -0.0,
                           std::numeric_limits<double>::infinity(),
                           -std::numeric_limits<double>::infinity(),
                           std::numeric_limits<double>::denorm_min()};
  model::TimestampMs t = -3;
  for (const double v : values) db.Append({{{{"a", "b"}}, t++, v}});
  db.Kill();
  const auto samples = db.ReadAll().at(R"({a="b"})");
  ASSERT_EQ(samples.size(), std::size(values));
  for (std::size_t i = 0; i < samples.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(samples[i].v), std::bit_cast<std::uint64_t>(values[i]));
  }
}

TEST(DbTest, ValuesOfALabelThatMatch) {
  DbFixture db;
  db.Append({{{{"__name__", "a"}, {"env", "dev"}}, 1000, 1},
             {{{"__name__", "a"}, {"env", "prod"}}, 1000, 1},
             {{{"__name__", "b"}, {"env", "prod2"}}, 1000, 1},
             {{{"__name__", "b"}}, 1000, 1}});
  const auto querier = db->NewQuerier(0, 2000).value();
  using Texts = std::vector<std::string>;
  const auto values = [&](const std::vector<model::Matcher>& matchers, std::size_t limit = 0) {
    return querier->LabelValues("env", matchers, limit).value();
  };
  const auto prod = model::Matcher::Create(model::MatchType::kRegex, "env", "prod.*").value();
  EXPECT_EQ(values({prod}), (Texts{"prod", "prod2"}));
  EXPECT_EQ(values({prod}, 1), Texts{"prod"}) << "the limit counts what is left";
  EXPECT_EQ(values({prod, model::Matcher::NotEqual("env", "prod")}), Texts{"prod2"});
  EXPECT_EQ(values({prod, model::Matcher::Equal("__name__", "a")}), Texts{"prod"});
  EXPECT_EQ(values({model::Matcher::Equal("env", "")}), Texts{});
}

TEST(DbTest, HeadIsCutIntoBlocks) {
  DbOptions options;
  options.min_block_duration_ms = 60'000;
  DbFixture db(options);
  testing::SeriesData want;
  for (model::TimestampMs t = 1'000'000; t < 1'400'000; t += 1'000) {
    const auto v = static_cast<double>(t % 7'000);
    db.Append({{{{"__name__", "a"}}, t, v}, {{{"__name__", "b"}}, t, -v}});
    want[R"({__name__="a"})"].push_back({t, v});
    want[R"({__name__="b"})"].push_back({t, -v});
  }
  ASSERT_TRUE(db->Compact());
  EXPECT_EQ(db.ReadAll(), want);
  const auto blocks = db->Blocks();
  ASSERT_GE(blocks.size(), 1U);
  EXPECT_EQ(blocks.front().min_time, 1'000'000);
  db.Kill();
  EXPECT_EQ(db.ReadAll(), want);
  db.Reopen();
  EXPECT_EQ(db.ReadAll(), want);
}

// The reader who takes any order gets each series once, also where blocks and head are merged.
// Prometheus would trust it and give the numbers of our series away again.
TEST(DbTest, TheSeriesStateOfPrometheusIsRemoved) {
  DbFixture db;
  db.Close();
  const std::string path = db.dir() + "/wal/series_state.json";
  ASSERT_TRUE(WriteFileAtomically(SystemFs(), path, AsBytes(R"({"last_series_id":1})")));
  db.Open();
  EXPECT_FALSE(SystemFs().Exists(path));
}

TEST(DbTest, AnyOrderOfTheSameSeries) {
  DbOptions options;
  options.min_block_duration_ms = 60'000;
  DbFixture db(options);
  const auto select = [&](bool any_order) {
    const std::vector<model::Matcher> matchers = {
        model::Matcher::Create(model::MatchType::kRegex, "__name__", ".+").value()};
    storage::SelectHints hints;
    hints.any_order = any_order;
    const auto querier = db->NewQuerier(0, 2'000'000).value();
    const auto set = querier->Select(matchers, hints).value();
    std::vector<std::string> labels;
    for (std::size_t i = 0; i < set->size(); ++i) labels.push_back(set->LabelsAt(i).ToString());
    return labels;
  };
  for (const char* name : {"b", "c", "a"}) db.Append({{{{"__name__", name}}, 1'000'000, 1}});
  const std::vector<std::string> want = {R"({__name__="a"})", R"({__name__="b"})",
                                         R"({__name__="c"})"};
  EXPECT_EQ(select(false), want);
  auto unsorted = select(true);
  EXPECT_NE(unsorted, want);
  std::sort(unsorted.begin(), unsorted.end());
  EXPECT_EQ(unsorted, want);
  for (const char* name : {"c", "b", "a"}) db.Append({{{{"__name__", name}}, 1'400'000, 1}});
  ASSERT_TRUE(db->Compact());
  ASSERT_FALSE(db->Blocks().empty());
  EXPECT_EQ(select(true), want);
}

}  // namespace
}  // namespace narthex::tsdb
