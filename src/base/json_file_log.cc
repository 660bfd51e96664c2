// SPDX-License-Identifier: Apache-2.0
#include "narthex/base/json_file_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "narthex/base/go_format.h"
#include "src/base/log_text.h"
#include "src/base/system_error.h"

namespace narthex {

std::string LogTimeText(std::int64_t ms) {
  constexpr std::int64_t kMsPerSecond = 1000;
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  constexpr std::int64_t kMaxSeconds = INT64_MAX / kNsPerSecond - 1;
  std::int64_t seconds = ms / kMsPerSecond;
  if (ms % kMsPerSecond < 0) --seconds;
  const std::int64_t fraction = ms - seconds * kMsPerSecond;
  // FormatTime drops trailing zeros; here columns are to line up.
  std::string text = go::FormatTime(std::clamp(seconds, -kMaxSeconds, kMaxSeconds) * kNsPerSecond);
  text.pop_back();  // 'Z'
  return text + fmt::format(".{:03}Z", fraction);
}

// Not by Fs, whose files know their end: this one may be cut, or others may write to it.
Result<std::shared_ptr<JsonFileLog>> JsonFileLog::Open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) {
    return Fail(SystemError("open", path, errno).Wrap("can't create json log file"));
  }
  return std::shared_ptr<JsonFileLog>(new JsonFileLog(fd, path));
}

JsonFileLog::~JsonFileLog() { ::close(fd_); }

Status JsonFileLog::Write(std::int64_t now_ns, log::Level level, std::string_view message,
                          const std::function<void(JsonWriter&)>& add, log::Where where) {
  JsonWriter json;
  json.BeginObject();
  const auto field = [&json](std::string_view key, std::string_view value) {
    json.Key(key);
    json.PlainString(value);
  };
  field("time", go::FormatTime(now_ns));
  field("level", log::LevelName(level));
  field("source", log::PlaceText(where));
  field("msg", message);
  add(json);
  json.EndObject();
  const std::string line = json.TakeText() + "\n";
  // In one piece, so that lines of several threads do not mix.
  ssize_t n = -1;
  do {
    n = ::write(fd_, line.data(), line.size());
  } while (n < 0 && errno == EINTR);
  if (n < 0) return Fail(SystemError("write", path_, errno));
  if (n == static_cast<ssize_t>(line.size())) return {};
  return Fail(Code::kIo, fmt::format("write {}: only a part was written", path_));
}

}  // namespace narthex
