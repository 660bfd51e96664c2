// SPDX-License-Identifier: Apache-2.0
//
// Sums of what came with delta temporality, so that it can be stored as what is counted from a
// start on. Source: deltatocumulativeprocessor of OpenTelemetry's collector, which Prometheus uses.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "narthex/base/hash.h"
#include "narthex/base/mutex.h"
#include "narthex/model/timestamp.h"
#include "narthex/proto/otlp.h"

namespace narthex::remote {

struct OtlpDeltaLimits {
  model::DurationMs max_stale_ms =
      5 * 60'000;  // Streams without a point for so long are forgotten.
  std::size_t max_bytes = std::size_t{512}
                          << 20;     // Past it new streams and growing ones are dropped.
  std::size_t max_buckets = 10'000;  // Of a point, and bounds; larger ones are dropped.
  std::size_t max_exemplars = 128;   // Of a point, likewise.
};

/// Thread safety: the caller holds `mutex` during the calls, and as long as it uses points.
class OtlpDeltaStreams {
 public:
  explicit OtlpDeltaStreams(const OtlpDeltaLimits& limits = {});
  ~OtlpDeltaStreams();

  Mutex mutex;

  /// Forgets streams that have gone stale; looks at them once a minute. Call before Add.
  void Tick(model::TimestampMs now) NX_REQUIRES(mutex);

  /// Adds a point to its stream and makes it the sum so far. Views in the point may lead into the
  /// stream until the next call.
  /// @param stream  a hash of all that tells the stream from others
  /// @return false when the point is to be dropped: it is older than the stream or than its last
  ///         point, or there is no room
  bool Add(const Hash128& stream, proto::OtlpKind kind, proto::OtlpPoint& point) NX_REQUIRES(mutex);

  /// Points that were dropped because there was no room, since the last call.
  std::uint64_t TakeDropped() NX_REQUIRES(mutex);
  std::size_t size() const NX_REQUIRES(mutex) { return streams_.size(); }
  /// Needs no lock: for the ledger of memory.
  std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Stream;
  struct StreamHash {
    std::size_t operator()(const Hash128& id) const { return id.low; }
  };
  using Streams = absl::flat_hash_map<Hash128, std::unique_ptr<Stream>, StreamHash>;

  const OtlpDeltaLimits limits_;
  Streams streams_ NX_GUARDED_BY(mutex);
  std::atomic<std::size_t> bytes_{0};  // Changed under the mutex.
  std::uint64_t dropped_ NX_GUARDED_BY(mutex) = 0;
  model::TimestampMs now_ NX_GUARDED_BY(mutex) = 0;
  model::TimestampMs last_sweep_ NX_GUARDED_BY(mutex) = 0;
};

}  // namespace narthex::remote
