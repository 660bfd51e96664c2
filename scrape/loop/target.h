// SPDX-License-Identifier: Apache-2.0
//
// One thing to scrape: its labels, its URL, and how the last scrape went.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "narthex/base/mutex.h"
#include "narthex/model/labels.h"
#include "narthex/model/timestamp.h"
#include "narthex/scrape/scrape_manager.h"
#include "scrape/loop/metadata_cache.h"

namespace narthex::scrape {

/// Thread safety: any thread.
class Target final {
 public:
  struct Identity {
    model::Labels labels;  // After relabelling, with __address__ and the like.
    std::string url;
    model::DurationMs interval_ms = 0;
    model::DurationMs timeout_ms = 0;
    /// Fails every scrape of the target without a request; "" = none.
    std::string forced_error;
  };

  Target(Identity identity, model::Labels discovered);

  const model::Labels& labels() const { return identity_.labels; }
  /// Those that its series carry: names that do not begin with "__".
  const model::Labels& public_labels() const { return public_labels_; }
  const std::string& url() const { return identity_.url; }
  model::DurationMs interval_ms() const { return identity_.interval_ms; }
  model::DurationMs timeout_ms() const { return identity_.timeout_ms; }
  /// Equal for targets that are the same one.
  std::uint64_t hash() const { return hash_; }

  void SetDiscovered(model::Labels discovered);
  void SetForcedError(const std::string& error);
  std::string forced_error() const;

  void Report(std::int64_t start_ns, double duration_s, std::string error);
  ActiveTarget Snapshot(const std::string& pool) const;
  /// What it holds, without the metadata.
  std::size_t memory_bytes() const;

  /// Kept by the loop that scrapes the target; outlives it.
  MetadataCache& metadata() { return metadata_; }
  const MetadataCache& metadata() const { return metadata_; }

 private:
  const Identity identity_;
  const model::Labels public_labels_;
  const std::uint64_t hash_;
  MetadataCache metadata_;

  mutable Mutex mutex_;  // Leaf lock.
  model::Labels discovered_ NX_GUARDED_BY(mutex_);
  std::string forced_error_ NX_GUARDED_BY(mutex_);
  std::string last_error_ NX_GUARDED_BY(mutex_);
  std::int64_t last_scrape_ns_ NX_GUARDED_BY(mutex_) = 0;
  double last_duration_s_ NX_GUARDED_BY(mutex_) = 0;
  TargetHealth health_ NX_GUARDED_BY(mutex_) = TargetHealth::kUnknown;
};

/// FNV-1a over bytes; `state` continues an earlier call.
std::uint64_t Fnv1a(std::string_view bytes, std::uint64_t state = 14695981039346656037ULL);

}  // namespace narthex::scrape
