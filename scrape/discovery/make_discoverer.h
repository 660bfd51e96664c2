// SPDX-License-Identifier: Apache-2.0
//
// From settings to the discoverer of their mechanism.
#pragma once

#include <memory>

#include "narthex/base/result.h"
#include "narthex/config/discovery_config.h"
#include "scrape/discovery/discoverer.h"
#include "scrape/discovery/discovery_context.h"

namespace narthex::scrape {

/// Errors: what keeps it from starting at all, such as a header file that can't be read, or a lack
/// of file descriptors. Throws nothing.
Result<std::unique_ptr<Discoverer>> MakeDiscoverer(const config::DiscoveryConfig& config,
                                                   const DiscoveryContext& context);

/// Adds the metrics that are there before any discoverer is.
void AddDiscoveryMetrics(metrics::Registry& registry);

}  // namespace narthex::scrape
