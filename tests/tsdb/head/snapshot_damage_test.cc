// SPDX-License-Identifier: Apache-2.0
//
// Snapshots of the head: what makes them unusable.
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/fault_fs.h"
#include "tests/support/temp_dir.h"
#include "tests/tsdb/support/test_head.h"
#include "tsdb/head/snapshot.h"
#include "tsdb/head/snapshot_file.h"

namespace narthex::tsdb::testing {
namespace {

using narthex::testing::Fault;
using narthex::testing::FileOp;
using narthex::testing::TempDir;
namespace files = std::filesystem;

constexpr model::TimestampMs kStart = TestHead::kStart;
constexpr bool kWithLate = true;

// A folder after a clean stop, to be spoilt again and again.
class SpoiltSnapshotTest : public ::testing::Test {
 protected:
  void SetUp() override {
    TestHead head(Clean(), kWithLate);
    head.Open();
    head.Scrapes(0, 20);
    head.Scrapes(700, 705);  // Of the next range: full chunks.
    ASSERT_TRUE(head.head().Maintain());
    head.Scrapes(705, 710);
    ASSERT_TRUE(head.head().Delete(kStart + 3'000, kStart + 703'000,
                                   std::vector{model::Matcher::Equal("__name__", "m1")}));
    head.Close();
    // A replay takes late samples of a series that has no others for ones in order, too, as the
    // log has them; so what is compared with replays begins with one.
    files::remove(head.snapshot_path());
    head.Open();
    const auto window = std::exchange(head.options().out_of_order_window_ms, 0);
    head.Scrapes(710, 712);  // Without late samples.
    head.options().out_of_order_window_ms = window;
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
  // What was in a chunk file may be open again.
  static std::string WithoutChunkCount(std::string text) {
    const auto at = text.find(" chunks ");
    return text.erase(at, text.find(" from ", at) - at);
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
         const auto last = std::stoi(files::path(NewestIn(h.dir() + "/wbl")).filename().string());
         std::ofstream(wal::SegmentPath(h.dir() + "/wbl", last + 1)).flush();
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
    TestHead head(Copy(), kWithLate);
    c.spoil(head);
    head.Open();
    EXPECT_TRUE(head.replayed());
    EXPECT_EQ(head.errors(), 0);  // It is stale, not damaged.
    EXPECT_FALSE(files::exists(head.snapshot_path()));
    const std::string got = head.Describe();
    if (c.same_samples) {
      ExpectSame(WithoutChunkCount(got), WithoutChunkCount(want_));
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
    TestHead head(Copy(), kWithLate);
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
  EXPECT_EQ(reader->Sections().size(), 24U);
  for (const auto section : reader->Sections()) {
    if (section != SnapshotSection::kSeriesFree) {
      EXPECT_GT(reader->Length(section), 0U) << SectionName(section);
    }
    if (reader->Length(section) == 0) continue;
    for (const std::uint64_t at :
         {std::uint64_t{0}, reader->Length(section) / 2, reader->Length(section) - 1}) {
      SCOPED_TRACE(fmt::format("{} at {}", SectionName(section), at));
      TestHead head(Copy(), kWithLate);
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
    TestHead head(Copy(), kWithLate);
    files::resize_file(head.snapshot_path(), left);
    head.Open();
    EXPECT_TRUE(head.replayed());
    EXPECT_EQ(head.errors(), 1);
    ExpectSame(head.Describe(), want_);
  }
  // The machine fell before the bytes were on the disk.
  TestHead head(Copy(), kWithLate);
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
      TestHead head(Copy(), kWithLate);
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
    TestHead head(Copy(), kWithLate);
    head.fail_read_at() = at;
    head.Open();
    EXPECT_TRUE(head.replayed());
    ExpectSame(head.Describe(), want_);
  }
}

// The chunk files are not read through at such a start; what is wrong in them must come to light.
TEST_F(SpoiltSnapshotTest, DamagedChunksAreNotReturned) {
  TestHead head(Copy(), kWithLate);
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
