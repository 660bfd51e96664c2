// SPDX-License-Identifier: Apache-2.0
#include "scrape/loop/failure_log.h"

namespace narthex::scrape {

Result<std::shared_ptr<FailureLog>> FailureLog::Open(const std::string& path) {
  NX_ASSIGN_OR_RETURN(auto log, JsonFileLog::Open(path));
  return std::shared_ptr<FailureLog>(new FailureLog(std::move(log)));
}

void FailureLog::Write(std::int64_t now_ns, std::string_view job, std::string_view target,
                       std::string_view error) {
  // A log that can't be written must not disturb scraping.
  (void)log_->Write(now_ns, log::Level::kError, error, [&](JsonWriter& json) {
    json.Key("job_name");
    json.PlainString(job);
    json.Key("target");
    json.PlainString(target);
  });
}

}  // namespace narthex::scrape
