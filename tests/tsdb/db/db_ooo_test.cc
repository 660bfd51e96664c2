// SPDX-License-Identifier: Apache-2.0
//
// Out-of-order ingestion from append to query, over restarts and kills.
#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "narthex/model/float_histogram.h"
#include "narthex/model/matcher.h"
#include "narthex/model/sample.h"
#include "narthex/storage/chunk_querier.h"
#include "tests/support/fault_fs.h"
#include "tests/tsdb/support/late.h"
#include "tsdb/chunkenc/chunk.h"

namespace narthex::tsdb::testing {
namespace {

using model::TimestampMs;
using storage::AppendError;
using storage::SeriesRef;

const model::Labels kLabels = {{"__name__", "late"}};
constexpr TimestampMs kRange = kLateRange;
constexpr TimestampMs kNow = 1'700'000'040'000;  // A multiple of the range.

DbOptions Late(model::DurationMs window_ms = 10 * kRange) { return LateOptions(window_ms); }

AppendError AppendOne(Db& db, TimestampMs t, double v, const model::Labels& labels = kLabels) {
  return testing::AppendOne(db, t, v, labels);
}

SeriesData Want(std::vector<BitSample> samples, const model::Labels& labels = kLabels) {
  return SortedSeries(std::move(samples), labels);
}

TEST(DbOooTest, AppendRules) {
  DbFixture db(Late(2 * kRange));
  const auto append = [&](TimestampMs t, double v) { return AppendOne(*db.get(), t, v); };
  ASSERT_EQ(append(kNow, 1), AppendError::kNone);
  EXPECT_EQ(append(kNow, 1), AppendError::kNone) << "the same again";
  EXPECT_EQ(append(kNow, 2), AppendError::kDuplicate);
  EXPECT_EQ(append(kNow - 1, 3), AppendError::kNone);
  EXPECT_EQ(append(kNow - 1, 4), AppendError::kNone) << "dropped silently: the first stays";
  EXPECT_EQ(append(kNow - 2 * kRange, 5), AppendError::kNone) << "the window is closed";
  EXPECT_EQ(append(kNow - 2 * kRange - 1, 6), AppendError::kTooOld);
  // A new series that begins in the past, before what is taken in order.
  const model::Labels fresh = {{"__name__", "fresh"}};
  EXPECT_EQ(AppendOne(*db.get(), kNow - kRange, 7, fresh), AppendError::kNone);
  EXPECT_EQ(AppendOne(*db.get(), kNow - 3 * kRange, 8, fresh), AppendError::kTooOld);
  auto want = Want({{kNow - 2 * kRange, 5}, {kNow - 1, 3}, {kNow, 1}});
  want.merge(Want({{kNow - kRange, 7}}, fresh));
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(db.ReadAll(), want) << round;
    if (round == 0) {
      EXPECT_EQ(MetricOf(db,
                         "prometheus_tsdb_head_out_of_order_samples_appended_total{"
                         "type=\"float\"}"),
                3);
      EXPECT_EQ(MetricOf(db, "prometheus_tsdb_too_old_samples_total{type=\"float\"}"), 2);
      EXPECT_EQ(MetricOf(db, "prometheus_tsdb_out_of_order_samples_total{type=\"float\"}"), 0);
      db.Kill();
    } else {
      db.Reopen();
    }
  }
}

TEST(DbOooTest, LateSamplesOfOneCommit) {
  DbFixture db(Late());
  auto appender = db->NewAppender();
  std::vector<BitSample> samples;
  SeriesRef ref{0};
  // Each is in order while nothing is committed.
  for (int i = 0; i < 100; ++i) {
    const TimestampMs t = kNow - i * 7 % 100 * 100;
    ASSERT_EQ(appender->Append(ref, kLabels, t, i), AppendError::kNone);
    samples.push_back({t, static_cast<double>(i)});
  }
  ASSERT_TRUE(appender->Commit());
  EXPECT_EQ(db.ReadAll(), Want(samples));
  db.Kill();
  EXPECT_EQ(db.ReadAll(), Want(samples));
}

TEST(DbOooTest, MayBeRefusedByTheAppender) {
  DbFixture db(Late());
  ASSERT_EQ(AppendOne(*db.get(), kNow, 1), AppendError::kNone);
  auto appender = db->NewAppender();
  SeriesRef ref{0};
  appender->SetDiscardOutOfOrder(true);
  EXPECT_EQ(appender->Append(ref, kLabels, kNow - 1, 2), AppendError::kOutOfOrder);
  EXPECT_EQ(appender->Append(ref, kLabels, kNow + 1, 3), AppendError::kNone);
  appender->SetDiscardOutOfOrder(false);
  EXPECT_EQ(appender->Append(ref, kLabels, kNow - 2, 4), AppendError::kNone);
  ASSERT_TRUE(appender->Commit());
  EXPECT_EQ(db.ReadAll(), Want({{kNow - 2, 4}, {kNow, 1}, {kNow + 1, 3}}));
}

TEST(DbOooTest, WindowChangesWhileRunning) {
  DbFixture db(Late(0));
  ASSERT_EQ(AppendOne(*db.get(), kNow, 1), AppendError::kNone);
  EXPECT_EQ(AppendOne(*db.get(), kNow - 1, 2), AppendError::kOutOfOrder);
  EXPECT_FALSE(std::filesystem::exists(db.dir() + "/wbl"));
  db->SetOutOfOrderWindow(kRange);
  EXPECT_EQ(AppendOne(*db.get(), kNow - 2, 3), AppendError::kNone);
  db->SetOutOfOrderWindow(0);
  EXPECT_EQ(AppendOne(*db.get(), kNow - 3, 4), AppendError::kOutOfOrder);
  const auto want = Want({{kNow - 2, 3}, {kNow, 1}});
  EXPECT_EQ(db.ReadAll(), want);
  db.Kill();  // Opened with no window again: what the WBL has counts all the same.
  EXPECT_EQ(db.ReadAll(), want);
}

TEST(DbOooTest, WblHasSamplesMarkerSamples) {
  auto options = Late();
  options.out_of_order_cap_max = 4;
  DbFixture db(options);
  ASSERT_EQ(AppendOne(*db.get(), kNow, 1), AppendError::kNone);
  for (int i = 1; i <= 5; ++i) ASSERT_EQ(AppendOne(*db.get(), kNow - i, 2), AppendError::kNone);
  // Six more in one commit: the chunk is full after three of them.
  auto appender = db->NewAppender();
  SeriesRef ref{0};
  for (int i = 6; i < 12; ++i) {
    ASSERT_EQ(appender->Append(ref, kLabels, kNow - i, 3), AppendError::kNone);
  }
  ASSERT_TRUE(appender->Commit());
  EXPECT_EQ(
      WblRecords(db.dir()),
      (std::vector<std::string>{"marker 0", "samples 1", "samples 1", "samples 1", "samples 1",
                                "marker N", "samples 1", "samples 3", "marker N", "samples 3"}));
  EXPECT_EQ(db.ReadAll().begin()->second.size(), 12U);
  db.Kill();
  EXPECT_EQ(db.ReadAll().begin()->second.size(), 12U);
  // Chunks that the WBL names, and that are not there: it has their samples.
  const std::string dir = db.dir();
  db.Close();
  std::filesystem::remove_all(dir + "/chunks_head");
  db.Open();
  EXPECT_EQ(db.ReadAll().begin()->second.size(), 12U);
}

TEST(DbOooTest, SeriesWithLateSamplesOnlyLives) {
  DbFixture db(Late());
  const model::Labels only_late = {{"__name__", "only_late"}};
  ASSERT_EQ(AppendOne(*db.get(), kNow, 1), AppendError::kNone);
  ASSERT_EQ(AppendOne(*db.get(), kNow - 5 * kRange, 2, only_late), AppendError::kNone);
  auto querier = db->NewQuerier(kNow - 5 * kRange, kNow - 4 * kRange).value();
  EXPECT_EQ(querier->LabelValues("__name__", {}, 0).value().size(), 2U);
  const auto matcher = model::Matcher::Equal("__name__", "only_late");
  EXPECT_EQ(querier->LabelNames(std::span(&matcher, 1), 0).value().size(), 1U);
  EXPECT_EQ(querier->Select({}, {}).value()->size(), 1U) << "the other has nothing in the range";
  querier.reset();
  EXPECT_EQ(db->NewQuerier(kNow - kRange, kNow).value()->Select({}, {}).value()->size(), 1U);
  for (int i = 1; i < 4; ++i) AppendOne(*db.get(), kNow + i * kRange, 1);
  ASSERT_TRUE(db->Compact());
  EXPECT_EQ(db.ReadAll()[only_late.ToString()].size(), 1U);
  EXPECT_EQ(db->Stats(1).num_series, 1U) << "its late sample is in a block";
  db.Kill();
  EXPECT_EQ(db.ReadAll()[only_late.ToString()].size(), 1U);
}

model::Histogram HistogramOf(std::uint64_t n) {
  model::Histogram h;
  h.schema = 1;
  h.zero_threshold = 0.001;
  h.zero_count = n;
  h.positive_spans = {{0, 2}};
  h.positive_buckets = {static_cast<std::int64_t>(n), 1};
  h.count = n + n + (n + 1);
  h.sum = static_cast<double>(n);
  return h;
}

TEST(DbOooTest, HistogramsOfAllKinds) {
  DbFixture db(Late());
  model::Histogram custom;
  custom.schema = model::kCustomBucketsSchema;
  custom.positive_spans = {{0, 2}};
  custom.positive_buckets = {3, 1};
  custom.custom_values = {1, 2};
  custom.count = 7;
  ASSERT_EQ(AppendOne(*db.get(), kNow, 1), AppendError::kNone);
  std::vector<TimestampMs> floats = {kNow};
  std::vector<TimestampMs> histograms;
  for (int i = 1; i <= 200; ++i) {
    const TimestampMs t = kNow - (i * 37) % 200 * 100 - 1;
    auto appender = db->NewAppender();
    SeriesRef ref{0};
    AppendError error = AppendError::kNone;
    switch (i / 10 % 5) {
      case 0:
        error = appender->AppendHistogram(ref, kLabels, t, HistogramOf(static_cast<unsigned>(i)));
        break;
      case 1:
        error = appender->AppendFloatHistogram(ref, kLabels, t, model::ToFloat(HistogramOf(5)));
        break;
      case 2:
        error = appender->AppendHistogram(ref, kLabels, t, custom);
        break;
      case 3:
        error = appender->AppendFloatHistogram(ref, kLabels, t, model::ToFloat(custom));
        break;
      default:
        error = appender->Append(ref, kLabels, t, i);
        floats.push_back(t);
    }
    if (i / 10 % 5 != 4) histograms.push_back(t);
    ASSERT_EQ(error, AppendError::kNone);
    ASSERT_TRUE(appender->Commit());
  }
  std::sort(floats.begin(), floats.end());
  std::sort(histograms.begin(), histograms.end());
  const auto check = [&](const char* when) {
    SCOPED_TRACE(when);
    storage::SampleColumns got;
    const auto querier = db->NewQuerier(model::kMinTime, model::kMaxTime).value();
    const auto set = querier->Select({}, {}).value();
    ASSERT_EQ(set->size(), 1U);
    ASSERT_TRUE(set->Read(0, model::kMinTime, kNow, got));
    EXPECT_EQ(std::vector<TimestampMs>(got.t.begin(), got.t.end()), floats);
    EXPECT_EQ(got.histogram_t, histograms);
  };
  check("appended");
  db.Kill();
  check("killed");
  for (int i = 1; i < 4; ++i) AppendOne(*db.get(), kNow + i * kRange, 1);
  ASSERT_TRUE(db->Compact());
  check("in blocks");
  db.Kill();
  check("in blocks, killed");
}

TEST(DbOooTest, ChunksForReadersHaveLateSamples) {
  auto options = Late();
  options.out_of_order_cap_max = 4;
  DbFixture db(options);
  ASSERT_EQ(AppendOne(*db.get(), kNow, 1), AppendError::kNone);
  for (int i = 1; i <= 10; ++i) ASSERT_EQ(AppendOne(*db.get(), kNow - i, 2), AppendError::kNone);
  const auto set = db->SelectChunks(kNow - 8, kNow, {}, {}).value();
  ASSERT_EQ(set->size(), 1U);
  std::vector<storage::EncodedChunk> chunks;
  ASSERT_TRUE(set->Read(0, chunks));
  storage::SampleColumns columns;
  for (const auto& chunk : chunks) {
    if (!columns.t.empty()) {
      EXPECT_GT(chunk.mint, columns.t.back());
    }
    ASSERT_TRUE(DecodeChunk(static_cast<Encoding>(chunk.encoding), AsBytes(chunk.bytes),
                            model::kMinTime, model::kMaxTime, columns));
  }
  ASSERT_EQ(columns.t.size(), 9U);
  EXPECT_EQ(columns.t.front(), kNow - 8);
  EXPECT_EQ(columns.t.back(), kNow);
}

TEST(DbOooTest, DeletionCoversLateSamples) {
  DbFixture db(Late());
  for (int i = 0; i <= 10; ++i) {
    ASSERT_EQ(AppendOne(*db.get(), kNow + i * 1000, 1), AppendError::kNone);
  }
  ASSERT_EQ(AppendOne(*db.get(), kNow + 1500, 2), AppendError::kNone);
  ASSERT_EQ(AppendOne(*db.get(), kNow + 7500, 2), AppendError::kNone);
  const auto matcher = model::Matcher::Equal("__name__", "late");
  ASSERT_TRUE(db->DeleteSeries(kNow, kNow + 6000, std::span(&matcher, 1)));
  const auto want = Want(
      {{kNow + 7000, 1}, {kNow + 7500, 2}, {kNow + 8000, 1}, {kNow + 9000, 1}, {kNow + 10'000, 1}});
  EXPECT_EQ(db.ReadAll(), want);
  for (int i = 1; i < 4; ++i) {
    AppendOne(*db.get(), kNow + i * kRange, 1, {{"__name__", "other"}});
  }
  ASSERT_TRUE(db->Compact());
  EXPECT_FALSE(db->Blocks().empty());
  EXPECT_EQ(db.ReadAll()[kLabels.ToString()], want.begin()->second);
  db.Kill();
  EXPECT_EQ(db.ReadAll()[kLabels.ToString()], want.begin()->second);
}

TEST(DbOooTest, AtTheBeginningOfTime) {
  DbFixture db(Late());
  std::vector<BitSample> samples;
  const auto append = [&](TimestampMs after) {
    const TimestampMs t = model::kMinTime + after;
    ASSERT_EQ(AppendOne(*db.get(), t, static_cast<double>(after)), AppendError::kNone) << after;
    samples.push_back({t, static_cast<double>(after)});
  };
  for (int i = 0; i < 3; ++i) append(kRange + i * kRange);
  for (const TimestampMs after : {0, 5, 20'000, 50'000, 70'000}) append(after);
  EXPECT_EQ(db.ReadAll(), Want(samples));
  ASSERT_TRUE(db->Compact());
  EXPECT_TRUE(WblRecords(db.dir()).empty());
  EXPECT_EQ(db.ReadAll(), Want(samples));
  db.Kill();
  EXPECT_EQ(db.ReadAll(), Want(samples));
}

TEST(DbOooTest, FailedWblWriteFailsTheCommit) {
  narthex::testing::FaultFs fs(SystemFs());
  DbFixture db(Late(), fs);
  ASSERT_EQ(AppendOne(*db.get(), kNow, 1), AppendError::kNone);
  fs.SetHook([](narthex::testing::FileOp op, const std::string& path, int) {
    const bool wbl = path.find("/wbl/") != std::string::npos;
    return wbl && op == narthex::testing::FileOp::kWrite ? narthex::testing::Fault::kFail
                                                         : narthex::testing::Fault::kNone;
  });
  auto appender = db->NewAppender();
  SeriesRef ref{0};
  ASSERT_EQ(appender->Append(ref, kLabels, kNow - 1, 2), AppendError::kNone);
  EXPECT_FALSE(appender->Commit());
  EXPECT_EQ(db.ReadAll(), Want({{kNow, 1}}));
  fs.SetHook({});
  EXPECT_EQ(AppendOne(*db.get(), kNow - 1, 3), AppendError::kNone);
  EXPECT_EQ(db.ReadAll(), Want({{kNow - 1, 3}, {kNow, 1}}));
  db.Kill();
  EXPECT_EQ(db.ReadAll(), Want({{kNow - 1, 3}, {kNow, 1}}));
}

TEST(DbOooTest, TornWblLosesOnlyTheEnd) {
  DbFixture db(Late());
  ASSERT_EQ(AppendOne(*db.get(), kNow, 1), AppendError::kNone);
  for (int i = 1; i <= 100; ++i) ASSERT_EQ(AppendOne(*db.get(), kNow - i, 2), AppendError::kNone);
  const std::string dir = db.dir();
  const auto size = [&] {
    std::uintmax_t bytes = 0;
    for (const auto& entry : std::filesystem::directory_iterator(dir + "/wbl")) {
      bytes = std::max(bytes, entry.file_size());
    }
    return bytes;
  }();
  db.Kill();
  db.Close();
  std::filesystem::resize_file(db.dir() + "/wbl/00000000", size - 12);
  db.Open();
  EXPECT_EQ(db.ReadAll().begin()->second.size(), 100U);
  EXPECT_EQ(MetricOf(db, "prometheus_tsdb_wal_corruptions_total"), 1);
  ASSERT_EQ(AppendOne(*db.get(), kNow - 100, 3), AppendError::kNone);
  db.Kill();
  EXPECT_EQ(db.ReadAll().begin()->second.size(), 101U);
}

}  // namespace
}  // namespace narthex::tsdb::testing
