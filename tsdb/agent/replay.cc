// SPDX-License-Identifier: Apache-2.0
#include "tsdb/agent/replay.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include "narthex/base/log.h"
#include "tsdb/head/ref_map.h"
#include "tsdb/head/stopwatch.h"
#include "tsdb/wal/checkpoint.h"
#include "tsdb/wal/reader.h"

namespace narthex::tsdb {
namespace {

using wal::RecordType;
using wal::WalRef;

class AgentReplay {
 public:
  explicit AgentReplay(AgentState& state) : state_(state) {}

  Status Run();
  ReplayedLog Take() { return std::move(log_); }

 private:
  Status ReadCheckpoint(int number);
  Status ReadSegments(int first, int last);
  // @param origin  the segment that records count to when they are a checkpoint's; else none
  Status ReadFolder(const std::string& dir, int first, int last, std::optional<int> origin,
                    std::optional<wal::Corruption>& corruption);
  Status DecodeRecord(ByteSpan record);
  Status DecodeSeries(ByteSpan record);
  Status DecodeSamples(ByteSpan record);
  template <typename Entry, typename Decode>
  Status DecodeHistograms(ByteSpan record, Decode decode);
  void NoteSample(WalRef ref, model::TimestampMs t);

  AgentState& state_;
  ReplayedLog log_;
  model::TimestampMs newest_ = model::kMinTime;  // Of the samples so far.
  RefMap slots_;
  int segment_ = 0;  // Where the record is, or what its checkpoint covers.
  absl::flat_hash_set<WalRef> unknown_;
  std::vector<wal::SeriesEntry> series_;
  std::vector<wal::SampleEntry> samples_;
};

Status AgentReplay::DecodeSeries(ByteSpan record) {
  series_.clear();
  NX_RETURN_IF_ERROR(wal::DecodeSeries(record, series_));
  for (auto& [ref, labels] : series_) {
    if (slots_.Get(ref) != 0) continue;
    const auto [slot, created] = state_.index.GetOrCreateLogged(labels, ref);
    slots_.Set(ref, slot);
    if (created) {
      state_.metrics.active_series.Add(1);
      continue;
    }
    // A second number of a series: its record is needed as long as the log has samples under it.
    log_.deleted[ref] = {
        segment_, state_.options.checkpoint_from_memory ? std::move(labels) : model::Labels()};
  }
  return {};
}

void AgentReplay::NoteSample(WalRef ref, model::TimestampMs t) {
  newest_ = std::max(newest_, t);
  const SeriesSlot slot = slots_.Get(ref);
  if (slot == 0) [[unlikely]] {
    unknown_.insert(ref);
    state_.index.NoteRef(ref);  // So that nobody else gets it.
    return;
  }
  AgentSeries& series = state_.index.At(slot);
  series.last_t = std::max(series.last_t, t);
  if (series.ref == ref) [[likely]]
    return;
  log_.deleted[ref].last_segment = std::max(log_.deleted[ref].last_segment, segment_);
}

Status AgentReplay::DecodeSamples(ByteSpan record) {
  samples_.clear();
  NX_RETURN_IF_ERROR(wal::DecodeSamples(record, samples_));
  for (const auto& [ref, t, v] : samples_) NoteSample(ref, t);
  return {};
}

template <typename Entry, typename Decode>
Status AgentReplay::DecodeHistograms(ByteSpan record, Decode decode) {
  std::vector<Entry> entries;
  NX_RETURN_IF_ERROR(decode(record, entries));
  for (const auto& entry : entries) NoteSample(entry.ref, entry.t);
  return {};
}

Status AgentReplay::DecodeRecord(ByteSpan record) {
  switch (wal::TypeOf(record)) {
    case RecordType::kSeries:
      return DecodeSeries(record);
    case RecordType::kSamples:
    case RecordType::kSamplesV2:
      return DecodeSamples(record);
    case RecordType::kHistograms:
    case RecordType::kCustomHistograms:
    case RecordType::kHistogramsV2:
      return DecodeHistograms<wal::HistogramEntry>(record, wal::DecodeHistograms);
    case RecordType::kFloatHistograms:
    case RecordType::kCustomFloatHistograms:
    case RecordType::kFloatHistogramsV2:
      return DecodeHistograms<wal::FloatHistogramEntry>(record, wal::DecodeFloatHistograms);
    case RecordType::kUnknown:
      if (record.empty()) return {};
      return Fail(Code::kCorruption, fmt::format("invalid record type {}", record[0]));
    default:
      return {};  // Nothing is kept of exemplars, deletions and metadata.
  }
}

Status AgentReplay::ReadFolder(const std::string& dir, int first, int last,
                               std::optional<int> origin,
                               std::optional<wal::Corruption>& corruption) {
  wal::LogReader reader(state_.fs, dir, first, last);
  while (reader.Next()) {
    const int segment = origin.value_or(reader.segment());
    if (segment != segment_) log_.segments.push_back({segment_, newest_});
    segment_ = segment;
    // Its checksum was right, so this is no damage of the disk; what it says can't be told.
    if (auto status = DecodeRecord(reader.record()); !status) {
      state_.metrics.corruptions.Add();
      log::Warn("Passing over a WAL record",
                {{"segment", reader.segment()}, {"err", status.error().message()}});
    }
  }
  corruption = reader.corruption();
  return reader.status();
}

Status AgentReplay::ReadCheckpoint(int number) {
  const std::string dir = wal::CheckpointPath(state_.wal_dir, number);
  NX_ASSIGN_OR_RETURN(const auto segments, wal::ListSegments(state_.fs, dir));
  if (segments.empty()) return {};
  std::optional<wal::Corruption> corruption;
  NX_RETURN_IF_ERROR(ReadFolder(dir, segments.front(), segments.back(), number, corruption));
  if (!corruption) return {};
  state_.metrics.corruptions.Add();
  return Fail(Code::kCorruption,
              fmt::format("{}; a checkpoint can't be repaired without losing series: restore it "
                          "from a backup, or move it away to start without it",
                          corruption->ToString()));
}

Status AgentReplay::ReadSegments(int first, int last) {
  for (int from = first; from <= last;) {
    std::optional<wal::Corruption> corruption;
    NX_RETURN_IF_ERROR(ReadFolder(state_.wal_dir, from, last, std::nullopt, corruption));
    if (!corruption) break;
    state_.metrics.corruptions.Add();
    NX_ASSIGN_OR_RETURN(const std::uint64_t lost,
                        wal::RepairSegment(state_.fs, *corruption, state_.wal_options));
    log::Warn("WAL segment repaired",
              {{"segment", corruption->segment}, {"lost_bytes_at_most", lost}});
    from = corruption->segment + 1;
  }
  return {};
}

Status AgentReplay::Run() {
  const Stopwatch stopwatch;
  log::Info("replaying WAL, this may take a while", {{"dir", state_.wal_dir}});
  NX_RETURN_IF_ERROR(state_.fs.CreateDirs(state_.wal_dir));
  NX_RETURN_IF_ERROR(wal::RemoveUnfinishedCheckpoints(state_.fs, state_.wal_dir));
  NX_ASSIGN_OR_RETURN(const auto checkpoints, wal::ListCheckpoints(state_.fs, state_.wal_dir));
  NX_ASSIGN_OR_RETURN(const auto segments, wal::ListSegments(state_.fs, state_.wal_dir));
  int first = 0;
  if (!checkpoints.empty()) {
    segment_ = checkpoints.back();
    NX_RETURN_IF_ERROR(ReadCheckpoint(checkpoints.back()));
    first = checkpoints.back() + 1;
  }
  if (!segments.empty()) {
    if (segments.front() > first) {
      state_.metrics.corruptions.Add();
      log::Warn("WAL segments are missing",
                {{"first_wanted", first}, {"first_found", segments.front()}});
    }
    NX_RETURN_IF_ERROR(ReadSegments(std::max(first, segments.front()), segments.back()));
  }
  if (!segments.empty()) log_.segments.push_back({segments.back(), newest_});
  if (!unknown_.empty()) {
    log::Warn("found sample referencing non-existing series",
              {{"skipped_series", unknown_.size()}});
  }
  NX_ASSIGN_OR_RETURN(state_.wal, wal::Wal::Open(state_.fs, state_.wal_dir, state_.wal_options,
                                                 state_.metrics.wal, first));
  state_.metrics.replay_seconds.Set(stopwatch.seconds());
  log::Info("WAL replay completed", {{"series", state_.index.num_series()},
                                     {"segments", segments.size()},
                                     {"duration", fmt::format("{:.3f}s", stopwatch.seconds())}});
  return {};
}

}  // namespace

Result<ReplayedLog> ReplayAgentLog(AgentState& state) {
  AgentReplay replay(state);
  NX_RETURN_IF_ERROR(replay.Run());
  return replay.Take();
}

}  // namespace narthex::tsdb
