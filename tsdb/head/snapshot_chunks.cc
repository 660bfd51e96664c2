// SPDX-License-Identifier: Apache-2.0
//
// Snapshots of chunks, deletions and exemplars.
#include "tsdb/chunkenc/histogram_reader.h"
#include "tsdb/head/chunk_store.h"
#include "tsdb/head/exemplar_store.h"
#include "tsdb/head/head_tombstones.h"
#include "tsdb/wal/records.h"

namespace narthex::tsdb {
namespace {

tl::unexpected<Error> Malformed(const char* what) {
  return Fail(Code::kCorruption, std::string("head snapshot: malformed ") + what);
}

struct SavedHistogram {
  model::TimestampMs min_time;
  std::uint32_t number;
  std::uint32_t bytes;
  std::uint8_t is_float;
  std::uint8_t end_estimated;
  std::uint8_t with_starts;
  std::uint8_t unused[5];
};
static_assert(sizeof(SavedHistogram) == 24);

}  // namespace

void HistogramPool::Save(SnapshotWriter& out) const {
  out.Begin(SnapshotSection::kHistograms);
  MutexLock lock(mutex_);
  out.WriteValue(static_cast<std::uint32_t>(entries_.size()));
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i] == nullptr) continue;
    const OpenHistogram& open = *entries_[i];
    SavedHistogram saved{};
    saved.min_time = open.min_time;
    saved.number = static_cast<std::uint32_t>(i + 1);
    saved.bytes = static_cast<std::uint32_t>(open.bytes().size());
    saved.is_float = open.chunk.index() == 1 ? 1 : 0;
    saved.end_estimated = open.end_estimated ? 1 : 0;
    saved.with_starts = HasStartTimes(open.encoding()) ? 1 : 0;
    out.WriteValue(saved);
    out.Write(AsBytes(open.bytes()));
  }
}

Status HistogramPool::Load(const SnapshotReader& in) {
  NX_ASSIGN_OR_RETURN(const std::string bytes, in.Read(SnapshotSection::kHistograms));
  SnapshotCursor cursor(bytes);
  const auto count = cursor.Value<std::uint32_t>();
  // Never have more been open than there are slots of series.
  if (count > in.Length(SnapshotSection::kSeries) / sizeof(MemSeries)) {
    return Malformed("number of histograms");
  }
  MutexLock lock(mutex_);
  entries_.clear();
  entries_.resize(count);
  while (cursor.ok() && !cursor.done()) {
    const auto saved = cursor.Value<SavedHistogram>();
    const ByteSpan chunk = AsBytes(cursor.Bytes(saved.bytes));
    if (!cursor.ok() || saved.number == 0 || saved.number > count) return Malformed("histogram");
    auto open = std::make_unique<OpenHistogram>();
    const bool with_starts = saved.with_starts != 0;
    if (saved.is_float != 0) {
      NX_ASSIGN_OR_RETURN(open->chunk,
                          HistogramChunk<model::FloatHistogram>::Restore(chunk, with_starts));
    } else {
      NX_ASSIGN_OR_RETURN(open->chunk,
                          HistogramChunk<model::Histogram>::Restore(chunk, with_starts));
    }
    open->min_time = saved.min_time;
    open->end_estimated = saved.end_estimated != 0;
    entries_[saved.number - 1] = std::move(open);
  }
  free_.clear();
  for (std::uint32_t number = count; number > 0; --number) {
    if (entries_[number - 1] == nullptr) free_.push_back(number);
  }
  return cursor.ok() ? Status() : Status(Malformed("histograms"));
}

void HistogramPool::Reset() {
  MutexLock lock(mutex_);
  entries_.clear();
  free_.clear();
}

void ChunkStore::Save(SnapshotWriter& out) const {
  arena_.Save(out, SnapshotSection::kChunkState, SnapshotSection::kChunkData);
  histograms_.Save(out);
}

Status ChunkStore::Load(SnapshotReader& in) {
  in.Queue([this, &in] { return histograms_.Load(in); });
  return arena_.Load(in, SnapshotSection::kChunkState, SnapshotSection::kChunkData);
}

void ChunkStore::Reset() {
  arena_.Reset();
  histograms_.Reset();
}

void HeadTombstones::Save(SnapshotWriter& out) const {
  out.Begin(SnapshotSection::kTombstones);
  MutexLock lock(mutex_);
  for (const auto& [ref, intervals] : by_ref_) {
    out.WriteValue(ref);
    out.WriteValue(std::uint64_t{intervals.size()});
    out.WriteArray(std::span<const Interval>(intervals));
  }
}

Status HeadTombstones::Load(const SnapshotReader& in) {
  NX_ASSIGN_OR_RETURN(const std::string bytes, in.Read(SnapshotSection::kTombstones));
  SnapshotCursor cursor(bytes);
  MutexLock lock(mutex_);
  while (cursor.ok() && !cursor.done()) {
    auto& intervals = by_ref_[cursor.Value<wal::WalRef>()];
    cursor.Array(cursor.Value<std::uint64_t>(), intervals);
  }
  return cursor.ok() ? Status() : Status(Malformed("tombstones"));
}

void HeadTombstones::Reset() {
  MutexLock lock(mutex_);
  by_ref_.clear();
}

// Series numbered as they come, each one's labels and exemplars in the form of WAL records.
void ExemplarStore::Save(SnapshotWriter& out) const {
  out.Begin(SnapshotSection::kExemplars);
  absl::flat_hash_map<std::string, wal::WalRef> numbers;
  std::string series;
  std::vector<wal::ExemplarEntry> entries;
  wal::BeginSeries(series);
  ForEach(model::kMinTime, model::kMaxTime,
          [&](const model::Labels& labels, const model::Exemplar& exemplar) {
            const auto [it, is_new] =
                numbers.try_emplace(std::string(labels.bytes()), numbers.size() + 1);
            if (is_new) wal::AppendSeries(it->second, labels, series);
            entries.push_back({it->second, exemplar});
          });
  if (entries.empty()) return;
  std::string exemplars;
  wal::EncodeExemplars(entries, exemplars);
  out.WriteValue(std::uint64_t{series.size()});
  out.Write(AsBytes(series));
  out.Write(AsBytes(exemplars));
}

Status ExemplarStore::Load(const SnapshotReader& in) {
  NX_ASSIGN_OR_RETURN(const std::string bytes, in.Read(SnapshotSection::kExemplars));
  if (bytes.empty()) return {};
  SnapshotCursor cursor(bytes);
  const ByteSpan series = AsBytes(cursor.Bytes(cursor.Value<std::uint64_t>()));
  if (!cursor.ok()) return Malformed("exemplars");
  std::vector<wal::SeriesEntry> labels;
  std::vector<wal::ExemplarEntry> exemplars;
  NX_RETURN_IF_ERROR(wal::DecodeSeries(series, labels));
  NX_RETURN_IF_ERROR(wal::DecodeExemplars(
      AsBytes(bytes).subspan(sizeof(std::uint64_t) + series.size()), exemplars));
  for (const auto& [number, exemplar] : exemplars) {
    if (number == 0 || number > labels.size()) return Malformed("exemplars");
    // It was taken once, however late it was.
    (void)Add(labels[number - 1].labels, exemplar, model::kMaxTime);
  }
  return {};
}

void ExemplarStore::Reset() {
  MutexLock lock(mutex_);
  ResetLocked();
}

void ExemplarStore::ResetLocked() {
  std::vector<Entry>().swap(ring_);  // With its memory.
  newest_.clear();
  next_ = 0;
  bytes_ = 0;
}

}  // namespace narthex::tsdb
