// SPDX-License-Identifier: Apache-2.0
//
// Out-of-order ingestion from append to query, over restarts, kills and blocks.
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <random>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "narthex/model/float_histogram.h"
#include "narthex/model/matcher.h"
#include "narthex/model/sample.h"
#include "narthex/storage/chunk_querier.h"
#include "tests/support/fault_fs.h"
#include "tests/tsdb/support/db_fixture.h"
#include "tsdb/block/meta.h"
#include "tsdb/chunkenc/chunk.h"
#include "tsdb/wal/reader.h"
#include "tsdb/wal/records.h"

namespace narthex::tsdb::testing {
namespace {

using model::TimestampMs;
using storage::AppendError;
using storage::SeriesRef;

const model::Labels kLabels = {{"__name__", "late"}};
constexpr TimestampMs kRange = 60'000;
constexpr TimestampMs kNow = 1'700'000'040'000;  // A multiple of the range.

DbOptions Late(model::DurationMs window_ms = 10 * kRange) {
  DbOptions options;
  options.min_block_duration_ms = kRange;
  options.retention_ms = 0;
  options.wal_segment_bytes = 8 * 32 * 1024;
  options.out_of_order_window_ms = window_ms;
  return options;
}

AppendError AppendOne(Db& db, TimestampMs t, double v, const model::Labels& labels = kLabels) {
  auto appender = db.NewAppender();
  SeriesRef ref{0};
  const auto error = appender->Append(ref, labels, t, v);
  EXPECT_TRUE(appender->Commit());
  return error;
}

// Samples of one series in the order of time.
SeriesData Want(std::vector<BitSample> samples, const model::Labels& labels = kLabels) {
  std::sort(samples.begin(), samples.end(), [](auto& a, auto& b) { return a.t < b.t; });
  return {{labels.ToString(), std::move(samples)}};
}

double MetricOf(DbFixture& db, const std::string& line) {
  std::string text = "\n";
  db.registry().WriteText(text);
  const auto at = text.find("\n" + line + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + line.size() + 2));
}

// All records of the WBL as "samples 3", "marker 0", "marker N", ….
std::vector<std::string> WblRecords(const std::string& dir) {
  std::vector<std::string> out;
  const auto segments = wal::ListSegments(SystemFs(), dir + "/wbl").value();
  if (segments.empty()) return out;
  wal::LogReader reader(SystemFs(), dir + "/wbl", segments.front(), segments.back());
  while (reader.Next()) {
    std::vector<wal::SampleEntry> samples;
    std::vector<wal::MarkerEntry> markers;
    switch (wal::TypeOf(reader.record())) {
      case wal::RecordType::kSamples:
        EXPECT_TRUE(wal::DecodeSamples(reader.record(), samples));
        out.push_back(fmt::format("samples {}", samples.size()));
        break;
      case wal::RecordType::kMmapMarkers:
        EXPECT_TRUE(wal::DecodeMmapMarkers(reader.record(), markers));
        for (const auto& marker : markers) {
          out.push_back(fmt::format("marker {}", marker.chunk_ref == 0 ? "0" : "N"));
        }
        break;
      default:
        out.push_back("other");
    }
  }
  return out;
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

// The late sample has no block when the samples in order have: what is deleted must be known for
// it.
TEST(DbOooTest, DeletionCoversLateSamplesThatOutliveTheOthers) {
  narthex::testing::FaultFs fs(SystemFs());
  auto options = Late();
  options.wal_segment_bytes = 32 * 1024;
  DbFixture db(options, fs);
  for (int i = 0; i <= 10; ++i) {
    ASSERT_EQ(AppendOne(*db.get(), kNow + i * 1000, 1), AppendError::kNone);
  }
  ASSERT_EQ(AppendOne(*db.get(), kNow + 1500, 2), AppendError::kNone);
  const auto matcher = model::Matcher::Equal("__name__", "late");
  ASSERT_TRUE(db->DeleteSeries(kNow, kNow + 6000, std::span(&matcher, 1)));
  const model::Labels other = {{"__name__", "other"}};
  for (int i = 1; i < 6000; ++i) {  // Segments enough for a checkpoint.
    ASSERT_EQ(AppendOne(*db.get(), kNow + 10'000 + i * 25, 1, other), AppendError::kNone);
  }
  // Cuts the samples in order into blocks, but not the late one.
  fs.SetHook([](narthex::testing::FileOp op, const std::string& path, int) {
    const bool wbl = path.find("/wbl/") != std::string::npos;
    return wbl && op == narthex::testing::FileOp::kOpen ? narthex::testing::Fault::kFail
                                                        : narthex::testing::Fault::kNone;
  });
  EXPECT_FALSE(db->Compact());
  fs.SetHook({});
  ASSERT_FALSE(db->Blocks().empty());
  EXPECT_FALSE(wal::ListCheckpoints(SystemFs(), db.dir() + "/wal").value().empty());
  auto want = Want({{kNow + 7000, 1}, {kNow + 8000, 1}, {kNow + 9000, 1}, {kNow + 10'000, 1}});
  EXPECT_EQ(db.ReadAll()[kLabels.ToString()], want.begin()->second);
  db.Kill();
  EXPECT_EQ(db.ReadAll()[kLabels.ToString()], want.begin()->second) << "killed";
  db.Kill();
  ASSERT_TRUE(db->Compact());
  EXPECT_EQ(db.ReadAll()[kLabels.ToString()], want.begin()->second) << "compacted";
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

// A disk that is full when the checkpoint is written keeps late samples from their blocks no more.
TEST(DbOooTest, AreCompactedAlsoWhenTheCheckpointFails) {
  narthex::testing::FaultFs fs(SystemFs());
  auto options = Late();
  options.wal_segment_bytes = 32 * 1024;
  DbFixture db(options, fs);
  for (int i = 0; i < 6000; ++i) {
    ASSERT_EQ(AppendOne(*db.get(), kNow + i * 25, 1), AppendError::kNone);
  }
  ASSERT_EQ(AppendOne(*db.get(), kNow + 60, 2), AppendError::kNone);
  EXPECT_FALSE(WblRecords(db.dir()).empty());
  fs.SetHook([](narthex::testing::FileOp, const std::string& path, int) {
    return path.find("/wal/checkpoint") != std::string::npos ? narthex::testing::Fault::kFail
                                                             : narthex::testing::Fault::kNone;
  });
  const Status status = db->Compact();
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("create checkpoint"), std::string::npos)
      << status.error().message();
  EXPECT_TRUE(WblRecords(db.dir()).empty());
  EXPECT_EQ(db.ReadAll().begin()->second.size(), 6001U);
}

TEST(DbOooTest, BlocksOfLateSamplesAreMarkedAndMerged) {
  DbFixture db(Late());
  std::vector<BitSample> samples;
  const auto append = [&](TimestampMs t) {
    ASSERT_EQ(AppendOne(*db.get(), t, static_cast<double>(t % 1000)), AppendError::kNone);
    samples.push_back({t, static_cast<double>(t % 1000)});
  };
  for (TimestampMs t = kNow; t < kNow + 2 * kRange; t += 1000) append(t);
  for (TimestampMs t = kNow + 500; t < kNow + 2 * kRange - 1000; t += 1000) append(t);
  append(kNow - 5 * kRange);
  std::size_t late_blocks = 0;
  // The head is cut up to the range that its newest samples are in; the late ones of that range
  // have a block that waits.
  ASSERT_TRUE(db->Compact());
  EXPECT_EQ(db.ReadAll(), Want(samples));
  for (const auto& block : db->Blocks()) {
    const auto meta = ParseBlockMeta(block.meta_json).value();
    if (!meta.compaction.HasHint(kHintOutOfOrder)) continue;
    ++late_blocks;
    EXPECT_EQ(block.max_time - block.min_time, kRange);
    ASSERT_EQ(meta.compaction.parents.size(), 1U);
    EXPECT_EQ(meta.compaction.parents[0].ulid, "00000000000000000000000000");
  }
  EXPECT_EQ(late_blocks, 2U);
  EXPECT_TRUE(WblRecords(db.dir()).empty());
  db.Kill();
  EXPECT_EQ(db.ReadAll(), Want(samples)) << "the head's own part must not count as covered";
  for (TimestampMs t = kNow + 2 * kRange; t < kNow + 4 * kRange; t += 1000) append(t);
  ASSERT_TRUE(db->Compact());
  EXPECT_EQ(db.ReadAll(), Want(samples));
  const auto blocks = db->Blocks();
  for (std::size_t i = 1; i < blocks.size(); ++i) {
    EXPECT_GE(blocks[i].min_time, blocks[i - 1].max_time) << "overlapping blocks became one";
  }
  db.Kill();
  EXPECT_EQ(db.ReadAll(), Want(samples));
}

// Whatever operation on files fails, and whenever the process dies after it, nothing is lost; and
// the next compaction succeeds.
TEST(DbOooTest, FailuresWhileCompactingLoseNothing) {
  for (int fail_at = 0; fail_at < 400; fail_at += 3) {  // Every one takes half a minute.
    SCOPED_TRACE(fail_at);
    narthex::testing::FaultFs fs(SystemFs());
    auto options = Late();
    options.out_of_order_cap_max = 5;
    DbFixture db(options, fs);
    std::vector<BitSample> samples;
    const auto append = [&](TimestampMs t) {
      ASSERT_EQ(AppendOne(*db.get(), t, 1), AppendError::kNone);
      samples.push_back({t, 1});
    };
    for (TimestampMs t = kNow; t < kNow + 2 * kRange; t += 4000) append(t);
    for (int i = 1; i < 14; ++i) append(kNow + kRange + 1 - i * kRange / 7);
    // Counted from the operation with which the work on late samples begins.
    bool failed = false;
    int number = -1;
    fs.SetHook([&](narthex::testing::FileOp, const std::string& path, int) {
      if (number >= 0 || path.find("/wbl/") != std::string::npos) ++number;
      if (number != fail_at) return narthex::testing::Fault::kNone;
      failed = true;
      return narthex::testing::Fault::kFail;
    });
    const auto compacted = db->Compact();
    EXPECT_EQ(db.ReadAll(), Want(samples));
    fs.SetHook({});
    db.Kill();
    EXPECT_EQ(db.ReadAll(), Want(samples));
    for (TimestampMs t = kNow + 2 * kRange; t < kNow + 4 * kRange; t += 4000) append(t);
    const auto again = db->Compact();
    EXPECT_TRUE(again) << again.error().message();
    EXPECT_EQ(db.ReadAll(), Want(samples));
    db.Kill();
    EXPECT_EQ(db.ReadAll(), Want(samples));
    if (!failed) {
      EXPECT_TRUE(compacted);
      return;
    }
  }
  FAIL() << "the compaction never got through";
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

// Late samples come, are compacted and read at once: a sample that was committed is always seen.
TEST(DbOooTest, ReadersMissNothingWhileCompacting) {
  DbFixture db(Late());
  std::atomic<TimestampMs> newest{kNow};
  std::atomic<std::size_t> committed{1};
  ASSERT_EQ(AppendOne(*db.get(), kNow, 1), AppendError::kNone);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    std::mt19937 random(7);
    for (int i = 1; i < 3000; ++i) {
      const TimestampMs t = kNow + i * 100;
      std::size_t added = 0;
      if (AppendOne(*db.get(), t, 1) == AppendError::kNone) ++added;
      const TimestampMs late = t - 50 - static_cast<TimestampMs>(random() % 2000) * 100;
      // Twice the same time is one sample.
      if (AppendOne(*db.get(), late - i % 50, 1, {{"__name__", "b"}, {"i", std::to_string(i)}}) ==
          AppendError::kNone) {
        ++added;
      }
      committed += added;
    }
    done = true;
  });
  std::thread compactor([&] {
    while (!done.load()) {
      const Status status = db->Compact();
      ASSERT_TRUE(status) << status.error().message();
    }
  });
  do {
    const std::size_t least = committed.load();
    std::size_t seen = 0;
    for (const auto& [labels, samples] : db.ReadAll()) seen += samples.size();
    ASSERT_GE(seen, least);
  } while (!done.load());
  writer.join();
  compactor.join();
  ASSERT_TRUE(db->Compact());
  std::size_t seen = 0;
  for (const auto& [labels, samples] : db.ReadAll()) seen += samples.size();
  EXPECT_EQ(seen, committed.load());
}

}  // namespace
}  // namespace narthex::tsdb::testing
