// SPDX-License-Identifier: Apache-2.0
#include <utility>
#include <vector>

#include "narthex/base/log.h"
#include "narthex/tsdb/wal_tail.h"
#include "tsdb/wal/live_reader.h"
#include "tsdb/wal/segment.h"

namespace narthex::tsdb {

using wal::LiveReader;
using Step = LiveReader::Step;

struct WalTail::Impl {
  Impl(Fs& file_system, std::string log_dir, std::shared_ptr<const WalProgress> how_far)
      : fs(file_system), dir(std::move(log_dir)), progress(std::move(how_far)) {}

  Status Open();
  Status Begin();
  Status BeginCheckpoint(int number);
  // Opens the file whose turn it is. @return false when it is not there
  Result<bool> OpenSegment();
  Result<bool> OpenCheckpointSegment();
  Result<TailStep> NextLive();
  Result<TailStep> MissingSegment();
  // How much of the segment may be read, and whether more can come.
  std::uint64_t Limit(bool& whole) const;
  void ReportDamage(const std::string& folder, int number);

  Fs& fs;
  const std::string dir;
  const std::shared_ptr<const WalProgress> progress;

  int checkpoint = -1;                   // The last segment that it covers; -1 = there is none.
  std::vector<int> checkpoint_segments;  // Those that were not read yet, falling.
  int checkpoint_segment = 0;            // Of the reader.
  bool in_checkpoint = false;
  WalPosition samples_from;
  int first_segment = 0;
  int segment = 0;  // Of the reader, or whose turn it is.
  std::unique_ptr<LiveReader> reader;
  int seen_checkpoint = -1;
  int reported = -1;  // The last segment whose damage was logged while it was written to.
  std::uint64_t damaged = 0;
};

Status WalTail::Impl::Open() {
  for (int tries = 0;; ++tries) {
    NX_RETURN_IF_ERROR(Begin());
    if (first_segment == checkpoint + 1 || tries == 3) return {};
    // Segments are missing in front: a new checkpoint may have come between the two looks.
    NX_ASSIGN_OR_RETURN(const auto checkpoints, wal::ListCheckpoints(fs, dir));
    if (checkpoints.empty() || checkpoints.back() == checkpoint) return {};
  }
}

Status WalTail::Impl::Begin() {
  reader = nullptr;
  in_checkpoint = false;
  checkpoint = -1;
  checkpoint_segments.clear();
  NX_ASSIGN_OR_RETURN(const auto checkpoints, wal::ListCheckpoints(fs, dir));
  if (!checkpoints.empty()) NX_RETURN_IF_ERROR(BeginCheckpoint(checkpoints.back()));
  NX_ASSIGN_OR_RETURN(const auto segments, wal::ListSegments(fs, dir));
  segment = checkpoint + 1;
  for (const int number : segments) {
    if (number <= checkpoint) continue;
    segment = number;
    break;
  }
  first_segment = segment;
  return {};
}

Status WalTail::Impl::BeginCheckpoint(int number) {
  NX_ASSIGN_OR_RETURN(const auto segments, wal::ListSegments(fs, wal::CheckpointPath(dir, number)));
  checkpoint_segments.assign(segments.rbegin(), segments.rend());
  checkpoint = seen_checkpoint = number;
  in_checkpoint = true;
  return {};
}

void WalTail::Impl::ReportDamage(const std::string& folder, int number) {
  ++damaged;
  log::Error("Damaged WAL segment, the rest of it is not followed",
             {{"segment", wal::SegmentPath(folder, number)},
              {"offset", reader->offset()},
              {"err", reader->reason()}});
}

Result<bool> WalTail::Impl::OpenCheckpointSegment() {
  if (checkpoint_segments.empty()) return false;
  checkpoint_segment = checkpoint_segments.back();
  checkpoint_segments.pop_back();
  NX_ASSIGN_OR_RETURN(auto file, fs.OpenReadable(wal::SegmentPath(
                                     wal::CheckpointPath(dir, checkpoint), checkpoint_segment)));
  reader = std::make_unique<LiveReader>(std::move(file));
  return true;
}

Result<bool> WalTail::Impl::OpenSegment() {
  auto file = fs.OpenReadable(wal::SegmentPath(dir, segment));
  if (!file) {
    if (file.error().code() == Code::kNotFound) return false;
    return Fail(std::move(file).error());
  }
  reader = std::make_unique<LiveReader>(std::move(*file));
  return true;
}

std::uint64_t WalTail::Impl::Limit(bool& whole) const {
  if (progress != nullptr) {
    const WalPosition written = progress->written();
    whole = segment < written.segment;
    if (segment == written.segment) return written.offset;
    return whole ? reader->size() : 0;
  }
  // In this order: what was written before the next segment began is seen then.
  whole = fs.Exists(wal::SegmentPath(dir, segment + 1));
  return reader->size();
}

// The file is not there: it was never written, or a checkpoint took its place.
Result<TailStep> WalTail::Impl::MissingSegment() {
  NX_ASSIGN_OR_RETURN(const auto segments, wal::ListSegments(fs, dir));
  if (segments.empty() || segments.back() < segment) return TailStep::kCaughtUp;
  if (segments.front() <= segment) return TailStep::kCaughtUp;  // Come in the meantime.
  NX_RETURN_IF_ERROR(Open());
  return TailStep::kGap;
}

Result<TailStep> WalTail::Impl::NextLive() {
  for (;;) {
    if (reader == nullptr) {
      NX_ASSIGN_OR_RETURN(const bool opened, OpenSegment());
      if (!opened) return MissingSegment();
    }
    bool whole = false;
    const std::uint64_t limit = Limit(whole);
    // A segment that has both goes record by record.
    const bool skip = segment < samples_from.segment;
    const Step step = reader->Next(limit, whole, skip);
    if (step == Step::kRecord) return TailStep::kRecord;
    if (!whole) {
      // Without a writer's word the bytes may be on their way.
      if (step == Step::kBad && progress != nullptr && reported != segment) {
        reported = segment;
        ReportDamage(dir, segment);
      }
      return TailStep::kCaughtUp;
    }
    if (step == Step::kBad && reported != segment) ReportDamage(dir, segment);
    reader = nullptr;
    ++segment;
  }
}

WalTail::WalTail(Fs& fs, std::string dir, std::shared_ptr<const WalProgress> progress)
    : impl_(std::make_unique<Impl>(fs, std::move(dir), std::move(progress))) {}
WalTail::~WalTail() = default;

Status WalTail::Open(WalPosition samples_from) {
  impl_->samples_from = samples_from;
  return impl_->Open();
}

Result<TailStep> WalTail::Next() {
  Impl& tail = *impl_;
  while (tail.in_checkpoint) {
    if (tail.reader == nullptr) {
      NX_ASSIGN_OR_RETURN(tail.in_checkpoint, tail.OpenCheckpointSegment());
      continue;
    }
    const Step step = tail.reader->Next(tail.reader->size(), true, true);
    if (step == Step::kRecord) return TailStep::kRecord;
    if (step == Step::kBad) {
      tail.ReportDamage(wal::CheckpointPath(tail.dir, tail.checkpoint), tail.checkpoint_segment);
    }
    tail.reader = nullptr;
  }
  return tail.NextLive();
}

ByteSpan WalTail::record() const { return impl_->reader->record(); }
bool WalTail::in_checkpoint() const { return impl_->in_checkpoint; }

WalPosition WalTail::position() const {
  if (impl_->in_checkpoint) return {impl_->checkpoint, 0};
  return {impl_->segment, impl_->reader->record_offset()};
}

WalPosition WalTail::next_position() const {
  if (impl_->in_checkpoint || impl_->reader == nullptr) return {impl_->segment, 0};
  return {impl_->segment, impl_->reader->offset()};
}

int WalTail::first_segment() const { return impl_->first_segment; }
std::uint64_t WalTail::num_damaged() const { return impl_->damaged; }

Result<WalPosition> WalTail::End() const {
  if (impl_->progress != nullptr) return impl_->progress->written();
  NX_ASSIGN_OR_RETURN(const auto segments, wal::ListSegments(impl_->fs, impl_->dir));
  if (segments.empty()) return WalPosition{};
  NX_ASSIGN_OR_RETURN(const std::uint64_t size,
                      impl_->fs.FileSize(wal::SegmentPath(impl_->dir, segments.back())));
  return WalPosition{segments.back(), size};
}

Result<std::optional<int>> WalTail::VisitNewCheckpoint(
    const std::function<void(int, std::span<const wal::WalRef>)>& visit) {
  Impl& tail = *impl_;
  NX_ASSIGN_OR_RETURN(const auto checkpoints, wal::ListCheckpoints(tail.fs, tail.dir));
  if (checkpoints.empty() || checkpoints.back() <= tail.seen_checkpoint) return std::nullopt;
  const int number = checkpoints.back();
  // One that covers what was not read yet says nothing about what is still needed.
  if (number >= tail.segment) return std::nullopt;
  const std::string dir = wal::CheckpointPath(tail.dir, number);
  NX_ASSIGN_OR_RETURN(const auto segments, wal::ListSegments(tail.fs, dir));
  std::vector<wal::WalRef> refs;
  for (const int segment : segments) {
    NX_ASSIGN_OR_RETURN(auto file, tail.fs.OpenReadable(wal::SegmentPath(dir, segment)));
    LiveReader reader(std::move(file));
    for (;;) {
      const Step step = reader.Next(reader.size(), true);
      if (step == Step::kBad) return Fail(Code::kCorruption, reader.reason());
      if (step == Step::kEnd) break;
      if (wal::TypeOf(reader.record()) != wal::RecordType::kSeries) continue;
      refs.clear();
      NX_RETURN_IF_ERROR(wal::DecodeSeriesRefs(reader.record(), refs));
      visit(number, refs);
    }
  }
  tail.seen_checkpoint = number;
  return number;
}

std::size_t WalTail::held_bytes() const {
  return impl_->reader == nullptr ? 0 : impl_->reader->held_bytes();
}

}  // namespace narthex::tsdb
