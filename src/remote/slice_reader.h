// SPDX-License-Identifier: Apache-2.0
//
// From the samples of a time in the database to requests, some at a time.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "narthex/base/minute_log.h"
#include "narthex/model/labels.h"
#include "narthex/storage/chunk_querier.h"
#include "narthex/storage/typed_samples.h"
#include "src/remote/batch.h"
#include "src/remote/endpoint.h"
#include "src/remote/gaps.h"
#include "src/remote/partial_batch.h"
#include "src/remote/queue_metrics.h"
#include "src/remote/series_store.h"

namespace narthex::remote {

/// Exemplars and start times are not in blocks. Thread safety: one thread; held_bytes any thread.
class SliceReader final {
 public:
  SliceReader(std::shared_ptr<const Endpoint> endpoint, SeriesStore::Options series,
              storage::ChunkQueryable& history, QueueMetrics& metrics, const Clock& clock);

  /// Requests that were made of some of the series, in the order of their labels.
  struct Piece {
    std::vector<Batch> batches;
    std::optional<model::Labels> last;  // More series come behind this one.
  };
  /// Nothing of the database is held afterwards: what is being read keeps it from giving memory
  /// back, and an endpoint may take hours to take a piece.
  /// @param after  the last series of the piece before
  /// Errors: of the database as a whole; a series that can't be read is counted and passed over.
  /// kCancelled when `stop` was requested.
  Result<Piece> Read(const Gap& slice, const std::optional<model::Labels>& after,
                     const std::stop_token& stop);

  std::size_t held_bytes() const { return held_bytes_.load(std::memory_order_relaxed); }

 private:
  Status ReadSeries(const storage::ChunkSeriesSet& set, std::size_t i);
  void AddSeries(WalRef ref, model::Labels labels, Piece& piece);
  bool AddHistogram(std::uint32_t series, model::TimestampMs t, const model::AnyHistogram& value);
  void BeginSeries();
  void Cut(Piece& piece);

  const std::shared_ptr<const Endpoint> endpoint_;
  const SeriesStore::Options options_;
  storage::ChunkQueryable& history_;
  QueueMetrics& metrics_;
  MinuteLog unreadable_log_;
  const std::size_t max_items_;
  const bool with_histograms_;

  std::unique_ptr<SeriesStore> series_;
  std::unique_ptr<proto::WriteRequestWriter> writer_;
  UninitVector<char> compressed_;
  PartialBatch partial_;
  std::size_t piece_bytes_ = 0;
  std::vector<storage::EncodedChunk> chunks_;
  storage::TypedSamples samples_;
  std::string message_;
  std::atomic<std::size_t> held_bytes_{0};
};

}  // namespace narthex::remote
