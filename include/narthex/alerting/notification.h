// SPDX-License-Identifier: Apache-2.0
//
// An alert on its way from a rule to the Alertmanagers.
#pragma once

#include <cstdint>
#include <string>

#include "narthex/model/labels.h"

namespace narthex::alerting {

/// Times are Unix nanoseconds.
struct Notification {
  model::Labels labels;  // Identify the alert, with alertname.
  model::Labels annotations;
  std::int64_t starts_at_ns = 0;  // Since when it fires.
  std::int64_t ends_at_ns = 0;    // In the past: resolved then. Else: until then without news.
  std::string generator_url;      // Shows the rule's expression.
};

}  // namespace narthex::alerting
