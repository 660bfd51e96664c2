// SPDX-License-Identifier: Apache-2.0
#include "src/remote/queue_metrics.h"

#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace narthex::remote {
namespace {

using metrics::LabelPairs;
using metrics::Registry;

constexpr std::array<double, 15> kBatchSeconds = {.005, .01, .025, .05, .1, .25, .5, 1,
                                                  2.5,  5,   10,   25,  60, 120, 300};
constexpr std::array<const char*, 4> kReasons = {
    "too_old", "dropped_series", "unintentionally_dropped_series", "nhcb_in_rw1_not_supported"};

std::string Name(std::string_view rest) {
  return fmt::format("prometheus_remote_storage_{}", rest);
}

LabelPairs Labels(const std::string& name, const std::string& url) {
  return {{"remote_name", name}, {"url", url}};
}

LabelPairs WithReason(LabelPairs labels, const char* reason) {
  labels.emplace_back("reason", reason);
  return labels;
}

// Names with their helps; all have the labels of the queue alone.
constexpr std::array<std::pair<const char*, const char*>, 6> kCounters = {{
    {"metadata_total", "Total number of metadata entries sent to remote storage."},
    {"metadata_failed_total", "Total number of metadata entries that the remote storage refused."},
    {"metadata_retried_total",
     "Total number of metadata entries that were sent again after a failure that may pass."},
    {"enqueue_retries_total",
     "Total number of times that a sample had to wait because its shard's queue was full."},
    {"bytes_total", "Total number of bytes of samples sent, after compression."},
    {"metadata_bytes_total", "Total number of bytes of metadata sent, after compression."},
}};
constexpr std::array<std::pair<const char*, const char*>, 8> kGauges = {{
    {"queue_highest_timestamp_seconds",
     "Latest time of a sample that was put into the queue, in seconds since the epoch."},
    {"queue_highest_sent_timestamp_seconds",
     "Latest time of a sample that was sent, in seconds since the epoch."},
    {"shard_capacity", "Samples that each shard of the queue may hold."},
    {"shards", "Number of shards that send at the same time."},
    {"shards_max", "The largest number of shards."},
    {"shards_min", "The smallest number of shards."},
    {"shards_desired", "Number of shards that the rates of samples ask for."},
    {"max_samples_per_send", "The largest number of samples in a request."},
}};

metrics::Counter& CounterOf(Registry& registry, std::size_t i, const LabelPairs& labels) {
  return registry.AddCounter(Name(kCounters[i].first), kCounters[i].second, labels);
}
metrics::Gauge& GaugeOf(Registry& registry, std::size_t i, const LabelPairs& labels) {
  return registry.AddGauge(Name(kGauges[i].first), kGauges[i].second, labels);
}

constexpr const char* kBatchName = "sent_batch_duration_seconds";
constexpr const char* kSegmentName = "prometheus_wal_watcher_current_segment";
constexpr const char* kDecodeName = "prometheus_wal_watcher_record_decode_failures_total";
constexpr const char* kPreTailingName = "prometheus_wal_watcher_samples_sent_pre_tailing_total";
constexpr const char* kRecordsName = "prometheus_wal_watcher_records_read_total";
// By their first byte, in Prometheus's words.
constexpr std::array<const char*, 14> kRecordTypes = {"unknown",
                                                      "series",
                                                      "samples",
                                                      "tombstones",
                                                      "exemplars",
                                                      "mmapmarkers",
                                                      "metadata",
                                                      "histogram_samples",
                                                      "float_histogram_samples",
                                                      "custom_buckets_histogram_samples",
                                                      "custom_buckets_float_histogram_samples",
                                                      "samples_v2",
                                                      "histogram_samples_v2",
                                                      "float_histogram_samples_v2"};
constexpr const char* kUnreadableSeriesName = "narthex_remote_write_unreadable_series_total";
constexpr const char* kUnreadableSlicesName = "narthex_remote_write_unreadable_slices_total";
constexpr const char* kDamagedName = "narthex_remote_write_damaged_segments_total";
constexpr const char* kGapsName = "narthex_remote_write_gaps_total";

}  // namespace

KindCounters::KindCounters(Registry& registry, const char* kind, const LabelPairs& labels)
    : sent(registry.AddCounter(Name(fmt::format("{}_total", kind)),
                               fmt::format("Total number of {} sent to remote storage.", kind),
                               labels)),
      failed(registry.AddCounter(
          Name(fmt::format("{}_failed_total", kind)),
          fmt::format("Total number of {} that the remote storage refused for good.", kind),
          labels)),
      retried(registry.AddCounter(
          Name(fmt::format("{}_retried_total", kind)),
          fmt::format("Total number of {} sent again after a failure that may pass.", kind),
          labels)),
      dropped{},
      pending(registry.AddGauge(Name(fmt::format("{}_pending", kind)),
                                fmt::format("Number of {} that wait in the queue's shards.", kind),
                                labels)) {
  for (std::size_t i = 0; i < kReasons.size(); ++i) {
    dropped[i] = &registry.AddCounter(
        Name(fmt::format("{}_dropped_total", kind)),
        fmt::format("Total number of {} read from the WAL that were not sent.", kind),
        WithReason(labels, kReasons[i]));
  }
}

