// SPDX-License-Identifier: Apache-2.0
//
// Snapshots of the head: what comes back, and what makes them unusable.
#include "tsdb/head/snapshot.h"

#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "narthex/base/metrics.h"
#include "tests/support/fault_fs.h"
#include "tests/support/temp_dir.h"
#include "tests/tsdb/support/test_blocks.h"
#include "tsdb/head/head.h"
#include "tsdb/head/snapshot_file.h"

namespace narthex::tsdb::testing {
namespace {

using narthex::testing::Fault;
using narthex::testing::FaultFs;
using narthex::testing::FileOp;
using narthex::testing::TempDir;
namespace files = std::filesystem;

constexpr model::TimestampMs kStart = 1'700'000'000'000;

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

// Names the first line that differs; the texts are long.
void ExpectSame(std::string_view got, std::string_view want) {
  while (!got.empty() && got.substr(0, got.find('\n')) == want.substr(0, want.find('\n'))) {
    const std::size_t line = got.find('\n') + 1;
    got.remove_prefix(line);
    want.remove_prefix(line);
  }
  EXPECT_EQ(got.substr(0, std::min<std::size_t>(got.find('\n'), 300)),
            want.substr(0, std::min<std::size_t>(want.find('\n'), 300)));
}

// A head in a folder, with what it did to the files.
class TestHead {
 public:
  explicit TestHead(std::string dir) : dir_(std::move(dir)), fs_(SystemFs()) {
    options_.limits.chunk_range_ms = 600'000;
    options_.max_exemplars = 50;
    options_.program_version = "test";
    options_.wal.segment_bytes = 4 * 32 * 1024;
  }

