// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/ooo_store.h"

#include <algorithm>

namespace narthex::tsdb {
namespace {

using model::TimestampMs;

bool Meets(const OooChunk& chunk, TimestampMs mint, TimestampMs maxt) {
  return chunk.mint <= maxt && chunk.maxt >= mint;
}

// The samples in [mint, maxt].
std::span<const OooSample> InRange(std::span<const OooSample> samples, TimestampMs mint,
                                   TimestampMs maxt) {
  const auto first = std::partition_point(samples.begin(), samples.end(),
                                          [&](const OooSample& s) { return s.t < mint; });
  const auto last =
      std::partition_point(first, samples.end(), [&](const OooSample& s) { return s.t <= maxt; });
  return {first, last};
}

template <typename H>
std::size_t BucketBytes(const H& h) {
  return h.positive_spans.capacity() * sizeof(h.positive_spans[0]) +
         h.negative_spans.capacity() * sizeof(h.negative_spans[0]) +
         h.positive_buckets.capacity() * sizeof(h.positive_buckets[0]) +
         h.negative_buckets.capacity() * sizeof(h.negative_buckets[0]) +
         h.custom_values.capacity() * sizeof(h.custom_values[0]);
}

std::size_t BytesOf(const OooSeries& series) {
  std::size_t bytes =
      series.open.capacity() * sizeof(OooSample) + series.full.capacity() * sizeof(OooChunk);
  for (const auto& sample : series.open) {
    if (sample.more == nullptr) continue;
    bytes += sizeof(OooMore);
    if (sample.is_float()) continue;
    sample.VisitHistogram([&](const auto& h) { bytes += BucketBytes(h); });
  }
  return bytes;
}

}  // namespace

bool InsertByTime(OooSample sample, std::vector<OooSample>& samples) {
  auto at = samples.end();
  if (!samples.empty() && sample.t <= samples.back().t) {
    at = std::partition_point(samples.begin(), samples.end(),
                              [&](const OooSample& s) { return s.t < sample.t; });
    if (at->t == sample.t) return false;
  }
  samples.insert(at, std::move(sample));
  return true;
}

void OooStore::Load(SeriesSlot slot, TimestampMs mint, TimestampMs maxt, OooSeries& out) const {
  out.open.clear();
  out.full.clear();
  const Part& part = PartOf(slot);
  MutexLock lock(part.mutex);
  const auto it = part.series.find(slot);
  if (it == part.series.end()) return;
  for (const auto& chunk : it->second.full) {
    if (Meets(chunk, mint, maxt)) out.full.push_back(chunk);
  }
  const auto open = InRange(it->second.open, mint, maxt);
  out.open.assign(open.begin(), open.end());
}

bool OooStore::Overlaps(SeriesSlot slot, TimestampMs mint, TimestampMs maxt) const {
  const Part& part = PartOf(slot);
  MutexLock lock(part.mutex);
  const auto it = part.series.find(slot);
  if (it == part.series.end()) return false;
  const auto& full = it->second.full;
  return !InRange(it->second.open, mint, maxt).empty() ||
         std::any_of(full.begin(), full.end(),
                     [&](const OooChunk& chunk) { return Meets(chunk, mint, maxt); });
}

std::vector<OooSample> OooStore::Open(SeriesSlot slot) const {
  const Part& part = PartOf(slot);
  MutexLock lock(part.mutex);
  const auto it = part.series.find(slot);
  return it == part.series.end() ? std::vector<OooSample>() : it->second.open;
}

void OooStore::Update(SeriesSlot slot, std::vector<OooSample> open,
                      std::span<const OooChunk> added) {
  TimestampMs mint = open.empty() ? model::kMaxTime : open.front().t;
  TimestampMs maxt = open.empty() ? model::kMinTime : open.back().t;
  for (const auto& chunk : added) {
    mint = std::min(mint, chunk.mint);
    maxt = std::max(maxt, chunk.maxt);
  }
  {
    Part& part = PartOf(slot);
    MutexLock lock(part.mutex);
    OooSeries& series = part.series[slot];
    part.bytes -= BytesOf(series);
    series.open = std::move(open);
    series.full.insert(series.full.end(), added.begin(), added.end());
    part.bytes += BytesOf(series);
  }
  // Afterwards and under the lock, so that NarrowTimes can't undo it without seeing the samples.
  WidenTimes(mint, maxt);
}

std::vector<SeriesSlot> OooStore::Drop(std::size_t part_number, ChunkPlace last,
                                       std::size_t& dropped) {
  std::vector<SeriesSlot> gone;
  Part& part = parts_[part_number];
  MutexLock lock(part.mutex);
  for (auto it = part.series.begin(); it != part.series.end();) {
    const auto current = it++;
    OooSeries& series = current->second;
    part.bytes -= BytesOf(series);
    dropped += std::erase_if(series.full,
                             [&](const OooChunk& chunk) { return NoLater(chunk.place, last); });
    if (series.empty()) {
      gone.push_back(current->first);
      part.series.erase(current);
      continue;
    }
    series.full.shrink_to_fit();
    part.bytes += BytesOf(series);
  }
  if (part.series.empty()) part.series = {};
  return gone;
}

void OooStore::WidenTimes(TimestampMs mint, TimestampMs maxt) {
  MutexLock lock(times_mutex_);
  min_time_ = std::min(min_time_.load(), mint);
  max_time_ = std::max(max_time_.load(), maxt);
}

void OooStore::NarrowTimes() {
  MutexLock times_lock(times_mutex_);
  TimestampMs mint = model::kMaxTime;
  TimestampMs maxt = model::kMinTime;
  for (const Part& part : parts_) {
    MutexLock lock(part.mutex);
    for (const auto& [slot, series] : part.series) {
      for (const auto& chunk : series.full) {
        mint = std::min(mint, chunk.mint);
        maxt = std::max(maxt, chunk.maxt);
      }
      if (series.open.empty()) continue;
      mint = std::min(mint, series.open.front().t);
      maxt = std::max(maxt, series.open.back().t);
    }
  }
  min_time_ = mint;
  max_time_ = maxt;
}

std::vector<SeriesSlot> OooStore::Slots(std::size_t part_number) const {
  std::vector<SeriesSlot> slots;
  const Part& part = parts_[part_number];
  MutexLock lock(part.mutex);
  slots.reserve(part.series.size());
  for (const auto& [slot, series] : part.series) slots.push_back(slot);
  return slots;
}

std::uint32_t OooStore::FirstFile() const {
  std::uint32_t first = 0xffffffff;
  for (const Part& part : parts_) {
    MutexLock lock(part.mutex);
    for (const auto& [slot, series] : part.series) {
      for (const auto& chunk : series.full) first = std::min(first, chunk.place.file);
    }
  }
  return first;
}

std::size_t OooStore::held_bytes() const {
  std::size_t bytes = 0;
  for (const Part& part : parts_) {
    MutexLock lock(part.mutex);
    bytes += part.bytes + part.series.capacity() * (sizeof(std::pair<SeriesSlot, OooSeries>) + 1);
  }
  return bytes;
}

}  // namespace narthex::tsdb
