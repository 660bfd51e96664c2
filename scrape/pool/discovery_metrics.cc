// SPDX-License-Identifier: Apache-2.0
#include "scrape/pool/discovery_metrics.h"

namespace narthex::scrape {

namespace {

constexpr std::string_view kDiscovered = "prometheus_sd_discovered_targets";
constexpr std::string_view kUpdated = "prometheus_sd_last_update_timestamp_seconds";

}  // namespace

DiscoveryMetrics::DiscoveryMetrics(metrics::Registry& registry, const std::string& name)
    : received_updates(registry.AddCounter("prometheus_sd_received_updates_total",
                                           "Total number of update events received from the SD "
                                           "providers.",
                                           {{"name", name}})),
      sent_updates(registry.AddCounter("prometheus_sd_updates_total",
                                       "Total number of update events sent to the SD consumers.",
                                       {{"name", name}})),
      failed_configs(registry.AddGauge("prometheus_sd_failed_configs",
                                       "Current number of service discovery configurations that "
                                       "failed to load.",
                                       {{"name", name}})),
      registry_(registry),
      name_(name) {
  // Consumers here take each update at once, so this one stays at zero.
  registry.AddCounter("prometheus_sd_updates_delayed_total",
                      "Total number of update events that couldn't be sent immediately.",
                      {{"name", name}});
}

metrics::LabelPairs DiscoveryMetrics::Pairs(const std::string& job) const {
  return {{"config", job}, {"name", name_}};
}

void DiscoveryMetrics::SetDiscovered(const std::string& job, std::size_t num_targets) {
  registry_.AddGauge(kDiscovered, "Current number of discovered targets.", Pairs(job))
      .Set(static_cast<double>(num_targets));
}

void DiscoveryMetrics::SetUpdated(const std::string& job, std::int64_t now_ms) {
  registry_.AddGauge(kUpdated, "Timestamp of the last update sent to the SD consumers.", Pairs(job))
      .Set(static_cast<double>(now_ms) / 1e3);
}

void DiscoveryMetrics::RemoveJob(const std::string& job) {
  registry_.Remove(kDiscovered, Pairs(job));
  registry_.Remove(kUpdated, Pairs(job));
}

}  // namespace narthex::scrape
