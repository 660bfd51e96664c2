// SPDX-License-Identifier: Apache-2.0
//
// The alerting section: which Alertmanagers get the alerts, and how.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "narthex/config/discovery_config.h"
#include "narthex/config/http_config.h"
#include "narthex/model/relabel.h"
#include "narthex/model/timestamp.h"

namespace narthex::config {

struct AlertmanagerConfig {
  std::string scheme = "http";
  std::string path_prefix;
  model::DurationMs timeout_ms = 10'000;  // Per POST.
  HttpConfig http;
  std::optional<Sigv4Config> sigv4;
  std::vector<TargetGroup> static_configs;
  std::vector<DiscoveryConfig> discovery_configs;           // In Prometheus's order: by mechanism.
  std::vector<model::RelabelConfig> relabel_configs;        // On discovered Alertmanagers.
  std::vector<model::RelabelConfig> alert_relabel_configs;  // After the section's own.
  /// The entry as YAML with secrets in clear: equal texts mean that nothing changed. Never shown.
  std::string fingerprint;
};

struct AlertingConfig {
  std::vector<model::RelabelConfig> alert_relabel_configs;
  std::vector<AlertmanagerConfig> alertmanagers;
};

}  // namespace narthex::config
