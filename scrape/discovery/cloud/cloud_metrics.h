// SPDX-License-Identifier: Apache-2.0
//
// Metrics that a cloud's discovery has beside those of all discoveries.
#pragma once

#include "narthex/base/metrics.h"

namespace narthex::scrape {

metrics::Counter& LinodeFailures(metrics::Registry& registry);
metrics::Counter& AzureFailures(metrics::Registry& registry);
metrics::Counter& AzureCacheHits(metrics::Registry& registry);

}  // namespace narthex::scrape
