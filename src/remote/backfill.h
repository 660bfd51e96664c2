// SPDX-License-Identifier: Apache-2.0
//
// Sends what the log no longer has, because an endpoint was away for longer than it reaches back:
// from blocks and head, oldest first, beside what is new.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "narthex/base/clock.h"
#include "narthex/base/fs.h"
#include "narthex/base/mutex.h"
#include "narthex/storage/chunk_querier.h"
#include "narthex/storage/typed_samples.h"
#include "src/remote/batch_sender.h"
#include "src/remote/endpoint.h"
#include "src/remote/partial_batch.h"
#include "src/remote/queue_metrics.h"
#include "src/remote/series_store.h"

namespace narthex::remote {

/// A closed range of times.
struct Gap {
  model::TimestampMs from = 0, to = 0;
  bool operator==(const Gap&) const = default;
};

/// The gaps that are left, in a file: a line "FROM TO" for each. It is written before a gap counts
/// as known and after each slice, so a kill has a slice sent twice.
/// Errors: kIo; kCorruption for lines that are something else.
Result<std::vector<Gap>> ReadGaps(Fs& fs, const std::string& path);
Status WriteGaps(Fs& fs, const std::string& path, const std::vector<Gap>& gaps);

/// The gap without the slice that is sent first, if anything is left.
std::optional<Gap> AfterSlice(const Gap& gap, const Gap& slice);
Gap FirstSlice(const Gap& gap);

/// Its samples are late for the endpoint, which has to take such (Prometheus: an out-of-order
/// window). Exemplars and start times are not in blocks and so are not sent.
/// Thread safety: any thread, but Start and the destructor alone.
class Backfill final {
 public:
  struct Options {
    std::shared_ptr<const Endpoint> endpoint;
    SeriesStore::Options series;
    std::string path;  // Of the file.
  };
  /// @param history  null: there is nothing to send from; gaps are only told of
  Backfill(Options options, storage::ChunkQueryable* history, QueueMetrics& metrics, Fs& fs,
           Clock& clock);
  ~Backfill();  // Ends a running request.
  Backfill(const Backfill&) = delete;
  Backfill& operator=(const Backfill&) = delete;

  /// Goes on with what an earlier run left.
  void Start();
  /// Remembers the gap, which is sent in the background.
  void Add(Gap gap);
  /// What is left.
  std::vector<Gap> gaps() const;

 private:
  void Run();
  // Waits for a gap. @return false when it is to end
  bool NextSlice(Gap& slice);
  void SliceDone(const Gap& slice);
  // @return false when it was stopped
  bool SendSlice(const Gap& slice);
  Status ReadSlice(const Gap& slice);
  Status AddSeries(const storage::ChunkSeriesSet& set, std::size_t i);
  bool AddHistogram(std::uint32_t series, model::TimestampMs t, const model::AnyHistogram& value);
  Status Flush();
  void BeginSeries();
  bool Wait(model::DurationMs ms);
  void Save() NX_REQUIRES(mutex_);

  const Options options_;
  storage::ChunkQueryable* const history_;
  QueueMetrics& metrics_;
  Fs& fs_;
  Clock& clock_;
  SendingTally tally_;  // Of its own: it says nothing about the number of shards.
  BatchSender sender_;
  const std::size_t max_items_;
  const bool with_histograms_;

  // Of the slice at hand; the thread's alone.
  std::unique_ptr<SeriesStore> series_;
  std::unique_ptr<proto::WriteRequestWriter> writer_;
  UninitVector<char> compressed_;
  PartialBatch partial_;
  std::vector<storage::EncodedChunk> chunks_;
  storage::TypedSamples samples_;
  std::string message_;

  std::stop_source stop_;  // Of reading.
  mutable Mutex mutex_;
  CondVar changed_;
  std::vector<Gap> gaps_ NX_GUARDED_BY(mutex_);
  bool stopping_ NX_GUARDED_BY(mutex_) = false;
  std::thread thread_ NX_GUARDED_BY(mutex_);
};

}  // namespace narthex::remote
