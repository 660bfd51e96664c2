// SPDX-License-Identifier: Apache-2.0
//
// Which series the agent has: by labels and by slot.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "narthex/base/mutex.h"
#include "narthex/model/labels.h"
#include "narthex/storage/appender.h"
#include "tsdb/head/address_range.h"
#include "tsdb/head/hash_index.h"
#include "tsdb/head/label_store.h"
#include "tsdb/head/mem_series.h"

namespace narthex::tsdb {

/// What is kept of a series. All fields but the lock and those marked "constant" are guarded by it.
struct AgentSeries {
  wal::WalRef ref = 0;                          // Constant while the series lives; 0 = free slot.
  model::TimestampMs last_t = model::kMinTime;  // Of its newest committed sample.
  ArenaRef labels = 0;                          // Constant while the series lives.
  std::uint32_t generation = 0;                 // Counts the series that lived in this slot.
  std::uint32_t pending = 0;        // Samples in open appenders; keeps the series alive.
  std::uint32_t hash = 0;           // Of the labels, lower half; constant, too.
  std::atomic<bool> locked{false};  // See SeriesLock.
  bool in_wal = false;              // Its series record has been written.
};
static_assert(sizeof(AgentSeries) == 40);

/// Thread safety: any thread, but for the members that say otherwise. Nobody reads labels of a
/// series but who keeps it alive by a pending sample, and who calls RemoveIdle; so the memory of a
/// series that is removed is free at once.
class AgentIndex {
 public:
  AgentIndex();

  AgentSeries& At(SeriesSlot slot) const {
    return reinterpret_cast<AgentSeries*>(range_.base())[slot];
  }
  /// One past the highest slot ever given out.
  SeriesSlot end() const { return end_.load(std::memory_order_acquire); }

  struct Found {
    SeriesSlot slot = 0;
    bool created = false;
  };
  /// The series with these labels, with one more pending sample; 0 when there is none.
  SeriesSlot Find(const model::Labels& labels) const;
  /// The series with these labels, made when new, with one more pending sample.
  Found GetOrCreate(const model::Labels& labels);
  /// The same for a series read from the log, which keeps its number and has no pending sample.
  Found GetOrCreateLogged(const model::Labels& labels, wal::WalRef ref);
  /// Numbers up to this one have been given to series.
  void NoteRef(wal::WalRef ref);

  model::Labels LabelsOf(SeriesSlot slot) const { return labels_.Get(At(slot).labels); }

  /// Removes the series whose last sample is before `mint` and that have none pending. Calls
  /// gone(slot) for each beforehand, when nobody can append to it any more. One call at a time.
  /// @return how many
  std::size_t RemoveIdle(model::TimestampMs mint, const std::function<void(SeriesSlot)>& gone);

  std::size_t num_series() const { return num_series_.load(std::memory_order_relaxed); }
  void AddTo(std::vector<std::pair<std::string, std::uint64_t>>& ledger) const;

  /// A series' name for appenders: 0 and the others' are never the same.
  static storage::SeriesRef RefOf(SeriesSlot slot, const AgentSeries& series) {
    return storage::SeriesRef{static_cast<std::uint64_t>(series.generation) << 32 | slot};
  }
  static SeriesSlot SlotOf(storage::SeriesRef ref) {
    return static_cast<SeriesSlot>(static_cast<std::uint64_t>(ref));
  }
  static std::uint32_t GenerationOf(storage::SeriesRef ref) {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(ref) >> 32);
  }

 private:
  static constexpr std::size_t kShards = 16;  // So that a table grows in small steps.
  static std::size_t ShardOf(std::uint64_t hash) { return hash >> 60; }

  void Pin(SeriesSlot slot) const;
  SeriesSlot Find(const model::Labels& labels, std::uint64_t hash) const;
  SeriesSlot FindLocked(const model::Labels& labels, std::uint64_t hash) const
      NX_REQUIRES_SHARED(lock_);
  SeriesSlot AllocateSlot() NX_REQUIRES(lock_);
  SeriesSlot Create(const model::Labels& labels, std::uint64_t hash, wal::WalRef ref)
      NX_REQUIRES(lock_);
  std::vector<SeriesSlot> IdleBefore(model::TimestampMs mint) const;
  std::size_t Remove(std::span<const SeriesSlot> idle, model::TimestampMs mint,
                     const std::function<void(SeriesSlot)>& gone);

  AddressRange range_;  // The slots, which never move. Slot 0 is not used.
  std::atomic<SeriesSlot> end_{1};
  mutable SharedMutex lock_;  // Taken before a series lock.
  LabelStore labels_;         // Changed under lock_.
  std::vector<SeriesSlot> free_ NX_GUARDED_BY(lock_);
  std::array<HashIndex, kShards> by_hash_ NX_GUARDED_BY(lock_);
  std::atomic<std::size_t> num_series_{0};
  std::atomic<wal::WalRef> last_ref_{0};
};

}  // namespace narthex::tsdb
