// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/fault_fs.h"
#include "tests/tsdb/inspect/inspect_fixture.h"
#include "tests/tsdb/support/db_fixture.h"
#include "tests/tsdb/support/late.h"
#include "tests/tsdb/support/test_blocks.h"
#include "tsdb/head/snapshot.h"

namespace narthex::tsdb::testing {
namespace {

using narthex::testing::TempDir;

constexpr const char* kUlid = "01HF0000000000000000000001";
constexpr const char* kLaterUlid = "01HF0000010000000000000000";

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

void FlipByte(const std::string& path, std::size_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  const char byte = static_cast<char>(file.get() ^ 0x55);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
}

// The only segment of the WAL with something in it.
std::string WalSegment(const std::string& dir) { return dir + "/wal/00000000"; }

TEST(InspectTest, ListsBlocksAsATable) {
  const TempDir dir;
  MakeBlock(dir.path(), kLaterUlid, 0, 7'200'000,
            {{{{"__name__", "m"}}, {{1'000, 1}, {2'000, 2}}}});
  MakeBlock(dir.path(), kUlid, 7'200'000, 14'400'000, {{{{"__name__", "m"}}, {{7'300'000, 1}}}});
  const auto printed = List(dir.path(), true);
  ASSERT_TRUE(printed.status) << printed.status.error().message();
  EXPECT_TRUE(printed.text.starts_with(
      "BLOCK ULID                  MIN TIME                       MAX TIME                       "
      "DURATION     NUM SAMPLES  NUM CHUNKS   NUM SERIES   SIZE\n"
      "01HF0000010000000000000000  1970-01-01 00:00:00 +0000 UTC  1970-01-01 02:00:00 +0000 UTC  "
      "2h0m0s       2            1            1            "))
      << printed.text;
}

TEST(InspectTest, AnEmptyFolderHasAHeaderOnly) {
  const TempDir dir;
  EXPECT_EQ(List(dir.path()).text,
            "BLOCK ULID   MIN TIME     MAX TIME     DURATION     NUM SAMPLES  NUM CHUNKS   NUM "
            "SERIES   SIZE\n");
}

TEST(InspectTest, SizesForPeopleHaveAllTheirUnits) {
  const struct {
    std::uint64_t bytes;
    const char* text;
  } cases[] = {{0, "0B"}, {1, "1B"}, {1024, "1KiB"}, {2'039'023, "1MiB967KiB239B"}};
  for (const auto& [bytes, text] : cases) {
    BlockInfo block;
    block.size_bytes = bytes;
    EXPECT_TRUE(FormatBlockTable({&block, 1}, false, true).ends_with(fmt::format("  {}\n", text)));
  }
}

TEST(InspectTest, DumpsSamplesOfTheRangeThatMatch) {
  const TempDir dir;
  MakeBlock(dir.path(), kUlid, 0, 7'200'000,
            {{{{"__name__", "m"}, {"a", "1"}}, {{1'000, 1.5}, {2'000, 2e6}, {3'000, 3}}},
             {{{"__name__", "n"}}, {{1'000, 7}}}});
  DumpOptions options;
  options.dir = dir.path();
  options.min_time = 2'000;
  EXPECT_EQ(DumpText(options).text,
            "{__name__=\"m\", a=\"1\"} 2e+06 2000\n{__name__=\"m\", a=\"1\"} 3 3000\n");
  options.min_time = model::kMinTime;
  options.max_time = 1'000;
  options.matcher_sets = {{model::Matcher::Equal("__name__", "n")},
                          {model::Matcher::Equal("a", "1")}};
  options.format = DumpFormat::kOpenMetrics;
  EXPECT_EQ(DumpText(options).text, "m{a=\"1\"} 1.5 1.000\nn{} 7 1.000\n# EOF\n");
  options.format = DumpFormat::kSeriesJson;
  EXPECT_EQ(DumpText(options).text, "{\"__name__\":\"m\",\"a\":\"1\"}\n{\"__name__\":\"n\"}\n");
}

TEST(InspectTest, ChangesNothingInTheFolder) {
  const TempDir parent;
  const std::string dir = MakeFolder(parent, true, true);
  const auto before = StateOf(dir);
  ASSERT_GT(before.size(), 10U);
  EXPECT_TRUE(List(dir).status);
  AnalyzeOptions analyze;
  analyze.dir = dir;
  analyze.extended = true;
  EXPECT_TRUE(Analyze(analyze).status);
  DumpOptions options;
  options.dir = dir;
  for (const auto format :
       {DumpFormat::kSamples, DumpFormat::kSeriesJson, DumpFormat::kOpenMetrics}) {
    options.format = format;
    const auto printed = DumpText(options);
    EXPECT_TRUE(printed.status) << printed.status.error().message();
    EXPECT_GT(printed.text.size(), 100U);
  }
  EXPECT_EQ(StateOf(dir), before);
  options.dir = dir + "/";  // As the commands' default is written.
  EXPECT_TRUE(DumpText(options).status);
}

// What the server left at its stop is of the server's version; and it is still needed.
TEST(InspectTest, TheServersHeadSnapshotIsLeftAlone) {
  DbFixture db(LateOptions());
  for (int i = 0; i < 100; ++i) {
    const model::TimestampMs t = kInspectStart + i * 1000;
    db.Append({{{{"__name__", "m"}}, t, i * 1.0}, {{{"__name__", "n"}}, t - i % 7 * 2500, 2}});
  }
  DumpOptions options;
  options.dir = db.dir();
  const auto running = DumpText(options);
  ASSERT_TRUE(running.status) << running.status.error().message();
  EXPECT_GT(running.text.size(), 1000U);
  db.Close();
  ASSERT_TRUE(std::filesystem::exists(db.dir() + "/" + kSnapshotName));
  const auto before = StateOf(db.dir());
  EXPECT_EQ(DumpText(options).text, running.text);
  EXPECT_EQ(StateOf(db.dir()), before);
  std::filesystem::remove(db.dir() + "/" + kSnapshotName);
  EXPECT_EQ(DumpText(options).text, running.text);
}

TEST(InspectTest, ADeadHeadIsReadWithoutItsFolderBeingRepaired) {
  const TempDir parent;
  const std::string dir = MakeFolder(parent, false, false);
  DumpOptions options;
  options.dir = dir;
  const auto whole = DumpText(options);
  ASSERT_TRUE(whole.status) << whole.status.error().message();
  // A corrupt file of head chunks: its samples come from the WAL.
  std::filesystem::create_directories(dir + "/chunks_head");
  std::ofstream(dir + "/chunks_head/000001") << "this is no chunk file";
  auto before = StateOf(dir);
  EXPECT_EQ(DumpText(options).text, whole.text);
  EXPECT_EQ(StateOf(dir), before);
  // A corrupt WAL is an error that names the place.
  FlipByte(WalSegment(dir), 5'000);
  before = StateOf(dir);
  const auto broken = DumpText(options);
  ASSERT_FALSE(broken.status);
  EXPECT_EQ(broken.status.error().code(), Code::kCorruption);
  EXPECT_TRUE(broken.status.error().message().starts_with("read WAL: corruption in segment " +
                                                          WalSegment(dir) + " at "))
      << broken.status.error().message();
  EXPECT_EQ(StateOf(dir), before);
}

TEST(InspectTest, SaysWhatIsMissing) {
  const TempDir dir;
  const std::string none = dir.path() + "/none";
  DumpOptions dump;
  dump.dir = none;
  AnalyzeOptions analyze;
  analyze.dir = none;
  const std::string missing =
      fmt::format("opening the db dir: stat {}: no such file or directory", none);
  EXPECT_EQ(List(none).status.error().message(), missing);
  EXPECT_EQ(DumpText(dump).status.error().message(), missing);
  EXPECT_EQ(Analyze(analyze).status.error().message(), missing);
  EXPECT_FALSE(std::filesystem::exists(none));

  dump.dir = dir.path();
  analyze.dir = dir.path();
  EXPECT_EQ(DumpText(dump).status.error().message(),
            fmt::format("read WAL: find last checkpoint: open {}/wal: no such file or directory",
                        dir.path()));
  EXPECT_EQ(Analyze(analyze).status.error().message(), "no blocks found in " + dir.path());
  analyze.block = kUlid;
  EXPECT_EQ(Analyze(analyze).status.error().message(), fmt::format("invalid block ID {}", kUlid));
}

TEST(InspectTest, NamesCorruptAndUnreadableFiles) {
  const TempDir dir;
  MakeBlock(dir.path(), kUlid, 0, 7'200'000, {{{{"__name__", "m"}}, {{1'000, 1}}}});
  const std::string block = dir.path() + "/" + kUlid;
  DumpOptions dump;
  dump.dir = dir.path();
  AnalyzeOptions analyze;
  analyze.dir = dir.path();
  analyze.extended = true;

  narthex::testing::FaultFs fs(SystemFs());
  fs.SetHook([&](narthex::testing::FileOp op, const std::string& path, int) {
    return op == narthex::testing::FileOp::kMap && path == block + "/index"
               ? narthex::testing::Fault::kFail
               : narthex::testing::Fault::kNone;
  });
  for (const auto& printed :
       {List(dir.path(), false, fs), DumpText(dump, fs), Analyze(analyze, fs)}) {
    ASSERT_FALSE(printed.status);
    EXPECT_TRUE(Contains(printed.status.error().message(), block + "/index"))
        << printed.status.error().message();
  }

  FlipByte(block + "/chunks/000001", 12);
  const auto before = StateOf(dir.path());
  for (const auto& printed : {DumpText(dump), Analyze(analyze)}) {
    ASSERT_FALSE(printed.status);
    EXPECT_TRUE(printed.status.error().message().starts_with("block " + block + ": "))
        << printed.status.error().message();
    EXPECT_TRUE(Contains(printed.status.error().message(), "checksum"));
  }
  FlipByte(block + "/index", 0);
  const auto listed = List(dir.path());
  ASSERT_FALSE(listed.status);
  EXPECT_TRUE(listed.status.error().message().starts_with(
      fmt::format("corrupted block {}: {}/index: ", kUlid, block)))
      << listed.status.error().message();
  FlipByte(block + "/index", 0);
  FlipByte(block + "/chunks/000001", 12);
  EXPECT_TRUE(DumpText(dump).status);
  EXPECT_EQ(before.size(), StateOf(dir.path()).size());
}

TEST(InspectTest, AnalyzesTheNewestBlockOrTheOneNamed) {
  const TempDir dir;
  MakeBlock(dir.path(), kUlid, 0, 7'200'000,
            {{{{"__name__", "m"}, {"a", "1"}}, {{0, 1}, {7'199'000, 1}}},
             {{{"__name__", "m"}, {"a", "22"}}, {{1'000, 1}}}});
  MakeBlock(dir.path(), kLaterUlid, 7'200'000, 14'400'000,
            {{{{"__name__", "n"}}, {{7'300'000, 1}}}});
  AnalyzeOptions options;
  options.dir = dir.path();
  EXPECT_TRUE(Contains(Analyze(options).text, std::string("Block ID: ") + kLaterUlid));
  options.block = kUlid;
  options.extended = true;
  EXPECT_EQ(Analyze(options).text,
            "Block ID: 01HF0000000000000000000001\nDuration: 2h0m0s\nTotal Series: 2\n"
            "Label names: 2\nPostings (unique label pairs): 3\n"
            "Postings entries (total label pairs): 4\n"
            "\nLabel pairs most involved in churning:\n1 __name__=m\n1 a=22\n0 a=1\n"
            "\nLabel names most involved in churning:\n1 __name__\n1 a\n"
            "\nMost common label pairs:\n2 __name__=m\n1 a=1\n1 a=22\n"
            "\nLabel names with highest cumulative label value length:\n3 a\n1 __name__\n"
            "\nHighest cardinality labels:\n2 a\n1 __name__\n"
            "\nHighest cardinality metric names:\n2 m\n"
            "\nCompaction analysis:\n\n"
            "samples per float chunk (min/avg/max): 1/1/2\n"
            "[ 1, 10]: 2 " +
                std::string(100, '#') +
                "\n[11, 20]: 0 \n\n"
                "bytes per float chunk (min/avg/max): 12/14/16\n"
                "[11, 20]: 2 " +
                std::string(100, '#') +
                "\n[21, 30]: 0 \n\n"
                "samples per histogram chunk: N/A\n\nbytes per histogram chunk: N/A\n\n"
                "buckets per histogram chunk: N/A\n\n");
}

// A block of late samples may reach over the newest samples in order, which the WAL alone has.
TEST(InspectTest, ABlockOfLateSamplesHidesNothingOfTheWal) {
  constexpr model::DurationMs kRange = 60'000;
  DbOptions db_options;
  db_options.min_block_duration_ms = kRange;
  db_options.out_of_order_window_ms = 10 * kRange;
  DbFixture db(db_options);
  std::size_t num_samples = 0;
  const auto append = [&](model::TimestampMs t) {
    db.Append({{{{"__name__", "m"}}, t, 1}});
    ++num_samples;
  };
  const model::TimestampMs start = 100 * kRange;
  for (model::TimestampMs t = start; t < start + 2 * kRange; t += 1'000) append(t);
  for (model::TimestampMs t = start + 500; t < start + 2 * kRange - 1'000; t += 1'000) append(t);
  ASSERT_TRUE(db->Compact());
  EXPECT_TRUE(db->Blocks().back().meta_json.find("from-out-of-order") != std::string::npos)
      << db->Blocks().back().meta_json;
  db.Close();
  DumpOptions options;
  options.dir = db.dir();
  const auto printed = DumpText(options);
  ASSERT_TRUE(printed.status) << printed.status.error().message();
  EXPECT_EQ(static_cast<std::size_t>(std::count(printed.text.begin(), printed.text.end(), '\n')),
            num_samples);
}

TEST(InspectTest, StopsWhenNobodyReads) {
  const TempDir dir;
  MakeBlock(dir.path(), kUlid, 0, 7'200'000, {{{{"__name__", "m"}}, {{1'000, 1}}}});
  const Status status = ListBlocks(SystemFs(), dir.path(), false, [](std::string_view) -> Status {
    return Fail(Code::kIo, "closed");
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(), "closed");
}

}  // namespace
}  // namespace narthex::tsdb::testing
