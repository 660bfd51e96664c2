// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/replay.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include "narthex/base/log.h"
#include "narthex/base/thread_pool.h"
#include "tsdb/head/found_chunks.h"
#include "tsdb/head/invalid_histograms.h"
#include "tsdb/head/ooo_replay.h"
#include "tsdb/head/ref_map.h"
#include "tsdb/head/replay_postings.h"
#include "tsdb/head/replay_queue.h"
#include "tsdb/head/replay_shard.h"
#include "tsdb/wal/reader.h"

namespace narthex::tsdb {
namespace {

using model::TimestampMs;
using wal::RecordType;
using wal::WalRef;

// Six batches exist at a time, and replay must not take more memory than the server had.
constexpr std::size_t kBatchBytes = 256 << 10;
constexpr std::size_t kBatchesInFlight = 4;

// Records on their way from the reading thread to the decoding one.
struct RecordBatch {
  std::string bytes;
  std::vector<std::size_t> ends;  // Of each record in bytes.
  int segment = 0;
};

class Replay {
 public:
  Replay(HeadState& head, TimestampMs min_valid_time, ReplayCursor& progress,
         absl::flat_hash_map<WalRef, TimestampMs>& extra_refs)
      : head_(head),
        min_valid_time_(min_valid_time),
        progress_(progress),
        extra_refs_(extra_refs),
        postings_(head.index) {}

  Status Run();

 private:
  Status ReadCheckpoint(int number);
  Status ReadSegments(int first, int last);
  /// Reads a folder's segments in one thread while this one decodes.
  Status ReadFolder(const std::string& dir, int first, int last,
                    std::optional<wal::Corruption>& corruption);
  void DecodeBatch(const RecordBatch& batch);
  Status DecodeRecord(ByteSpan record);
  Status DecodeSeries(ByteSpan record);
  Status DecodeSamples(ByteSpan record);
  Status DecodeExemplars(ByteSpan record);
  Status DecodeTombstones(ByteSpan record);
  Status DecodeMetadata(ByteSpan record);
  void Renumber(SeriesSlot slot, WalRef ref);
  void DropSamples(SeriesSlot slot);
  void RemoveEmptied();
  template <typename Entry, typename Decode>
  Status DecodeHistograms(ByteSpan record, Decode decode);
  ReplayShard& ShardOf(SeriesSlot slot) { return *shards_[slot % shards_.size()]; }
  void Attach(SeriesSlot slot, WalRef ref);
  void AttachAgain(SeriesSlot slot, WalRef ref);
  void Take(MemSeries& series, std::span<const FoundChunk> chunks);
  void DropChunks(MemSeries& series);
  SeriesSlot SlotOf(WalRef ref, const char* type);
  void ReportUnknown();

