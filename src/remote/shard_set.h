// SPDX-License-Identifier: Apache-2.0
//
// All shards of a queue: which series goes where, when a batch is full or due, and how far each has
// come.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "narthex/base/clock.h"
#include "narthex/base/minute_log.h"
#include "narthex/base/mutex.h"
#include "src/remote/batch_sender.h"
#include "src/remote/endpoint.h"
#include "src/remote/partial_batch.h"
#include "src/remote/position_file.h"
#include "src/remote/series_store.h"
#include "src/remote/shard.h"

namespace narthex::remote {

/// Of histograms and exemplars in a batch.
inline constexpr std::size_t kMaxExtraBytes = std::size_t{1} << 20;
/// Samples of a batch: what the configuration says, within what can be made in memory.
std::size_t MaxItems(const config::RemoteQueueConfig& queue);

/// Samples of a series always go to the same shard, which sends one request after the other, so
/// they arrive in their order.
/// Thread safety: one thread, the one that reads the log; Interrupt and held_bytes any thread.
class ShardSet final {
 public:
  /// All not owned; they outlive this. The set of series too.
  ShardSet(std::shared_ptr<const Endpoint> endpoint, const SeriesStore& series,
           PositionFile& positions, QueueMetrics& metrics, SendingTally& tally, Clock& clock);
  ~ShardSet();  // Stops the shards; what they have is not sent.
  ShardSet(const ShardSet&) = delete;
  ShardSet& operator=(const ShardSet&) = delete;

  /// Begins with a shard for each position: what is before it is passed over.
  /// @return false when the system has no threads or descriptors for so many: nothing has changed
  bool Start(const std::vector<ShardPosition>& positions);
  /// Another number of shards, all of which have come as far as `mark`. Everything has to be sent.
  /// @return as Start
  bool Restart(std::size_t shards, const Mark& mark);

  std::size_t size() const { return lanes_.size(); }
  /// No shard wants what is before it.
  Mark first_wanted() const;
  /// Whether no shard has come further, or may have, in an earlier run.
  bool IsPastEarlierRun(const Mark& mark) const { return mark >= resuming_until_; }

  /// Each adds an item at `at`, and waits while its shard has no room.
  /// @return false when the wait was interrupted; then the item is not in
  bool AddFloat(WalRef ref, std::uint32_t series, model::TimestampMs t, model::TimestampMs start,
                double value, const Mark& at);
  bool AddHistogram(WalRef ref, std::uint32_t series, model::TimestampMs t,
                    std::string_view message, const Mark& at);
  bool AddExemplar(WalRef ref, std::uint32_t series, const model::Exemplar& exemplar,
                   const Mark& at);

  /// Lets the metrics of what waits know of what was added.
  void CountPending();
  /// Makes batches of what has waited for the deadline, as far as there is room.
  /// @param now  place in the log up to which all was added
  void CutDue(const Mark& now);
  /// The same for all that waits. @return whether nothing waits any more
  bool CutAll(const Mark& now);
  /// Waits until everything is sent. @return false when it is not, at the deadline or interrupted
  /// Saves nothing that was not sent: SaveIdle does.
  bool Drain(const Mark& now, std::chrono::steady_clock::time_point deadline);
  /// Says of shards that have nothing to send that they have come as far as `now`.
  /// @param highest  the latest time before it
  void SaveIdle(const Mark& now, model::TimestampMs highest);
  /// What is before `mark` was added; for a reader that begins anew.
  void PassOver(const Mark& mark);

  /// What the shards have is not sent. Idempotent.
  void Stop();

  /// Waits for at most that long, or for news of a shard. @return false when interrupted
  bool WaitForNews(std::chrono::nanoseconds most);
  /// Waits end at once, now and later.
  void Interrupt();
  bool interrupted() const;

  std::size_t held_bytes() const { return held_bytes_.load(std::memory_order_relaxed); }

 private:
  struct Lane {
    PartialBatch partial;
    Mark pass_over;                                // What is before it was sent by an earlier run.
    Mark cut_before;                               // No batch goes over it.
    std::chrono::steady_clock::time_point cut_at;  // When the last batch was made.
    std::unique_ptr<Shard> shard;
  };

  template <typename Add>
  bool AddTo(WalRef ref, const Mark& at, Add&& add);
  bool IsFull(const PartialBatch& partial) const;
  bool HasRoom(const Lane& lane) const;
  // @param all  exemplars don't wait for samples. @return false when there is no room
  bool Cut(Lane& lane, const Mark& mark, bool all = false);
  bool CutFull(Lane& lane, const Mark& at);
  using Lanes = std::vector<std::unique_ptr<Lane>>;
  bool MakeLanes(std::size_t count, Lanes& lanes);
  std::size_t WaitingBytes() const;
  bool AnyCutLeft() const;
  void Begin(std::size_t shard, const Batch& batch);
  void Done(std::size_t shard, const Batch& batch, const ItemCounts& counts);
  void TellNews();
  void ForgetPending();
  void SavePosition(std::size_t shard, const ShardPosition& position);
  void CountHeld();

  const std::shared_ptr<const Endpoint> endpoint_;
  const SeriesStore& series_;
  PositionFile& positions_;
  QueueMetrics& metrics_;
  SendingTally& tally_;
  Clock& clock_;
  MinuteLog position_log_;
  std::size_t max_items_ = 1;      // Of a batch, …
  std::size_t max_exemplars_ = 0;  // … and exemplars that may be in it beyond.
  std::size_t max_batches_ = 1;    // That wait, of a shard.
  proto::WriteRequestWriter writer_;
  UninitVector<char> compressed_;  // Of the batch at hand.
  std::uint64_t pairs_generation_ = 0;
  ItemCounts added_;       // Since the last CountPending.
  bool resuming_ = false;  // The reader is not yet behind all that an earlier run was at.
  Mark resuming_until_;
  std::atomic<std::size_t> held_bytes_{0};

  mutable Mutex mutex_;  // Leaf.
  CondVar news_;
  std::uint64_t num_news_ NX_GUARDED_BY(mutex_) = 0;
  std::uint64_t seen_news_ NX_GUARDED_BY(mutex_) = 0;
  bool interrupted_ NX_GUARDED_BY(mutex_) = false;

  Lanes lanes_;  // Last: their threads call Done.
};

}  // namespace narthex::remote
