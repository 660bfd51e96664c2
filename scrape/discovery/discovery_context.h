// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace narthex {
class Clock;
namespace metrics {
class Registry;
}
}  // namespace narthex

namespace narthex::scrape {

/// What every discoverer is given. References are not owned and outlive it.
struct DiscoveryContext {
  metrics::Registry& registry;
  Clock& clock;
  std::string set_name;     // "scrape", "notify".
  std::string config_name;  // The first job that asked for it: the label `config` of its metrics.
};

}  // namespace narthex::scrape