  HeadState& head_;
  const TimestampMs min_valid_time_;
  ReplayCursor& progress_;
  absl::flat_hash_map<WalRef, TimestampMs>& extra_refs_;
  RefMap slots_;
  absl::flat_hash_set<SeriesSlot> emptied_;  // Left the head early; nothing came after that.
  // The numbers of series that have had several, the newest last.
  absl::flat_hash_map<SeriesSlot, std::vector<WalRef>> numbers_;
  FoundChunks found_;
  std::vector<std::unique_ptr<ReplayShard>> shards_;
  ReplayPostings postings_;
  std::vector<wal::SeriesEntry> series_entries_;
  std::vector<HeadIndex::Found> found_series_;
  std::vector<wal::SampleEntry> sample_entries_;
  storage::StartTimes sample_starts_;  // Of sample_entries_.
  std::vector<wal::ExemplarEntry> exemplar_entries_;
  InvalidHistograms invalid_;
  absl::flat_hash_set<WalRef> unknown_refs_;
  std::map<std::string_view, std::uint64_t> unknown_records_;  // By type, as the metric has it.
};

// Chunks of one series ascend; what a chunk repeats is passed over. One that begins within another
// and ends after it was written by a process that did not have the other: from there on the log
// says what there is.
void Replay::Take(MemSeries& series, std::span<const FoundChunk> chunks) {
  for (const auto& chunk : chunks) {
    if (series.has_samples() && chunk.mint <= series.xor_state.t) {
      if (chunk.maxt <= series.xor_state.t) continue;
      break;
    }
    head_.chunks.CutOpen(series);
    head_.chunks.AddFull(series, {chunk.file, chunk.offset, CoarseSeconds(chunk.maxt)});
    series.xor_state.t = chunk.maxt;
    series.encoding = static_cast<Encoding>(chunk.encoding);
    head_.WidenTimes(chunk.mint, chunk.maxt);
    head_.metrics.chunks_created.Add();
  }
}

// Gives a new series the chunks of its number.
void Replay::Attach(SeriesSlot slot, WalRef ref) {
  const auto chunks = found_.Of(ref);
  if (chunks.empty()) return;
  MemSeries& series = head_.index.At(slot);
  SeriesLock lock(series);
  Take(series, chunks);
}

// Gives a series the chunks of one more number. They follow those of its other numbers, but where a
// program has gone on with an old number after the new one: then the chunks of all of them are put
// in the order of time. Samples from the log that are dropped for that came before the series had
// its new number, so it had left the head by then, with all of them in blocks.
void Replay::AttachAgain(SeriesSlot slot, WalRef ref) {
  const auto chunks = found_.Of(ref);
  if (chunks.empty()) return;
  ShardOf(slot).Drain();
  MemSeries& series = head_.index.At(slot);
  SeriesLock lock(series);
  if (!series.has_samples() || chunks.front().mint > series.xor_state.t) {
    Take(series, chunks);
    return;
  }
  std::vector<FoundChunk> all;
  for (const WalRef number : numbers_[slot]) {
    const auto more = found_.Of(number);
    all.insert(all.end(), more.begin(), more.end());
  }
  // Of chunks that begin together the longest says most.
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.mint != b.mint ? a.mint < b.mint : a.maxt > b.maxt;
  });
  DropChunks(series);
  Take(series, all);
}

void Replay::DropChunks(MemSeries& series) {
  const std::size_t full = head_.chunks.FullChunks(series).size();
  head_.metrics.chunks_removed.Add(full + static_cast<std::size_t>(series.has_open_chunk()));
  head_.chunks.DropFull(series, full);
  head_.chunks.DropOpen(series);
}

SeriesSlot Replay::SlotOf(WalRef ref, const char* type) {
  const SeriesSlot slot = slots_.Get(ref);
  if (slot == 0) [[unlikely]] {
    ++unknown_records_[type];
    unknown_refs_.insert(ref);
    head_.index.NoteWalRef(ref);
  }
  return slot;
}

// Names what the log has for series that it does not name.
void Replay::ReportUnknown() {
  if (unknown_refs_.empty()) return;
  unknown_records_["series"] = unknown_refs_.size();
  std::string text;
  for (const auto& [type, count] : unknown_records_) {
    head_.metrics.AddUnknownRefs(type, count);
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, type);
  }
  log::Warn("Unknown series references", {{"records", text}});
}

Status Replay::DecodeSeries(ByteSpan record) {
  series_entries_.clear();
  NX_RETURN_IF_ERROR(wal::DecodeSeries(record, series_entries_));
  std::erase_if(series_entries_, [&](const auto& entry) { return slots_.Get(entry.ref) != 0; });
  head_.index.GetOrCreateLogged(series_entries_, found_series_);
  std::uint64_t num_created = 0;
  for (std::size_t i = 0; i < found_series_.size(); ++i) {
    const WalRef ref = series_entries_[i].ref;
    const auto [slot, created] = found_series_[i];
    slots_.Set(ref, slot);
    if (created) {
      ++num_created;
      Attach(slot, ref);
    } else {
      Renumber(slot, ref);
      AttachAgain(slot, ref);
    }
  }
  head_.metrics.series_created.Add(num_created);
  postings_.Offer(head_.index.end());
  return {};
}

