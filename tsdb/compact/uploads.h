// SPDX-License-Identifier: Apache-2.0
//
// Which blocks somebody who copies them away (Thanos' shipper) has not taken yet.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <absl/container/flat_hash_set.h>

#include "narthex/base/clock.h"
#include "narthex/base/fs.h"
#include "tsdb/block/meta.h"

namespace narthex::tsdb {

/// Reads a file {"uploaded": [ULID, …]}, at most once a minute. Thread safety: one thread.
class PendingUploads {
 public:
  /// @param path  of the file; "" = nothing is ever pending
  PendingUploads(Fs& fs, Clock& clock, std::string path)
      : fs_(fs), clock_(clock), path_(std::move(path)) {}

  /// Whether a block must not be compacted yet: it is of the first level and not in the file. While
  /// the file can't be read, nothing is pending. Source: Prometheus
  /// --storage.tsdb.delay-compact-file.path.
  bool IsPending(const BlockMeta& meta);

 private:
  Fs& fs_;
  Clock& clock_;
  const std::string path_;
  std::optional<absl::flat_hash_set<std::string>> uploaded_;
  std::int64_t read_at_ns_ = 0;
};

}  // namespace narthex::tsdb
