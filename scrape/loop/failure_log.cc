// SPDX-License-Identifier: Apache-2.0
#include "scrape/loop/failure_log.h"

#include "narthex/base/go_format.h"
#include "narthex/base/json_writer.h"

namespace narthex::scrape {

Result<std::shared_ptr<FailureLog>> FailureLog::Open(const std::string& path) {
  NX_ASSIGN_OR_RETURN(auto file, SystemFs().OpenWritable(path, OpenMode::kAppend));
  return std::shared_ptr<FailureLog>(new FailureLog(std::move(file)));
}

void FailureLog::Write(std::int64_t now_ns, std::string_view job, std::string_view target,
                       std::string_view error) {
  JsonWriter json;
  json.BeginObject();
  const auto field = [&json](std::string_view key, std::string_view value) {
    json.Key(key);
    json.PlainString(value);
  };
  field("time", go::FormatTime(now_ns));
  field("level", "ERROR");
  field("msg", error);
  field("job_name", job);
  field("target", target);
  json.EndObject();
  const std::string line = json.TakeText() + "\n";
  MutexLock lock(mutex_);
  // A log that can't be written must not disturb scraping.
  (void)file_->Append(AsBytes(line));
}

}  // namespace narthex::scrape
