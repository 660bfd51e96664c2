// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "narthex/base/result.h"
#include "narthex/config/discovery_config.h"

namespace narthex::config {
struct AlertmanagerConfig;
}

namespace narthex::alerting {

/// Whether alerts could be sent to all of these after relabelling.
/// Errors: kInvalidArgument with the address that can't be one.
Status CheckAlertmanagers(std::span<const config::TargetGroup> groups,
                          const config::AlertmanagerConfig& config);

}  // namespace narthex::alerting
