// SPDX-License-Identifier: Apache-2.0
//
// Our blocks read by the real promtool, and its blocks read by us.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "narthex/base/go_format.h"
#include "narthex/storage/merge.h"
#include "tests/support/temp_dir.h"
#include "tests/tsdb/support/promtool.h"
#include "tests/tsdb/support/test_blocks.h"
#include "tsdb/block/ulid.h"

namespace narthex::tsdb::testing {
namespace {

using model::kMaxTime;
using model::kMinTime;
using model::Labels;
using model::Sample;

constexpr model::TimestampMs kStart = 1'700'000'000'000;

std::vector<TestSeries> ManySeries() {
  std::mt19937_64 random(7);
  std::vector<TestSeries> all;
  for (int i = 0; i < 300; ++i) {
    const std::string number = std::to_string(i);
    const std::string group = std::to_string(i % 7);
    TestSeries series{Labels{{"__name__", i % 2 == 0 ? "cpu_seconds" : "größe"},
                             {"i", number},
                             {"group", group},
                             {"path", "a\"b\\c\n" + group}},
                      {}};
    double v = 0;
    for (int k = 0; k < 200; ++k) {
      v = k % 3 == 0 ? v + static_cast<double>(random() % 50) : static_cast<double>(random()) / 3e7;
      if (k == 100) v = std::numeric_limits<double>::quiet_NaN();
      if (k == 101) v = -std::numeric_limits<double>::infinity();
      series.samples.push_back({kStart + k * 15'000 + static_cast<int>(random() % 5), v});
      if (std::isnan(v)) v = 0;
    }
    all.push_back(std::move(series));
  }
  std::sort(all.begin(), all.end(),
            [](const TestSeries& a, const TestSeries& b) { return a.labels < b.labels; });
  return all;
}

std::string SortedLines(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    lines.push_back(text.substr(begin, end - begin));
  }
  std::sort(lines.begin(), lines.end());
  std::string sorted;
  for (const std::string& line : lines) sorted += line + "\n";
  return sorted;
}

// gtest prints whole strings when they differ; these are megabytes.
void ExpectSameLines(const std::string& got, const std::string& want) {
  const auto a = SortedLines(got);
  const auto b = SortedLines(want);
  if (a == b) return;
  const auto at = static_cast<std::size_t>(
      std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  const std::size_t from = at < 200 ? 0 : at - 200;
  ADD_FAILURE() << a.size() << " and " << b.size() << " bytes differ\n--- got\n"
                << a.substr(from, 400) << "\n--- want\n"
                << b.substr(from, 400);
}

std::unique_ptr<storage::Querier> QuerierOfBlocks(const std::string& dir) {
  std::vector<std::unique_ptr<storage::Querier>> queriers;
  const auto entries = SystemFs().ListDir(dir);
  for (const DirEntry& entry : entries.value()) {
    if (!IsUlid(entry.name)) continue;
    auto block = Block::Open(SystemFs(), JoinPath(dir, entry.name));
    EXPECT_TRUE(block) << block.error().message();
    if (block) queriers.push_back(NewBlockQuerier(*block, kMinTime, kMaxTime));
  }
  return storage::MergeQueriers(std::move(queriers));
}

class PeerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto path = FindPromtool();
    if (!path) GTEST_SKIP() << "no promtool in NARTHEX_PEERS or PATH";
    promtool_ = *path;
  }
  std::string DumpByPromtool(const std::string& dir) {
    // promtool refuses a folder without a WAL, even an empty one.
    EXPECT_TRUE(SystemFs().CreateDirs(dir + "/wal"));
    const auto result = RunCommand(promtool_ + " tsdb dump " + dir);
    EXPECT_EQ(result.exit_code, 0) << result.output.substr(0, 1000);
    return result.output;
  }
  std::string promtool_;
};

TEST_F(PeerTest, ReadsOurBlock) {
  narthex::testing::TempDir dir;
  const auto series = ManySeries();
  const auto block =
      MakeBlock(dir.path(), "01HF0000000000000000000001", kStart, kStart + 7'200'000, series);
  const auto list = RunCommand(promtool_ + " tsdb list " + dir.path());
  EXPECT_EQ(list.exit_code, 0) << list.output;
  EXPECT_NE(list.output.find("01HF0000000000000000000001"), std::string::npos) << list.output;
  const auto analyze = RunCommand(promtool_ + " tsdb analyze " + dir.path());
  EXPECT_EQ(analyze.exit_code, 0) << analyze.output;
  EXPECT_NE(analyze.output.find("Series: 300"), std::string::npos) << analyze.output;
  std::string want;
  for (const TestSeries& s : series) {
    std::string labels;
    for (const auto& [name, value] : s.labels) {
      labels += fmt::format("{}{}={}", labels.empty() ? "{" : ", ", name, go::Quote(value));
    }
    for (const Sample& sample : s.samples) {
      want += fmt::format("{}}} {} {}\n", labels, go::FormatFloatG(sample.v), sample.t);
    }
  }
  ExpectSameLines(Dump(*QuerierOfBlocks(dir.path()), kMinTime, kMaxTime), want);
  // promtool quotes UTF-8 label names; there are none here, metric names are values.
  ExpectSameLines(DumpByPromtool(dir.path()), want);
}

TEST_F(PeerTest, WritesBlocksThatWeRead) {
  narthex::testing::TempDir dir;
  std::ofstream text(dir.path() + "/metrics.txt");
  text << "# TYPE m gauge\n";
  for (int s = 0; s < 100; ++s) {
    for (int i = 0; i < 300; ++i) {
      text << fmt::format("m{{s=\"{}\",g=\"{}\"}} {} {}\n", s, s % 3, i % 5 == 0 ? 0.5 * i : 7.0,
                          kStart / 1000 + 15 * i);
    }
  }
  text << "# EOF\n";
  text.close();
  const auto created = RunCommand(fmt::format(
      "{0} tsdb create-blocks-from openmetrics {1}/metrics.txt {1}/db", promtool_, dir.path()));
  ASSERT_EQ(created.exit_code, 0) << created.output;
  const auto ours = Dump(*QuerierOfBlocks(dir.path() + "/db"), kMinTime, kMaxTime);
  EXPECT_EQ(std::count(ours.begin(), ours.end(), '\n'), 30'000) << created.output;
  ExpectSameLines(ours, DumpByPromtool(dir.path() + "/db"));
}

// For any data folder: NARTHEX_TSDB_DIR=… tsdb_test --gtest_filter='PeerTest.*'. Floats only.
TEST_F(PeerTest, SeesTheSameInAnyFolder) {
  const char* dir = std::getenv("NARTHEX_TSDB_DIR");
  if (dir == nullptr) GTEST_SKIP() << "NARTHEX_TSDB_DIR is not set";
  const auto floats = [](const std::string& dump, std::string_view drop) {
    std::string kept;
    for (std::size_t begin = 0, end; (end = dump.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      const auto line = std::string_view(dump).substr(begin, end + 1 - begin);
      if (line.find(drop) == std::string_view::npos) kept += line;
    }
    return kept;
  };
  ExpectSameLines(floats(Dump(*QuerierOfBlocks(dir), kMinTime, kMaxTime), "} histogram "),
                  floats(DumpByPromtool(dir), "} {count:"));
}

}  // namespace
}  // namespace narthex::tsdb::testing
