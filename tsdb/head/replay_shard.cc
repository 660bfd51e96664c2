// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/replay_shard.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "narthex/base/thread_pool.h"

namespace narthex::tsdb {

using model::TimestampMs;

namespace {

constexpr std::size_t kBatchesInFlight = 4;
constexpr std::size_t kPrefetchAhead = 8;

}  // namespace

ReplayShard::ReplayShard(HeadState& head, int number) : head_(head), queue_(kBatchesInFlight) {
  thread_ = std::thread([this, number] {
    SetThreadName(fmt::format("replay-{}", number));
    Run();
  });
}

void ReplayShard::Add(SeriesSlot slot, TimestampMs t, model::Histogram h, TimestampMs start) {
  if (!batch_.samples.empty() || !batch_.floats.empty()) Flush();
  batch_.ints.push_back({slot, t, std::move(h), start});
  if (batch_.ints.size() == kHistogramsPerHandover) Flush();
}

void ReplayShard::Add(SeriesSlot slot, TimestampMs t, model::FloatHistogram h, TimestampMs start) {
  if (!batch_.samples.empty() || !batch_.ints.empty()) Flush();
  batch_.floats.push_back({slot, t, std::move(h), start});
  if (batch_.floats.size() == kHistogramsPerHandover) Flush();
}

void ReplayShard::Flush() {
  if (batch_.empty()) return;
  ++pushed_;
  queue_.Push(std::exchange(batch_, {}));
}

void ReplayShard::Drain() {
  Flush();
  while (applied_.load(std::memory_order_acquire) != pushed_) std::this_thread::yield();
}

void ReplayShard::Finish() {
  Flush();
  queue_.Close();
  thread_.join();
  if (appended_ == 0) return;
  head_.WidenTimes(mint_, maxt_);
  head_.metrics.chunks_created.Add(chunks_created_);
}

void ReplayShard::Run() {
  std::vector<SeriesSlot> full;
  while (const auto batch = queue_.Pop()) {
    // Histograms first: a batch with both began with them.
    const auto apply_histograms = [&](const auto& histograms) {
      for (const auto& sample : histograms) {
        Apply(sample.slot, sample.t, full, [&](MemSeries& s) {
          return head_.chunks.AppendHistogram(s, sample.t, sample.histogram, sample.start);
        });
      }
    };
    apply_histograms(batch->ints);
    apply_histograms(batch->floats);
    const auto& samples = batch->samples;
    for (std::size_t i = 0; i < samples.size(); ++i) {
      if (i + 2 * kPrefetchAhead < samples.size()) {
        const auto* ahead =
            reinterpret_cast<const char*>(&head_.index.At(samples[i + 2 * kPrefetchAhead].slot));
        __builtin_prefetch(ahead, 1);
        __builtin_prefetch(ahead + 64, 1);
      }
      if (i + kPrefetchAhead < samples.size()) {
        head_.chunks.Prefetch(head_.index.At(samples[i + kPrefetchAhead].slot));
      }
      const auto& [slot, t, v] = samples[i];
      Apply(slot, t, full, [&, time = t, value = v](MemSeries& s) {
        return head_.chunks.AppendFloat(s, time, value, batch->starts.At(i));
      });
    }
    head_.AddFull(full);
    applied_.fetch_add(1, std::memory_order_release);
  }
}

template <typename Append>
void ReplayShard::Apply(SeriesSlot slot, TimestampMs t, std::vector<SeriesSlot>& full,
                        const Append& append) {
  MemSeries& series = head_.index.At(slot);
  // The lock is for AddFull of another shard, which writes chunks of any series.
  SeriesLock lock(series);
  if (series.has_samples() && t <= series.xor_state.t) return;
  const bool had_chunk = series.has_open_chunk();
  const bool cut = append(series);
  if (cut) full.push_back(slot);
  chunks_created_ += !had_chunk || cut;
  mint_ = std::min(mint_, t);
  maxt_ = std::max(maxt_, t);
  ++appended_;
}

}  // namespace narthex::tsdb
