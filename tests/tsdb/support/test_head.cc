// SPDX-License-Identifier: Apache-2.0
#include "tests/tsdb/support/test_head.h"

#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "narthex/model/float_histogram.h"
#include "narthex/model/metadata.h"
#include "tests/support/temp_dir.h"
#include "tsdb/head/snapshot.h"

namespace narthex::tsdb::testing {

using narthex::testing::Fault;
using narthex::testing::FileOp;
namespace files = std::filesystem;

namespace {

model::Histogram HistogramOf(std::uint64_t n) {
  model::Histogram h;
  h.schema = 1;
  h.zero_threshold = 0.001;
  h.zero_count = n;
  h.positive_spans = {{0, 2}, {1, 1}};
  h.positive_buckets = {static_cast<std::int64_t>(n), 1, -1};
  if (n % 40 > 20) {  // A wider layout now and then.
    h.positive_spans = {{0, 2}, {1, 2}};
    h.positive_buckets.push_back(3);
    h.count = n + 3;
  }
  h.count += n + n + (n + 1) + n;
  h.sum = 1.5 * static_cast<double>(n);
  return h;
}

// Of the series m0, m1, m2.
model::Metadata MetadataOf(int number) {
  return {number == 0 ? model::MetricType::kCounter : model::MetricType::kGauge,
          number == 1 ? "seconds" : "", fmt::format("What m{} is.", number)};
}

}  // namespace

void ExpectSame(std::string_view got, std::string_view want) {
  while (!got.empty() && got.substr(0, got.find('\n')) == want.substr(0, want.find('\n'))) {
    const std::size_t line = got.find('\n') + 1;
    got.remove_prefix(line);
    want.remove_prefix(line);
  }
  EXPECT_EQ(got.substr(0, std::min<std::size_t>(got.find('\n'), 300)),
            want.substr(0, std::min<std::size_t>(want.find('\n'), 300)));
}

TestHead::TestHead(std::string dir, bool with_late) : dir_(std::move(dir)), fs_(SystemFs()) {
  options_.limits.chunk_range_ms = 600'000;
  options_.max_exemplars = 50;
  options_.program_version = "test";
  options_.wal.segment_bytes = 4 * 32 * 1024;
  if (!with_late) return;
  options_.out_of_order_window_ms = 2 * options_.limits.chunk_range_ms;
  options_.out_of_order_cap_max = 7;
  options_.metadata_wal_records = true;
}

std::string TestHead::snapshot_path() const { return dir_ + "/" + kSnapshotName; }

void TestHead::Open() {
  head_.reset();
  registry_ = std::make_unique<metrics::Registry>();
  head_ = std::make_unique<Head>(options_, fs_, dir_, *registry_);
  int reads = 0;
  fs_.SetHook([&](FileOp op, const std::string& path, int) {
    if (op != FileOp::kRead || path != snapshot_path()) return Fault::kNone;
    return reads++ == fail_read_at_ ? Fault::kFail : Fault::kNone;
  });
  ReplayCursor cursor;
  const auto status = head_->Load(covered_until_, cursor);
  ASSERT_TRUE(status) << status.error().message();
  fs_.SetHook({});
  // Of one that is refused only the header, the table and the base are read.
  replayed_ = reads <= 4 || errors() > 0;
}

void TestHead::Close() {
  const auto status = head_->Close(covered_until_);
  ASSERT_TRUE(status) << status.error().message();
  head_.reset();
}

void TestHead::Scrape(int i) {
  auto appender = head_->NewAppender();
  const model::TimestampMs t = kStart + i * 1'000LL;
  const auto append = [&](const model::Labels& labels, double v) {
    storage::SeriesRef ref{0};
    EXPECT_EQ(appender->Append(ref, labels, t, v), storage::AppendError::kNone);
    return ref;
  };
  for (int s = 0; s < 90; ++s) {
    const auto ref =
        append({{"__name__", fmt::format("m{}", s % 3)}, {"job", "a"}, {"s", std::to_string(s)}},
               s % 2 == 0 ? i * s : 1.0 / (1 + (i * 7919 + s) % 13));
    if (options_.metadata_wal_records && s % 5 == 0) {
      appender->UpdateMetadata(ref, {}, MetadataOf(s % 3));
    }
    if (s % 30 != 0) continue;
    const model::Exemplar exemplar{{{"trace", std::to_string(i)}}, i * 1.0, t, true};
    (void)appender->AppendExemplar(ref, {}, exemplar);
  }
  append({{"__name__", "short"}, {"id", fmt::format("only-in-{}", i)}}, i);
  const auto n = static_cast<std::uint64_t>(i % 100);
  storage::SeriesRef ints{0};
  EXPECT_EQ(appender->AppendHistogram(ints, {{"__name__", "ints"}}, t, HistogramOf(n)),
            storage::AppendError::kNone);
  storage::SeriesRef floats{0};
  EXPECT_EQ(appender->AppendFloatHistogram(floats, {{"__name__", "floats"}}, t,
                                           model::ToFloat(HistogramOf(n))),
            storage::AppendError::kNone);
  if (options_.out_of_order_window_ms > 0) AppendLate(*appender, i);
  ASSERT_TRUE(appender->Commit());
}

// Of a series with other samples, of one that has late ones only, and of histograms.
void TestHead::AppendLate(storage::Appender& appender, int i) {
  const model::TimestampMs t = kStart + i * 1'000LL - 500 - i % 3 * 1'000LL;
  const auto n = static_cast<std::uint64_t>(i % 50);
  storage::SeriesRef refs[4] = {};
  const model::Labels both = {{"__name__", "m0"}, {"job", "a"}, {"s", "0"}};
  EXPECT_EQ(appender.Append(refs[0], both, t, i), storage::AppendError::kNone);
  const model::Labels alone = {{"__name__", "late_only"}};
  EXPECT_EQ(appender.Append(refs[1], alone, t - options_.limits.chunk_range_ms, i),
            storage::AppendError::kNone);
  EXPECT_EQ(appender.AppendHistogram(refs[2], {{"__name__", "ints"}}, t, HistogramOf(n)),
            storage::AppendError::kNone);
  EXPECT_EQ(appender.AppendFloatHistogram(refs[3], {{"__name__", "floats"}}, t,
                                          model::ToFloat(HistogramOf(n))),
            storage::AppendError::kNone);
}

std::string TestHead::DescribeSeries() {
  std::string text;
  const std::unique_ptr<storage::Querier> querier =
      head_->NewQuerier(model::kMinTime, model::kMaxTime);
  const auto set = querier->Select({}, {}).value();
  for (std::size_t i = 0; i < set->size(); ++i) {
    storage::SampleColumns columns;
    EXPECT_TRUE(set->Read(i, model::kMinTime, model::kMaxTime, columns));
    text += set->LabelsAt(i).ToString() + "\n";
    for (std::size_t k = 0; k < columns.t.size(); ++k) {
      text += fmt::format(" {}@{}", columns.v[k], columns.t[k]);
    }
    for (std::size_t k = 0; k < columns.histogram_t.size(); ++k) {
      const auto& h = columns.histograms[k];
      text += fmt::format(" {}/{}/{}@{}", h.count, h.sum, h.positive_buckets.size(),
                          columns.histogram_t[k]);
    }
    text += "\n";
  }
  return text;
}

std::string TestHead::DescribeNames() {
  std::string text;
  const std::unique_ptr<storage::Querier> querier =
      head_->NewQuerier(model::kMinTime, model::kMaxTime);
  const auto names = querier->LabelNames({}, 0).value();
  for (const auto& name : names) {
    text += name + ":";
    const auto values = querier->LabelValues(name, {}, 0).value();
    for (const auto& value : values) {
      const model::Matcher matcher = model::Matcher::Equal(name, value);
      text += fmt::format(" {}={}", value, querier->Select({&matcher, 1}, {}).value()->size());
    }
    text += "\n";
  }
  return text;
}

std::string TestHead::DescribeMetadata() {
  std::string text;
  const HeadState& state = head_->state();
  if (!state.metadata.enabled()) return text;
  for (SeriesSlot slot = 1; slot < state.index.end(); ++slot) {
    const wal::WalRef ref = state.index.At(slot).wal_ref;
    for (int number = 0; number < 3; ++number) {
      if (state.metadata.Has(ref, MetadataOf(number))) {
        text += fmt::format("series {} is {}\n", ref, number);
      }
    }
  }
  return text;
}

std::string TestHead::Describe() {
  std::string text = DescribeSeries() + DescribeNames() + DescribeMetadata();
  const auto stats = head_->Stats(1000);
  text += fmt::format("series {} pairs {} chunks {} from {} to {}\n", stats.num_series,
                      stats.num_label_pairs, stats.num_chunks, stats.min_time, stats.max_time);
  head_->exemplars().ForEach(
      model::kMinTime, model::kMaxTime, [&](const model::Labels& labels, const model::Exemplar& e) {
        text += fmt::format("{} {} {} {}\n", labels.ToString(), e.labels.ToString(), e.value, e.t);
      });
  return text;
}

std::string TestHead::DescribeReplayed() {
  narthex::testing::TempDir copy;
  TestHead other(copy.path() + "/data");
  files::copy(dir_, other.dir_, files::copy_options::recursive);
  files::remove(other.snapshot_path());
  other.options_ = options_;
  other.covered_until_ = covered_until_;
  other.Open();
  EXPECT_TRUE(other.replayed());
  return other.Describe();
}

double TestHead::errors() const {
  return static_cast<double>(
      registry_->AddCounter("prometheus_tsdb_snapshot_replay_error_total", "").value());
}

}  // namespace narthex::tsdb::testing
