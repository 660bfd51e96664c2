// SPDX-License-Identifier: Apache-2.0
#include "src/cli/test_promql.h"

#include <optional>

#include <fmt/core.h>

#include "narthex/base/clock.h"
#include "narthex/base/fs.h"
#include "narthex/base/metrics.h"
#include "narthex/tsdb/db.h"
#include "src/cli/temp_folder.h"

namespace narthex::cli {
namespace {

constexpr model::DurationMs kDayMs = 24LL * 3600 * 1000;

class TsdbTestStorage final : public promql::TestStorage {
 public:
  bool Open() {
    auto folder = TempFolder::Create();
    if (!folder) return false;
    folder_.emplace(std::move(*folder));
    tsdb::DbOptions options;
    options.retention_ms = 0;
    // Scripts may say when what a sample counts began.
    options.float_encoding = tsdb::FloatEncoding::kXor2;
    options.xor2_allowed = options.start_times = options.histogram_start_times = true;
    // Scripts load series at 0 after others that reach hours further.
    options.min_block_duration_ms = kDayMs;
    options.max_block_duration_ms = kDayMs;
    auto db = tsdb::Db::Open(folder_->path(), options, SystemFs(), SystemClock(), registry_);
    if (!db) return false;
    db_ = std::move(*db);
    return true;
  }

  storage::Appendable& appendable() override { return *db_; }
  storage::Queryable& queryable() override { return *db_; }

 private:
  std::optional<TempFolder> folder_;  // Goes after what uses it.
  metrics::Registry registry_;
  std::unique_ptr<tsdb::Db> db_;
};

// @return whether the script passed
bool TestFile(const std::string& file, const promql::EngineOptions& options) {
  const auto script = SystemFs().ReadFile(file);
  if (!script) {
    fmt::print(stderr, "{}\n", script.error().message());
    return false;
  }
  const auto report = promql::RunTestScript(*script, options, NewTsdbTestStorage);
  for (const auto& failure : report.failures) {
    fmt::print("{}:{}: {}\n", file, failure.line, failure.text);
  }
  const bool passed = report.failures.empty();
  fmt::print("{}: {} ({} evals, {} failures)\n", file, passed ? "SUCCESS" : "FAILED",
             report.num_evals, report.failures.size());
  return passed;
}

}  // namespace

std::unique_ptr<promql::TestStorage> NewTsdbTestStorage() {
  auto storage = std::make_unique<TsdbTestStorage>();
  if (!storage->Open()) return nullptr;
  return storage;
}

int TestPromql(std::span<const std::string> files, const promql::EngineOptions& options) {
  bool passed = true;
  for (const auto& file : files) passed &= TestFile(file, options);
  return passed ? 0 : 1;
}

}  // namespace narthex::cli
