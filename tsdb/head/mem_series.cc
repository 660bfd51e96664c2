// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/mem_series.h"

#include <sched.h>

#include <new>

namespace narthex::tsdb {

void SeriesLock::Pause() {
  // The holder may have lost its core; spinning on would only keep it away.
  thread_local unsigned spins = 0;
  if (++spins % 64 == 0) sched_yield();
}

SeriesSlot SeriesTable::Allocate() {
  SeriesSlot slot;
  std::uint32_t generation = 1;
  if (free_.empty()) {
    slot = end_.load(std::memory_order_relaxed);
    range_.EnsureCommitted((std::size_t{slot} + 1) * sizeof(MemSeries));
    new (&At(slot)) MemSeries{};
    At(slot).generation = generation;
    end_.store(slot + 1, std::memory_order_release);
    return slot;
  }
  slot = free_.back();
  free_.pop_back();
  MemSeries& series = At(slot);
  // Field by field: somebody with an old reference may hold the lock to read the generation.
  SeriesLock lock(series);
  series.xor_state = XorState{};
  series.wal_ref = 0;
  series.next_at = series.commit_t = 0;
  series.commit = 0;
  series.chunk = 0;
  series.labels = series.full = 0;
  series.pending = series.histogram = series.hash = 0;
  series.chunk_class = 0;
  series.encoding = Encoding::kNone;
  series.in_wal = false;
  series.has_tombstones = false;
  series.out_of_order = false;
  return slot;
}

}  // namespace narthex::tsdb
