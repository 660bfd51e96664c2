// SPDX-License-Identifier: Apache-2.0
//
// Runs scripts in Prometheus's PromQL test language (load, clear, eval …) over any storage.
// Source: https://github.com/prometheus/prometheus/tree/main/promql/promqltest
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/promql/engine.h"

namespace narthex::storage {
class Appendable;
}

namespace narthex::promql {

/// An empty storage that a script fills and queries. Destroyed at `clear` and at the end.
class TestStorage {
 public:
  virtual ~TestStorage() = default;
  virtual storage::Appendable& appendable() = 0;
  virtual storage::Queryable& queryable() = 0;
};
/// Makes one; null when that fails.
using TestStorageFactory = std::function<std::unique_ptr<TestStorage>()>;

struct TestFailure {
  int line = 0;      // Of the command in the script, from 1.
  std::string text;  // What was expected and what was got.
};

struct TestReport {
  int num_evals = 0;  // eval commands that were run.
  std::vector<TestFailure> failures;
};

/// What Prometheus runs its own scripts with: every language feature on, one minute as default
/// subquery step, few samples allowed.
EngineOptions TestEngineOptions();

/// Runs a script. A script that does not parse gives one failure and runs nothing; after a failed
/// load nothing more is run; a failed eval does not stop the script.
/// Instant queries are run at several times with their selectors fixed by @, and as range queries,
/// as upstream does: it checks the printer and step invariance too.
TestReport RunTestScript(std::string_view script, const EngineOptions& options,
                         const TestStorageFactory& new_storage);

}  // namespace narthex::promql
