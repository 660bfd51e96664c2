// SPDX-License-Identifier: Apache-2.0
//
// Snapshots of late samples and of metadata.
#include <array>

#include "tsdb/head/head_metadata.h"
#include "tsdb/head/ooo_store.h"
#include "tsdb/wal/records.h"

namespace narthex::tsdb {
namespace {

tl::unexpected<Error> Malformed(const char* what) {
  return Fail(Code::kCorruption, std::string("head snapshot: malformed ") + what);
}

// A full chunk of late samples and its series.
struct SavedChunk {
  SeriesSlot slot;
  std::uint32_t file;
  std::uint32_t offset;
  std::uint32_t unused;
  model::TimestampMs mint;
  model::TimestampMs maxt;
};
static_assert(sizeof(SavedChunk) == 32);

// Open samples as WAL records, with the series' slots for references.
class OpenSamples {
 public:
  void Add(SeriesSlot slot, const OooSample& sample) {
    if (sample.is_float()) {
      starts_.Append(floats_.size(), sample.start());
      floats_.push_back({slot, sample.t, sample.v});
    } else if (const auto* h = std::get_if<model::Histogram>(&sample.more->histogram)) {
      ints_.push_back({slot, sample.t, *h, sample.start()});
    } else {
      const auto& f = std::get<model::FloatHistogram>(sample.more->histogram);
      float_histograms_.push_back({slot, sample.t, f, sample.start()});
    }
  }

  void Write(SnapshotWriter& out) const {
    std::array<std::string, kRecords> records;
    wal::EncodeStartedSamples(floats_, starts_, records[0]);
    wal::EncodeStartedHistograms(ints_, records[1]);
    wal::EncodeStartedFloatHistograms(float_histograms_, records[2]);
    for (const auto& record : records) {
      out.WriteValue(std::uint64_t{record.size()});
      out.Write(AsBytes(record));
    }
  }

  Status Read(std::string_view bytes) {
    SnapshotCursor cursor(bytes);
    for (int i = 0; i < kRecords; ++i) {
      const ByteSpan record = AsBytes(cursor.Bytes(cursor.Value<std::uint64_t>()));
      if (!cursor.ok()) return Malformed("late samples");
      if (record.empty()) continue;
      NX_RETURN_IF_ERROR(i == 0   ? wal::DecodeSamples(record, floats_, &starts_)
                         : i == 1 ? wal::DecodeHistograms(record, ints_)
                                  : wal::DecodeFloatHistograms(record, float_histograms_));
    }
    return cursor.done() ? Status() : Status(Malformed("late samples"));
  }

  // Calls fn(slot, sample) for each; of one series not in the order of time.
  template <typename Fn>
  void ForEach(Fn&& fn) {
    for (std::size_t i = 0; i < floats_.size(); ++i) {
      fn(floats_[i].ref, OooSample::Of(floats_[i].t, floats_[i].v, starts_.At(i)));
    }
    for (auto& [ref, t, h, start] : ints_) fn(ref, OooSample::Of(t, std::move(h), start));
    for (auto& [ref, t, h, start] : float_histograms_) {
      fn(ref, OooSample::Of(t, std::move(h), start));
    }
  }

 private:
  static constexpr int kRecords = 3;

