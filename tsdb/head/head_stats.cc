// SPDX-License-Identifier: Apache-2.0
//
// What the head tells about itself: metrics, cardinality, bytes.
#include <algorithm>

#include "tsdb/head/head.h"

namespace narthex::tsdb {
namespace {

using TopList = HeadStats::TopList;

void Shorten(TopList& list, std::size_t limit) {
  const auto more = [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  };
  const std::size_t n = std::min(limit, list.size());
  std::partial_sort(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(n), list.end(), more);
  list.resize(n);
}

// Gauges and counters that are asked for when printed.
struct Asked {
  const char* name;
  const char* help;
  bool is_counter;
  double (*value)(const HeadState&);
};

double Seconds(model::TimestampMs t) { return static_cast<double>(t) / 1000; }

double ExemplarSeconds(const HeadState& head) {
  double oldest = 0;
  bool first = true;
  head.exemplars.ForEach(model::kMinTime, model::kMaxTime,
                         [&](const model::Labels&, const model::Exemplar& exemplar) {
                           if (first) oldest = Seconds(exemplar.t);
                           first = false;
                         });
  return oldest;
}

constexpr Asked kAsked[] = {
    {"prometheus_tsdb_head_series", "Total number of series in the head block.", false,
     [](const HeadState& h) { return static_cast<double>(h.index.num_series()); }},
    {"prometheus_tsdb_head_min_time",
     "Minimum time bound of the head block. The unit is decided by the library consumer.", false,
     [](const HeadState& h) { return static_cast<double>(h.min_time.load()); }},
    {"prometheus_tsdb_head_min_time_seconds", "Minimum time bound of the head block.", false,
     [](const HeadState& h) { return Seconds(h.min_time.load()); }},
    {"prometheus_tsdb_head_max_time",
     "Maximum timestamp of the head block. The unit is decided by the library consumer.", false,
     [](const HeadState& h) { return static_cast<double>(h.max_time.load()); }},
    {"prometheus_tsdb_head_max_time_seconds", "Maximum timestamp of the head block.", false,
     [](const HeadState& h) { return Seconds(h.max_time.load()); }},
    {"prometheus_tsdb_head_chunks", "Total number of chunks in the head block.", false,
     [](const HeadState& h) {
       return static_cast<double>(h.metrics.chunks_created.value()) -
              static_cast<double>(h.metrics.chunks_removed.value());
     }},
    {"prometheus_tsdb_head_chunks_storage_size_bytes", "Size of the chunks_head directory.", false,
     [](const HeadState& h) {
       return static_cast<double>(wal::FolderBytes(h.fs, JoinPath(h.dir, "chunks_head")));
     }},
    {"prometheus_tsdb_wal_storage_size_bytes", "Size of the write log directory.", false,
     [](const HeadState& h) {
       return static_cast<double>(wal::FolderBytes(h.fs, JoinPath(h.dir, "wal")));
     }},
    {"prometheus_tsdb_out_of_order_wbl_storage_size_bytes", "Size of the write log directory.",
     false,
     [](const HeadState& h) {
       return static_cast<double>(wal::FolderBytes(h.fs, JoinPath(h.dir, "wbl")));
     }},
    {"prometheus_tsdb_isolation_high_watermark",
     "The highest TSDB append ID that has been given out.", false,
     [](const HeadState& h) { return static_cast<double>(h.isolation.last_commit()); }},
    {"prometheus_tsdb_isolation_low_watermark",
     "The lowest TSDB append ID that is still referenced.", false,
     [](const HeadState& h) { return static_cast<double>(h.isolation.low_watermark()); }},
    {"prometheus_tsdb_exemplar_exemplars_in_storage",
     "Number of exemplars currently in circular storage.", false,
     [](const HeadState& h) { return static_cast<double>(h.exemplars.size()); }},
    {"prometheus_tsdb_exemplar_series_with_exemplars_in_storage",
     "Number of series with exemplars currently in circular storage.", false,
     [](const HeadState& h) { return static_cast<double>(h.exemplars.num_series()); }},
    {"prometheus_tsdb_exemplar_max_exemplars",
     "Total number of exemplars the exemplar storage can store, resizeable.", false,
     [](const HeadState& h) { return static_cast<double>(h.exemplars.capacity()); }},
    {"prometheus_tsdb_exemplar_last_exemplars_timestamp_seconds",
     "The timestamp of the oldest exemplar stored in circular storage. Useful to check for what "
     "timerange the current exemplar buffer limit allows. This usually means the last timestampfor "
     "all exemplars for a typical setup. This is not true though if one of the series timestamp is "
     "in future compared to rest series.",
     false, ExemplarSeconds},
};

// Gauges that a look at all series gives.
struct Counted {
  const char* name;
  const char* help;
  std::uint64_t SeriesCensus::Counts::*value;
};

constexpr Counted kCounted[] = {
    {"prometheus_tsdb_head_stale_series", "Total number of stale series in the head block.",
     &SeriesCensus::Counts::stale},
    {"prometheus_tsdb_head_native_histogram_series",
     "Number of series whose most recent in-order sample is a native histogram.",
     &SeriesCensus::Counts::histograms},
    {"prometheus_tsdb_head_native_histogram_buckets",
     "Number of positive and negative bucket entries in the most recent in-order native histogram "
     "sample of each series, including entries carried by staleness markers.",
     &SeriesCensus::Counts::histogram_buckets},
};

}  // namespace

void Head::AddMetricFunctions() {
  for (const auto& asked : kAsked) {
    registry_.AddGaugeFn(asked.name, asked.help, [this, &asked] { return asked.value(state_); });
  }
  for (const auto& counted : kCounted) {
    registry_.AddGaugeFn(counted.name, counted.help, [this, &counted] {
      return static_cast<double>(census_.Get().*counted.value);
    });
  }
}

void Head::RemoveMetricFunctions() {
  for (const auto& asked : kAsked) registry_.Remove(asked.name, {});
  for (const auto& counted : kCounted) registry_.Remove(counted.name, {});
}

HeadStats Head::Stats(std::size_t limit) const {
  HeadStats stats;
  stats.num_series = state_.index.num_series();
  stats.min_time = min_time();
  stats.max_time = max_time();
  stats.num_chunks = state_.metrics.chunks_created.value() - state_.metrics.chunks_removed.value();
  state_.index.Read([&](const MemPostings& postings, const LabelStore& labels) {
    stats.num_label_pairs = postings.num_pairs();
    const Symbol metric_name = labels.symbols().Find(model::kMetricName);
    postings.ForEachName([&](Symbol name, const std::vector<Symbol>& values) {
      const std::string name_text(labels.Text(name));
      stats.values_by_label_name.emplace_back(name_text, values.size());
      std::uint64_t bytes = 0;
      for (const Symbol value : values) {
        const auto text = labels.Text(value);
        const std::size_t count = postings.CountOf(name, value);
        bytes += text.size() * count;
        if (name == metric_name) stats.series_by_metric_name.emplace_back(text, count);
        stats.series_by_label_pair.emplace_back(name_text + "=" + std::string(text), count);
      }
      stats.bytes_by_label_name.emplace_back(name_text, bytes);
      Shorten(stats.series_by_label_pair, limit);
    });
  });
  Shorten(stats.series_by_metric_name, limit);
  Shorten(stats.values_by_label_name, limit);
  Shorten(stats.bytes_by_label_name, limit);
  return stats;
}

void Head::AddTo(MemoryLedger& ledger) const {
  state_.index.AddTo(ledger.parts);
  ledger.parts.emplace_back("head/chunks", state_.chunks.held_bytes());
  ledger.parts.emplace_back("head/out_of_order", state_.ooo.store().held_bytes());
  ledger.parts.emplace_back("head/isolation", state_.isolation.held_bytes());
  ledger.parts.emplace_back("head/tombstones", state_.tombstones.held_bytes());
  ledger.parts.emplace_back("head/metadata", state_.metadata.held_bytes());
  ledger.parts.emplace_back("head/exemplars", state_.exemplars.held_bytes());
  ledger.parts.emplace_back("head/write_buffers",
                            state_.files.held_bytes() + state_.ooo.held_bytes() +
                                (state_.wal == nullptr ? 0 : state_.wal->held_bytes()));
}

}  // namespace narthex::tsdb
