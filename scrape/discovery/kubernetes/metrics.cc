// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/kubernetes/metrics.h"

namespace narthex::scrape::kubernetes {

KubernetesMetrics::KubernetesMetrics(metrics::Registry& registry)
    : registry_(registry),
      failures_(registry.AddCounter("prometheus_sd_kubernetes_failures_total",
                                    "The number of failed WATCH/LIST requests.")) {
  for (std::size_t role = 0; role < config::kNumKubernetesRoles; ++role) {
    const auto name = config::KubernetesRoleName(static_cast<config::KubernetesRole>(role));
    constexpr const char* kEvents[] = {"add", "delete", "update"};
    for (std::size_t event = 0; event < std::size(kEvents); ++event) {
      events_[role][event] = &registry.AddCounter(
          "prometheus_sd_kubernetes_events_total", "The number of Kubernetes events handled.",
          {{"event", kEvents[event]}, {"role", std::string(name)}});
    }
  }
}

void KubernetesMetrics::CountRequest(int status) {
  registry_
      .AddCounter("prometheus_sd_kubernetes_http_request_total",
                  "Total number of HTTP requests to the Kubernetes API by status code.",
                  {{"status_code", status == 0 ? "<error>" : std::to_string(status)}})
      .Add();
}

void KubernetesMetrics::ObserveRequest(const std::string& endpoint, double seconds) {
  registry_
      .AddSummary("prometheus_sd_kubernetes_http_request_duration_seconds",
                  "Summary of latencies for HTTP requests to the Kubernetes API by endpoint.", {},
                  {{"endpoint", endpoint}})
      .Observe(seconds);
}

}  // namespace narthex::scrape::kubernetes
