// SPDX-License-Identifier: Apache-2.0
//
// The query log, held against lines that Prometheus writes.
#include "promql/query_log.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "narthex/base/fs.h"
#include "narthex/base/metrics.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_storage.h"
#include "tests/support/temp_dir.h"

namespace narthex::promql {
namespace {

class QueryLogTest : public ::testing::Test {
 protected:
  void Switch(const std::string& path) { engine_.SetQueryLog(JsonFileLog::Open(path).value()); }

  /// What is in a file, without the place in the source.
  static std::string Lines(const std::string& path) {
    std::string text = SystemFs().ReadFile(path).value_or("");
    for (std::size_t at = 0; (at = text.find(R"("source":")", at)) != std::string::npos;) {
      text.erase(at, text.find(',', at) + 1 - at);
    }
    return text;
  }
  double Metric(const std::string& name) {
    std::string text;
    registry_.WriteText(text);
    const std::size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }

  narthex::testing::TempDir dir_;
  const std::string path_ = dir_.path() + "/queries.log";
  narthex::testing::FakeClock clock_{1'700'000'000'000};
  testing::MemoryStorage storage_;
  metrics::Registry registry_;
  Engine engine_{EngineOptions{}, nullptr, clock_, registry_};
};

constexpr const char* kTimings =
    R"("stats":{"timings":{"evalTotalTime":0,"resultSortTime":0,"queryPreparationTime":0,)"
    R"("innerEvalTime":0,"execQueueTime":0,"execTotalTime":0},)";
constexpr const char* kNoTrace =
    R"("spanID":"0000000000000000","traceID":"00000000000000000000000000000000")";

TEST_F(QueryLogTest, SaysWhatWasAskedAndByWhom) {
  Switch(path_);
  const QueryOrigin origin{"httpRequest",
                           {{"clientIP", "::1"}, {"method", "GET"}, {"path", "/api/v1/query"}}};
  QueryOptions options;
  options.origin = &origin;
  ASSERT_TRUE(engine_.Instant(storage_, "up<3", 1'700'000'000'050, options));
  ASSERT_TRUE(engine_.Range(storage_, "vector(1)", 1'700'000'000'123, 1'700'000'003'000, 1'500));
  ASSERT_FALSE(engine_.Instant(storage_, R"(label_replace(vector(1),"x","<b>","a","("))", -1));
  ASSERT_FALSE(engine_.Instant(storage_, "up +", 0)) << "what is no query is not noted";
  const std::string begin =
      R"({"time":"2023-11-14T22:13:20Z","level":"INFO","msg":"promql query logged","params":)";
  const std::string want =
      begin +
      R"x({"end":"2023-11-14T22:13:20.050Z","query":"up<3","start":"2023-11-14T22:13:20.050Z","step":0},)x" +
      kTimings + R"("samples":{"totalQueryableSamples":0,"samplesRead":0,"peakSamples":2}},)" +
      kNoTrace + R"(,"httpRequest":{"clientIP":"::1","method":"GET","path":"/api/v1/query"}})" +
      "\n" + begin +
      R"x({"end":"2023-11-14T22:13:23.000Z","query":"vector(1)","start":"2023-11-14T22:13:20.123Z","step":1},)x" +
      kTimings + R"("samples":{"totalQueryableSamples":0,"samplesRead":0,"peakSamples":3}},)" +
      kNoTrace + "}\n" + begin +
      R"x({"end":"1969-12-31T23:59:59.999Z","query":"label_replace(vector(1),\"x\",\"<b>\",\"a\",\"(\")",)x"
      R"("start":"1969-12-31T23:59:59.999Z","step":0},)"
      R"x("error":"invalid regular expression in label_replace(): (",)x" +
      kTimings + R"("samples":{"totalQueryableSamples":0,"samplesRead":0,"peakSamples":0}},)" +
      kNoTrace + "}\n";
  EXPECT_EQ(Lines(path_), want);
}

TEST_F(QueryLogTest, NumbersPerStepWhereTheyAreAskedFor) {
  EngineOptions engine_options;
  engine_options.features.per_step_stats = true;
  metrics::Registry registry;
  Engine engine(engine_options, nullptr, clock_, registry);
  engine.SetQueryLog(JsonFileLog::Open(path_).value());
  const auto appender = storage_.NewAppender();
  storage::SeriesRef ref{0};
  ASSERT_EQ(appender->Append(ref, {{"__name__", "up"}}, 1'000, 1), storage::AppendError::kNone);
  ASSERT_TRUE(appender->Commit());
  QueryOptions options;
  for (const bool wanted : {false, true}) {
    options.wants_per_step_stats = wanted;
    ASSERT_TRUE(engine.Range(storage_, "up", 1'000, 2'000, 1'000, options));
    EXPECT_EQ(wanted,
              Lines(path_).find(R"("samplesReadPerStep":[[1,1],[2,1]])") != std::string::npos);
  }
}

TEST_F(QueryLogTest, CanBeSwitchedMovedAndEmptied) {
  EXPECT_EQ(Metric("prometheus_engine_query_log_enabled"), 0);
  ASSERT_TRUE(engine_.Instant(storage_, "1", 0));
  Switch(path_);
  EXPECT_EQ(Metric("prometheus_engine_query_log_enabled"), 1);
  ASSERT_TRUE(engine_.Instant(storage_, "2", 0));
  std::filesystem::rename(path_, path_ + ".1");
  ASSERT_TRUE(engine_.Instant(storage_, "3", 0));
  Switch(path_);  // As a reload does.
  ASSERT_TRUE(engine_.Instant(storage_, "4", 0));
  std::filesystem::resize_file(path_, 0);  // As logrotate's copytruncate does.
  ASSERT_TRUE(engine_.Instant(storage_, "5", 0));
  engine_.SetQueryLog(nullptr);
  ASSERT_TRUE(engine_.Instant(storage_, "6", 0));
  EXPECT_EQ(Metric("prometheus_engine_query_log_enabled"), 0);

  const auto queries = [](const std::string& text) {
    std::string found;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_EQ(line.front(), '{') << line;
      const std::string key = R"("query":")";
      found += line[line.find(key) + key.size()];
    }
    return found;
  };
  EXPECT_EQ(queries(Lines(path_ + ".1")), "23");
  EXPECT_EQ(queries(Lines(path_)), "5");
}

TEST_F(QueryLogTest, AFileThatCannotBeWrittenFailsNoQuery) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  Switch("/dev/full");
  EXPECT_TRUE(engine_.Instant(storage_, "1", 0));
  EXPECT_TRUE(engine_.Instant(storage_, "1", 0));
  EXPECT_EQ(Metric("prometheus_engine_query_log_failures_total"), 2);
}

TEST_F(QueryLogTest, OpeningNamesFileAndReason) {
  const auto log = JsonFileLog::Open(dir_.path() + "/nosuch/queries.log");
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().message(), "can't create json log file: open " + dir_.path() +
                                       "/nosuch/queries.log: no such file or directory");
}

}  // namespace
}  // namespace narthex::promql