  std::vector<wal::SampleEntry> floats_;
  storage::StartTimes starts_;  // Of floats_.
  std::vector<wal::HistogramEntry> ints_;
  std::vector<wal::FloatHistogramEntry> float_histograms_;
};

}  // namespace

void OooStore::Save(SnapshotWriter& out) const {
  OpenSamples samples;
  out.Begin(SnapshotSection::kLateChunks);
  for (const Part& part : parts_) {
    MutexLock lock(part.mutex);
    for (const auto& [slot, series] : part.series) {
      for (const auto& chunk : series.full) {
        out.WriteValue(
            SavedChunk{slot, chunk.place.file, chunk.place.offset, 0, chunk.mint, chunk.maxt});
      }
      for (const auto& sample : series.open) samples.Add(slot, sample);
    }
  }
  out.Begin(SnapshotSection::kLateSamples);
  samples.Write(out);
}

Status OooStore::Load(const SnapshotReader& in, SeriesSlot end) {
  NX_ASSIGN_OR_RETURN(const std::string chunk_bytes, in.Read(SnapshotSection::kLateChunks));
  NX_ASSIGN_OR_RETURN(const std::string sample_bytes, in.Read(SnapshotSection::kLateSamples));
  absl::flat_hash_map<SeriesSlot, OooSeries> loaded;
  SnapshotCursor cursor(chunk_bytes);
  while (cursor.ok() && !cursor.done()) {
    const auto saved = cursor.Value<SavedChunk>();
    if (saved.slot == 0 || saved.slot >= end) return Malformed("late chunks");
    loaded[saved.slot].full.push_back({{saved.file, saved.offset}, saved.mint, saved.maxt});
  }
  OpenSamples samples;
  NX_RETURN_IF_ERROR(samples.Read(sample_bytes));
  bool known = cursor.ok();
  samples.ForEach([&](wal::WalRef slot, OooSample sample) {
    known = known && slot != 0 && slot < end;
    if (known) InsertByTime(std::move(sample), loaded[static_cast<SeriesSlot>(slot)].open);
  });
  if (!known) return Malformed("late samples");
  for (auto& [slot, series] : loaded) {
    series.open.shrink_to_fit();
    Update(slot, std::move(series.open), series.full);
  }
  return {};
}

void OooStore::Reset() {
  for (Part& part : parts_) {
    MutexLock lock(part.mutex);
    part.series = {};
    part.bytes = 0;
  }
  NarrowTimes();
}

// The texts, each once, then which series has which one.
void HeadMetadata::Save(SnapshotWriter& out) const {
  out.Begin(SnapshotSection::kMetadata);
  MutexLock lock(mutex_);
  out.WriteValue(std::uint64_t{texts_.size()});
  absl::flat_hash_map<const model::Metadata*, std::uint64_t> numbers;
  for (const auto& [metadata, count] : texts_) {
    numbers.emplace(&metadata, numbers.size());
    out.WriteValue(static_cast<std::uint64_t>(metadata.type));
    out.WriteValue(std::uint64_t{metadata.unit.size()});
    out.WriteValue(std::uint64_t{metadata.help.size()});
    out.Write(AsBytes(metadata.unit));
    out.Write(AsBytes(metadata.help));
  }
  for (const auto& [ref, entry] : by_ref_) {
    out.WriteValue(ref);
    out.WriteValue(numbers.at(&entry->first));
  }
}

Status HeadMetadata::Load(const SnapshotReader& in) {
  NX_ASSIGN_OR_RETURN(const std::string bytes, in.Read(SnapshotSection::kMetadata));
  SnapshotCursor cursor(bytes);
  const auto count = cursor.Value<std::uint64_t>();
  std::vector<model::Metadata> texts;
  for (std::uint64_t i = 0; i < count && cursor.ok(); ++i) {
    model::Metadata& metadata = texts.emplace_back();
    metadata.type = static_cast<model::MetricType>(cursor.Value<std::uint64_t>());
    const auto unit = cursor.Value<std::uint64_t>();
    const auto help = cursor.Value<std::uint64_t>();
    metadata.unit = cursor.Bytes(unit);
    metadata.help = cursor.Bytes(help);
  }
  while (cursor.ok() && !cursor.done()) {
    const auto ref = cursor.Value<wal::WalRef>();
    const auto text = cursor.Value<std::uint64_t>();
    if (!cursor.ok() || text >= texts.size()) return Malformed("metadata");
    Set(ref, texts[text]);
  }
  return cursor.ok() ? Status() : Status(Malformed("metadata"));
}

void HeadMetadata::Reset() {
  MutexLock lock(mutex_);
  by_ref_.clear();
  texts_.clear();
  text_bytes_ = 0;
}

}  // namespace narthex::tsdb
