// SPDX-License-Identifier: Apache-2.0
#include "src/server/retention.h"

#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "narthex/base/fs.h"
#include "narthex/base/go_format.h"
#include "narthex/base/log.h"
#include "narthex/config/config.h"
#include "narthex/model/timestamp.h"
#include "narthex/tsdb/db.h"

namespace narthex::server {

Retention EffectiveRetention(const tsdb::DbOptions& flags, const config::StorageConfig& storage) {
  if (storage.retention_ms < 0) {
    return {flags.retention_ms, flags.retention_bytes, flags.retention_percentage};
  }
  return {storage.retention_ms, static_cast<std::uint64_t>(storage.retention_bytes),
          storage.retention_percentage};
}

model::DurationMs MaxBlockDuration(const tsdb::DbOptions& flags, const Retention& retention) {
  if (flags.max_block_duration_ms > 0) return flags.max_block_duration_ms;
  return tsdb::DefaultMaxBlockDuration(flags.min_block_duration_ms, retention.time_ms);
}

std::string RetentionText(const Retention& retention) {
  std::vector<std::string> parts;
  if (retention.time_ms > 0) parts.push_back(model::FormatDuration(retention.time_ms));
  if (const auto bytes = retention.bytes; bytes > 0) {
    parts.push_back(bytes % (1 << 20) == 0 ? fmt::format("{}MiB", bytes >> 20)
                                           : fmt::format("{}B", bytes));
  }
  if (retention.percentage > 0) parts.push_back(go::FormatFloatG(retention.percentage) + "%");
  return fmt::format("{}", fmt::join(parts, " or "));
}

Status CheckRetention(const Retention& retention, Fs& fs, const std::string& storage_path) {
  if (retention.percentage <= 0) return {};
  if (retention.bytes > 0) {
    log::Warn(
        "storage.tsdb.retention.size is ignored, because storage.tsdb.retention.percentage is "
        "specified");
  }
  NX_RETURN_IF_ERROR(fs.CreateDirs(storage_path));
  const auto space = fs.DiskSpace(storage_path);
  if (space && space->total_bytes > 0) return {};
  return Fail(Code::kUnavailable,
              fmt::format("unable to detect total capacity of metric storage at {}, please disable "
                          "retention percentage ({}%)",
                          storage_path, go::FormatFloatG(retention.percentage)));
}

}  // namespace narthex::server
