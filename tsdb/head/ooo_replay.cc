// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/ooo_replay.h"

#include <algorithm>

#include <absl/container/flat_hash_map.h>

#include "narthex/base/log.h"
#include "tsdb/head/invalid_histograms.h"
#include "tsdb/wal/reader.h"

namespace narthex::tsdb {
namespace {

using model::TimestampMs;
using wal::RecordType;
using wal::WalRef;

class WblReplay {
 public:
  WblReplay(HeadState& head, const RefMap& slots, std::span<const FoundOooChunk> found)
      : head_(head),
        slots_(slots),
        found_(found),
        files_(head.files.view()),
        marked_(found.size(), false) {
    for (std::size_t i = 0; i < found.size(); ++i) by_ref_[ChunkRefOf(found[i].chunk.place)] = i;
  }
  Status Run();

 private:
  Status ReadSegments(const std::string& dir, int first, int last);
  Status DecodeRecord(ByteSpan record);
  Status DecodeMarkers(ByteSpan record);
  Status DecodeSamples(ByteSpan record);
  template <typename Entry, typename Decode>
  Status DecodeHistograms(ByteSpan record, Decode decode);
  SeriesSlot SlotOf(WalRef ref);
  Status DropSamplesOf(const OooChunk& chunk, std::vector<OooSample>& samples);
  void AttachFound();
  void FillStore();

