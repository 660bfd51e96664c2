// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "narthex/base/metrics.h"
#include "narthex/base/result.h"
#include "narthex/config/kubernetes_sd.h"
#include "scrape/discovery/discoverer.h"
#include "scrape/discovery/kubernetes/api.h"
#include "scrape/discovery/kubernetes/informer.h"

namespace narthex::scrape::kubernetes {

/// kubernetes_sd_configs: watches the objects of one role and passes on the groups that change.
/// One thread, whatever the number of namespaces and resources: all watches are coroutines on it.
class KubernetesDiscoverer final : public Discoverer {
 public:
  /// Errors: as FindApi.
  static Result<std::unique_ptr<Discoverer>> Make(const config::KubernetesSdConfig& config,
                                                  metrics::Registry& registry);

  KubernetesDiscoverer(const config::KubernetesSdConfig& config, ApiAccess access,
                       metrics::Registry& registry, InformerTiming timing = {});
  ~KubernetesDiscoverer() override;
  KubernetesDiscoverer(const KubernetesDiscoverer&) = delete;
  KubernetesDiscoverer& operator=(const KubernetesDiscoverer&) = delete;

  /// `update` is called when everything has been listed once, and then with what has changed.
  void Start(Update update) override;
  void Stop() override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::scrape::kubernetes
