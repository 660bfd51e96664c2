// SPDX-License-Identifier: Apache-2.0
//
// narthex test promql FILE…: runs scripts in Prometheus's PromQL test language.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "narthex/promql/engine.h"
#include "narthex/promql/test_runner.h"

namespace narthex::cli {

/// Runs the scripts on a database in a temporary folder and prints each failure as FILE:LINE with
/// what was expected and got, then a summary line per file.
/// @return the exit code: 0 when all passed, 1 otherwise
int TestPromql(std::span<const std::string> files, const promql::EngineOptions& options);

/// An empty tsdb::Db in a fresh folder below the system's temporary one; the folder goes with it.
/// Null when it can't be created.
std::unique_ptr<promql::TestStorage> NewTsdbTestStorage();

}  // namespace narthex::cli
