// SPDX-License-Identifier: Apache-2.0
//
// From discovered targets to the URLs that alerts are posted to.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/config/alerting_config.h"

namespace narthex::alerting {

struct AlertmanagerUrls {
  std::vector<std::string> active;   // In the order of the targets, each once.
  std::vector<std::string> dropped;  // By relabelling.
};

/// A group with a target whose address can't be one counts for nothing; that is logged.
AlertmanagerUrls FindAlertmanagers(std::span<const config::TargetGroup> groups,
                                   const config::AlertmanagerConfig& config);

/// "/" + prefix + "/api/v2/alerts" without empty parts, "." and "..".
std::string PostPath(std::string_view prefix);

}  // namespace narthex::alerting
