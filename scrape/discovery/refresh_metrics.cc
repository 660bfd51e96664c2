// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/refresh_metrics.h"

#include <map>
#include <tuple>

#include "narthex/base/mutex.h"

namespace narthex::scrape {

namespace {

constexpr std::string_view kFailures = "prometheus_sd_refresh_failures_total";
constexpr std::string_view kDuration = "prometheus_sd_refresh_duration_seconds";
constexpr double kQuantiles[] = {0.5, 0.9, 0.99};
constexpr double kBuckets[] = {0.01, 0.1, 1, 10};

metrics::LabelPairs Pairs(const std::string& mechanism, const std::string& config) {
  return {{"config", config}, {"mechanism", mechanism}};
}

/// How many discoverers use the metrics of a registry, mechanism and job: a reload may make the
/// next one before the last one has ended.
struct Users {
  Mutex mutex;
  std::map<std::tuple<metrics::Registry*, std::string, std::string>, int> counts
      NX_GUARDED_BY(mutex);
};

Users& AllUsers() {
  static Users& users = *new Users;  // Never destroyed: threads may end late.
  return users;
}

}  // namespace

RefreshMetrics::RefreshMetrics(metrics::Registry& registry, std::string mechanism,
                               std::string config)
    : registry_(registry), mechanism_(std::move(mechanism)), config_(std::move(config)) {
  Users& users = AllUsers();
  MutexLock lock(users.mutex);
  ++users.counts[{&registry_, mechanism_, config_}];
  failures_ =
      &registry_.AddCounter(kFailures, "Number of refresh failures for the given SD mechanism.",
                            Pairs(mechanism_, config_));
  duration_ = &registry_.AddSummary(
      kDuration, "The duration of a refresh in seconds for the given SD mechanism.", kQuantiles,
      Pairs(mechanism_, config_));
  duration_histogram_ =
      &registry_.AddHistogram("prometheus_sd_refresh_duration_histogram_seconds",
                              "The duration of a refresh for the given SD mechanism.", kBuckets,
                              {{"mechanism", mechanism_}});
}

RefreshMetrics::~RefreshMetrics() {
  Users& users = AllUsers();
  MutexLock lock(users.mutex);
  const auto count = users.counts.find({&registry_, mechanism_, config_});
  if (--count->second > 0) return;
  users.counts.erase(count);
  registry_.Remove(kFailures, Pairs(mechanism_, config_));
  registry_.Remove(kDuration, Pairs(mechanism_, config_));
}

void RefreshMetrics::ObserveDuration(double seconds) {
  duration_->Observe(seconds);
  duration_histogram_->Observe(seconds);
}

}  // namespace narthex::scrape
