// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/make_discoverer.h"

#include <variant>

#include <fmt/core.h>

#include "scrape/discovery/file_discoverer.h"
#include "scrape/discovery/kubernetes/kubernetes_discoverer.h"
#include "scrape/discovery/kubernetes/metrics.h"

namespace narthex::scrape {

namespace {

using Made = Result<std::unique_ptr<Discoverer>>;

/// One line per mechanism.
struct Maker {
  const DiscoveryContext& context;

  Made operator()(const config::FileSdConfig& sd) const {
    return std::make_unique<FileDiscoverer>(sd, context.registry);
  }
  Made operator()(const config::KubernetesSdConfig& sd) const {
    return kubernetes::KubernetesDiscoverer::Make(sd, context.registry);
  }
  /// The configuration's tables let nothing else through.
  template <typename Other>
  Made operator()(const Other&) const {
    return Fail(Code::kInternal, "not available");
  }
};

}  // namespace

Made MakeDiscoverer(const config::DiscoveryConfig& config, const DiscoveryContext& context) {
  return std::visit(Maker{context}, config.settings);
}

void AddDiscoveryMetrics(metrics::Registry& registry) {
  FileDiscoverer::AddMetrics(registry);
  const kubernetes::KubernetesMetrics counters(registry);
}

}  // namespace narthex::scrape
