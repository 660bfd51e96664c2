// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/ooo_commit.h"

#include <algorithm>

namespace narthex::tsdb {

using model::TimestampMs;

void EncodeOoo(std::span<const OooSample> samples, RunEncodings encodings,
               const std::function<void(EncodedChunk)>& emit) {
  SampleRun run;
  for (const auto& sample : samples) {
    if (sample.is_float()) {
      run.Add(sample.t, sample.v, encodings.xor2 ? sample.start() : 0);
    } else {
      const TimestampMs start = encodings.started_histograms ? sample.start() : 0;
      sample.VisitHistogram([&](const auto& h) { run.Add(sample.t, h, start); });
    }
  }
  run.Encode(ChunkCut::kNever, encodings, emit);
}

OooCommit::Staged& OooCommit::StagedOf(SeriesSlot slot) {
  const auto [it, added] = staged_.try_emplace(slot);
  if (added) it->second.open = store_.Open(slot);
  return it->second;
}

// The group for a marker: what an earlier one has of the series must be read before it.
OooCommit::Group& OooCommit::GroupFor(Staged& staged) {
  const auto last = static_cast<int>(groups_.size()) - 1;
  if (staged.group == last) groups_.emplace_back();
  staged.group = static_cast<int>(groups_.size()) - 1;
  return groups_.back();
}

void OooCommit::Cut(SeriesSlot slot) {
  Staged& staged = StagedOf(slot);
  const std::size_t first = cut_.size();
  EncodeOoo(staged.open, encodings_, [&](EncodedChunk chunk) {
    staged.full.push_back(cut_.size());
    cut_.push_back({slot, std::move(chunk)});
  });
  staged.open.clear();
  // The open one has become one of them.
  if (cut_.size() > first) chunks_created_ += cut_.size() - first - 1;
  GroupFor(staged).markers.push_back({slot, first, cut_.size() - first});
}

bool OooCommit::Add(SeriesSlot slot, const OooSample& sample) {
  Staged& staged = StagedOf(slot);
  if (staged.open.empty() || staged.open.size() >= cap_) {
    Cut(slot);
    ++chunks_created_;
  }
  if (!InsertByTime(sample, staged.open)) return false;
  staged.group = static_cast<int>(groups_.size()) - 1;
  AddEntry(slot, sample, groups_.back());
  return true;
}

void OooCommit::AddEntry(SeriesSlot slot, const OooSample& sample, Group& group) const {
  const wal::WalRef ref = index_.At(slot).wal_ref;
  if (sample.is_float()) {
    group.starts.Append(group.samples.size(), sample.start());
    group.samples.push_back({ref, sample.t, sample.v});
  } else if (const auto* h = std::get_if<model::Histogram>(&sample.more->histogram)) {
    group.ints.push_back({ref, sample.t, *h, sample.start()});
  } else {
    const auto& f = std::get<model::FloatHistogram>(sample.more->histogram);
    group.floats.push_back({ref, sample.t, f, sample.start()});
  }
}

Status OooCommit::WriteChunks(ChunkFiles& files) {
  if (cut_.empty()) return {};
  std::vector<HeadChunk> chunks;
  chunks.reserve(cut_.size());
  for (const auto& [slot, chunk] : cut_) {
    const ChunkView view{chunk.mint, chunk.maxt, chunk.encoding, AsBytes(chunk.bytes)};
    chunks.push_back({index_.At(slot).wal_ref, view, true});
  }
  return files.Write(chunks, places_);
}

std::vector<std::string> OooCommit::Records() const {
  enum : std::size_t {
    kMarkers,
    kSamples,
    kInts,
    kCustomInts,
    kFloats,
    kCustomFloats,
    kNumRecords
  };
  std::vector<std::string> all;
  for (const Group& group : groups_) {
    std::vector<wal::MarkerEntry> markers;
    for (const auto& [slot, first, count] : group.markers) {
      const wal::WalRef ref = index_.At(slot).wal_ref;
      if (count == 0) markers.push_back({ref, 0});
      for (std::size_t i = first; i < first + count; ++i) {
        markers.push_back({ref, ChunkRefOf(places_[i])});
      }
    }
    std::string records[kNumRecords];
    wal::EncodeMmapMarkers(markers, records[kMarkers]);
    if (start_times_) {
      wal::EncodeStartedSamples(group.samples, group.starts, records[kSamples]);
      wal::EncodeStartedHistograms(group.ints, records[kInts]);
      wal::EncodeStartedFloatHistograms(group.floats, records[kFloats]);
    } else {
      wal::EncodeSamples(group.samples, records[kSamples]);
      wal::EncodeHistograms(group.ints, records[kInts], records[kCustomInts]);
      wal::EncodeFloatHistograms(group.floats, records[kFloats], records[kCustomFloats]);
    }
    std::move(std::begin(records), std::end(records), std::back_inserter(all));
  }
  return all;
}

void OooCommit::Apply(OooStore& store) const {
  std::vector<OooChunk> added;
  for (const auto& [slot, staged] : staged_) {
    added.clear();
    for (const std::size_t i : staged.full) {
      added.push_back({places_[i], cut_[i].chunk.mint, cut_[i].chunk.maxt});
    }
    if (staged.open.empty() && added.empty()) continue;
    store.Update(slot, staged.open, added);
    MemSeries& series = index_.At(slot);
    SeriesLock lock(series);
    series.out_of_order = true;
  }
}

}  // namespace narthex::tsdb