Status Replay::DecodeSamples(ByteSpan record) {
  sample_entries_.clear();
  sample_starts_.clear();
  NX_RETURN_IF_ERROR(wal::DecodeSamples(record, sample_entries_, &sample_starts_));
  for (std::size_t i = 0; i < sample_entries_.size(); ++i) {
    const auto& [ref, t, v] = sample_entries_[i];
    if (t < min_valid_time_) continue;
    const SeriesSlot slot = SlotOf(ref, "samples");
    if (slot != 0) ShardOf(slot).Add({slot, t, v}, sample_starts_.At(i));
  }
  return {};
}

template <typename Entry, typename Decode>
Status Replay::DecodeHistograms(ByteSpan record, Decode decode) {
  std::vector<Entry> entries;
  NX_RETURN_IF_ERROR(decode(record, entries));
  for (auto& entry : entries) {
    if (entry.t < min_valid_time_ || !invalid_.Pass(entry.histogram, entry.t)) continue;
    if (const SeriesSlot slot = SlotOf(entry.ref, "histograms")) {
      ShardOf(slot).Add(slot, entry.t, std::move(entry.histogram), entry.start);
    }
  }
  return {};
}

Status Replay::DecodeExemplars(ByteSpan record) {
  if (!head_.exemplars.enabled()) return {};
  exemplar_entries_.clear();
  NX_RETURN_IF_ERROR(wal::DecodeExemplars(record, exemplar_entries_));
  for (const auto& [ref, exemplar] : exemplar_entries_) {
    if (exemplar.t < min_valid_time_) continue;
    if (const SeriesSlot slot = SlotOf(ref, "exemplars")) {
      (void)head_.exemplars.Add(head_.index.LabelsOf(slot), exemplar,
                                head_.out_of_order_window_ms.load());
    }
  }
  return {};
}

// The log calls a series that had left the head by another name when it comes back.
void Replay::Renumber(SeriesSlot slot, WalRef ref) {
  auto& numbers = numbers_[slot];
  MemSeries& series = head_.index.At(slot);
  if (emptied_.erase(slot) > 0) {
    numbers.clear();  // Their chunks are void.
  } else if (numbers.empty()) {
    numbers.push_back(series.wal_ref);
  }
  numbers.push_back(ref);
  extra_refs_[series.wal_ref] = model::kMaxTime;  // Until the times are known.
  head_.tombstones.Move(series.wal_ref, ref);
  // The log must have it under the new number, too.
  head_.metadata.Remove(series.wal_ref);
  SeriesLock lock(series);
  series.wal_ref = ref;
}

// The series was moved into a block of its own, as Prometheus does with stale ones.
void Replay::DropSamples(SeriesSlot slot) {
  ShardOf(slot).Drain();
  MemSeries& series = head_.index.At(slot);
  SeriesLock lock(series);
  DropChunks(series);
  if (series.has_tombstones) head_.tombstones.Remove(series.wal_ref);
  head_.metadata.Remove(series.wal_ref);
  series.has_tombstones = false;
  emptied_.insert(slot);
}

// What left the head and did not come back.
void Replay::RemoveEmptied() {
  const std::vector<SeriesSlot> slots(emptied_.begin(), emptied_.end());
  const std::size_t removed =
      head_.index.Unlink(slots, [this](WalRef ref) { extra_refs_[ref] = model::kMaxTime; });
  head_.metrics.series_removed.Add(removed);
  head_.index.Reclaim();
}

Status Replay::DecodeTombstones(ByteSpan record) {
  std::vector<wal::TombstoneEntry> entries;
  NX_RETURN_IF_ERROR(wal::DecodeTombstones(record, entries));
  for (const auto& [ref, mint, maxt] : entries) {
    head_.index.NoteWalRef(ref);
    const bool whole = mint == model::kMinTime && maxt == model::kMaxTime;
    // Late samples may be older than what the others are taken from; see Run.
    const bool old = maxt < min_valid_time_;
    const SeriesSlot slot = whole || old ? slots_.Get(ref) : SlotOf(ref, "tombstones");
    if (slot == 0) continue;
    if (whole) {
      DropSamples(slot);
    } else {
      head_.AddTombstone(slot, {mint, maxt});
    }
  }
  return {};
}

