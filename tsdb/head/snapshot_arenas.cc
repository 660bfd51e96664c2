// SPDX-License-Identifier: Apache-2.0
//
// Snapshots of arenas, and of what consists of arenas and flat tables.
#include <algorithm>

#include "narthex/base/check.h"
#include "tsdb/head/head_index.h"
#include "tsdb/head/snapshot_file.h"

namespace narthex::tsdb {
namespace {

tl::unexpected<Error> Bad(SnapshotSection section) {
  return Fail(Code::kCorruption,
              "head snapshot: section " + SectionName(section) + " is malformed");
}

void SaveTable(const HashIndex& table, SnapshotWriter& out, SnapshotSection section) {
  out.Begin(section);
  for (const auto run : table.Memory()) out.Write(run);
}

void LoadTable(HashIndex& table, SnapshotReader& in, SnapshotSection section) {
  const std::uint64_t length = in.Length(section);
  table.Restore(length < sizeof(std::uint64_t)
                    ? 0
                    : (length - sizeof(std::uint64_t)) / HashIndex::kSlotBytes);
  const auto memory = table.Memory();
  in.Queue(section, {memory.begin(), memory.end()});
}

}  // namespace

std::vector<std::span<std::uint8_t>> SlabArena::UsedMemory() const {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> begun;  // Slab, bytes handed out.
  for (std::size_t c = 0; c < kClassBytes.size(); ++c) {
    MutexLock lock(classes_[c].mutex);
    for (std::uint32_t slab = classes_[c].partial; slab != kNoSlab; slab = SlabAt(slab).next) {
      begun.emplace_back(slab, std::uint32_t{SlabAt(slab).fresh} * kClassBytes[c]);
    }
  }
  MutexLock pool_lock(pool_mutex_);
  std::vector<std::uint32_t> used(num_slabs_, kSlabBytes);
  used[0] = 0;
  for (const std::uint32_t slab : free_slabs_) used[slab] = 0;
  for (const auto& [slab, bytes] : begun) used[slab] = bytes;
  std::vector<std::span<std::uint8_t>> runs;
  for (std::uint32_t slab = 1; slab < num_slabs_; ++slab) {
    if (used[slab] == 0) continue;
    std::uint8_t* const start =
        reinterpret_cast<std::uint8_t*>(range_.base()) + std::size_t{slab} * kSlabBytes;
    if (!runs.empty() && runs.back().data() + runs.back().size() == start) {
      runs.back() = {runs.back().data(), runs.back().size() + used[slab]};
    } else {
      runs.emplace_back(start, used[slab]);
    }
  }
  return runs;
}

void SlabArena::Save(SnapshotWriter& out, SnapshotSection state, SnapshotSection data) const {
  std::array<std::uint32_t, kClassBytes.size()> partial{};
  for (std::size_t c = 0; c < partial.size(); ++c) {
    MutexLock lock(classes_[c].mutex);
    partial[c] = classes_[c].partial;
  }
  out.Begin(state);
  {
    MutexLock lock(pool_mutex_);
    out.WriteValue(num_slabs_);
    out.WriteValue(static_cast<std::uint32_t>(free_slabs_.size()));
    out.WriteArray(std::span<const std::uint32_t>(free_slabs_));
    out.WriteArray(std::span<const std::uint32_t>(partial));
    out.WriteArray(std::span<const Slab>(&SlabAt(0), num_slabs_));
    UnpoisonAll();  // Free blocks are written too: they hold the chains of what is free.
  }
  out.Begin(data);
  for (const auto run : UsedMemory()) out.Write(run);
}

Status SlabArena::Load(SnapshotReader& in, SnapshotSection state, SnapshotSection data) {
  NX_ASSIGN_OR_RETURN(const std::string bytes, in.Read(state));
  SnapshotCursor cursor(bytes);
  std::array<std::uint32_t, kClassBytes.size()> partial{};
  {
    MutexLock lock(pool_mutex_);
    const auto num_slabs = cursor.Value<std::uint32_t>();
    // The system may have less room for addresses than when the snapshot was written.
    if (num_slabs == 0 || num_slabs > range_.capacity() / kSlabBytes) return Bad(state);
    const auto num_free = cursor.Value<std::uint32_t>();
    free_slabs_.clear();
    cursor.Array(num_free, free_slabs_);
    warm_slabs_ = 0;
    for (auto& slab : partial) slab = cursor.Value<std::uint32_t>();
    const auto records = cursor.Bytes(std::size_t{num_slabs} * sizeof(Slab));
    if (!cursor.done()) return Bad(state);
    num_slabs_ = num_slabs;
    range_.EnsureCommitted(std::size_t{num_slabs_} * kSlabBytes);
    slabs_.EnsureCommitted(std::size_t{num_slabs_} * sizeof(Slab));
    std::memcpy(slabs_.base(), records.data(), records.size());
  }
  for (std::size_t c = 0; c < partial.size(); ++c) {
    MutexLock lock(classes_[c].mutex);
    classes_[c].partial = partial[c];
  }
  in.Queue(data, UsedMemory());
  return {};
}

void SlabArena::Reset() {
  for (auto& size_class : classes_) {
    MutexLock lock(size_class.mutex);
    size_class.partial = kNoSlab;
  }
  MutexLock lock(pool_mutex_);
  UnpoisonAll();
  range_.Release(0, range_.committed());
  slabs_.Release(0, slabs_.committed());
  num_slabs_ = 1;
  free_slabs_.clear();
  warm_slabs_ = 0;
}

void SeriesTable::Save(SnapshotWriter& out) const {
  out.Begin(SnapshotSection::kSeriesFree);
  out.WriteArray(std::span<const SeriesSlot>(free_));
  out.Begin(SnapshotSection::kSeries);
  out.Write({reinterpret_cast<const std::uint8_t*>(&At(1)), (end() - 1) * sizeof(MemSeries)});
}

Status SeriesTable::Load(SnapshotReader& in) {
  NX_ASSIGN_OR_RETURN(const std::string bytes, in.Read(SnapshotSection::kSeriesFree));
  SnapshotCursor cursor(bytes);
  free_.clear();
  cursor.Array(bytes.size() / sizeof(SeriesSlot), free_);
  const std::uint64_t length = in.Length(SnapshotSection::kSeries);
  if (!cursor.done() || length % sizeof(MemSeries) != 0 ||
      length + sizeof(MemSeries) > range_.capacity()) {
    return Bad(SnapshotSection::kSeries);
  }
  range_.EnsureCommitted(length + sizeof(MemSeries));
  in.Queue(SnapshotSection::kSeries, {{reinterpret_cast<std::uint8_t*>(&At(1)), length}});
  end_.store(static_cast<SeriesSlot>(length / sizeof(MemSeries) + 1), std::memory_order_release);
  return {};
}

void SeriesTable::Reset() {
  end_ = 1;
  free_.clear();
  range_.Release(0, range_.committed());
}

void SymbolTable::Save(SnapshotWriter& out) const {
  arena_.Save(out, SnapshotSection::kSymbolState, SnapshotSection::kSymbolData);
  SaveTable(index_, out, SnapshotSection::kSymbolTable);
}

Status SymbolTable::Load(SnapshotReader& in) {
  NX_RETURN_IF_ERROR(arena_.Load(in, SnapshotSection::kSymbolState, SnapshotSection::kSymbolData));
  LoadTable(index_, in, SnapshotSection::kSymbolTable);
  return {};
}

void SymbolTable::Reset() {
  arena_.Reset();
  index_ = {};
}

void LabelStore::Save(SnapshotWriter& out) const {
  runs_.Save(out, SnapshotSection::kRunState, SnapshotSection::kRunData);
  SaveTable(shapes_, out, SnapshotSection::kShapeTable);
  symbols_.Save(out);
}

Status LabelStore::Load(SnapshotReader& in) {
  NX_RETURN_IF_ERROR(runs_.Load(in, SnapshotSection::kRunState, SnapshotSection::kRunData));
  LoadTable(shapes_, in, SnapshotSection::kShapeTable);
  return symbols_.Load(in);
}

void LabelStore::Reset() {
  ForgetLast();
  runs_.Reset();
  shapes_ = {};
  symbols_.Reset();
}

void HeadIndex::Save(SnapshotWriter& out) const {
  IndexReaderLock lock(lock_);
  NX_CHECK(limbo_.empty(), "a head with readers can't be written out");
  series_.Save(out);
  labels_.Save(out);
  postings_.Save(out);
  out.Begin(SnapshotSection::kHashSizes);
  for (const auto& table : by_hash_) out.WriteValue(std::uint64_t{table.num_slots()});
  out.Begin(SnapshotSection::kHashTables);
  for (const auto& table : by_hash_) {
    for (const auto run : table.Memory()) out.Write(run);
  }
}

Status HeadIndex::Load(SnapshotReader& in) {
  NX_ASSIGN_OR_RETURN(const std::string bytes, in.Read(SnapshotSection::kHashSizes));
  SnapshotCursor sizes(bytes);
  IndexWriterLock lock(lock_);
  NX_RETURN_IF_ERROR(series_.Load(in));
  NX_RETURN_IF_ERROR(labels_.Load(in));
  NX_RETURN_IF_ERROR(postings_.Load(in));
  std::vector<std::span<std::uint8_t>> memory;
  const std::uint64_t most = in.Length(SnapshotSection::kHashTables) / HashIndex::kSlotBytes;
  for (auto& table : by_hash_) {
    const auto num_slots = sizes.Value<std::uint64_t>();
    if (num_slots > most) return Bad(SnapshotSection::kHashSizes);
    table.Restore(num_slots);
    for (const auto run : table.Memory()) memory.push_back(run);
  }
  if (!sizes.done()) return Bad(SnapshotSection::kHashSizes);
  in.Queue(SnapshotSection::kHashTables, std::move(memory));
  return {};
}

void HeadIndex::SetCounts(std::size_t num_series, wal::WalRef last_wal_ref) {
  num_series_ = num_series;
  last_wal_ref_ = last_wal_ref;
}

void HeadIndex::Reset() {
  IndexWriterLock lock(lock_);
  series_.Reset();
  labels_.Reset();
  postings_.Reset();
  by_hash_ = {};
  limbo_.clear();
  SetCounts(0, 0);
}

}  // namespace narthex::tsdb
