// SPDX-License-Identifier: Apache-2.0
//
// Each script in tests/promql/scripts is a test, PromqlScript.<name>. NARTHEX_PROMQL_SCRIPTS names
// a folder with more of them. The values that ours expect are answers of Prometheus 3.14.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "narthex/base/fs.h"
#include "narthex/promql/test_runner.h"
#include "src/cli/test_promql.h"
#include "tests/support/memory_storage.h"

namespace narthex::promql {
namespace {

class MemoryTestStorage final : public TestStorage {
 public:
  storage::Appendable& appendable() override { return storage_; }
  storage::Queryable& queryable() override { return storage_; }

 private:
  testing::MemoryStorage storage_;
};

std::unique_ptr<TestStorage> NewMemoryTestStorage() {
  return std::make_unique<MemoryTestStorage>();
}

class PromqlScript : public ::testing::Test {
 public:
  PromqlScript(std::string path, TestStorageFactory new_storage)
      : path_(std::move(path)), new_storage_(std::move(new_storage)) {}

  void TestBody() override {
    const auto script = SystemFs().ReadFile(path_);
    ASSERT_TRUE(script.has_value()) << script.error().message();
    const TestReport report = RunTestScript(*script, TestEngineOptions(), new_storage_);
    EXPECT_TRUE(report.num_evals > 0 || !report.failures.empty());
    for (const auto& failure : report.failures) {
      ADD_FAILURE_AT(path_.c_str(), failure.line) << failure.text;
    }
  }

 private:
  std::string path_;
  TestStorageFactory new_storage_;
};

void Register(const char* suite, const std::filesystem::path& file,
              const TestStorageFactory& new_storage) {
  ::testing::RegisterTest(suite, file.stem().c_str(), nullptr, nullptr, file.c_str(), 1,
                          [path = file.string(), new_storage]() -> PromqlScript* {
                            return new PromqlScript(path, new_storage);
                          });
}

void RegisterFolder(const std::filesystem::path& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".test") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    Register("PromqlScript", file, NewMemoryTestStorage);
  }
}

const bool kRegistered = [] {
  RegisterFolder("tests/promql/scripts");
  if (const char* more = std::getenv("NARTHEX_PROMQL_SCRIPTS")) RegisterFolder(more);
  return true;
}();

TestReport RunInMemory(std::string_view script) {
  return RunTestScript(script, TestEngineOptions(), NewMemoryTestStorage);
}

TEST(TestRunnerTest, PassesWhatIsRight) {
  const auto report = RunInMemory(R"(load 1m
  a{x="1"} 0+1x10
  a{x="2"} 0+2x10

eval instant at 5m a
  a{x="1"} 5
  a{x="2"} 10

eval instant at 5m sum(a) * 2
  {} 30

eval range from 0 to 2m step 1m a{x="1"}
  a{x="1"} 0 1 2

eval instant at 0 1 + 1
  2

eval instant at 0 a + on() a
  expect fail

eval instant at 0 "x"
  expect string "x"

clear

eval instant at 5m a
)");
  EXPECT_EQ(report.num_evals, 7);
  for (const auto& failure : report.failures) ADD_FAILURE() << failure.line << ": " << failure.text;
}

TEST(TestRunnerTest, ReportsWhatIsWrong) {
  constexpr std::string_view kLoad = "load 1m\n  a{x=\"1\"} 0+1x10\n  a{x=\"2\"} 7x10\n\n";
  const struct {
    const char* eval;
    const char* text;  // A part of the failure.
  } cases[] = {
      {"eval instant at 5m a\n  a{x=\"1\"} 6\n  a{x=\"2\"} 7", "expected 6, got 5"},
      {"eval instant at 5m a\n  a{x=\"1\"} 5", "unexpected series"},
      {"eval instant at 5m a{x=\"1\"}\n  a{x=\"1\"} 5\n  a{x=\"3\"} 5", "not found"},
      {"eval instant at 5m a{x=\"1\"}\n  a{x=\"1\"} {{count:1}}", "{{count:1}}"},
      {"eval instant at 5m a\n  expect ordered\n  a{x=\"2\"} 7\n  a{x=\"1\"} 5", "position"},
      {"eval instant at 5m a\n  expect fail", "expected an error"},
      {"eval instant at 5m a +\n  a 1", "parse error"},
      {"eval instant at 5m a + on() a\n  expect fail msg: other", "\"other\""},
      {"eval instant at 5m a{x=\"1\"}\n  expect warn\n  a{x=\"1\"} 5", "warning"},
      {"eval instant at 5m 1\n  2", "expected scalar 2"},
      {"eval instant at 5m \"a\"\n  expect string \"b\"", "\"b\""},
      {"eval range from 0 to 1m step 1m a{x=\"1\"}\n  a{x=\"1\"} 0 2", "expected 2"},
      {"eval range from 0 to 1m step 1m a{x=\"1\"}\n  a{x=\"1\"} 0", "more points"},
      {"eval range from 0 to 1m step 1m a{x=\"1\"}\n  a{x=\"1\"} 0 1 2", "time range"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.eval);
    const auto report = RunInMemory(std::string(kLoad) + c.eval);
    ASSERT_EQ(report.failures.size(), 1U);
    EXPECT_EQ(report.failures[0].line, 5);
    EXPECT_NE(report.failures[0].text.find(c.text), std::string::npos) << report.failures[0].text;
  }
}

TEST(TestRunnerTest, FailedLoadEndsTheScript) {
  const auto report = RunInMemory("load 1m\n  a 1 2\n\nload 1m\n  a 1 2\n\neval instant at 0 a\n");
  EXPECT_EQ(report.num_evals, 0);
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_EQ(report.failures[0].line, 4);
}

}  // namespace
}  // namespace narthex::promql
