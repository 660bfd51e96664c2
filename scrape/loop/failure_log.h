// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "narthex/base/fs.h"
#include "narthex/base/mutex.h"
#include "narthex/base/result.h"

namespace narthex::scrape {

/// scrape_failure_log_file: one JSON object a line for each scrape that got no body.
/// Thread safety: any thread.
class FailureLog {
 public:
  /// Opens for appending. Errors: kIo.
  static Result<std::shared_ptr<FailureLog>> Open(const std::string& path);

  void Write(std::int64_t now_ns, std::string_view job, std::string_view target,
             std::string_view error);

 private:
  explicit FailureLog(std::unique_ptr<WritableFile> file) : file_(std::move(file)) {}

  Mutex mutex_;
  const std::unique_ptr<WritableFile> file_;
};

}  // namespace narthex::scrape
