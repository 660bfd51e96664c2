// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "narthex/base/json_file_log.h"
#include "narthex/base/result.h"

namespace narthex::scrape {

/// scrape_failure_log_file: one JSON object a line for each scrape that got no body.
/// Thread safety: any thread.
class FailureLog {
 public:
  /// Errors: as JsonFileLog::Open.
  static Result<std::shared_ptr<FailureLog>> Open(const std::string& path);

  void Write(std::int64_t now_ns, std::string_view job, std::string_view target,
             std::string_view error);

 private:
  explicit FailureLog(std::shared_ptr<JsonFileLog> log) : log_(std::move(log)) {}

  const std::shared_ptr<JsonFileLog> log_;
};

}  // namespace narthex::scrape
