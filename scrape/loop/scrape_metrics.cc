// SPDX-License-Identifier: Apache-2.0
#include "scrape/loop/scrape_metrics.h"

#include "narthex/base/go_format.h"

namespace narthex::scrape {

namespace {

constexpr double kQuantiles[] = {0.01, 0.05, 0.5, 0.9, 0.99};
constexpr const char* kPoolSyncs = "prometheus_target_scrape_pool_sync_total";
constexpr const char* kSyncFailed = "prometheus_target_sync_failed_total";
constexpr const char* kPoolTargets = "prometheus_target_scrape_pool_targets";
constexpr const char* kPoolLimit = "prometheus_target_scrape_pool_target_limit";
constexpr const char* kSyncLength = "prometheus_target_sync_length_seconds";
constexpr const char* kSymbols = "prometheus_target_scrape_pool_symboltable_items";

metrics::LabelPairs Interval(std::int64_t ms) {
  return {{"interval", go::FormatDuration(ms * 1'000'000)}};
}

}  // namespace

ScrapeMetrics::ScrapeMetrics(metrics::Registry& r)
    : registry(r),
      sample_limit_exceeded(
          r.AddCounter("prometheus_target_scrapes_exceeded_sample_limit_total",
                       "Total number of scrapes that hit the sample limit and were rejected.")),
      body_size_exceeded(r.AddCounter("prometheus_target_scrapes_exceeded_body_size_limit_total",
                                      "Total number of scrapes that hit the body size limit")),
      bucket_limit_exceeded(r.AddCounter(
          "prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total",
          "Total number of scrapes that hit the native histogram bucket limit and were rejected.")),
      duplicate_timestamp(
          r.AddCounter("prometheus_target_scrapes_sample_duplicate_timestamp_total",
                       "Total number of samples rejected due to duplicate timestamps but different "
                       "values.")),
      out_of_order(r.AddCounter("prometheus_target_scrapes_sample_out_of_order_total",
                                "Total number of samples rejected due to not being out of the "
                                "expected order.")),
      out_of_bounds(r.AddCounter("prometheus_target_scrapes_sample_out_of_bounds_total",
                                 "Total number of samples rejected due to timestamp falling "
                                 "outside of the time bounds.")),
      exemplar_out_of_order(
          r.AddCounter("prometheus_target_scrapes_exemplar_out_of_order_total",
                       "Total number of exemplar rejected due to not being out of the expected "
                       "order.")),
      cache_flush_forced(
          r.AddCounter("prometheus_target_scrapes_cache_flush_forced_total",
                       "How many times a scrape cache was flushed due to getting big while scrapes "
                       "are failing.")),
      label_limits_exceeded(
          r.AddCounter("prometheus_target_scrape_pool_exceeded_label_limits_total",
                       "Total number of times scrape pools hit the label limits, during sync or "
                       "config reload.")),
      target_limit_exceeded(
          r.AddCounter("prometheus_target_scrape_pool_exceeded_target_limit_total",
                       "Total number of times scrape pools hit the target limit, during sync or "
                       "config reload.")),
      pools(r.AddCounter("prometheus_target_scrape_pools_total",
                         "Total number of scrape pool creation attempts.")),
      pools_failed(r.AddCounter("prometheus_target_scrape_pools_failed_total",
                                "Total number of scrape pool creations that failed.")),
      pool_reloads(r.AddCounter("prometheus_target_scrape_pool_reloads_total",
                                "Total number of scrape pool reloads.")),
      pool_reloads_failed(r.AddCounter("prometheus_target_scrape_pool_reloads_failed_total",
                                       "Total number of failed scrape pool reloads.")) {}

metrics::Summary& ScrapeMetrics::IntervalLength(std::int64_t interval_ms) {
  return registry.AddSummary("prometheus_target_interval_length_seconds",
                             "Actual intervals between scrapes.", kQuantiles,
                             Interval(interval_ms));
}

metrics::Summary& ScrapeMetrics::ReloadLength(std::int64_t interval_ms) {
  return registry.AddSummary(
      "prometheus_target_reload_length_seconds",
      "Actual interval to reload the scrape pool with a given configuration.", kQuantiles,
      Interval(interval_ms));
}

ScrapeMetrics::Pool ScrapeMetrics::AddPool(const std::string& job) {
  const metrics::LabelPairs labels = {{"scrape_job", job}};
  return {registry.AddCounter(kPoolSyncs,
                              "Total number of syncs that were executed on a scrape pool.", labels),
          registry.AddCounter(kSyncFailed, "Total number of target sync failures.", labels),
          registry.AddGauge(kPoolTargets, "Current number of targets in this scrape pool.", labels),
          registry.AddGauge(kPoolLimit, "Maximum number of targets allowed in this scrape pool.",
                            labels),
          registry.AddSummary(kSyncLength, "Actual interval to sync the scrape pool.", kQuantiles,
                              labels),
          registry.AddGauge(kSymbols, "Current number of symbols in this scrape pool.", labels)};
}

void ScrapeMetrics::RemovePool(const std::string& job) {
  for (const char* name :
       {kPoolSyncs, kSyncFailed, kPoolTargets, kPoolLimit, kSyncLength, kSymbols}) {
    registry.Remove(name, {{"scrape_job", job}});
  }
}

}  // namespace narthex::scrape
