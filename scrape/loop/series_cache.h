// SPDX-License-Identifier: Apache-2.0
//
// What one target exposed: a 128-bit hash of each series text and the storage's reference. It
// keeps no strings. Series come in the same order scrape after scrape, so each entry knows the one
// that followed it last time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "narthex/base/hash.h"
#include "narthex/base/uninit_vector.h"
#include "narthex/storage/appender.h"
#include "scrape/textparse/entry.h"

namespace narthex::scrape {

/// One scrape is one iteration: any number of Find, Add and Track, then Finish or Abandon.
/// Memory: 40 bytes per series and 5 to 6 for the table. Thread safety: one thread at a time.
class SeriesCache {
 public:
  using Index = std::uint32_t;
  static constexpr Index kNone = UINT32_MAX;

  /// The series that probably comes next.
  SeriesHint Hint() const;

  /// Looks the series up and makes it the one that others follow.
  /// @param hint_matched  the series is the hinted one
  /// @param[out] seen  whether this iteration had it before
  /// @return kNone when it is not known
  Index Find(const Hash128& hash, bool hint_matched, bool& seen);

  /// Adds an unknown series. `ref` 0 = dropped by relabelling, to be skipped without reading it.
  Index Add(const Hash128& hash, std::size_t length, storage::SeriesRef ref);

  storage::SeriesRef ref(Index i) const { return entries_[i].ref; }
  void set_ref(Index i, storage::SeriesRef ref) { entries_[i].ref = ref; }
  bool dropped(Index i) const { return entries_[i].ref == storage::SeriesRef{0}; }

  /// The series has a sample in this iteration; when the next one does not have it, it is stale.
  void Track(Index i);

  /// Ends an iteration whose samples are committed.
  /// @param[out] stale  refs of series that the iteration before had and this one does not
  void Finish(std::vector<storage::SeriesRef>& stale);

  /// Ends an iteration that failed: all series of the one before are stale.
  /// @return true when the cache had grown so much through failures that it was emptied of what
  ///         this iteration did not have
  bool Abandon(std::vector<storage::SeriesRef>& stale);

  /// Series found in this iteration that an earlier one ended without, Finish having cleaned up:
  /// whether they were forgotten in the meantime must not show.
  std::size_t returned() const { return returned_; }

  /// Series that were added and not forgotten.
  std::size_t size() const { return entries_.size(); }
  std::size_t memory_bytes() const;

 private:
  struct Entry {
    Hash128 hash;
    storage::SeriesRef ref;
    std::uint32_t length : 31;
    std::uint32_t was_tracked : 1;  // In the iteration before, when tracked is the current one.
    std::uint32_t touched;          // Iteration that had the text last.
    std::uint32_t tracked;          // Iteration that had a sample of it last; 0 = none.
    Index next;                     // What followed it last time.
  };
  static_assert(sizeof(Entry) == 40);

  std::size_t FirstSlot(const Hash128& hash) const;
  std::size_t FreeSlot(const Hash128& hash) const;
  Index Lookup(const Hash128& hash) const;
  void Follow(Index i);
  void Rebuild();
  void ForgetUntouched();
  void NextIteration();
  /// Takes out the refs that another series text has in this iteration.
  void RemoveAlive(std::vector<storage::SeriesRef>& stale) const;

  std::vector<Entry> entries_;
  UninitVector<Index> table_;  // Open addressing, kNone = free.
  std::uint32_t iteration_ = 1;
  Index first_ = kNone;             // Where iterations begin.
  Index last_ = kNone;              // Of this iteration, what came last.
  std::size_t tracked_before_ = 0;  // Entries tracked in the iteration before,
  std::size_t tracked_again_ = 0;   // those of them that are so in this one,
  std::size_t tracked_now_ = 0;     // and all of this one.
  std::size_t touched_ = 0;
  std::size_t returned_ = 0;
  std::uint32_t finished_ = 0;  // The last iteration that ended with Finish.
  std::size_t good_size_ = 0;   // Entries after the last Finish.
};

}  // namespace narthex::scrape
