// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/ooo_head.h"

#include "narthex/base/log.h"
#include "tsdb/head/chunk_store.h"
#include "tsdb/head/ooo_commit.h"

namespace narthex::tsdb {

OooHead::OooHead(Fs& fs, std::string dir, const wal::WalOptions& wal_options, int cap,
                 const HeadIndex& index, const ChunkStore& chunks, ChunkFiles& files,
                 HeadMetrics& metrics, bool start_times)
    : fs_(fs),
      dir_(std::move(dir)),
      wal_options_(wal_options),
      cap_(static_cast<std::size_t>(cap)),
      index_(index),
      chunks_(chunks),
      files_(files),
      metrics_(metrics),
      start_times_(start_times) {}

OooCommit OooHead::NewCommit() const {
  return {store_, index_, cap_, {chunks_.xor2(), chunks_.started_histograms()}, start_times_};
}

Status OooHead::OpenLocked() {
  if (wbl_ != nullptr) return {};
  NX_ASSIGN_OR_RETURN(wbl_, wal::Wal::Open(fs_, dir_, wal_options_, metrics_.wbl));
  return {};
}

Status OooHead::Resume(bool has_window) {
  MutexLock lock(mutex_);
  if (!has_window) {
    if (!fs_.Exists(dir_)) return {};
    NX_ASSIGN_OR_RETURN(const auto segments, wal::ListSegments(fs_, dir_));
    if (segments.empty()) return {};
  }
  return OpenLocked();
}

bool OooHead::enabled() const {
  MutexLock lock(mutex_);
  return wbl_ != nullptr;
}

Status OooHead::Insert(std::span<const LateSample> samples, Inserted& inserted) {
  MutexLock lock(mutex_);
  NX_RETURN_IF_ERROR(OpenLocked());
  OooCommit commit = NewCommit();
  Inserted taken;
  for (const auto& [slot, sample] : samples) {
    if (!commit.Add(slot, sample)) continue;
    ++(sample.is_float() ? taken.floats : taken.histograms);
  }
  NX_RETURN_IF_ERROR(commit.WriteChunks(files_));
  if (auto status = wbl_->Log(commit.Records()); !status) {
    return Fail(std::move(status).error().Wrap("write WBL"));
  }
  commit.Apply(store_);
  metrics_.chunks_created.Add(commit.chunks_created());
  metrics_.mmap_chunks.Add(commit.chunks_written());
  inserted = taken;
  return {};
}

Status OooHead::CutPart(std::size_t part, ChunkPlace& last) {
  // A part at a time, so that no commit waits long.
  MutexLock lock(mutex_);
  OooCommit commit = NewCommit();
  OooSeries all;
  for (const SeriesSlot slot : store_.Slots(part)) {
    store_.Load(slot, model::kMinTime, model::kMaxTime, all);
    for (const auto& chunk : all.full) {
      if (NoLater(last, chunk.place)) last = chunk.place;
    }
    if (!all.open.empty()) commit.Cut(slot);
  }
  NX_RETURN_IF_ERROR(commit.WriteChunks(files_));
  // No markers: the WBL has them no more when this is in blocks. Until then its older segments
  // have the samples themselves.
  commit.Apply(store_);
  metrics_.chunks_created.Add(commit.chunks_created());
  metrics_.mmap_chunks.Add(commit.chunks_written());
  if (NoLater(last, commit.last_place())) last = commit.last_place();
  return {};
}

Result<OooHead::Boundary> OooHead::CutAll() {
  Boundary boundary;
  {
    MutexLock lock(mutex_);
    NX_RETURN_IF_ERROR(OpenLocked());
    NX_ASSIGN_OR_RETURN(boundary.wbl_segment, wbl_->NextSegment());
  }
  for (std::size_t part = 0; part < OooStore::kParts; ++part) {
    NX_RETURN_IF_ERROR(CutPart(part, boundary.last));
  }
  return boundary;
}

void OooHead::Drop(const Boundary& boundary) {
  std::size_t dropped = 0;
  for (std::size_t part = 0; part < OooStore::kParts; ++part) {
    MutexLock lock(mutex_);
    for (const SeriesSlot slot : store_.Drop(part, boundary.last, dropped)) {
      MemSeries& series = index_.At(slot);
      SeriesLock series_lock(series);
      series.out_of_order = false;
    }
  }
  store_.NarrowTimes();
  metrics_.chunks_removed.Add(dropped);
  MutexLock lock(mutex_);
  metrics_.wbl_truncations.Add();
  if (auto status = wbl_->TruncateBefore(boundary.wbl_segment); !status) {
    // What they have is in blocks: read again it does no harm, and the next compaction tries again.
    metrics_.wbl_truncations_failed.Add();
    log::Error("Removing old WBL segments failed", {{"err", status.error().message()}});
  }
}

Status OooHead::Sync() {
  std::shared_ptr<wal::Wal> wbl;
  {
    MutexLock lock(mutex_);
    wbl = wbl_;
  }
  return wbl == nullptr ? Status() : wbl->Sync();
}

Status OooHead::Close() {
  MutexLock lock(mutex_);
  return wbl_ == nullptr ? Status() : wbl_->Close();
}

std::size_t OooHead::held_bytes() const {
  MutexLock lock(mutex_);
  return wbl_ == nullptr ? 0 : wbl_->held_bytes();
}

}  // namespace narthex::tsdb
