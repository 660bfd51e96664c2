// SPDX-License-Identifier: Apache-2.0
//
// queries.active: its bytes are those of Prometheus, which reads ours as we read its.
#include "promql/active_queries.h"

#include <gtest/gtest.h>

#include "narthex/base/metrics.h"
#include "narthex/promql/engine.h"
#include "narthex/storage/querier.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_storage.h"
#include "tests/support/temp_dir.h"

namespace narthex::promql {
namespace {

class ActiveQueriesTest : public ::testing::Test {
 protected:
  std::unique_ptr<ActiveQueries> Open(int places = 3) {
    return ActiveQueries::Open(SystemFs(), path_, places, clock_, unfinished_).value();
  }
  std::string File() const { return SystemFs().ReadFile(path_).value_or(""); }

  narthex::testing::TempDir dir_;
  const std::string path_ = dir_.path() + "/queries.active";
  narthex::testing::FakeClock clock_{1'700'000'000'000};
  std::string unfinished_;
};

TEST_F(ActiveQueriesTest, EachHasAPlaceAsLongAsItRuns) {
  const auto active = Open();
  EXPECT_EQ(File(), "[" + std::string(3000, '\0'));
  const std::size_t first = active->Insert("up > 1");
  const std::size_t second = active->Insert("b");
  std::string want = "[" + std::string(3000, '\0');
  const auto put = [&want](std::size_t at, const std::string& text) {
    want.replace(at, text.size(), text);
  };
  put(1, R"({"query":"up \u003e 1","timestamp_sec":1700000000})");
  put(1000, ",");
  put(1001, R"({"query":"b","timestamp_sec":1700000000})");
  put(2000, ",");
  EXPECT_EQ(File(), want);
  active->Remove(first);
  put(1, std::string(1000, '\0'));
  EXPECT_EQ(File(), want);
  active->Remove(second);
  EXPECT_EQ(File(), "[" + std::string(3000, '\0'));
  EXPECT_EQ(active->Insert("c"), second);
}

TEST_F(ActiveQueriesTest, TheNextRunIsToldWhatDidNotEnd) {
  auto active = Open();
  EXPECT_EQ(unfinished_, "");
  active->Insert("a");
  active->Insert("b");
  active.reset();  // As a kill would.
  active = Open(1);
  EXPECT_EQ(
      unfinished_,
      R"([{"query":"a","timestamp_sec":1700000000},{"query":"b","timestamp_sec":1700000000}])");
  EXPECT_EQ(File(), "[" + std::string(1000, '\0'));
  unfinished_.clear();
  active = Open();
  EXPECT_EQ(unfinished_, "");
}

TEST_F(ActiveQueriesTest, LongQueriesAreCutToTheirPlace) {
  const auto active = Open(2);
  const std::string frame = R"({"query":"","timestamp_sec":1700000000})";
  active->Insert(std::string(100'000, 'x'));
  EXPECT_EQ(File().substr(1, 999),
            R"({"query":")" + std::string(999 - frame.size(), 'x') + frame.substr(10));
  // Not within a character, and each escaped one has six.
  active->Insert(std::string(5000, '<'));
  const std::string file = File();
  const std::string entry(file.c_str() + 1001);  // Up to the first zero.
  EXPECT_NE(entry.find(R"(\u003c","timestamp_sec":1700000000})"), std::string::npos) << entry;
  EXPECT_GT(entry.size(), 980U);
  EXPECT_EQ(file.size(), 2001U);
  EXPECT_EQ(file.back(), ',');
}

TEST_F(ActiveQueriesTest, CutsBetweenCharacters) {
  const auto active = Open(1);
  std::string query = "x";
  for (int i = 0; i < 1000; ++i) query += "é";
  active->Insert(query);
  const std::string entry(File().c_str() + 1);
  EXPECT_TRUE(entry.ends_with("é\",\"timestamp_sec\":1700000000}") ||
              entry.ends_with("é\",\"timestamp_sec\":1700000000},"))
      << entry;
}

/// Says what the file has while a query reads.
class Spy final : public storage::Queryable {
 public:
  explicit Spy(std::string path) : path_(std::move(path)) {}
  Result<std::unique_ptr<storage::Querier>> NewQuerier(model::TimestampMs mint,
                                                       model::TimestampMs maxt) override {
    seen = SystemFs().ReadFile(path_).value_or("");
    return storage_.NewQuerier(mint, maxt);
  }
  std::string seen;

 private:
  std::string path_;
  testing::MemoryStorage storage_;
};

TEST_F(ActiveQueriesTest, TheEngineNotesWhatItEvaluates) {
  metrics::Registry registry;
  EngineOptions options;
  options.max_concurrency = 2;
  Engine engine(options, nullptr, clock_, registry);
  EXPECT_EQ(engine.KeepActiveQueries(SystemFs(), path_).value(), "");
  Spy spy(path_);
  ASSERT_TRUE(engine.Instant(spy, "up", 1'700'000'000'000));
  EXPECT_EQ(spy.seen.substr(1, 42),
            R"({"query":"up","timestamp_sec":1700000000})" + std::string(1, '\0'));
  EXPECT_EQ(File(), "[" + std::string(2000, '\0'));
}

}  // namespace
}  // namespace narthex::promql
