// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/series_census.h"

#include "narthex/model/sample.h"

namespace narthex::tsdb {
namespace {

constexpr int kPauseFactor = 99;

}  // namespace

bool EndsStale(const HeadState& head, const MemSeries& series) {
  if (!series.has_open_chunk()) return false;
  if (IsFloatEncoding(series.encoding)) return model::IsStale(series.xor_state.v);
  return head.chunks.LastHistogram(series).stale;
}

SeriesCensus::Counts SeriesCensus::Count() const {
  Counts counts;
  for (SeriesSlot slot = 1; slot < head_.index.end(); ++slot) {
    MemSeries& series = head_.index.At(slot);
    SeriesLock lock(series);
    if (series.wal_ref == 0 || !series.has_samples()) continue;
    counts.stale += static_cast<std::uint64_t>(EndsStale(head_, series));
    if (IsFloatEncoding(series.encoding)) continue;
    ++counts.histograms;
    counts.histogram_buckets += head_.chunks.LastHistogram(series).num_buckets;
  }
  return counts;
}

SeriesCensus::Counts SeriesCensus::Get() {
  using Clock = std::chrono::steady_clock;
  MutexLock lock(mutex_);
  const auto start = Clock::now();
  if (start < again_at_) return last_;
  last_ = Count();
  const auto end = Clock::now();
  again_at_ = end + kPauseFactor * (end - start);
  return last_;
}

}  // namespace narthex::tsdb
