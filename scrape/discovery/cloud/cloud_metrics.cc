// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/cloud/cloud_metrics.h"

#include "scrape/discovery/cloud/sources.h"

namespace narthex::scrape {

metrics::Counter& LinodeFailures(metrics::Registry& registry) {
  return registry.AddCounter("prometheus_sd_linode_failures_total",
                             "Number of Linode service discovery refresh failures.");
}

metrics::Counter& AzureFailures(metrics::Registry& registry) {
  return registry.AddCounter("prometheus_sd_azure_failures_total",
                             "Number of Azure service discovery refresh failures.");
}

metrics::Counter& AzureCacheHits(metrics::Registry& registry) {
  return registry.AddCounter("prometheus_sd_azure_cache_hit_total",
                             "Number of cache hit during refresh.");
}

void AddCloudMetrics(metrics::Registry& registry) {
  LinodeFailures(registry);
  AzureFailures(registry);
  AzureCacheHits(registry);
}

}  // namespace narthex::scrape
