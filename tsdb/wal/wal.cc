// SPDX-License-Identifier: Apache-2.0
#include "tsdb/wal/wal.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "narthex/base/coding.h"
#include "narthex/base/crc32c.h"
#include "narthex/base/log.h"

namespace narthex::tsdb::wal {

// Shared, so that a sync can run without the log's lock while the segment ends.
struct Wal::Segment {
  std::unique_ptr<WritableFile> file;
  Mutex sync_mutex;  // Held while syncing and closing, which may meet.
  bool closed NX_GUARDED_BY(sync_mutex) = false;

  Status Sync(bool close) {
    MutexLock lock(sync_mutex);
    if (closed) return {};
    NX_RETURN_IF_ERROR(file->Sync());
    if (!close) return {};
    closed = true;
    return file->Close();
  }
};

Wal::Wal(Fs& fs, std::string dir, const WalOptions& options, WalMetrics metrics)
    : fs_(fs),
      dir_(std::move(dir)),
      options_(options),
      metrics_(metrics),
      compressor_(options.compression) {}

Wal::~Wal() {
  if (auto status = Close(); !status) {
    log::Error("Closing the log failed", {{"dir", dir_}, {"err", status.error().message()}});
  }
}

Result<std::unique_ptr<Wal>> Wal::Open(Fs& fs, std::string dir, const WalOptions& options,
                                       WalMetrics metrics, int first) {
  if (options.segment_bytes == 0 || options.segment_bytes % kPageBytes != 0) {
    return Fail(Code::kInvalidArgument, "invalid segment size");
  }
  NX_RETURN_IF_ERROR(fs.CreateDirs(dir));
  NX_ASSIGN_OR_RETURN(const auto segments, ListSegments(fs, dir));
  std::unique_ptr<Wal> wal(new Wal(fs, std::move(dir), options, metrics));
  MutexLock lock(wal->mutex_);
  NX_RETURN_IF_ERROR(wal->OpenSegment(segments.empty() ? first : segments.back() + 1));
  return wal;
}

Status Wal::OpenSegment(int number) {
  auto segment = std::make_shared<Segment>();
  NX_ASSIGN_OR_RETURN(segment->file,
                      fs_.OpenWritable(SegmentPath(dir_, number), OpenMode::kCreate));
  segment_ = std::move(segment);
  number_ = number;
  written_ = 0;
  pending_.clear();
  progress_->Publish({number, 0});
  if (metrics_.current_segment != nullptr) metrics_.current_segment->Set(number);
  return {};
}

// After a segment ended and the next could not be created (full disk), every call tries again.
Status Wal::EnsureSegment() {
  if (closed_) return Fail(Code::kUnavailable, "the WAL is closed");
  if (segment_ == nullptr) return OpenSegment(number_ + 1);
  return CutBack();
}

std::uint64_t Wal::position() const { return written_ + pending_.size(); }

void Wal::PadPage() {
  const std::uint64_t in_page = position() % kPageBytes;
  if (in_page == 0) return;
  pending_.append(kPageBytes - in_page, '\0');
  if (metrics_.completed_pages != nullptr) metrics_.completed_pages->Add();
}

bool Wal::Fits(std::size_t record_bytes) const {
  const std::uint64_t left = options_.segment_bytes - std::min(position(), options_.segment_bytes);
  const std::uint64_t in_page = left % kPageBytes;
  const std::uint64_t payload =
      left / kPageBytes * kMaxFragmentBytes + (in_page > kHeaderBytes ? in_page - kHeaderBytes : 0);
  return record_bytes <= payload;
}

void Wal::AddRecord(ByteSpan record, std::uint8_t flag) {
  for (bool first = true; first || !record.empty(); first = false) {
    std::uint64_t left = kPageBytes - position() % kPageBytes;
    if (left < kHeaderBytes) {
      PadPage();
      left = kPageBytes;
    }
    const auto part = record.first(std::min<std::size_t>(record.size(), left - kHeaderBytes));
    record = record.subspan(part.size());
    const auto type = record.empty() ? (first ? FragmentType::kFull : FragmentType::kLast)
                                     : (first ? FragmentType::kFirst : FragmentType::kMiddle);
    std::uint8_t header[kHeaderBytes];
    header[0] = static_cast<std::uint8_t>(static_cast<std::uint8_t>(type) | flag);
    StoreBe16(header + 1, static_cast<std::uint16_t>(part.size()));
    StoreBe32(header + 3, Crc32c(part));
    pending_.append(reinterpret_cast<const char*>(header), kHeaderBytes);
    pending_.append(AsText(part));
    if (metrics_.record_parts != nullptr) metrics_.record_parts->Add();
  }
}

Status Wal::CutBack() {
  if (!dirty_tail_) return {};
  NX_RETURN_IF_ERROR(segment_->file->Truncate(written_));
  dirty_tail_ = false;
  return {};
}

Status Wal::Flush() {
  if (pending_.empty()) return {};
  // WriteAt, not Append: after a failed write the end of the file is not where ours is.
  if (auto status = segment_->file->WriteAt(written_, AsBytes(pending_)); !status) {
    if (metrics_.writes_failed != nullptr) metrics_.writes_failed->Add();
    dirty_tail_ = true;
    pending_.clear();
    if (auto cut = CutBack(); !cut) {
      log::Error("Cutting a failed write off the log failed",
                 {{"segment", number_}, {"err", cut.error().message()}});
    }
    return Fail(std::move(status).error().Wrap("write WAL"));
  }
  written_ += pending_.size();
  progress_->Publish({number_, written_});
  if (metrics_.bytes_written != nullptr) metrics_.bytes_written->Add(pending_.size());
  if (metrics_.page_flushes != nullptr) metrics_.page_flushes->Add();
  pending_.clear();
  return {};
}

Status Wal::Log(std::span<const std::string> records) {
  MutexLock lock(mutex_);
  NX_RETURN_IF_ERROR(EnsureSegment());
  // A set that ends in the next segment begins there, so that a failed write takes all of it back.
  std::size_t bound = 0;
  for (const auto& record : records) bound += record.size() + 2 * kHeaderBytes;
  if (!Fits(bound) && position() > 0) {
    NX_RETURN_IF_ERROR(EndSegment());
    NX_RETURN_IF_ERROR(EnsureSegment());
  }
  for (const auto& record : records) {
    if (record.empty()) continue;
    std::uint8_t flag = 0;
    const ByteSpan stored = compressor_.Compress(AsBytes(record), flag);
    if (metrics_.bytes_saved != nullptr) metrics_.bytes_saved->Add(record.size() - stored.size());
    if (!Fits(stored.size()) && position() > 0) {
      NX_RETURN_IF_ERROR(EndSegment());
      NX_RETURN_IF_ERROR(EnsureSegment());
    }
    AddRecord(stored, flag);
  }
  return Flush();
}

Status Wal::EndSegment() {
  PadPage();
  NX_RETURN_IF_ERROR(Flush());
  // The sync is left to Sync(), so that no append waits for it; but only one segment may wait.
  for (const auto& earlier : ended_) NX_RETURN_IF_ERROR(earlier->Sync(true));
  ended_.clear();
  ended_.push_back(std::move(segment_));
  segment_ = nullptr;
  return {};
}

Result<int> Wal::NextSegment() {
  MutexLock lock(mutex_);
  NX_RETURN_IF_ERROR(EnsureSegment());
  NX_RETURN_IF_ERROR(EndSegment());
  NX_RETURN_IF_ERROR(EnsureSegment());
  return number_;
}

Status Wal::Sync() {
  std::shared_ptr<Segment> segment;
  std::vector<std::shared_ptr<Segment>> ended;
  {
    MutexLock lock(mutex_);
    segment = segment_;
    ended.swap(ended_);
  }
  const auto start = std::chrono::steady_clock::now();
  Status result;
  for (const auto& earlier : ended) {
    if (auto status = earlier->Sync(true); !status) result = std::move(status);
  }
  if (segment != nullptr) {
    if (auto status = segment->Sync(false); !status) result = std::move(status);
  }
  if (metrics_.fsync_seconds != nullptr) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    metrics_.fsync_seconds->Observe(took.count());
  }
  return result;
}

Status Wal::Close() {
  MutexLock lock(mutex_);
  if (closed_) return {};
  Status result;
  if (segment_ != nullptr) {
    result = CutBack();
    if (result) result = EndSegment();
  }
  for (const auto& segment : ended_) {
    if (auto status = segment->Sync(true); !status) result = std::move(status);
  }
  ended_.clear();
  segment_ = nullptr;
  closed_ = true;
  return result;
}

Status Wal::TruncateBefore(int number) {
  NX_ASSIGN_OR_RETURN(const auto segments, ListSegments(fs_, dir_));
  for (const int segment : segments) {
    if (segment >= number) break;
    NX_RETURN_IF_ERROR(fs_.Remove(SegmentPath(dir_, segment)));
  }
  return {};
}

std::size_t Wal::held_bytes() const {
  MutexLock lock(mutex_);
  return pending_.capacity() + compressor_.held_bytes();
}

int Wal::current_segment() const {
  MutexLock lock(mutex_);
  return number_;
}

}  // namespace narthex::tsdb::wal