Status Replay::DecodeMetadata(ByteSpan record) {
  if (!head_.metadata.enabled()) return {};
  std::vector<wal::MetadataEntry> entries;
  NX_RETURN_IF_ERROR(wal::DecodeMetadata(record, entries));
  for (const auto& [ref, metadata] : entries) {
    const SeriesSlot slot = SlotOf(ref, "metadata");
    // What stands under an old number goes with it, so it is to be logged again.
    if (slot != 0 && head_.index.At(slot).wal_ref == ref) head_.metadata.Set(ref, metadata);
  }
  return {};
}

Status Replay::DecodeRecord(ByteSpan record) {
  switch (wal::TypeOf(record)) {
    case RecordType::kSeries:
      return DecodeSeries(record);
    case RecordType::kSamples:
    case RecordType::kSamplesV2:
      return DecodeSamples(record);
    case RecordType::kExemplars:
      return DecodeExemplars(record);
    case RecordType::kTombstones:
      return DecodeTombstones(record);
    case RecordType::kMetadata:
      return DecodeMetadata(record);
    case RecordType::kHistograms:
    case RecordType::kCustomHistograms:
    case RecordType::kHistogramsV2:
      return DecodeHistograms<wal::HistogramEntry>(record, wal::DecodeHistograms);
    case RecordType::kFloatHistograms:
    case RecordType::kCustomFloatHistograms:
    case RecordType::kFloatHistogramsV2:
      return DecodeHistograms<wal::FloatHistogramEntry>(record, wal::DecodeFloatHistograms);
    case RecordType::kUnknown:
      // Its checksum does not cover the bits that say how it is compressed.
      if (record.empty()) return {};
      return Fail(
          Code::kCorruption,
          fmt::format("unknown record type {}: written by a later version, or the header of "
                      "the record is damaged",
                      record[0]));
    default:
      return {};
  }
}

void Replay::DecodeBatch(const RecordBatch& batch) {
  const ByteSpan bytes = AsBytes(batch.bytes);
  std::size_t start = 0;
  for (const std::size_t end : batch.ends) {
    // Its checksum was right, so this is no damage of the disk; what it says can't be told.
    if (auto status = DecodeRecord(bytes.subspan(start, end - start)); !status) {
      head_.metrics.wal_corruptions.Add();
      log::Error("Passing over a WAL record",
                 {{"segment", batch.segment}, {"err", status.error().message()}});
    }
    start = end;
  }
}

Status Replay::ReadFolder(const std::string& dir, int first, int last,
                          std::optional<wal::Corruption>& corruption) {
  BoundedQueue<RecordBatch> queue(kBatchesInFlight);
  Status read_status;
  std::thread reading([&] {
    SetThreadName("replay-read");
    wal::LogReader reader(head_.fs, dir, first, last);
    RecordBatch batch;
    while (reader.Next()) {
      if (!batch.ends.empty() &&
          (batch.bytes.size() >= kBatchBytes || batch.segment != reader.segment())) {
        if (!queue.Push(std::exchange(batch, {}))) break;
      }
      if (batch.bytes.empty()) batch.bytes.reserve(kBatchBytes + kBatchBytes / 8);
      batch.segment = reader.segment();
      batch.bytes.append(AsText(reader.record()));
      batch.ends.push_back(batch.bytes.size());
    }
    queue.Push(std::move(batch));
    corruption = reader.corruption();
    read_status = reader.status();
    queue.Close();
  });
  while (const auto batch = queue.Pop()) {
    progress_.current = std::max(progress_.current.load(), batch->segment);
    DecodeBatch(*batch);
  }
  reading.join();
  return read_status;
}

Status Replay::ReadCheckpoint(int number) {
  const std::string dir = wal::CheckpointPath(JoinPath(head_.dir, "wal"), number);
  NX_ASSIGN_OR_RETURN(const auto segments, wal::ListSegments(head_.fs, dir));
  if (segments.empty()) return {};
  std::optional<wal::Corruption> corruption;
  NX_RETURN_IF_ERROR(ReadFolder(dir, segments.front(), segments.back(), corruption));
  if (!corruption) return {};
  head_.metrics.wal_corruptions.Add();
  return Fail(Code::kCorruption,
              fmt::format("{}; a checkpoint can't be repaired without losing series: restore it "
                          "from a backup, or move it away to start without it",
                          corruption->ToString()));
}

