// SPDX-License-Identifier: Apache-2.0
//
// What the agent's appender takes, and what it writes to the log.
#include <gtest/gtest.h>

#include "narthex/model/exemplar.h"
#include "narthex/model/float_histogram.h"
#include "narthex/model/histogram.h"
#include "narthex/model/metadata.h"
#include "narthex/model/sample.h"
#include "tests/support/fault_fs.h"
#include "tests/tsdb/support/agent_fixture.h"

namespace narthex::tsdb::testing {
namespace {

using model::Labels;
using model::TimestampMs;
using storage::AppendError;
using storage::SeriesRef;

constexpr TimestampMs kNow = 1'700'000'000'000;
const Labels kA{{"__name__", "a"}};
const Labels kB{{"__name__", "b"}};
const std::string kAText = kA.ToString();

model::Histogram TwoBuckets() {
  model::Histogram h;
  h.schema = 1;
  h.zero_threshold = 0.001;
  h.count = 3;
  h.sum = 5;
  h.positive_spans = {{0, 2}};
  h.positive_buckets = {1, 1};  // 1 and 2.
  return h;
}

TEST(AgentAppendTest, TakesWhatIsNewerThanTheLastCommit) {
  const struct {
    model::DurationMs window;
    TimestampMs t;
    AppendError want;
  } cases[] = {
      {0, kNow + 1, AppendError::kNone},
      {0, kNow, AppendError::kOutOfOrder},
      {0, kNow - 1, AppendError::kOutOfOrder},
      {1000, kNow, AppendError::kNone},
      {1000, kNow - 999, AppendError::kNone},
      {1000, kNow - 1000, AppendError::kOutOfOrder},
      {1000, kNow - 1001, AppendError::kOutOfOrder},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(::testing::Message() << "window " << c.window << ", at " << c.t - kNow);
    AgentOptions options;
    options.out_of_order_window_ms = c.window;
    AgentFixture db(options);
    db.Append({{kA, kNow, 1}});
    EXPECT_EQ(db.TryAppend(kA, c.t, 2), c.want);
    const bool taken = c.want == AppendError::kNone;
    SeriesData want{{kAText, {{kNow, 1}}}};
    if (taken) want[kAText].push_back({c.t, 2});
    EXPECT_EQ(db.Log().floats, want);
    // One that is late is counted, taken or not, as Prometheus does.
    EXPECT_EQ(db.Metric("prometheus_agent_out_of_order_samples_total"),
              c.t < kNow || !taken ? 1 : 0);
    EXPECT_EQ(db.Metric("prometheus_agent_samples_appended_total{type=\"float\"}"), taken ? 2 : 1);
  }
}

TEST(AgentAppendTest, ALateSampleDoesNotSetTheSeriesBack) {
  AgentOptions options;
  options.out_of_order_window_ms = 1000;
  AgentFixture db(options);
  db.Append({{kA, kNow, 1}});
  db.Append({{kA, kNow - 500, 1}});
  EXPECT_EQ(db.TryAppend(kA, kNow - 1000), AppendError::kOutOfOrder);
}

TEST(AgentAppendTest, OfOneCommitAllAreHeldAgainstWhatWasBefore) {
  AgentFixture db;
  db.Append({{kA, kNow, 1}, {kA, kNow, 2}, {kA, kNow - 5, 3}});
  EXPECT_EQ(db.Log().floats, (SeriesData{{kAText, {{kNow, 1}, {kNow, 2}, {kNow - 5, 3}}}}));
  EXPECT_EQ(db.TryAppend(kA, kNow), AppendError::kOutOfOrder);
}

TEST(AgentAppendTest, DiscardedOutOfOrder) {
  AgentOptions options;
  options.out_of_order_window_ms = 1000;
  AgentFixture db(options);
  db.Append({{kA, kNow, 1}});
  const auto appender = db->NewAppender();
  SeriesRef ref{0};
  appender->SetDiscardOutOfOrder(true);
  EXPECT_EQ(appender->Append(ref, kA, kNow - 1, 1), AppendError::kOutOfOrder);
  appender->SetDiscardOutOfOrder(false);
  EXPECT_EQ(appender->Append(ref, kA, kNow - 1, 1), AppendError::kNone);
}

TEST(AgentAppendTest, TimesAtTheEnds) {
  AgentOptions options;
  options.out_of_order_window_ms = 1000;
  AgentFixture db(options);
  EXPECT_EQ(db.TryAppend(kA, model::kMinTime + 1), AppendError::kNone);
  EXPECT_EQ(db.TryAppend(kA, model::kMinTime), AppendError::kOutOfOrder);
  EXPECT_EQ(db.TryAppend(kA, model::kMaxTime), AppendError::kNone);
}

TEST(AgentAppendTest, Columns) {
  AgentFixture db;
  SeriesRef a{0}, b{0};
  {
    const auto appender = db->NewAppender();
    ASSERT_EQ(appender->Append(a, kA, kNow, 1), AppendError::kNone);
    ASSERT_EQ(appender->Append(b, kB, kNow + 10, 1), AppendError::kNone);
    ASSERT_TRUE(appender->Commit());
  }
  const auto appender = db->NewAppender();
  const std::vector<SeriesRef> refs = {a, SeriesRef{0}, b, SeriesRef{77}, a};
  const std::vector<double> values = {1, 2, 3, 4, model::kStaleNaN};
  std::vector<AppendError> outcomes(refs.size());
  appender->AppendColumn(refs, kNow + 5, values, outcomes);
  EXPECT_EQ(outcomes,
            (std::vector{AppendError::kNone, AppendError::kUnknownSeries, AppendError::kOutOfOrder,
                         AppendError::kUnknownSeries, AppendError::kNone}));
  ASSERT_TRUE(appender->Commit());
  EXPECT_EQ(db.Log().floats[kAText],
            (std::vector<BitSample>{{kNow, 1}, {kNow + 5, 1}, {kNow + 5, model::kStaleNaN}}));
  EXPECT_EQ(db.Metric("prometheus_agent_out_of_order_samples_total"), 1);
}

TEST(AgentAppendTest, LabelsAndReferences) {
  AgentFixture db;
  const auto appender = db->NewAppender();
  SeriesRef ref{0};
  EXPECT_EQ(appender->Append(ref, Labels(), kNow, 1), AppendError::kInvalidLabels);
  Labels twice;
  twice.AppendSorted("a", "1");
  twice.AppendSorted("a", "2");
  EXPECT_EQ(appender->Append(ref, twice, kNow, 1), AppendError::kInvalidLabels);
  SeriesRef stranger{12345};
  EXPECT_EQ(appender->Append(stranger, Labels(), kNow, 1), AppendError::kUnknownSeries);
  EXPECT_EQ(appender->Append(stranger, kA, kNow, 1), AppendError::kNone);
  EXPECT_EQ(appender->Append(ref, kA, kNow + 1, 1), AppendError::kNone);
  EXPECT_EQ(ref, stranger);
  EXPECT_EQ(appender->Append(ref, Labels(), kNow + 2, 1), AppendError::kNone);
  EXPECT_EQ(db->num_series(), 1U);
  ASSERT_TRUE(appender->Commit());
  EXPECT_EQ(db.Log().floats[kAText].size(), 3U);
  EXPECT_EQ(db.Metric("prometheus_agent_active_series"), 1);
}

TEST(AgentAppendTest, WhoeverCommitsFirstWritesTheSeries) {
  AgentFixture db;
  const auto first = db->NewAppender();
  SeriesRef ref{0};
  ASSERT_EQ(first->Append(ref, kA, kNow, 1), AppendError::kNone);
  db.Append({{kA, kNow + 1, 2}});
  first->Rollback();
  const LogContent log = db.Log();
  EXPECT_TRUE(log.unknown.empty());
  EXPECT_EQ(log.floats, (SeriesData{{kAText, {{kNow + 1, 2}}}}));
}

TEST(AgentAppendTest, ARollbackLeavesNothing) {
  AgentFixture db;
  {
    const auto appender = db->NewAppender();
    SeriesRef ref{0};
    ASSERT_EQ(appender->Append(ref, kA, kNow, 1), AppendError::kNone);
  }
  EXPECT_TRUE(db.Log().series.empty());
  EXPECT_EQ(db.TryAppend(kA, kNow - 1), AppendError::kNone);
  EXPECT_TRUE(db.Log().unknown.empty());
}

TEST(AgentAppendTest, Histograms) {
  AgentFixture db;
  const auto appender = db->NewAppender();
  SeriesRef ref{0};
  const model::Histogram h = TwoBuckets();
  EXPECT_EQ(appender->AppendHistogram(ref, kA, kNow, h), AppendError::kNone);
  EXPECT_EQ(appender->AppendFloatHistogram(ref, kA, kNow + 1, model::ToFloat(h)),
            AppendError::kNone);
  model::Histogram custom;
  custom.schema = model::kCustomBucketsSchema;
  custom.count = 1;
  custom.custom_values = {1, 2};
  custom.positive_spans = {{0, 1}};
  custom.positive_buckets = {1};
  EXPECT_EQ(appender->AppendHistogram(ref, kA, kNow + 2, custom), AppendError::kNone);
  model::Histogram wrong = h;
  wrong.count = 2;
  SeriesRef other{0};
  EXPECT_EQ(appender->AppendHistogram(other, kB, kNow, wrong), AppendError::kInvalidHistogram);
  EXPECT_NE(appender->RefusalText(AppendError::kInvalidHistogram).find("3 observations"),
            std::string::npos)
      << appender->RefusalText(AppendError::kInvalidHistogram);
  EXPECT_EQ(other, SeriesRef{0});
  ASSERT_TRUE(appender->Commit());
  auto log = db.Log();
  std::sort(log.histograms[kAText].begin(), log.histograms[kAText].end());
  const std::vector<std::pair<TimestampMs, double>> want = {
      {kNow, 3}, {kNow + 1, 3}, {kNow + 2, 1}};
  EXPECT_EQ(log.histograms[kAText], want);
  EXPECT_EQ(log.series.size(), 1U);
  EXPECT_EQ(db.Metric("prometheus_agent_samples_appended_total{type=\"histogram\"}"), 3);

  const auto next = db->NewAppender();
  EXPECT_EQ(next->AppendHistogram(ref, kA, kNow + 2, h), AppendError::kOutOfOrder);
}

TEST(AgentAppendTest, ZerosWhereSeriesBegan) {
  AgentFixture db;
  const auto appender = db->NewAppender();
  SeriesRef ref{0};
  EXPECT_EQ(appender->AppendStartZero(ref, kA, kNow, kNow), AppendError::kStartNotOlder);
  EXPECT_EQ(appender->AppendStartZero(ref, kA, kNow, kNow - 100), AppendError::kNone);
  EXPECT_EQ(appender->Append(ref, kA, kNow, 7), AppendError::kNone);
  SeriesRef histogram{0};
  EXPECT_EQ(appender->AppendStartZero(histogram, kB, kNow, kNow - 50, TwoBuckets()),
            AppendError::kNone);
  EXPECT_EQ(appender->AppendHistogram(histogram, kB, kNow, TwoBuckets()), AppendError::kNone);
  ASSERT_TRUE(appender->Commit());
  const LogContent log = db.Log();
  EXPECT_EQ(log.floats, (SeriesData{{kAText, {{kNow - 100, 0}, {kNow, 7}}}}));
  const std::vector<std::pair<TimestampMs, double>> want = {{kNow - 50, 0}, {kNow, 3}};
  EXPECT_EQ(log.histograms.at(kB.ToString()), want);

  const auto later = db->NewAppender();
  EXPECT_EQ(later->AppendStartZero(ref, kA, kNow + 10, kNow - 100), AppendError::kOutOfOrder);
  EXPECT_EQ(later->AppendStartZero(ref, kA, kNow + 10, kNow + 1), AppendError::kNone);
  EXPECT_EQ(db.Metric("prometheus_agent_out_of_order_samples_total"), 0);
}

TEST(AgentAppendTest, StartTimesAreLoggedWhereTheyAreWanted) {
  for (const bool wanted : {false, true}) {
    AgentOptions options;
    options.start_times = wanted;
    AgentFixture db(options);
    const auto appender = db->NewAppender();
    SeriesRef ref{0};
    appender->SetStart(kNow - 7);
    ASSERT_EQ(appender->Append(ref, kA, kNow, 1), AppendError::kNone);
    const std::vector<SeriesRef> refs = {ref};
    const std::vector<double> values = {2};
    const std::vector<TimestampMs> starts = {kNow - 6};
    std::vector<AppendError> outcomes(1);
    appender->AppendStartedColumn(refs, kNow + 1, values, starts, outcomes);
    ASSERT_TRUE(appender->Commit());
    const LogContent log = db.Log();
    EXPECT_EQ(log.floats.at(kAText).size(), 2U);
    EXPECT_EQ(log.starts.empty(), !wanted);
    if (wanted) {
      EXPECT_EQ(log.starts.at(kAText), (std::vector<TimestampMs>{kNow - 7, kNow - 6}));
    }
  }
}

TEST(AgentAppendTest, ExemplarsThatSayNothingNewAreLeftOut) {
  AgentFixture db;
  const auto exemplar = [](double v, TimestampMs t, bool own_time) {
    return model::Exemplar{{{"trace_id", "x"}}, v, t, own_time};
  };
  SeriesRef ref{0};
  const auto append = [&](TimestampMs t, const std::vector<model::Exemplar>& exemplars) {
    const auto appender = db->NewAppender();
    ASSERT_EQ(appender->Append(ref, kA, t, 1), AppendError::kNone);
    for (const auto& e : exemplars) {
      ASSERT_EQ(appender->AppendExemplar(ref, Labels(), e), AppendError::kNone);
    }
    ASSERT_TRUE(appender->Commit());
  };
  append(kNow, {exemplar(1, kNow, false), exemplar(1, kNow, false)});
  EXPECT_EQ(db.Log().exemplars[kAText], 1U) << "repeated in the commit";
  append(kNow + 1, {exemplar(1, kNow + 1, false)});
  EXPECT_EQ(db.Log().exemplars[kAText], 1U) << "the time is not its own";
  append(kNow + 2, {exemplar(1, kNow + 2, true)});
  EXPECT_EQ(db.Log().exemplars[kAText], 2U) << "the time is its own";
  append(kNow + 3, {exemplar(1, kNow + 2, true)});
  EXPECT_EQ(db.Log().exemplars[kAText], 2U);
  append(kNow + 4, {exemplar(2, kNow, true)});
  EXPECT_EQ(db.Log().exemplars[kAText], 3U) << "an older one is taken, as Prometheus does";
  EXPECT_EQ(db.Metric("prometheus_agent_exemplars_appended_total"), 3);

  const auto appender = db->NewAppender();
  model::Exemplar e = exemplar(3, kNow, true);
  e.labels = Labels{{"trace_id", std::string(121, 'x')}};
  EXPECT_EQ(appender->AppendExemplar(ref, Labels(), e), AppendError::kExemplarTooLong);
  e.labels = Labels{{"trace_id", std::string(120, 'x')}};
  EXPECT_EQ(appender->AppendExemplar(ref, Labels(), e), AppendError::kNone);
  EXPECT_EQ(appender->AppendExemplar(SeriesRef{0}, kA, e), AppendError::kNone);
  EXPECT_EQ(appender->AppendExemplar(SeriesRef{0}, kB, e), AppendError::kUnknownSeries);
}

// One whose commit failed must not make its repetition look old.
TEST(AgentAppendTest, AnExemplarThatWasRolledBackMayComeAgain) {
  AgentFixture db;
  SeriesRef ref{0};
  const model::Exemplar e{{{"trace_id", "x"}}, 1, kNow, true};
  for (const bool commit : {false, true}) {
    const auto appender = db->NewAppender();
    ASSERT_EQ(appender->Append(ref, kA, kNow, 1), AppendError::kNone);
    ASSERT_EQ(appender->AppendExemplar(ref, Labels(), e), AppendError::kNone);
    if (commit) {
      ASSERT_TRUE(appender->Commit());
    } else {
      appender->Rollback();
    }
  }
  EXPECT_EQ(db.Log().exemplars[kAText], 1U);
}

TEST(AgentAppendTest, MetadataArePassedOver) {
  AgentFixture db;
  const auto appender = db->NewAppender();
  SeriesRef ref{0};
  ASSERT_EQ(appender->Append(ref, kA, kNow, 1), AppendError::kNone);
  appender->UpdateMetadata(ref, kA, {model::MetricType::kCounter, "unit", "help"});
  ASSERT_TRUE(appender->Commit());
  EXPECT_EQ(db.Log().floats.size(), 1U) << "and no record of another type";
}

TEST(AgentAppendTest, ACommitThatCannotBeWrittenLeavesNothing) {
  narthex::testing::FaultFs fs(SystemFs());
  AgentFixture db({}, fs);
  db.Append({{kA, kNow, 1}});
  fs.SetDiskFull(true);
  {
    const auto appender = db->NewAppender();
    SeriesRef a{0}, b{0};
    ASSERT_EQ(appender->Append(a, kA, kNow + 1, 2), AppendError::kNone);
    ASSERT_EQ(appender->Append(b, kB, kNow + 1, 2), AppendError::kNone);
    EXPECT_FALSE(appender->Commit());
  }
  fs.SetDiskFull(false);
  db.Append({{kA, kNow + 1, 3}, {kB, kNow + 1, 4}});
  const LogContent log = db.Log();
  EXPECT_TRUE(log.unknown.empty());
  EXPECT_EQ(log.floats,
            (SeriesData{{kAText, {{kNow, 1}, {kNow + 1, 3}}}, {kB.ToString(), {{kNow + 1, 4}}}}));
}

}  // namespace
}  // namespace narthex::tsdb::testing
