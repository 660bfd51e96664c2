// SPDX-License-Identifier: Apache-2.0
#include "tsdb/wal/wal.h"

#include <random>

#include <gtest/gtest.h>

#include "narthex/base/coding.h"
#include "narthex/base/crc32c.h"
#include "tests/support/fault_fs.h"
#include "tests/support/temp_dir.h"
#include "tsdb/wal/reader.h"

namespace narthex::tsdb::wal {
namespace {

using narthex::testing::Fault;
using narthex::testing::FaultFs;
using narthex::testing::FileOp;
using narthex::testing::TempDir;

std::vector<std::string> ReadLog(const std::string& dir,
                                 std::optional<Corruption>* corruption = nullptr) {
  std::vector<std::string> records;
  const auto segments = ListSegments(SystemFs(), dir).value();
  if (segments.empty()) return records;
  LogReader reader(SystemFs(), dir, segments.front(), segments.back());
  while (reader.Next()) records.emplace_back(AsText(reader.record()));
  EXPECT_TRUE(reader.status());
  if (corruption != nullptr) *corruption = reader.corruption();
  return records;
}

std::unique_ptr<Wal> OpenWal(const std::string& dir, WalOptions options = {}, Fs& fs = SystemFs()) {
  auto wal = Wal::Open(fs, dir, options, {});
  EXPECT_TRUE(wal) << wal.error().message();
  return std::move(*wal);
}

std::string RandomBytes(std::mt19937& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

void WriteFile(const std::string& path, const std::string& bytes) {
  auto file = SystemFs().OpenWritable(path, OpenMode::kCreate).value();
  ASSERT_TRUE(file->Append(AsBytes(bytes)));
}

std::string Fragment(FragmentType type, const std::string& payload) {
  std::string out(kHeaderBytes, '\0');
  auto* p = reinterpret_cast<std::uint8_t*>(out.data());
  p[0] = static_cast<std::uint8_t>(type);
  StoreBe16(p + 1, static_cast<std::uint16_t>(payload.size()));
  StoreBe32(p + 3, Crc32c(AsBytes(payload)));
  return out + payload;
}

TEST(WalTest, RoundTripOverPagesAndSegments) {
  std::mt19937 random(1);
  for (const auto compression :
       {WalCompression::kNone, WalCompression::kSnappy, WalCompression::kZstd}) {
    TempDir dir;
    WalOptions options;
    options.segment_bytes = 4 * kPageBytes;
    options.compression = compression;
    std::vector<std::string> want;
    auto wal = OpenWal(dir.path(), options);
    // Around each border of pages, larger than a page, and larger than a segment.
    for (const std::size_t size : {1UL, 7UL, 100UL, kMaxFragmentBytes - 8, kMaxFragmentBytes,
                                   kMaxFragmentBytes + 1, 3UL * kPageBytes, 6UL * kPageBytes}) {
      want.push_back(RandomBytes(random, size));
      want.push_back(std::string(size, 'x'));
      ASSERT_TRUE(wal->Log(std::span(want).last(2)));
    }
    for (int i = 0; i < 2000; ++i) {
      want.push_back(RandomBytes(random, 1 + random() % 300));
      ASSERT_TRUE(wal->Log(std::span(want).last(1)));
    }
    EXPECT_EQ(ReadLog(dir.path()), want) << "while the log is open";
    ASSERT_TRUE(wal->Close());
    std::optional<Corruption> corruption;
    EXPECT_EQ(ReadLog(dir.path(), &corruption), want);
    EXPECT_FALSE(corruption);
    const auto segments = ListSegments(SystemFs(), dir.path()).value();
    for (const int segment : segments) {
      const auto size = SystemFs().FileSize(SegmentPath(dir.path(), segment)).value();
      EXPECT_EQ(size % kPageBytes, 0U) << "a closed segment ends at a page border";
    }
  }
}

TEST(WalTest, AlwaysBeginsANewSegment) {
  TempDir dir;
  for (int i = 0; i < 3; ++i) {
    const auto wal = OpenWal(dir.path());
    EXPECT_EQ(wal->current_segment(), i);
    ASSERT_TRUE(wal->Log(std::vector<std::string>{"record"}));
  }
  EXPECT_EQ(ReadLog(dir.path()).size(), 3U);
}

TEST(WalTest, SevenBytesAtTheEndOfAPageHoldAnEmptyFirstFragment) {
  TempDir dir;
  WalOptions options;
  options.compression = WalCompression::kNone;
  const std::vector<std::string> want = {std::string(kPageBytes - 2 * kHeaderBytes, 'a'), "b"};
  {
    const auto wal = OpenWal(dir.path(), options);
    ASSERT_TRUE(wal->Log(want));
  }
  EXPECT_EQ(ReadLog(dir.path()), want);
}

TEST(WalTest, OptionsAndGaps) {
  TempDir dir;
  WalOptions options;
  options.segment_bytes = kPageBytes + 1;
  const auto wal = Wal::Open(SystemFs(), dir.path(), options, {});
  ASSERT_FALSE(wal);
  EXPECT_EQ(wal.error().message(), "invalid segment size");
  WriteFile(SegmentPath(dir.path(), 1), "");
  WriteFile(SegmentPath(dir.path(), 3), "");
  const auto segments = ListSegments(SystemFs(), dir.path());
  ASSERT_FALSE(segments);
  EXPECT_EQ(segments.error().code(), Code::kCorruption);
  EXPECT_NE(segments.error().message().find("segments are not sequential"), std::string::npos);
}

TEST(WalTest, CorruptionTexts) {
  const std::string full = Fragment(FragmentType::kFull, "good");
  std::string bad_sum = Fragment(FragmentType::kFull, "bad");
  bad_sum[3] = static_cast<char>(bad_sum[3] ^ 1);
  std::string too_long = Fragment(FragmentType::kFull, "long");
  StoreBe16(reinterpret_cast<std::uint8_t*>(too_long.data()) + 1, 32762);
  std::string dirty_padding(kPageBytes - full.size(), '\0');
  dirty_padding.back() = 'x';
  const struct {
    const char* name;
    std::string after;  // The good record.
    const char* want;   // Beginning of the reason.
  } cases[] = {
      {"clean end", "", ""},
      {"padding", std::string(kPageBytes - full.size(), '\0'), ""},
      {"zeros at the end of the file", std::string(100, '\0'), ""},
      {"dirty padding", dirty_padding, "unexpected non-zero byte in padded page"},
      {"size", too_long, "invalid record size 32762"},
      {"sum", bad_sum, "unexpected checksum "},
      {"torn header", full.substr(0, 3), "unexpected checksum 0, expected 0"},
      {"torn payload", full.substr(0, 9), "unexpected checksum "},
      {"torn record", Fragment(FragmentType::kFirst, "a"), "last record is torn"},
      {"torn after middle",
       Fragment(FragmentType::kFirst, "a") + Fragment(FragmentType::kMiddle, "b"),
       "last record is torn"},
      {"full after first", Fragment(FragmentType::kFirst, "a") + full, "unexpected full record"},
      {"first after first",
       Fragment(FragmentType::kFirst, "a") + Fragment(FragmentType::kFirst, "b"),
       "unexpected first record, dropping buffer"},
      {"middle alone", Fragment(FragmentType::kMiddle, "a"),
       "unexpected middle record, dropping buffer"},
      {"last alone", Fragment(FragmentType::kLast, "a"), "unexpected last record, dropping buffer"},
      {"type", Fragment(static_cast<FragmentType>(6), "a"), "unexpected record type 6"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    TempDir dir;
    WriteFile(SegmentPath(dir.path(), 0), full + c.after);
    std::optional<Corruption> corruption;
    const auto records = ReadLog(dir.path(), &corruption);
    EXPECT_EQ(records, std::vector<std::string>{"good"});
    if (*c.want == '\0') {
      EXPECT_FALSE(corruption) << corruption->ToString();
      continue;
    }
    // A header of zeros has a valid checksum of nothing: "torn header" reads as one.
    if (std::string_view(c.name) == "torn header") continue;
    ASSERT_TRUE(corruption);
    EXPECT_EQ(corruption->reason.substr(0, std::string_view(c.want).size()), c.want);
    EXPECT_EQ(corruption->ToString().find("corruption in segment " + dir.path() + "/00000000 at "),
              0U);
  }
}

// Whatever is cut off or flipped: reading ends, and gives a prefix of what was written.
TEST(WalTest, DamagedLogsGiveAPrefix) {
  std::mt19937 random(2);
  TempDir dir;
  std::vector<std::string> want;
  {
    const auto wal = OpenWal(dir.path());
    for (int i = 0; i < 300; ++i) {
      want.push_back(RandomBytes(random, 1 + random() % 900));
      ASSERT_TRUE(wal->Log(std::span(want).last(1)));
    }
  }
  const std::string path = SegmentPath(dir.path(), 0);
  const std::string bytes = SystemFs().ReadFile(path).value();
  for (int round = 0; round < 300; ++round) {
    std::string damaged = bytes;
    if (round % 2 == 0) damaged.resize(random() % bytes.size());
    if (round % 2 == 1) damaged[random() % bytes.size()] ^= static_cast<char>(1 + random() % 255);
    SegmentReader reader(AsBytes(damaged));
    std::size_t n = 0;
    while (reader.Next()) {
      ASSERT_LT(n, want.size());
      ASSERT_EQ(AsText(reader.record()), want[n]);
      ++n;
    }
    if (round % 2 == 1 && reader.reason().empty()) {
      EXPECT_EQ(n, want.size()) << "a flipped bit in the flags of padding only";
    }
  }
}

TEST(WalTest, RepairKeepsWhatIsGood) {
  TempDir dir;
  WalOptions options;
  options.compression = WalCompression::kNone;
  for (int segment = 0; segment < 3; ++segment) {
    const auto wal = OpenWal(dir.path(), options);
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(wal->Log(std::vector<std::string>{std::to_string(segment * 10 + i)}));
    }
  }
  const std::string path = SegmentPath(dir.path(), 1);
  std::string bytes = SystemFs().ReadFile(path).value();
  bytes[5 * 9 + 7] ^= 1;  // The payload of the sixth record: a header of 7 bytes and two digits.
  WriteFile(path, bytes);
  std::optional<Corruption> corruption;
  EXPECT_EQ(ReadLog(dir.path(), &corruption).size(), 15U);
  ASSERT_TRUE(corruption);
  EXPECT_EQ(corruption->segment, 1);
  ASSERT_TRUE(RepairSegment(SystemFs(), *corruption, options));
  const auto records = ReadLog(dir.path(), &corruption);
  EXPECT_FALSE(corruption);
  ASSERT_EQ(records.size(), 25U) << "later segments stay";
  EXPECT_EQ(records[14], "14");
  EXPECT_EQ(records[15], "20");
  EXPECT_TRUE(SystemFs().Exists(path + ".corrupt")) << "moved aside, not deleted";
  EXPECT_FALSE(SystemFs().Exists(path + ".repair"));
}

TEST(WalTest, FailedWriteLeavesNothingBehind) {
  for (const Fault fault : {Fault::kFail, Fault::kTear}) {
    TempDir dir;
    FaultFs fs(SystemFs());
    const auto wal = OpenWal(dir.path(), {}, fs);
    ASSERT_TRUE(wal->Log(std::vector<std::string>{"one"}));
    fs.SetHook([fault](FileOp op, const std::string&, int) {
      return op == FileOp::kWrite ? fault : Fault::kNone;
    });
    EXPECT_FALSE(wal->Log(std::vector<std::string>{std::string(100'000, 'x')}));
    EXPECT_EQ(ReadLog(dir.path()), std::vector<std::string>{"one"});
    fs.SetHook({});
    ASSERT_TRUE(wal->Log(std::vector<std::string>{"two"}));
    EXPECT_EQ(ReadLog(dir.path()), (std::vector<std::string>{"one", "two"}));
  }
}

TEST(WalTest, TornBytesThatCannotBeCutOffStopWriting) {
  TempDir dir;
  FaultFs fs(SystemFs());
  const auto wal = OpenWal(dir.path(), {}, fs);
  ASSERT_TRUE(wal->Log(std::vector<std::string>{"one"}));
  fs.SetHook([](FileOp op, const std::string&, int) {
    return op == FileOp::kWrite      ? Fault::kTear
           : op == FileOp::kTruncate ? Fault::kFail
                                     : Fault::kNone;
  });
  EXPECT_FALSE(wal->Log(std::vector<std::string>{"two"}));
  EXPECT_FALSE(wal->Log(std::vector<std::string>{"three"}));
  fs.SetHook({});
  ASSERT_TRUE(wal->Log(std::vector<std::string>{"four"}));
  EXPECT_EQ(ReadLog(dir.path()), (std::vector<std::string>{"one", "four"}));
}

TEST(WalTest, NextSegmentOnAFullDiskIsTriedAgain) {
  TempDir dir;
  FaultFs fs(SystemFs());
  const auto wal = OpenWal(dir.path(), {}, fs);
  ASSERT_TRUE(wal->Log(std::vector<std::string>{"one"}));
  fs.SetHook([](FileOp op, const std::string&, int) {
    return op == FileOp::kOpen ? Fault::kFail : Fault::kNone;
  });
  EXPECT_FALSE(wal->NextSegment());
  EXPECT_FALSE(wal->Log(std::vector<std::string>{"two"}));
  fs.SetHook({});
  ASSERT_TRUE(wal->Log(std::vector<std::string>{"three"}));
  EXPECT_EQ(wal->current_segment(), 1);
  ASSERT_TRUE(wal->Sync());
  ASSERT_TRUE(wal->Close());
  EXPECT_EQ(ReadLog(dir.path()), (std::vector<std::string>{"one", "three"}));
}

}  // namespace
}  // namespace narthex::tsdb::wal
