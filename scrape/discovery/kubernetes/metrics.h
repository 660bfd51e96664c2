// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "narthex/base/metrics.h"
#include "narthex/config/kubernetes_sd.h"

namespace narthex::scrape::kubernetes {

/// prometheus_sd_kubernetes_*: there, with zeros, as soon as the object is.
class KubernetesMetrics final {
 public:
  enum class Event : std::uint8_t { kAdd, kDelete, kUpdate };

  explicit KubernetesMetrics(metrics::Registry& registry);

  void Count(config::KubernetesRole role, Event event) {
    events_[static_cast<std::size_t>(role)][static_cast<std::size_t>(event)]->Add();
  }
  void CountFailure() { failures_.Add(); }
  /// A request that was answered; 0 = it was not.
  void CountRequest(int status);
  /// @param endpoint  the path, with a placeholder for the namespace
  void ObserveRequest(const std::string& endpoint, double seconds);

 private:
  metrics::Registry& registry_;
  std::array<std::array<metrics::Counter*, 3>, config::kNumKubernetesRoles> events_{};
  metrics::Counter& failures_;
};

}  // namespace narthex::scrape::kubernetes