QueueMetrics::QueueMetrics(Registry& registry, const std::string& name, const std::string& url)
    : samples(registry, "samples", Labels(name, url)),
      histograms(registry, "histograms", Labels(name, url)),
      exemplars(registry, "exemplars", Labels(name, url)),
      metadata(CounterOf(registry, 0, Labels(name, url))),
      metadata_failed(CounterOf(registry, 1, Labels(name, url))),
      metadata_retried(CounterOf(registry, 2, Labels(name, url))),
      enqueue_retries(CounterOf(registry, 3, Labels(name, url))),
      batch_seconds(registry.AddHistogram(Name(kBatchName),
                                          "Duration of the requests to the remote storage.",
                                          kBatchSeconds, Labels(name, url))),
      highest_seconds(GaugeOf(registry, 0, Labels(name, url))),
      highest_sent_seconds(GaugeOf(registry, 1, Labels(name, url))),
      shard_capacity(GaugeOf(registry, 2, Labels(name, url))),
      shards(GaugeOf(registry, 3, Labels(name, url))),
      shards_max(GaugeOf(registry, 4, Labels(name, url))),
      shards_min(GaugeOf(registry, 5, Labels(name, url))),
      shards_desired(GaugeOf(registry, 6, Labels(name, url))),
      max_samples_per_send(GaugeOf(registry, 7, Labels(name, url))),
      bytes(CounterOf(registry, 4, Labels(name, url))),
      metadata_bytes(CounterOf(registry, 5, Labels(name, url))),
      wal_segment(registry.AddGauge(kSegmentName,
                                    "Segment of the WAL that is read for a remote storage.",
                                    {{"consumer", name}})),
      wal_decode_failures(registry.AddCounter(
          kDecodeName, "Number of records of the WAL that could not be read for a remote storage.",
          {{"consumer", name}})),
      sent_pre_tailing(registry.AddCounter(kPreTailingName,
                                           "Number of records of samples that were read for a "
                                           "remote storage until the end of the WAL "
                                           "was seen for the first time.",
                                           {{"consumer", name}})),
      gaps(registry.AddCounter(kGapsName,
                               "Number of times that WAL segments were gone before they were sent.",
                               Labels(name, url))),
      unreadable_series(registry.AddCounter(
          kUnreadableSeriesName,
          "Number of times that a series could not be read while a gap was filled.",
          Labels(name, url))),
      unreadable_slices(registry.AddCounter(
          kUnreadableSlicesName, "Number of times of a gap whose samples could not be read.",
          Labels(name, url))),
      wal_damaged(registry.AddCounter(
          kDamagedName,
          "Number of WAL segments that could be read for a remote storage up to a "
          "damage only.",
          Labels(name, url))),
      registry_(registry),
      name_(name) {}

void QueueMetrics::CountRecord(std::uint8_t type) {
  const std::size_t known = type < records_.size() ? type : 0;
  metrics::Counter*& counter = records_[known];
  if (counter == nullptr) {
    counter = &registry_.AddCounter(
        kRecordsName, "Number of records of the WAL that were read for a remote storage.",
        {{"consumer", name_}, {"type", kRecordTypes[known]}});
  }
  counter->Add();
}

void QueueMetrics::Remove(Registry& registry, const std::string& name, const std::string& url) {
  const LabelPairs labels = Labels(name, url);
  for (const char* kind : {"samples", "histograms", "exemplars"}) {
    for (const char* what : {"total", "failed_total", "retried_total", "pending"}) {
      registry.Remove(Name(fmt::format("{}_{}", kind, what)), labels);
    }
    for (const char* reason : kReasons) {
      registry.Remove(Name(fmt::format("{}_dropped_total", kind)), WithReason(labels, reason));
    }
  }
  for (const auto& [rest, help] : kCounters) registry.Remove(Name(rest), labels);
  for (const auto& [rest, help] : kGauges) registry.Remove(Name(rest), labels);
  registry.Remove(Name(kBatchName), labels);
  registry.Remove(kSegmentName, {{"consumer", name}});
  registry.Remove(kDecodeName, {{"consumer", name}});
  registry.Remove(kPreTailingName, {{"consumer", name}});
  for (const char* type : kRecordTypes) {
    registry.Remove(kRecordsName, {{"consumer", name}, {"type", type}});
  }
  for (const char* own : {kGapsName, kUnreadableSeriesName, kUnreadableSlicesName, kDamagedName}) {
    registry.Remove(own, labels);
  }
}

void RaiseTo(metrics::Gauge& gauge, double seconds) {
  // Two threads may meet here; the next batch sets it right.
  if (seconds > gauge.value()) gauge.Set(seconds);
}

}  // namespace narthex::remote
