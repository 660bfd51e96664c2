// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/series_census.h"

#include "narthex/model/sample.h"

namespace narthex::tsdb {
namespace {

constexpr int kPauseFactor = 99;

}  // namespace

SeriesCensus::Counts SeriesCensus::Count() const {
  Counts counts;
  for (SeriesSlot slot = 1; slot < head_.index.end(); ++slot) {
    MemSeries& series = head_.index.At(slot);
    SeriesLock lock(series);
    if (series.wal_ref == 0 || !series.has_samples()) continue;
    if (IsFloatEncoding(series.encoding)) {
      // Of a series that was restored from full chunks, the last value is not known.
      counts.stale +=
          static_cast<std::uint64_t>(series.chunk != 0 && model::IsStale(series.xor_state.v));
      continue;
    }
    ++counts.histograms;
    const auto last = head_.chunks.LastHistogram(series);
    counts.stale += static_cast<std::uint64_t>(last.stale);
    counts.histogram_buckets += last.num_buckets;
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
