// SPDX-License-Identifier: Apache-2.0
//
// Which series the head has: by labels, by label pair, by slot.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "narthex/model/labels.h"
#include "tsdb/head/hash_index.h"
#include "tsdb/head/index_lock.h"
#include "tsdb/head/isolation.h"
#include "tsdb/head/label_store.h"
#include "tsdb/head/mem_postings.h"
#include "tsdb/head/mem_series.h"

namespace narthex::tsdb {

/// Thread safety: any thread, but for the members that say otherwise.
///
/// Reclaiming memory: a dead series is unlinked first (under the lock: no new reader finds it), and
/// its slot, labels and symbols lie in limbo until every reader that had begun by then has ended.
/// So a reader may look at the slots it selected, and at their labels, without a lock.
class HeadIndex {
 public:
  explicit HeadIndex(const Isolation& isolation) : isolation_(isolation) {}

  MemSeries& At(SeriesSlot slot) const { return series_.At(slot); }
  SeriesSlot end() const { return series_.end(); }

  struct Found {
    SeriesSlot slot = 0;
    bool created = false;
  };
  /// The series with these labels, with one more pending sample; 0 when there is none.
  SeriesSlot Find(const model::Labels& labels) const;
  /// The series with these labels, made when new, with one more pending sample.
  Found GetOrCreate(const model::Labels& labels);
  /// The same for series read from the log, which keep their numbers; `pending` stays as it is. New
  /// ones can be found by their labels, but are in no posting list before AddPostings. Before
  /// anybody else uses the head.
  void GetOrCreateLogged(std::span<const wal::SeriesEntry> entries, std::vector<Found>& found);
  /// Enters the series of [first, end) into the posting lists. May run beside GetOrCreateLogged, in
  /// one thread; rising.
  void AddPostings(SeriesSlot first, SeriesSlot end) NX_NO_THREAD_SAFETY_ANALYSIS;

  /// Numbers up to this one have been given to series.
  void NoteWalRef(wal::WalRef ref);

  /// How series are taken out. All are called while no other thread finds or makes a series.
  struct Unlinking {
    std::function<bool(MemSeries&)> goes;   // May make it empty. Under the series' lock.
    std::function<void(wal::WalRef)> gone;  // With the log number of each that went.
    std::function<void()> finish;           // At the end, if any went. Empty = nothing.
  };
  /// Takes the series among `candidates` that go, and that have no late or pending samples, out of
  /// all tables. @return how many
  std::size_t Unlink(std::span<const SeriesSlot> candidates, const Unlinking& unlinking);
  /// The same for those that have no samples at all.
  std::size_t Unlink(std::span<const SeriesSlot> candidates,
                     const std::function<void(wal::WalRef)>& gone);
  /// Frees what no reader can hold any more.
  void Reclaim();

  /// For readers, who keep the series alive: see above.
  const LabelStore& labels() const { return labels_; }
  model::Labels LabelsOf(SeriesSlot slot) const { return labels_.Get(At(slot).labels); }

  /// Calls fn(postings, labels) under the shared lock.
  template <typename Fn>
  void Read(Fn&& fn) const {
    IndexReaderLock lock(lock_);
    fn(postings_, labels_);
  }

  /// For snapshots; see SlabArena. Save needs a head without readers (nothing is in limbo then).
  void Save(SnapshotWriter& out) const;
  Status Load(SnapshotReader& in);
  void SetCounts(std::size_t num_series, wal::WalRef last_wal_ref);
  void Reset();

  std::size_t num_series() const { return num_series_.load(std::memory_order_relaxed); }
  wal::WalRef last_wal_ref() const { return last_wal_ref_.load(std::memory_order_relaxed); }
  void AddTo(std::vector<std::pair<std::string, std::uint64_t>>& ledger) const;

 private:
  static constexpr std::size_t kShards = 64;  // So that a table grows in small steps.
  struct Limbo {
    std::uint64_t until = 0;  // Free when the oldest reader has this sequence or a later one.
    std::vector<SeriesSlot> slots;
    LabelStore::Remains remains;
  };

  // Keeps the series alive: one pending sample more. Under lock_.
  void Pin(SeriesSlot slot) const;
  SeriesSlot FindLocked(const model::Labels& labels, std::uint64_t hash) const
      NX_REQUIRES_SHARED(lock_);
  /// Not in the posting lists yet.
  SeriesSlot CreateLocked(const model::Labels& labels, std::uint64_t hash, wal::WalRef wal_ref)
      NX_REQUIRES(lock_);
  static std::size_t ShardOf(std::uint64_t hash) { return hash >> 58; }

  const Isolation& isolation_;
  SeriesTable series_;
  mutable IndexLock lock_;  // Taken before a series lock.
  LabelStore labels_;
  MemPostings postings_ NX_GUARDED_BY(lock_);
  std::array<HashIndex, kShards> by_hash_ NX_GUARDED_BY(lock_);
  std::vector<Limbo> limbo_ NX_GUARDED_BY(lock_);
  std::atomic<std::size_t> num_series_{0};
  std::atomic<wal::WalRef> last_wal_ref_{0};
};

}  // namespace narthex::tsdb
