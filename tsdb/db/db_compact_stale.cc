// SPDX-License-Identifier: Apache-2.0
//
// Series that have gone stale, from the head into blocks of their own.
#include <fmt/format.h>

#include "narthex/base/log.h"
#include "tsdb/compact/plan.h"
#include "tsdb/db/db_impl.h"
#include "tsdb/db/measured_source.h"

namespace narthex::tsdb {

using model::TimestampMs;

// The cut of the head would take them soon anyway.
bool Db::Impl::HeadCutIsNear() const {
  constexpr std::int64_t kNsPerMs = 1'000'000;
  constexpr std::int64_t kNearNs = 600'000 * kNsPerMs;
  if (head_cut_ns_ == 0) return false;
  const std::int64_t next = head_cut_ns_ + options.min_block_duration_ms * kNsPerMs;
  return clock.MonotonicNs() + kNearNs > next;
}

Status Db::Impl::CompactStaleSeries() {
  MutexLock work_lock(work_mutex_);
  const double threshold = stale_threshold.load();
  if (closed_ || threshold <= 0 || HeadCutIsNear()) return {};
  Head::StaleSeries stale = head.FindStaleSeries();
  if (stale.num_series == 0 ||
      static_cast<double>(stale.num_stale) < threshold * static_cast<double>(stale.num_series)) {
    return {};
  }
  metrics.stale_series.triggered.Add();
  const auto start = std::chrono::steady_clock::now();
  const std::size_t found = stale.slots.size();
  std::vector<std::string> written;
  const auto removed = RetireSeries(std::move(stale), written);
  if (!removed) {
    // Of a part that stayed, every further try would make another one.
    RemoveBlocks(written);
    if (removed.error().code() == Code::kCancelled) return Fail(removed.error());
    metrics.stale_series.failed.Add();
    return Fail(Error(removed.error()).Wrap("compact stale series"));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  metrics.stale_series.seconds.Observe(took.count());
  log::Info("Stale series compacted", {{"found", found},
                                       {"removed", *removed},
                                       {"duration", fmt::format("{:.3f}s", took.count())}});
  return {};
}

// As with late samples, queries have the samples from the head, then from both, then from blocks.
// @param[out] written  the blocks, while queries don't have them
Result<std::size_t> Db::Impl::RetireSeries(Head::StaleSeries stale,
                                           std::vector<std::string>& written) {
  if (stale.slots.empty()) return 0;
  const model::DurationMs range = options.min_block_duration_ms;
  for (TimestampMs end = RangeEnd(stale.min_time, range);; end += range) {
    BlockMeta meta;
    meta.min_time = end - range;
    meta.max_time = end;
    meta.compaction.hints.emplace_back(kHintStaleSeries);
    const auto part = head.NewStaleSource(stale, meta.min_time, meta.max_time);
    MeasuredSource source(*part, metrics);
    NX_ASSIGN_OR_RETURN(auto ulid, WriteFirstBlock(dir, source, std::move(meta)));
    if (!ulid.empty()) written.push_back(std::move(ulid));
    if (end > stale.max_time) break;
  }
  const auto blocks = std::exchange(written, {});  // From here on they stay.
  if (!blocks.empty()) NX_RETURN_IF_ERROR(ReloadWith(model::kMinTime, blocks));
  return head.DropStaleSeries(std::move(stale));
}

}  // namespace narthex::tsdb
