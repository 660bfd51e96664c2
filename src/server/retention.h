// SPDX-License-Identifier: Apache-2.0
//
// How long and how much the database keeps, from the flags and the configuration file.
#pragma once

#include <cstdint>
#include <string>

#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"

namespace narthex {
class Fs;
namespace config {
struct StorageConfig;
}
namespace tsdb {
struct DbOptions;
}
}  // namespace narthex

namespace narthex::server {

struct Retention {
  model::DurationMs time_ms = 0;  // 0 = none, as the others.
  std::uint64_t bytes = 0;
  double percentage = 0;
};

/// The configuration file's section counts whole; without one the flags do.
Retention EffectiveRetention(const tsdb::DbOptions& flags, const config::StorageConfig& storage);

/// The flag; where it is not set what the retention makes of it.
model::DurationMs MaxBlockDuration(const tsdb::DbOptions& flags, const Retention& retention);

/// "15d or 512MiB or 80%".
std::string RetentionText(const Retention& retention);

/// Errors: kUnavailable when a percentage is set and the size of the folder's file system is not
/// known.
Status CheckRetention(const Retention& retention, Fs& fs, const std::string& storage_path);

}  // namespace narthex::server
