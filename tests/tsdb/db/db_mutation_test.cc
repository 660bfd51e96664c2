// SPDX-License-Identifier: Apache-2.0
//
// Flips bytes in every kind of file of a data folder and opens it: no crash, no sample that nobody
// wrote, and where samples are missing somebody says so, with an error or in a metric.
#include <algorithm>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "narthex/base/log.h"
#include "narthex/model/float_histogram.h"
#include "narthex/model/matcher.h"
#include "tests/tsdb/support/db_fixture.h"
#include "tsdb/head/snapshot.h"

namespace narthex::tsdb::testing {
namespace {

namespace files = std::filesystem;

constexpr model::TimestampMs kStart = 1'700'000'040'000;
constexpr model::DurationMs kRange = 60'000;

DbOptions SmallRanges() {
  DbOptions options;
  options.min_block_duration_ms = kRange;
  options.retention_ms = 0;
  return options;
}

DbOptions WithLateSamples() {
  DbOptions options = SmallRanges();
  options.out_of_order_window_ms = kRange;
  options.out_of_order_cap_max = 4;
  return options;
}

model::Histogram HistogramOf(std::int64_t n) {
  model::Histogram h;
  h.schema = 1;
  h.zero_threshold = 0.001;
  h.zero_count = static_cast<std::uint64_t>(n);
  h.positive_spans = {{0, 2}, {1, 1}};
  h.positive_buckets = {n, 1, -1};  // n, n + 1, n.
  h.count = static_cast<std::uint64_t>(n + n + (n + 1) + n);
  h.sum = 1.5 * static_cast<double>(n);
  return h;
}

void AppendScrape(Db& db, int number, bool with_late) {
  const model::TimestampMs t = kStart + number * 1'000;
  auto appender = db.NewAppender();
  for (int i = 0; i < 6; ++i) {
    const model::Labels labels = {{"__name__", fmt::format("m{}", i % 2)},
                                  {"i", std::to_string(i)},
                                  {"generation", std::to_string(i == 5 ? number / 50 : 0)}};
    storage::SeriesRef ref{0};
    ASSERT_EQ(appender->Append(ref, labels, t, number * 0.25 + i), storage::AppendError::kNone);
  }
  storage::SeriesRef ints{0};
  ASSERT_EQ(appender->AppendHistogram(ints, {{"__name__", "ints"}}, t, HistogramOf(number)),
            storage::AppendError::kNone);
  storage::SeriesRef floats{0};
  ASSERT_EQ(appender->AppendFloatHistogram(floats, {{"__name__", "floats"}}, t,
                                           model::ToFloat(HistogramOf(number))),
            storage::AppendError::kNone);
  for (const model::TimestampMs late : {t, t - 20'500}) {
    if (!with_late) break;
    storage::SeriesRef ref{0};
    ASSERT_EQ(appender->Append(ref, {{"__name__", "late"}}, late, static_cast<double>(late)),
              storage::AppendError::kNone);
  }
  ASSERT_TRUE(appender->Commit());
}

// A folder with blocks of two levels, head chunks, a checkpoint, segments after it, tombstones, and
// where wanted late samples in all that may have them.
void Fill(DbFixture& db, bool with_late) {
  int number = 0;
  for (int part = 0; part < 5; ++part) {
    for (int i = 0; i < 75; ++i) AppendScrape(*db.get(), number++, with_late);
    ASSERT_TRUE(db->Compact());
  }
  // Of blocks only: what the head has deleted would come back with a damaged WAL.
  const model::Matcher deleted = model::Matcher::Equal("__name__", "m0");
  ASSERT_TRUE(db->DeleteSeries(kStart + 5'000, kStart + 25'000, std::span(&deleted, 1)));
  db.Kill();
  for (int i = 0; i < 30; ++i) AppendScrape(*db.get(), number++, with_late);
  db.Kill();
}

using Samples = std::set<std::string>;

// Every sample as a line. Errors: what a reader was told.
Result<Samples> ReadLines(Db& db) {
  NX_ASSIGN_OR_RETURN(const auto querier, db.NewQuerier(model::kMinTime, model::kMaxTime));
  NX_ASSIGN_OR_RETURN(const auto set, querier->Select({}, {}));
  Samples lines;
  for (std::size_t i = 0; i < set->size(); ++i) {
    const std::string labels = set->LabelsAt(i).ToString();
    storage::SampleColumns columns;
    NX_RETURN_IF_ERROR(set->Read(i, model::kMinTime, model::kMaxTime, columns));
    for (std::size_t k = 0; k < columns.t.size(); ++k) {
      lines.insert(fmt::format("{} {} {:a}", labels, columns.t[k], columns.v[k]));
    }
    for (std::size_t k = 0; k < columns.histograms.size(); ++k) {
      const auto& h = columns.histograms[k];
      lines.insert(fmt::format("{} {} count {:a} sum {:a} buckets {}", labels,
                               columns.histogram_t[k], h.count, h.sum, h.positive_buckets.size()));
    }
  }
  return lines;
}

// The counters that tell of damage.
double DamageTold(const metrics::Registry& registry) {
  std::string text;
  registry.WriteText(text);
  double sum = 0;
  for (const std::string_view name :
       {"prometheus_tsdb_wal_corruptions_total", "prometheus_tsdb_mmap_chunk_corruptions_total",
        "prometheus_tsdb_reloads_failures_total", "prometheus_tsdb_snapshot_replay_error_total",
        "narthex_tsdb_unreadable_blocks"}) {
    const auto at = text.find(fmt::format("\n{} ", name));
    if (at != std::string::npos) sum += std::stod(text.substr(at + name.size() + 2));
  }
  return sum;
}

struct Target {
  std::string path;  // Within the folder.
  std::string kind;
};

std::vector<Target> FilesOf(const std::string& dir) {
  std::vector<Target> targets;
  for (const auto& entry : files::recursive_directory_iterator(dir)) {
    if (!entry.is_regular_file() || entry.file_size() == 0) continue;
    const std::string path = files::relative(entry.path(), dir).string();
    const std::string name = entry.path().filename().string();
    const std::string parent = entry.path().parent_path().filename().string();
    targets.push_back({path, parent.starts_with("checkpoint.")    ? "checkpoint"
                             : parent == "wal" || parent == "wbl" ? parent
                             : parent == "chunks_head"            ? "chunks_head"
                             : parent == "chunks"                 ? "chunks"
                                                                  : name});
  }
  std::sort(targets.begin(), targets.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  return targets;
}

// Offsets where headers are, and others over the whole file.
std::vector<std::size_t> Offsets(std::size_t size, std::mt19937& random) {
  std::set<std::size_t> offsets;
  for (std::size_t i = 0; i < std::min<std::size_t>(size, 8); ++i) offsets.insert(i);
  for (std::size_t i = 1; i <= std::min<std::size_t>(size, 3); ++i) offsets.insert(size - i);
  for (int i = 0; i < 10; ++i) offsets.insert(random() % size);
  return {offsets.begin(), offsets.end()};
}

std::string ReadBytes(const std::string& path) { return SystemFs().ReadFile(path).value(); }

void WriteBytes(const std::string& path, const std::string& bytes) {
  auto file = SystemFs().OpenWritable(path, OpenMode::kCreate).value();
  ASSERT_TRUE(file->WriteAt(0, AsBytes(bytes)));
  ASSERT_TRUE(file->Close());
}

class MutationTest : public ::testing::Test {
 protected:
  explicit MutationTest(const DbOptions& options = SmallRanges())
      : options_(options), source_(options) {}
  void SetUp() override {
    log::Configure(log::Level::kError, log::Format::kLogfmt);
    Fill(source_, options_.out_of_order_window_ms > 0);
    const auto lines = ReadLines(*source_.get());
    ASSERT_TRUE(lines) << lines.error().message();
    want_ = *lines;
    source_.Close();
  }
  void TearDown() override { log::Configure(log::Level::kInfo, log::Format::kLogfmt); }

  // Opens a copy of the folder in which one file has other bytes.
  // @param missing_is_told  whether the format can show that samples are missing
  void TryBytes(const Target& target, const std::string& bytes, bool missing_is_told) {
    narthex::testing::TempDir root;
    const std::string dir = root.path() + "/data";
    files::copy(source_.dir(), dir, files::copy_options::recursive);
    // With it the log would not be read.
    if (target.kind != kSnapshotName) files::remove(JoinPath(dir, kSnapshotName));
    WriteBytes(JoinPath(dir, target.path), bytes);
    metrics::Registry registry;
    auto db = Db::Open(dir, options_, SystemFs(), clock_, registry);
    if (!db) {
      ++refused_[target.kind];
      EXPECT_NE(db.error().message().find(files::path(target.path).filename().string()),
                std::string::npos)
          << "the error does not name the file: " << db.error().message();
      return;
    }
    const auto lines = ReadLines(**db);
    if (!lines) {
      ++told_[target.kind];
      EXPECT_FALSE(lines.error().message().empty());
      return;
    }
    damage_told_[target.kind] += DamageTold(registry) > 0;
    for (const auto& line : *lines) ASSERT_TRUE(want_.contains(line)) << "nobody wrote " << line;
    if (*lines == want_) {
      ++harmless_[target.kind];
      return;
    }
    ++told_[target.kind];
    if (missing_is_told) {
      EXPECT_GT(DamageTold(registry), 0) << "samples are missing";
    }
  }

  narthex::testing::FakeClock clock_;
  const DbOptions options_;
  DbFixture source_;
  Samples want_;
  std::map<std::string, int> refused_, told_, harmless_, damage_told_;
};

TEST_F(MutationTest, FlippedBytesAreNeverServedAsSamples) {
  std::mt19937 random(7);
  std::set<std::string> kinds;
  for (const Target& target : FilesOf(source_.dir())) {
    kinds.insert(target.kind);
    const std::string good = ReadBytes(JoinPath(source_.dir(), target.path));
    for (const std::size_t offset : Offsets(good.size(), random)) {
      SCOPED_TRACE(fmt::format("{} at {} of {}", target.path, offset, good.size()));
      std::string bad = good;
      bad[offset] = static_cast<char>(bad[offset] ^ (1 << random() % 8));
      // meta.json has no checksum: a changed time range is believed.
      TryBytes(target, bad, target.kind != "meta.json");
      if (HasFatalFailure()) return;
    }
  }
  for (const char* kind : {"index", "meta.json", "tombstones", "chunks", "chunks_head", "wal",
                           "checkpoint", kSnapshotName}) {
    EXPECT_TRUE(kinds.contains(kind)) << kind;
  }
  // The damage was noticed where there is a checksum.
  for (const char* kind : {"index", "chunks", "chunks_head", "wal", "checkpoint", kSnapshotName}) {
    EXPECT_GT(refused_[kind] + told_[kind] + damage_told_[kind], 0) << kind;
  }
}

class LateMutationTest : public MutationTest {
 protected:
  LateMutationTest() : MutationTest(WithLateSamples()) {}
};

TEST_F(LateMutationTest, FlippedBytesAreNeverServedAsSamples) {
  std::mt19937 random(13);
  for (const Target& target : FilesOf(source_.dir())) {
    if (target.kind != "wbl" && target.kind != "chunks_head" && target.kind != kSnapshotName) {
      continue;
    }
    const std::string good = ReadBytes(JoinPath(source_.dir(), target.path));
    for (const std::size_t offset : Offsets(good.size(), random)) {
      SCOPED_TRACE(fmt::format("{} at {} of {}", target.path, offset, good.size()));
      std::string bad = good;
      bad[offset] = static_cast<char>(bad[offset] ^ (1 << random() % 8));
      TryBytes(target, bad, true);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(refused_["wbl"] + told_["wbl"] + damage_told_["wbl"], 0);
  EXPECT_GT(damage_told_[kSnapshotName], 0);
}

TEST_F(MutationTest, CutFilesAreNeverServedAsSamples) {
  std::mt19937 random(11);
  for (const Target& target : FilesOf(source_.dir())) {
    const std::string good = ReadBytes(JoinPath(source_.dir(), target.path));
    for (const std::size_t keep : {std::size_t{0}, std::size_t{3}, good.size() / 2,
                                   random() % good.size(), good.size() - 1}) {
      SCOPED_TRACE(fmt::format("{} cut to {} of {}", target.path, keep, good.size()));
      // A log may end after any record, and chunks_head only repeats what the log has.
      TryBytes(target, good.substr(0, keep),
               !target.kind.starts_with("w") && target.kind != "checkpoint");
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace narthex::tsdb::testing
