// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/head_state.h"

#include <algorithm>
#include <utility>

#include "narthex/base/log.h"

namespace narthex::tsdb {
namespace {

using model::TimestampMs;

// Full chunks that may wait in memory for the next FlushFull; at about 150 bytes each 5 MiB. A head
// that is filled in a hurry is cut before that, and then most of them need not be written at all.
constexpr std::size_t kMaxWaiting = 32 * 1024;
// Series whose chunks are written at a time, which an append may have to wait for: about 300 KiB.
constexpr std::size_t kFlushSeries = 2048;
// What one write of them has at most, and one series more.
constexpr std::size_t kFlushBytes = 16 << 20;

void Lower(std::atomic<TimestampMs>& time, TimestampMs t) {
  TimestampMs now = time.load();
  while (t < now && !time.compare_exchange_weak(now, t)) {
  }
}

void Raise(std::atomic<TimestampMs>& time, TimestampMs t) {
  TimestampMs now = time.load();
  while (t > now && !time.compare_exchange_weak(now, t)) {
  }
}

}  // namespace

AppenderRegistry::Place AppenderRegistry::Add(TimestampMs min_valid) {
  MutexLock lock(mutex_);
  return open_.insert(open_.end(), min_valid);
}

void AppenderRegistry::Update(Place place, TimestampMs min_valid) {
  MutexLock lock(mutex_);
  *place = min_valid;
  changed_.NotifyAll();
}

void AppenderRegistry::Remove(Place place) {
  MutexLock lock(mutex_);
  open_.erase(place);
  changed_.NotifyAll();
}

TimestampMs AppenderRegistry::Lowest() {
  MutexLock lock(mutex_);
  const auto it = std::min_element(open_.begin(), open_.end());
  return it == open_.end() ? model::kMaxTime : *it;
}

bool AppenderRegistry::WaitUntilAbove(TimestampMs t) {
  MutexLock lock(mutex_);
  while (!interrupted_ &&
         std::any_of(open_.begin(), open_.end(), [t](TimestampMs min) { return min < t; })) {
    changed_.Wait(mutex_);
  }
  return !interrupted_;
}

void AppenderRegistry::Interrupt() {
  MutexLock lock(mutex_);
  interrupted_ = true;
  changed_.NotifyAll();
}

void HeadState::InitTime(TimestampMs t) {
  TimestampMs none = model::kMaxTime;
  if (!min_time.compare_exchange_strong(none, t)) return;
  // Another appender may have been first with the upper end, and then it stays.
  TimestampMs no_max = model::kMinTime;
  max_time.compare_exchange_strong(no_max, t);
}

void HeadState::WidenTimes(TimestampMs mint, TimestampMs maxt) {
  Lower(min_time, mint);
  Raise(max_time, maxt);
}

std::vector<Interval> HeadState::DeletedOf(SeriesSlot slot) const {
  wal::WalRef ref = 0;
  {
    MemSeries& series = index.At(slot);
    SeriesLock lock(series);
    if (!series.has_tombstones) [[likely]]
      return {};
    ref = series.wal_ref;
  }
  return tombstones.Of(ref);
}

void HeadState::AddTombstone(SeriesSlot slot, Interval interval) {
  wal::WalRef ref = 0;
  {
    MemSeries& series = index.At(slot);
    SeriesLock lock(series);
    series.has_tombstones = true;
    ref = series.wal_ref;
  }
  tombstones.Add(ref, interval);
}

void HeadState::AddFull(std::vector<SeriesSlot>& slots) {
  if (slots.empty()) return;
  std::vector<SeriesSlot> newest;
  {
    MutexLock lock(full_mutex_);
    full_.insert(full_.end(), slots.begin(), slots.end());
    if (full_.size() >= kMaxWaiting) {
      // The oldest ones are the first that a block may take. One commit may fill many at once.
      const std::size_t beyond = full_.size() - kMaxWaiting;
      const auto from = full_.end() - static_cast<std::ptrdiff_t>(std::max(kFlushSeries, beyond));
      newest.assign(from, full_.end());
      full_.erase(from, full_.end());
    }
  }
  slots.clear();
  if (newest.empty()) return;
  if (auto status = Flush(std::move(newest)); !status) {
    log::Warn("Writing head chunks failed; they stay in memory",
              {{"err", status.error().message()}});
  }
}

std::vector<SeriesSlot> HeadState::TakeFull() {
  MutexLock lock(full_mutex_);
  return std::exchange(full_, {});
}

void HeadState::ForgetDropped() {
  std::vector<SeriesSlot> slots = TakeFull();
  std::erase_if(slots, [this](SeriesSlot slot) {
    MemSeries& series = index.At(slot);
    SeriesLock lock(series);
    // They come in order, so the last one tells.
    const auto full = chunks.FullChunks(series);
    return full.empty() || !full.back().in_memory();
  });
  // Before those that came meanwhile, so that the newest stay at the end.
  MutexLock lock(full_mutex_);
  full_.insert(full_.begin(), slots.begin(), slots.end());
}

Status HeadState::FlushFull() { return Flush(TakeFull()); }

Status HeadState::Flush(std::vector<SeriesSlot> slots) {
  // A series is noted for each of its chunks, and has all of them written at once.
  std::sort(slots.begin(), slots.end());
  slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
  std::span<const SeriesSlot> rest(slots);
  while (!rest.empty()) {
    MutexLock flush_lock(flush_mutex_);  // For a part only: an append may wait for it.
    auto written = WriteFull(rest.first(std::min(rest.size(), kFlushSeries)));
    if (!written) {
      MutexLock lock(full_mutex_);
      full_.insert(full_.end(), rest.begin(), rest.end());
      return Fail(std::move(written).error());
    }
    rest = rest.subspan(*written);
  }
  return {};
}

void HeadState::ReportUnreadable(SeriesSlot slot, const Error& error) const {
  metrics.unreadable_chunks.Add();
  std::string labels = "?";
  {
    // Series that go take their labels with them, but not under this lock.
    MemSeries& series = index.At(slot);
    SeriesLock lock(series);
    if (series.wal_ref != 0) labels = index.LabelsOf(slot).ToString();
  }
  log::Error("A chunk of the head can't be read; its samples are left out",
             {{"series", labels}, {"err", error.message()}});
}

Result<std::size_t> HeadState::WriteFull(std::span<const SeriesSlot> slots) {
  struct Waiting {
    SeriesSlot slot;
    std::uint32_t generation;
    FullChunk chunk;
    std::size_t at;  // In bytes.
  };
  std::vector<Waiting> waiting;
  std::vector<wal::WalRef> refs;
  std::string bytes;
  std::size_t num_series = 0;
  for (const SeriesSlot slot : slots) {
    if (bytes.size() >= kFlushBytes) break;
    ++num_series;
    MemSeries& series = index.At(slot);
    SeriesLock lock(series);
    for (const auto& chunk : chunks.FullChunks(series)) {
      if (!chunk.in_memory()) continue;
      waiting.push_back({slot, series.generation, chunk, bytes.size()});
      refs.push_back(series.wal_ref);
      bytes.append(AsText(chunks.MemoryBytes(chunk)));
    }
  }
  std::vector<HeadChunk> records;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    const Waiting& from = waiting[i];
    ChunkView chunk{0, 0, from.chunk.encoding(),
                    AsBytes(bytes).subspan(from.at, from.chunk.size())};
    if (const auto status = ChunkTimes(chunk); !status) {
      ReportUnreadable(from.slot, status.error());
      continue;
    }
    records.push_back({refs[i], chunk, false});
    waiting[kept++] = from;
  }
  waiting.resize(kept);
  if (records.empty()) return num_series;
  std::vector<ChunkPlace> places;
  NX_RETURN_IF_ERROR(files.Write(records, places));
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    MemSeries& series = index.At(waiting[i].slot);
    SeriesLock lock(series);
    if (series.generation != waiting[i].generation) continue;
    for (auto& chunk : chunks.FullChunks(series)) {
      // Truncation may have dropped it meanwhile, and another chunk may have its memory.
      if (chunk != waiting[i].chunk) continue;
      chunks.FreeMemory(chunk);
      chunk.file = places[i].file;
      chunk.offset = places[i].offset;
      break;
    }
  }
  metrics.mmap_chunks.Add(waiting.size());
  return num_series;
}

}  // namespace narthex::tsdb
