// SPDX-License-Identifier: Apache-2.0
//
// Late samples in the head: those that came out of order. They lie beside the series, so that a
// series without late samples pays one bit for them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "narthex/base/mutex.h"
#include "narthex/model/float_histogram.h"
#include "narthex/model/histogram.h"
#include "narthex/model/timestamp.h"
#include "tsdb/head/chunk_files.h"
#include "tsdb/head/mem_series.h"
#include "tsdb/head/snapshot_file.h"

namespace narthex::tsdb {

/// What few late samples have: a histogram instead of the value, a start time.
struct OooMore {
  std::variant<std::monostate, model::Histogram, model::FloatHistogram> histogram;
  model::TimestampMs start = 0;
};

/// A late sample.
struct OooSample {
  model::TimestampMs t = 0;
  double v = 0;
  std::shared_ptr<const OooMore> more;  // Null for most.

  static OooSample Of(model::TimestampMs t, double v, model::TimestampMs start) {
    if (start == 0) return {t, v, nullptr};
    return {t, v, std::make_shared<const OooMore>(OooMore{{}, start})};
  }
  template <typename H>
  static OooSample Of(model::TimestampMs t, H h, model::TimestampMs start) {
    return {t, 0, std::make_shared<const OooMore>(OooMore{std::move(h), start})};
  }

  bool is_float() const {
    return more == nullptr || std::holds_alternative<std::monostate>(more->histogram);
  }
  model::TimestampMs start() const { return more == nullptr ? 0 : more->start; }
  /// Calls visit(h) with the histogram; there is one.
  template <typename Visit>
  void VisitHistogram(Visit&& visit) const {
    if (const auto* h = std::get_if<model::Histogram>(&more->histogram)) return visit(*h);
    visit(std::get<model::FloatHistogram>(more->histogram));
  }
};

/// A full chunk of late samples in chunks_head.
struct OooChunk {
  ChunkPlace place;
  model::TimestampMs mint = 0;  // Closed range of its samples.
  model::TimestampMs maxt = 0;
};

/// The late samples of one series, or those of them that were asked for.
struct OooSeries {
  std::vector<OooSample> open;  // Sorted by time, times unique.
  std::vector<OooChunk> full;   // In the order of writing; they overlap each other.
  bool empty() const { return open.empty() && full.empty(); }
};

/// Thread safety: any thread; changes to one series by one thread at a time.
class OooStore {
 public:
  /// Takes what may have samples in [mint, maxt], replacing `out`.
  void Load(SeriesSlot slot, model::TimestampMs mint, model::TimestampMs maxt,
            OooSeries& out) const;
  bool Overlaps(SeriesSlot slot, model::TimestampMs mint, model::TimestampMs maxt) const;
  /// Whether any series may have samples in [mint, maxt].
  bool Overlaps(model::TimestampMs mint, model::TimestampMs maxt) const {
    return mint <= max_time_.load() && maxt >= min_time_.load();
  }
  std::vector<OooSample> Open(SeriesSlot slot) const;

  /// The series' open samples become `open`, and it gets further full chunks.
  void Update(SeriesSlot slot, std::vector<OooSample> open, std::span<const OooChunk> added);
  /// Drops the full chunks that were written up to `last` of the series in one part of the store.
  /// @param[in,out] dropped  raised by the number of chunks
  /// @return the series that have nothing left, and so are gone from the store
  std::vector<SeriesSlot> Drop(std::size_t part, ChunkPlace last, std::size_t& dropped);
  /// After Drop of all parts: the range of times may have become smaller.
  void NarrowTimes();

  static constexpr std::size_t kParts = 256;
  /// The series of one part, in no order.
  std::vector<SeriesSlot> Slots(std::size_t part) const;
  /// The first file of chunks_head that is needed; the highest number when there is none.
  std::uint32_t FirstFile() const;

  bool empty() const { return min_time_.load() == model::kMaxTime; }
  /// The closed range of samples; kMaxTime and kMinTime while there is none.
  model::TimestampMs min_time() const { return min_time_.load(); }
  model::TimestampMs max_time() const { return max_time_.load(); }
  std::size_t held_bytes() const;

  /// For snapshots; see SlabArena. A slot that is not before `end` is an error.
  void Save(SnapshotWriter& out) const;
  Status Load(const SnapshotReader& in, SeriesSlot end);
  void Reset();

 private:
  struct Part {
    mutable Mutex mutex;  // Leaf.
    absl::flat_hash_map<SeriesSlot, OooSeries> series NX_GUARDED_BY(mutex);
    std::size_t bytes NX_GUARDED_BY(mutex) = 0;  // Of the vectors and histograms.
  };
  Part& PartOf(SeriesSlot slot) { return parts_[slot % kParts]; }
  const Part& PartOf(SeriesSlot slot) const { return parts_[slot % kParts]; }
  void WidenTimes(model::TimestampMs mint, model::TimestampMs maxt);

  std::array<Part, kParts> parts_;
  Mutex times_mutex_;  // For changes; taken first.
  std::atomic<model::TimestampMs> min_time_{model::kMaxTime};
  std::atomic<model::TimestampMs> max_time_{model::kMinTime};
};

/// Puts a sample in its place by time. @return false when there is one of that time already
bool InsertByTime(OooSample sample, std::vector<OooSample>& samples);

/// Whether a was written to chunks_head no later than b.
inline bool NoLater(ChunkPlace a, ChunkPlace b) {
  return a.file != b.file ? a.file < b.file : a.offset <= b.offset;
}

}  // namespace narthex::tsdb
