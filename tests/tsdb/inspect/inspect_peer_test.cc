// SPDX-License-Identifier: Apache-2.0
//
// What the real promtool prints of the same folder, byte by byte. Its releases up to 3.14 lose the
// first two samples of a series that begins with native histograms, and all of a series after it
// changes its kind; there its lines must be among ours, in the same order.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/tsdb/inspect/inspect_fixture.h"
#include "tests/tsdb/support/promtool.h"

namespace narthex::tsdb::testing {
namespace {

using narthex::testing::TempDir;
using Lines = std::vector<std::string>;

Lines Split(const std::string& text) {
  Lines lines;
  for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    lines.push_back(text.substr(begin, end - begin));
  }
  return lines;
}

std::string SeriesOf(const std::string& line) { return line.substr(0, line.find("} ")); }

// Lines of series that have (or have not) native histograms among `histogram_series`.
Lines Select(const Lines& lines, const std::set<std::string>& histogram_series, bool wanted) {
  Lines selected;
  for (const auto& line : lines) {
    if (histogram_series.contains(SeriesOf(line)) == wanted) selected.push_back(line);
  }
  return selected;
}

bool IsSubsequence(const Lines& part, const Lines& whole) {
  std::size_t found = 0;
  for (const auto& line : whole) {
    if (found < part.size() && part[found] == line) ++found;
  }
  return found == part.size();
}

// The lists of an analysis whose equal numbers promtool leaves in any order: what is left of each
// is compared without order, and without the names where the list may have been cut among equals.
std::multiset<std::string> Unordered(const std::string& text) {
  const Lines lines = Split(text);
  return {lines.begin(), lines.end()};
}

class InspectPeerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto path = FindPromtool();
    if (!path) GTEST_SKIP() << "no promtool in NARTHEX_PEERS or PATH";
    promtool_ = *path;
    if (RunCommand(promtool_ + " tsdb dump --help").output.find("--format") == std::string::npos &&
        RunCommand(promtool_ + " tsdb dump-openmetrics --help").exit_code != 0) {
      GTEST_SKIP() << "this promtool is too old";
    }
  }
  std::string Run(const std::string& arguments) {
    const auto result = RunCommand(promtool_ + " tsdb " + arguments);
    EXPECT_EQ(result.exit_code, 0) << result.output.substr(0, 1000);
    return result.output;
  }
  std::string DumpCommand(const std::string& command, const std::string& dir) {
    return Run(fmt::format("{} --sandbox-dir-root={} {}", command, sandbox_.path(), dir));
  }

  void ExpectSameDump(const DumpOptions& options, const std::string& flags = {}) {
    const auto printed = DumpText(options);
    ASSERT_TRUE(printed.status) << printed.status.error().message();
    const Lines ours = Split(printed.text);
    const Lines theirs = Split(DumpCommand("dump " + flags, options.dir));
    std::set<std::string> histogram_series;
    for (const auto& line : ours) {
      if (line.find("} {count:") != std::string::npos) histogram_series.insert(SeriesOf(line));
    }
    EXPECT_TRUE(Select(ours, histogram_series, false) == Select(theirs, histogram_series, false));
    const Lines part = Select(theirs, histogram_series, true);
    EXPECT_TRUE(IsSubsequence(part, Select(ours, histogram_series, true)));
    EXPECT_EQ(part.empty(), histogram_series.empty());
  }

  void ExpectSameFolder(const std::string& dir) {
    EXPECT_EQ(List(dir, false).text, Run("list " + dir));
    EXPECT_EQ(List(dir, true).text, Run("list -r " + dir));
    DumpOptions options;
    options.dir = dir;
    ExpectSameDump(options);
    options.format = DumpFormat::kOpenMetrics;
    const auto printed = DumpText(options);
    EXPECT_TRUE(printed.text == DumpCommand("dump-openmetrics", dir));
  }

  std::string promtool_;
  TempDir sandbox_;
};

TEST_F(InspectPeerTest, BlocksAndADeadHead) {
  for (const bool histograms : {false, true}) {
    for (const bool blocks : {false, true}) {
      SCOPED_TRACE(fmt::format("histograms {} blocks {}", histograms, blocks));
      const TempDir parent;
      ExpectSameFolder(MakeFolder(parent, histograms, blocks));
    }
  }
}

TEST_F(InspectPeerTest, RangesAndMatchers) {
  const TempDir parent;
  const std::string dir = MakeFolder(parent, true, true);
  DumpOptions options;
  options.dir = dir;
  options.min_time = kInspectStart + 30 * 60'000;
  options.max_time = kInspectStart + 290 * 60'000;
  ExpectSameDump(options,
                 fmt::format("--min-time={} --max-time={}", options.min_time, options.max_time));
  options.matcher_sets = {{model::Matcher::Equal("job", "a")},
                          {model::Matcher::NotEqual("__name__", "big")}};
  ExpectSameDump(options, fmt::format("--min-time={} --max-time={} --match='{{job=\"a\"}}' "
                                      "--match='{{__name__!=\"big\"}}'",
                                      options.min_time, options.max_time));
}

TEST_F(InspectPeerTest, Analysis) {
  const TempDir parent;
  const std::string dir = MakeFolder(parent, true, true);
  for (const bool matched : {false, true}) {
    AnalyzeOptions options;
    options.dir = dir;
    options.limit = 1'000'000;
    options.extended = true;
    if (matched) {
      options.match_text = "{__name__!=\"big\"}";
      options.matchers = {model::Matcher::NotEqual("__name__", "big")};
    }
    const std::string match = matched ? " --match='" + options.match_text + "'" : "";
    const auto ours = Analyze(options).text;
    const auto theirs = Run("analyze --extended --limit=1000000" + match + " " + dir);
    EXPECT_EQ(Unordered(ours), Unordered(theirs));
    const auto tail = [](const std::string& text) { return text.substr(text.find("Compaction")); };
    EXPECT_EQ(tail(ours), tail(theirs));
  }
}

// For any data folder of Prometheus: NARTHEX_TSDB_DIR=… tsdb_test --gtest_filter='InspectPeer*'.
TEST_F(InspectPeerTest, AnyFolder) {
  const char* dir = std::getenv("NARTHEX_TSDB_DIR");
  if (dir == nullptr) GTEST_SKIP() << "NARTHEX_TSDB_DIR is not set";
  ExpectSameFolder(dir);
}

}  // namespace
}  // namespace narthex::tsdb::testing
