// SPDX-License-Identifier: Apache-2.0
//
// The body of POST /api/v2/alerts. Source: Alertmanager api/v2/openapi.yaml, postableAlerts.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "narthex/alerting/notification.h"

namespace narthex::alerting {

/// The alerts as Prometheus writes them: fields in its order, times in UTC with milliseconds.
std::string AlertsJson(std::span<const std::shared_ptr<const Notification>> alerts);

}  // namespace narthex::alerting
