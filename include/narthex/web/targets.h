// SPDX-License-Identifier: Apache-2.0
//
// What the API wants to know about scraping. Implemented by src/server over the scrape manager.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "narthex/model/labels.h"
#include "narthex/model/metadata.h"
#include "narthex/model/relabel.h"
#include "narthex/model/timestamp.h"

namespace narthex::web {

enum class TargetHealth : std::uint8_t { kUnknown, kUp, kDown };

struct ActiveTarget {
  std::string scrape_pool;
  model::Labels discovered_labels;  // Before relabelling, with __address__ and the like.
  model::Labels labels;             // As on its series: without names that begin with "__".
  std::string scrape_url;
  std::string last_error;           // "" when the last scrape was good.
  std::int64_t last_scrape_ns = 0;  // Unix time; 0 = never scraped.
  double last_scrape_duration_s = 0;
  TargetHealth health = TargetHealth::kUnknown;
  std::string scrape_interval;  // As the target's labels say it: "15s", "15000ms".
  std::string scrape_timeout;
};

struct DroppedTarget {
  std::string scrape_pool;
  model::Labels discovered_labels;
};

/// Metadata of one metric family as one target exposes it.
struct TargetMetadata {
  std::string_view metric;
  model::MetricType type = model::MetricType::kUnknown;
  std::string_view help;
  std::string_view unit;
};

/// Thread safety: any thread.
class TargetRetriever {
 public:
  virtual ~TargetRetriever() = default;

  /// Names of all pools, sorted.
  virtual std::vector<std::string> ScrapePools() const = 0;
  /// The targets of one pool (all when `pool` is empty), pools in order of name. None for an
  /// unknown pool.
  virtual std::vector<ActiveTarget> ActiveTargets(std::string_view pool) const = 0;
  /// As above; at most keep_dropped_targets of each pool.
  virtual std::vector<DroppedTarget> DroppedTargets(std::string_view pool) const = 0;
  /// How many targets each pool dropped, kept or not; sorted by pool.
  virtual std::vector<std::pair<std::string, std::int64_t>> DroppedCounts() const = 0;

  /// The relabel_configs of a pool; nullopt = there is no such pool.
  virtual std::optional<std::vector<model::RelabelConfig>> RelabelConfigs(
      [[maybe_unused]] std::string_view pool) const {
    return {};
  }

  /// Calls `visit` for the metadata of `metric` (all metrics when empty) on each active target,
  /// targets of all pools. Views are valid during the call. Ends early when `visit` gives false.
  virtual void VisitMetadata(std::string_view metric,
                             const std::function<bool(const model::Labels& target_labels,
                                                      const TargetMetadata&)>& visit) const = 0;
};

/// Thread safety: any thread.
class AlertmanagerRetriever {
 public:
  virtual ~AlertmanagerRetriever() = default;
  /// URLs with path: "http://alertmanager:9093/api/v2/alerts".
  virtual std::vector<std::string> ActiveAlertmanagers() const = 0;
  virtual std::vector<std::string> DroppedAlertmanagers() const = 0;
};

}  // namespace narthex::web
