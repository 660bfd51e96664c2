// SPDX-License-Identifier: Apache-2.0
//
// Everything that scrapes: discovery, target relabelling, one loop per target.
//
//   ScrapeManager manager(io_pool, appendable, SystemClock(), registry, options);
//   if (auto status = manager.ApplyConfig(config); !status) …
//   manager.Stop();
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/labels.h"
#include "narthex/model/metadata.h"
#include "narthex/model/timestamp.h"

namespace narthex {
class Clock;
namespace config {
struct Config;
struct ScrapeConfig;
}  // namespace config
namespace metrics {
class Registry;
}
namespace net {
class IoPool;
}
namespace storage {
class Appendable;
}
}  // namespace narthex

namespace narthex::scrape {

struct ScrapeOptions {
  /// Move a scrape's timestamp onto the grid of its interval when it is closer than the tolerance
  /// (--scrape.adjust-timestamps, --scrape.timestamp-tolerance).
  bool adjust_timestamps = true;
  std::int64_t timestamp_tolerance_ms = 2;
  /// Least time between two rounds of target updates (--scrape.discovery-reload-interval).
  model::DurationMs discovery_reload_interval_ms = 5000;
  /// Adds the extra scrape metrics to all jobs (feature extra-scrape-metrics).
  bool extra_scrape_metrics = false;
  /// Hands type, unit and help of series to storage (feature metadata-wal-records).
  bool append_metadata = false;
  /// Adds a zero where a series says that it began (feature created-timestamp-zero-ingestion).
  bool start_zeros = false;
  /// Hands the time at which a series says that it began to storage (feature st-storage).
  bool start_times = false;
  /// Works out when counters began that don't say it, from their first sample, which is not stored
  /// (feature st-synthesis).
  bool start_synthesis = false;
  /// Hands exemplars to storage (feature exemplar-storage).
  bool exemplars = false;
  std::string user_agent = "Prometheus/3.14.0";
};

enum class TargetHealth : std::uint8_t { kUnknown, kUp, kDown };

struct ActiveTarget {
  std::string scrape_pool;          // job_name of the scrape_config.
  model::Labels discovered_labels;  // Before relabelling.
  model::Labels labels;             // As on its series: without names that begin with "__".
  std::string scrape_url;
  std::string last_error;           // "" when the last scrape was good.
  std::int64_t last_scrape_ns = 0;  // Unix time; 0 = never scraped.
  double last_scrape_duration_s = 0;
  TargetHealth health = TargetHealth::kUnknown;
  std::string scrape_interval;  // As its labels __scrape_interval__ and __scrape_timeout__ say it
  std::string scrape_timeout;   // after relabelling.
};

struct DroppedTarget {
  std::string scrape_pool;
  model::Labels discovered_labels;
};

/// Metadata of one metric family as one target exposes it. Views are valid during a visit.
struct TargetMetadata {
  std::string_view metric;
  model::MetricType type = model::MetricType::kUnknown;
  std::string_view help;
  std::string_view unit;
};

/// Thread safety: any thread; Stop once.
class ScrapeManager final {
 public:
  /// The pool must be started before the first ApplyConfig and outlive the manager, as must the
  /// other references.
  ScrapeManager(net::IoPool& io_pool, storage::Appendable& appendable, Clock& clock,
                metrics::Registry& registry, ScrapeOptions options);
  ~ScrapeManager();  // Calls Stop().
  ScrapeManager(const ScrapeManager&) = delete;
  ScrapeManager& operator=(const ScrapeManager&) = delete;

  /// Makes the scrape pools those of the configuration. What did not change goes on undisturbed:
  /// same loops, caches and connections. Returns when the known targets are scheduled.
  /// Errors: kInvalidArgument; pools that could be applied are.
  Status ApplyConfig(const std::shared_ptr<const config::Config>& config);

  /// Ends discovery and all loops and waits for running scrapes. Writes no staleness markers, as
  /// after a restart the series go on. Idempotent.
  void Stop();

  /// Names of all pools, sorted.
  std::vector<std::string> ScrapePools() const;
  /// Targets of one pool (of all when empty): pools by name, targets by URL and labels.
  std::vector<ActiveTarget> ActiveTargets(std::string_view pool = {}) const;
  /// At most keep_dropped_targets of each pool.
  std::vector<DroppedTarget> DroppedTargets(std::string_view pool = {}) const;
  /// How many targets each pool dropped, kept in the list or not; sorted by pool.
  std::vector<std::pair<std::string, std::int64_t>> DroppedCounts() const;

  /// What a pool was made from; null when there is no such pool.
  std::shared_ptr<const config::ScrapeConfig> PoolConfig(std::string_view pool) const;

  /// Bytes that each part of scraping holds in memory: "scrape/series_caches", …. Those of a loop
  /// are as of the end of its last scrape.
  std::vector<std::pair<std::string, std::uint64_t>> Memory() const;

  /// Calls `visit` for the metadata of `metric` (all when empty) on each active target. Ends early
  /// when `visit` gives false. `visit` must not call back into the manager.
  void VisitMetadata(std::string_view metric,
                     const std::function<bool(const model::Labels& target_labels,
                                              const TargetMetadata&)>& visit) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::scrape
