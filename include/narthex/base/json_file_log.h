// SPDX-License-Identifier: Apache-2.0
//
// Logs in files of their own, for programs to read.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "narthex/base/json_writer.h"
#include "narthex/base/log.h"
#include "narthex/base/result.h"

namespace narthex {

/// Unix milliseconds as logs have them: RFC 3339 in UTC, always with three decimals. Beyond the
/// years 1677 … 2262 theirs.
std::string LogTimeText(std::int64_t ms);

/// One JSON object a line: time, level, place in the source, message, and what the caller adds.
/// Whoever moves the file away finds what comes later there, too, until it is opened anew; it may
/// also be emptied. Thread safety: any thread.
class JsonFileLog final {
 public:
  /// Opens for appending; makes the file if need be. Errors: kIo "can't create json log file: …".
  static Result<std::shared_ptr<JsonFileLog>> Open(const std::string& path);
  ~JsonFileLog();
  JsonFileLog(const JsonFileLog&) = delete;
  JsonFileLog& operator=(const JsonFileLog&) = delete;

  /// @param now_ns  Unix time
  /// @param add     writes keys and values into the open object
  /// Errors: kIo; a part of the line may be in the file then.
  Status Write(std::int64_t now_ns, log::Level level, std::string_view message,
               const std::function<void(JsonWriter&)>& add, log::Where where = log::Where());

 private:
  JsonFileLog(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  const int fd_;
  const std::string path_;
};

}  // namespace narthex
