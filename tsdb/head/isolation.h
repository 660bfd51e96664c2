// SPDX-License-Identifier: Apache-2.0
//
// Commits become visible as a whole. Every commit has a number. A reader sees the commits that had
// ended when it began. Each series knows the number and the first time of the last commit that
// wrote to it; a reader that must not see that commit drops the samples from that time on. When a
// further commit comes to a series while some reader still must not see the one before, that one is
// put on record here. There is no ring per series: nearly always no reader is that old.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "narthex/base/mutex.h"
#include "narthex/model/timestamp.h"
#include "tsdb/head/mem_series.h"

namespace narthex::tsdb {

/// Thread safety: any thread.
class Isolation {
 public:
  /// A reader of [mint, maxt]; ends with its object, which the Isolation must outlive.
  class Reader {
   public:
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    bool Sees(std::uint64_t commit) const;
    /// Whether samples of a series are hidden, given its last commit, and from which time on.
    bool HiddenFrom(SeriesSlot slot, std::uint64_t commit, model::TimestampMs commit_t,
                    model::TimestampMs& from) const;

   private:
    friend class Isolation;
    explicit Reader(Isolation& isolation) : isolation_(isolation) {}
    Isolation& isolation_;
    std::uint64_t last_ = 0;           // Commits after this one began later …
    std::vector<std::uint64_t> open_;  // … and these had not ended. Rising.
    std::uint64_t sequence_ = 0;       // Counts readers.
    model::TimestampMs mint_ = 0;
    model::TimestampMs maxt_ = 0;
    std::list<Reader*>::iterator place_;
  };
  /// When mint > maxt it reads no samples by itself: it keeps series alive, and hides nothing.
  std::shared_ptr<const Reader> NewReader(model::TimestampMs mint, model::TimestampMs maxt);
  std::shared_ptr<const Reader> NewKeeper() { return NewReader(model::kMaxTime, model::kMinTime); }

  /// A commit in progress.
  struct Commit {
    std::uint64_t number = 0;
    std::uint64_t floor = 0;             // Commits from here on are hidden from some reader …
    model::TimestampMs reader_maxt = 0;  // … which reads at most up to here.
  };
  Commit BeginCommit();
  void EndCommit(const Commit& commit);

  /// Marks that `commit` writes to the series, its first sample there being at t. Under the series'
  /// lock, before the sample is added.
  void Mark(MemSeries& series, SeriesSlot slot, const Commit& commit, model::TimestampMs t) {
    if (series.commit == commit.number) return;
    if (series.commit >= commit.floor &&
        (series.commit_t <= commit.reader_maxt || series.commit > commit.number)) [[unlikely]] {
      Record(slot, series.commit, series.commit_t);
    }
    series.commit = commit.number;
    series.commit_t = t;
  }

  /// Readers count up; memory that was unlinked before this call may be reused once
  /// OldestReader() has reached the returned number.
  std::uint64_t NextReaderSequence() const;
  /// Sequence of the oldest live reader; the next one's when there is none.
  std::uint64_t OldestReader() const;
  /// Whether a live reader, begun before sequence `before`, reads times below t.
  bool AnyReaderBelow(model::TimestampMs t, std::uint64_t before) const;

  /// Goes on counting after a snapshot whose series know commits up to this one. Before the first.
  void Resume(std::uint64_t last_commit);
  std::uint64_t last_commit() const;
  /// All commits up to this one have ended and every reader sees them.
  std::uint64_t low_watermark() const;
  std::size_t held_bytes() const;

 private:
  struct Past {
    std::uint64_t commit;
    model::TimestampMs t;
  };
  void Record(SeriesSlot slot, std::uint64_t commit, model::TimestampMs t);
  void End(const Reader& reader);
  std::uint64_t FloorLocked(model::TimestampMs* reader_maxt) const NX_REQUIRES(mutex_);
  void Sweep(std::uint64_t floor);

  mutable Mutex mutex_;
  std::list<Reader*> readers_ NX_GUARDED_BY(mutex_);
  std::vector<std::uint64_t> open_ NX_GUARDED_BY(mutex_);
  std::uint64_t last_ NX_GUARDED_BY(mutex_) = 0;
  std::uint64_t next_reader_ NX_GUARDED_BY(mutex_) = 1;

  mutable Mutex past_mutex_;  // Taken after a series lock or mutex_; leaf.
  absl::flat_hash_map<SeriesSlot, std::vector<Past>> past_ NX_GUARDED_BY(past_mutex_);
  std::uint64_t newest_past_ NX_GUARDED_BY(past_mutex_) = 0;
  std::atomic<bool> has_past_{false};
};

}  // namespace narthex::tsdb
