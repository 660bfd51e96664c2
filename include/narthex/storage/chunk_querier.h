// SPDX-License-Identifier: Apache-2.0
//
// Read side of storage in encoded chunks, for readers that pass them on as they are (remote read,
// blocks from blocks). Implemented by tsdb.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/labels.h"
#include "narthex/model/matcher.h"
#include "narthex/model/timestamp.h"
#include "narthex/storage/querier.h"

namespace narthex::storage {

/// One encoded chunk. `encoding` is Prometheus's byte: 1 XOR, 2 histogram, 3 float histogram.
struct EncodedChunk {
  model::TimestampMs mint = 0;  // Closed range of its samples.
  model::TimestampMs maxt = 0;
  std::uint8_t encoding = 0;
  std::string bytes;
};

/// The selected series, sorted by labels, labels unique. Lifetime as SeriesSet.
/// Thread safety: all const methods, any thread.
class ChunkSeriesSet {
 public:
  virtual ~ChunkSeriesSet() = default;
  virtual std::size_t size() const = 0;
  virtual model::Labels LabelsAt(std::size_t i) const = 0;

  /// The chunks of series i, ascending and not overlapping, with exactly the samples in the
  /// querier's range, replacing `out`; empty when there are none. Chunks that nothing overlaps and
  /// that lie wholly in the range are passed on as they are stored.
  /// Errors: kCorruption or kIo naming the chunk.
  virtual Status Read(std::size_t i, std::vector<EncodedChunk>& out) const = 0;
};

/// Thread safety: any thread.
class ChunkQueryable {
 public:
  virtual ~ChunkQueryable() = default;
  /// Selects in the closed range [mint, maxt], or in that of the hints when they have one, as
  /// Querier::Select does. Start times are left out of chunks that have them.
  virtual Result<std::unique_ptr<ChunkSeriesSet>> SelectChunks(
      model::TimestampMs mint, model::TimestampMs maxt, std::span<const model::Matcher> matchers,
      const SelectHints& hints, std::stop_token stop = {}) = 0;
};

}  // namespace narthex::storage