Status Replay::ReadSegments(int first, int last) {
  const std::string dir = JoinPath(head_.dir, "wal");
  for (int from = first; from <= last;) {
    std::optional<wal::Corruption> corruption;
    NX_RETURN_IF_ERROR(ReadFolder(dir, from, last, corruption));
    if (!corruption) break;
    head_.metrics.wal_corruptions.Add();
    if (!head_.options.repair_wal) return Fail(Code::kCorruption, corruption->ToString());
    NX_ASSIGN_OR_RETURN(const std::uint64_t lost,
                        wal::RepairSegment(head_.fs, *corruption, head_.options.wal));
    log::Warn("WAL segment repaired",
              {{"segment", corruption->segment}, {"lost_bytes_at_most", lost}});
    from = corruption->segment + 1;
  }
  return {};
}

Status Replay::Run() {
  const auto start = std::chrono::steady_clock::now();
  const std::string dir = JoinPath(head_.dir, "wal");
  NX_RETURN_IF_ERROR(head_.fs.CreateDirs(dir));
  head_.min_valid_time = min_valid_time_;
  NX_RETURN_IF_ERROR(found_.Load(head_, min_valid_time_));
  NX_ASSIGN_OR_RETURN(const auto checkpoints, wal::ListCheckpoints(head_.fs, dir));
  NX_ASSIGN_OR_RETURN(const auto segments, wal::ListSegments(head_.fs, dir));
  const int checkpoint = checkpoints.empty() ? -1 : checkpoints.back();
  int first = checkpoint + 1;
  const int last = segments.empty() ? -1 : segments.back();
  if (!segments.empty()) first = std::max(first, segments.front());
  progress_.min = first;
  progress_.current = first;
  progress_.max = std::max(first, last);

  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  const unsigned num_shards = std::clamp(cores - 1, 1U, 8U);
  for (unsigned i = 0; i < num_shards; ++i) {
    shards_.push_back(std::make_unique<ReplayShard>(head_, static_cast<int>(i)));
  }
  Status status;
  if (checkpoint >= 0) status = ReadCheckpoint(checkpoint);
  if (status && !segments.empty()) status = ReadSegments(first, last);
  for (auto& shard : shards_) shard->Finish();
  postings_.Finish(head_.index.end());
  NX_RETURN_IF_ERROR(status);
  NX_RETURN_IF_ERROR(ReplayWbl(head_, slots_, found_.late()));
  head_.tombstones.TruncateBefore(std::min(min_valid_time_, head_.ooo.store().min_time()));
  if (!emptied_.empty()) RemoveEmptied();
  for (auto& [ref, until] : extra_refs_) until = head_.max_time.load();
  progress_.current = progress_.max.load();
  ReportUnknown();
  invalid_.Report("WAL", head_.metrics);
  // Blocks hold what is older, even where a chunk of the head reaches back.
  if (!head_.empty() && head_.min_time.load() < min_valid_time_) head_.min_time = min_valid_time_;
  NX_ASSIGN_OR_RETURN(head_.wal, wal::Wal::Open(head_.fs, dir, head_.options.wal, head_.metrics.wal,
                                                checkpoint + 1));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  head_.metrics.replay_seconds.Set(took.count());
  log::Info("WAL replay completed", {{"series", head_.index.num_series()},
                                     {"segments", segments.size()},
                                     {"duration", fmt::format("{:.3f}s", took.count())}});
  return {};
}

}  // namespace

Status ReplayHead(HeadState& head, TimestampMs min_valid_time, ReplayCursor& progress,
                  absl::flat_hash_map<WalRef, TimestampMs>& extra_refs) {
  return Replay(head, min_valid_time, progress, extra_refs).Run();
}

}  // namespace narthex::tsdb