  void Open() {
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
  void Close() {
    const auto status = head_->Close(covered_until_);
    ASSERT_TRUE(status) << status.error().message();
    head_.reset();
  }

  // One scrape: counters, gauges, one series that lives only now, histograms, exemplars.
  void Scrape(int i) {
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
    ASSERT_TRUE(appender->Commit());
  }
  void Scrapes(int from, int to) {
    for (int i = from; i < to; ++i) Scrape(i);
  }

  // Everything that can be asked for, as text.
  std::string Describe() {
    std::string text;
    {
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
    }
    const auto stats = head_->Stats(1000);
    text += fmt::format("series {} pairs {} chunks {} from {} to {}\n", stats.num_series,
                        stats.num_label_pairs, stats.num_chunks, stats.min_time, stats.max_time);
    head_->exemplars().ForEach(model::kMinTime, model::kMaxTime,
                               [&](const model::Labels& labels, const model::Exemplar& e) {
                                 text += fmt::format("{} {} {} {}\n", labels.ToString(),
                                                     e.labels.ToString(), e.value, e.t);
                               });
    return text;
  }

  // What a replay of the same folder gives.
  std::string DescribeReplayed() {
    TempDir copy;
    TestHead other(copy.path() + "/data");
    files::copy(dir_, other.dir_, files::copy_options::recursive);
    files::remove(other.snapshot_path());
    other.options_ = options_;
    other.covered_until_ = covered_until_;
    other.Open();
    EXPECT_TRUE(other.replayed());
    return other.Describe();
  }

  double errors() const {
    return static_cast<double>(
        registry_->AddCounter("prometheus_tsdb_snapshot_replay_error_total", "").value());
  }
  bool replayed() const { return replayed_; }
  std::string snapshot_path() const { return dir_ + "/" + kSnapshotName; }
  const std::string& dir() const { return dir_; }
  HeadOptions& options() { return options_; }
  model::TimestampMs& covered_until() { return covered_until_; }
  int& fail_read_at() { return fail_read_at_; }
  FaultFs& fs() { return fs_; }
  Head& head() { return *head_; }

 private:
  std::string dir_;
  HeadOptions options_;
  FaultFs fs_;
  model::TimestampMs covered_until_ = model::kMinTime;
  std::unique_ptr<metrics::Registry> registry_;
  std::unique_ptr<Head> head_;
  bool replayed_ = false;
  int fail_read_at_ = -1;
};

TEST(SnapshotTest, RoundTripIsWhatAReplayGives) {
  TempDir root;
  TestHead head(root.path() + "/data");
  head.Open();
  head.Scrapes(0, 500);
  // Series without samples go: free slots, symbols and lists.
  ASSERT_TRUE(head.head().Truncate(kStart + 200'000));
  ASSERT_TRUE(head.head().TruncateWal(kStart + 200'000));
  head.covered_until() = kStart + 200'000;
  ASSERT_TRUE(head.head().Delete(kStart + 300'000, kStart + 480'000,
                                 std::vector{model::Matcher::Equal("s", "7")}));
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    const int from = 500 + 100 * round;
    head.Scrapes(from, from + 60);
    const std::string before = head.Describe();
    head.Close();
    ASSERT_TRUE(files::exists(head.snapshot_path()));
    const std::string replayed = head.DescribeReplayed();
    ExpectSame(before, replayed);
    head.Open();
    EXPECT_FALSE(head.replayed());
    EXPECT_EQ(head.errors(), 0);
    EXPECT_FALSE(files::exists(head.snapshot_path()));
    ExpectSame(head.Describe(), replayed);
    // Life goes on: appends, full chunks, garbage collection.
    head.Scrapes(from + 60, from + 100);
    ASSERT_TRUE(head.head().Maintain());
    ExpectSame(head.Describe(), head.DescribeReplayed());
    const auto cut = kStart + (from - 200) * 1'000LL;
    ASSERT_TRUE(head.head().Truncate(cut));
    ASSERT_TRUE(head.head().TruncateWal(cut));
    head.covered_until() = cut;
    ExpectSame(head.Describe(), head.DescribeReplayed());
  }
}

TEST(SnapshotTest, ReferencesOfDeadSeriesStayDead) {
  TempDir root;
  TestHead head(root.path() + "/data");
  head.Open();
  storage::SeriesRef dead{0};
  {
    auto appender = head.head().NewAppender();
    ASSERT_EQ(appender->Append(dead, {{"a", "dead"}}, kStart, 1), storage::AppendError::kNone);
    ASSERT_TRUE(appender->Commit());
  }
  head.Scrape(1000);
  ASSERT_TRUE(head.head().Truncate(kStart + 500'000));
  ASSERT_TRUE(head.head().Maintain());
  head.covered_until() = kStart + 500'000;
  head.Close();
  head.Open();
  ASSERT_FALSE(head.replayed());
  head.Scrape(1001);  // Makes a series, in the slot that is free.
  auto appender = head.head().NewAppender();
  EXPECT_EQ(appender->Append(dead, {}, kStart + 1'002'000, 1),
            storage::AppendError::kUnknownSeries);
}

TEST(SnapshotTest, EmptyHead) {
  TempDir root;
  TestHead head(root.path() + "/data");
  head.Open();
  head.Close();
  head.Open();
  EXPECT_EQ(head.errors(), 0);
  EXPECT_FALSE(head.replayed());
  head.Scrapes(0, 3);
  ExpectSame(head.Describe(), head.DescribeReplayed());
}

TEST(SnapshotTest, NotWrittenWhileSomebodyUsesTheHead) {
  TempDir root;
  TestHead head(root.path() + "/data");
  head.Open();
  head.Scrapes(0, 3);
  {
    const std::unique_ptr<storage::Querier> querier =
        head.head().NewQuerier(model::kMinTime, model::kMaxTime);
    ASSERT_TRUE(head.head().Close(head.covered_until()));
  }
  EXPECT_FALSE(files::exists(head.snapshot_path()));
  head.Open();
  {
    const auto appender = head.head().NewAppender();
    ASSERT_TRUE(head.head().Close(head.covered_until()));
  }
  EXPECT_FALSE(files::exists(head.snapshot_path()));
}

// A folder after a clean stop, to be spoilt again and again.
class SpoiltSnapshotTest : public ::testing::Test {
 protected:
  void SetUp() override {
    TestHead head(Clean());
    head.Open();
    head.Scrapes(0, 20);
    head.Scrapes(700, 705);  // Of the next range: full chunks.
    ASSERT_TRUE(head.head().Maintain());
    head.Scrapes(705, 710);
    ASSERT_TRUE(head.head().Delete(kStart + 3'000, kStart + 703'000,
                                   std::vector{model::Matcher::Equal("__name__", "m1")}));
    head.Close();
    ASSERT_TRUE(files::exists(head.snapshot_path()));
    want_ = head.DescribeReplayed();
  }
  std::string Clean() const { return root_.path() + "/clean"; }
  std::string Copy() {
    std::string copy = fmt::format("{}/{}", root_.path(), ++copies_);
    files::copy(Clean(), copy, files::copy_options::recursive);
    return copy;
  }
  static std::string NewestIn(const std::string& folder) {
    std::set<std::string> names;
    for (const auto& entry : files::directory_iterator(folder)) names.insert(entry.path().string());
    return *names.rbegin();
  }
  static void Flip(const std::string& path, std::uint64_t offset) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(byte ^ 0x10));
  }

  TempDir root_;
  std::string want_;
  int copies_ = 0;
};

TEST_F(SpoiltSnapshotTest, AnyChangeOfItsBaseMakesItStale) {
  const struct {
    const char* name;
    std::function<void(TestHead&)> spoil;
    bool same_samples = true;
  } cases[] = {
      {"a newer segment",
       [](TestHead& h) {
         const auto last = std::stoi(files::path(NewestIn(h.dir() + "/wal")).filename().string());
         std::ofstream(wal::SegmentPath(h.dir() + "/wal", last + 1)).flush();
       }},
      {"a shorter segment",
       [](TestHead& h) {
         const auto path = NewestIn(h.dir() + "/wal");
         files::resize_file(path, files::file_size(path) - 32 * 1024);
       },
       false},
      {"other bytes in a segment of the same size",
       [](TestHead& h) {
         const auto path = NewestIn(h.dir() + "/wal");
         Flip(path, files::file_size(path) - 20 * 1024);
       },
       false},
      {"a checkpoint",
       [](TestHead& h) {
         files::create_directories(h.dir() + "/wal/checkpoint.00000000");
         std::ofstream(h.dir() + "/wal/checkpoint.00000000/00000000").flush();
       },
       false},
      {"a segment that is gone", [](TestHead& h) { files::remove(h.dir() + "/wal/00000000"); },
       false},
      {"a file of late samples",
       [](TestHead& h) {
         files::create_directories(h.dir() + "/wbl");
         std::ofstream(h.dir() + "/wbl/00000000").flush();
       }},
      {"a chunk file that is gone",
       [](TestHead& h) { files::remove(NewestIn(h.dir() + "/chunks_head")); }},
      {"a longer chunk file",
       [](TestHead& h) {
         const auto path = NewestIn(h.dir() + "/chunks_head");
         files::resize_file(path, files::file_size(path) + 100);
       }},
      {"one more chunk file",
       [](TestHead& h) {
         const auto last =
             std::stoi(files::path(NewestIn(h.dir() + "/chunks_head")).filename().string());
         std::ofstream(h.dir() + fmt::format("/chunks_head/{:06}", last + 1)).flush();
       }},
      {"another block range", [](TestHead& h) { h.options().limits.chunk_range_ms *= 2; }, false},
      {"another chunk size", [](TestHead& h) { h.options().limits.samples_per_chunk = 60; }, false},
      {"another ring", [](TestHead& h) { h.options().max_exemplars = 10; }, false},
      {"another program", [](TestHead& h) { h.options().program_version = "next"; }},
      {"other blocks", [](TestHead& h) { h.covered_until() = kStart + 50'000; }, false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    TestHead head(Copy());
    c.spoil(head);
    head.Open();
    EXPECT_TRUE(head.replayed());
    EXPECT_EQ(head.errors(), 0);  // It is stale, not damaged.
    EXPECT_FALSE(files::exists(head.snapshot_path()));
    const std::string got = head.Describe();
    if (c.same_samples) {
      ExpectSame(got, want_);
    }
    ExpectSame(got, head.DescribeReplayed());
  }
}

TEST_F(SpoiltSnapshotTest, FlippedBytesAreFoundEverywhere) {
  std::set<std::uint64_t> places;
  const std::string snapshot = Clean() + "/" + kSnapshotName;
  const std::uint64_t size = files::file_size(snapshot);
  for (std::uint64_t i = 0; i < 32; ++i) places.insert(i);  // The header.
  for (std::uint64_t i = 1; i < 60; i += 4) places.insert(size - i);
  std::mt19937_64 random(3);
  while (places.size() < 100) places.insert(random() % size);
  for (const auto place : places) {
    SCOPED_TRACE(place);
    TestHead head(Copy());
    Flip(head.snapshot_path(), place);
    head.Open();
    EXPECT_TRUE(head.replayed());
    EXPECT_EQ(head.errors(), 1);
    ExpectSame(head.Describe(), want_);
    files::remove_all(head.dir());
  }
}

TEST_F(SpoiltSnapshotTest, EverySectionIsChecked) {
  const auto reader = SnapshotReader::Open(SystemFs(), Clean() + "/" + kSnapshotName);
  ASSERT_TRUE(reader) << reader.error().message();
  EXPECT_EQ(reader->Sections().size(), 21U);
  for (const auto section : reader->Sections()) {
    if (reader->Length(section) == 0) continue;
    for (const std::uint64_t at :
         {std::uint64_t{0}, reader->Length(section) / 2, reader->Length(section) - 1}) {
      SCOPED_TRACE(fmt::format("{} at {}", SectionName(section), at));
      TestHead head(Copy());
      Flip(head.snapshot_path(), reader->Offset(section) + at);
      head.Open();
      EXPECT_TRUE(head.replayed());
      EXPECT_EQ(head.errors(), 1);
      ExpectSame(head.Describe(), want_);
      files::remove_all(head.dir());
    }
  }
}

TEST_F(SpoiltSnapshotTest, TornFilesAreFound) {
  const std::uint64_t size = files::file_size(Clean() + "/" + kSnapshotName);
  for (const std::uint64_t left : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{31},
                                   std::uint64_t{32}, size / 3, size / 2, size - 1}) {
    SCOPED_TRACE(left);
    TestHead head(Copy());
    files::resize_file(head.snapshot_path(), left);
    head.Open();
    EXPECT_TRUE(head.replayed());
    EXPECT_EQ(head.errors(), 1);
    ExpectSame(head.Describe(), want_);
  }
  // The machine fell before the bytes were on the disk.
  TestHead head(Copy());
  files::resize_file(head.snapshot_path(), 0);
  files::resize_file(head.snapshot_path(), size);
  head.Open();
  EXPECT_EQ(head.errors(), 1);
  ExpectSame(head.Describe(), want_);
}

TEST_F(SpoiltSnapshotTest, FailuresOfWritingOnlyCostTheSnapshot) {
  for (const auto fault : {Fault::kFail, Fault::kTear, Fault::kDrop}) {
    bool reached = true;
    for (int at = 0; reached; ++at) {
      SCOPED_TRACE(fmt::format("fault {} at operation {}", static_cast<int>(fault), at));
      TestHead head(Copy());
      head.Open();
      ASSERT_FALSE(head.replayed());
      reached = false;
      int seen = 0;
      head.fs().SetHook([&](FileOp, const std::string& path, int) {
        if (path.find(kSnapshotName) == std::string::npos || seen++ != at) return Fault::kNone;
        reached = true;
        return fault;
      });
      head.Close();
      head.fs().SetHook({});
      head.Open();
      ExpectSame(head.Describe(), want_);
      files::remove_all(head.dir());
    }
  }
}

TEST_F(SpoiltSnapshotTest, FailuresOfReadingEndInAReplay) {
  for (const int at : {0, 1, 2, 5, 20}) {
    SCOPED_TRACE(at);
    TestHead head(Copy());
    head.fail_read_at() = at;
    head.Open();
    EXPECT_TRUE(head.replayed());
    ExpectSame(head.Describe(), want_);
  }
}

// The chunk files are not read through at such a start; what is wrong in them must come to light.
TEST_F(SpoiltSnapshotTest, DamagedChunksAreNotReturned) {
  TestHead head(Copy());
  const auto path = NewestIn(head.dir() + "/chunks_head");
  Flip(path, files::file_size(path) / 2);
  head.Open();
  ASSERT_FALSE(head.replayed());
  const std::unique_ptr<storage::Querier> querier =
      head.head().NewQuerier(model::kMinTime, model::kMaxTime);
  const auto set = querier->Select({}, {}).value();
  int errors = 0;
  for (std::size_t i = 0; i < set->size(); ++i) {
    storage::SampleColumns columns;
    const auto status = set->Read(i, model::kMinTime, model::kMaxTime, columns);
    if (!status) {
      EXPECT_EQ(status.error().code(), Code::kCorruption);
      ++errors;
    }
  }
  EXPECT_EQ(errors, 1);
}

}  // namespace
}  // namespace narthex::tsdb::testing