  HeadState& head_;
  const RefMap& slots_;
  const std::span<const FoundOooChunk> found_;
  const std::shared_ptr<const ChunkFiles::View> files_;
  std::vector<bool> marked_;                                // Of found_: the WBL names it.
  absl::flat_hash_map<std::uint64_t, std::size_t> by_ref_;  // Chunk reference → place in found_.
  // Samples that are in no chunk stay open, however many: there is no cut at the chunk's limit,
  // because the next late sample does that, with the marker that belongs to it.
  absl::flat_hash_map<SeriesSlot, OooSeries> series_;
  std::uint64_t unknown_refs_ = 0;
  InvalidHistograms invalid_;
  bool complete_ = true;  // The whole WBL was read.
};

SeriesSlot WblReplay::SlotOf(WalRef ref) {
  const SeriesSlot slot = slots_.Get(ref);
  if (slot == 0) {
    ++unknown_refs_;
    head_.index.NoteWalRef(ref);
  }
  return slot;
}

// A marker says that the open samples so far are in the chunk that it names. Other programs cut
// chunks without a marker too, so the chunk itself is asked which ones it has. A marker that names
// no chunk, or one that is not there, changes nothing.
Status WblReplay::DecodeMarkers(ByteSpan record) {
  std::vector<wal::MarkerEntry> markers;
  NX_RETURN_IF_ERROR(wal::DecodeMmapMarkers(record, markers));
  for (const auto& [ref, chunk_ref] : markers) {
    const SeriesSlot slot = SlotOf(ref);
    const auto it = by_ref_.find(chunk_ref);
    if (slot == 0 || it == by_ref_.end() || slots_.Get(found_[it->second].ref) != slot) continue;
    marked_[it->second] = true;
    NX_RETURN_IF_ERROR(DropSamplesOf(found_[it->second].chunk, series_[slot].open));
  }
  return {};
}

Status WblReplay::DropSamplesOf(const OooChunk& chunk, std::vector<OooSample>& samples) {
  NX_ASSIGN_OR_RETURN(const ChunkView view, ChunkFiles::Read(*files_, chunk.place));
  storage::SampleColumns columns;
  NX_RETURN_IF_ERROR(DecodeChunk(view.encoding, view.bytes, chunk.mint, chunk.maxt, columns));
  std::erase_if(samples, [&](const OooSample& sample) {
    return sample.is_float() ? std::binary_search(columns.t.begin(), columns.t.end(), sample.t)
                             : std::binary_search(columns.histogram_t.begin(),
                                                  columns.histogram_t.end(), sample.t);
  });
  return {};
}

Status WblReplay::DecodeSamples(ByteSpan record) {
  std::vector<wal::SampleEntry> entries;
  storage::StartTimes starts;
  NX_RETURN_IF_ERROR(wal::DecodeSamples(record, entries, &starts));
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& [ref, t, v] = entries[i];
    const SeriesSlot slot = SlotOf(ref);
    if (slot != 0) InsertByTime(OooSample::Of(t, v, starts.At(i)), series_[slot].open);
  }
  return {};
}

template <typename Entry, typename Decode>
Status WblReplay::DecodeHistograms(ByteSpan record, Decode decode) {
  std::vector<Entry> entries;
  NX_RETURN_IF_ERROR(decode(record, entries));
  for (auto& [ref, t, h, start] : entries) {
    if (!invalid_.Pass(h, t)) continue;
    if (const SeriesSlot slot = SlotOf(ref)) {
      InsertByTime(OooSample::Of(t, std::move(h), start), series_[slot].open);
    }
  }
  return {};
}

Status WblReplay::DecodeRecord(ByteSpan record) {
  switch (wal::TypeOf(record)) {
    case RecordType::kMmapMarkers:
      return DecodeMarkers(record);
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
    default:
      return {};
  }
}

Status WblReplay::ReadSegments(const std::string& dir, int first, int last) {
  for (int from = first; from <= last;) {
    wal::LogReader reader(head_.fs, dir, from, last);
    while (reader.Next()) {
      // Its checksum was right, so this is no damage of the disk; what it says can't be told.
      if (auto status = DecodeRecord(reader.record()); !status) {
        head_.metrics.wal_corruptions.Add();
        complete_ = false;
        log::Error("Passing over a WBL record",
                   {{"segment", reader.segment()}, {"err", status.error().message()}});
      }
    }
    NX_RETURN_IF_ERROR(reader.status());
    if (!reader.corruption()) break;
    head_.metrics.wal_corruptions.Add();
    complete_ = false;
    if (!head_.options.repair_wal) return Fail(Code::kCorruption, reader.corruption()->ToString());
    NX_ASSIGN_OR_RETURN(const std::uint64_t lost,
                        wal::RepairSegment(head_.fs, *reader.corruption(), head_.options.wal));
    log::Warn("WBL segment repaired",
              {{"segment", reader.corruption()->segment}, {"lost_bytes_at_most", lost}});
    from = reader.corruption()->segment + 1;
  }
  return {};
}

// A chunk that the WBL does not name is one that a compaction has put into a block: the samples of
// any other are in the WBL, or named there. Only a WBL with holes says nothing of that.
void WblReplay::AttachFound() {
  for (std::size_t i = 0; i < found_.size(); ++i) {
    if (!marked_[i] && complete_) continue;
    if (const SeriesSlot slot = slots_.Get(found_[i].ref)) {
      series_[slot].full.push_back(found_[i].chunk);
    }
  }
}

void WblReplay::FillStore() {
  std::uint64_t chunks = 0;
  for (auto& [slot, series] : series_) {
    if (series.empty()) continue;
    chunks += series.full.size() + static_cast<std::size_t>(!series.open.empty());
    series.open.shrink_to_fit();
    head_.ooo.store().Update(slot, std::move(series.open), series.full);
    head_.index.At(slot).out_of_order = true;
  }
  head_.metrics.chunks_created.Add(chunks);
}

Status WblReplay::Run() {
  const std::string dir = JoinPath(head_.dir, "wbl");
  std::vector<int> segments;
  if (head_.fs.Exists(dir)) {
    NX_ASSIGN_OR_RETURN(segments, wal::ListSegments(head_.fs, dir));
  }
  complete_ = !segments.empty();
  if (!segments.empty()) {
    NX_RETURN_IF_ERROR(ReadSegments(dir, segments.front(), segments.back()));
    if (unknown_refs_ > 0) {
      log::Warn("Unknown series references in the WBL", {{"entries", unknown_refs_}});
    }
    invalid_.Report("WBL", head_.metrics);
  }
  AttachFound();
  FillStore();
  return head_.ooo.Resume(head_.out_of_order_window_ms.load() > 0);
}

}  // namespace

Status ReplayWbl(HeadState& head, const RefMap& slots, std::span<const FoundOooChunk> found) {
  return WblReplay(head, slots, found).Run();
}

}  // namespace narthex::tsdb
