// SPDX-License-Identifier: Apache-2.0
//
// Answers of a Monitoring Assignment Discovery Service. Source: Prometheus discovery/xds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/labels.h"
#include "scrape/answers/target_budget.h"

namespace narthex::scrape {

/// The type of what is asked for and answered.
inline constexpr std::string_view kKumaType =
    "type.googleapis.com/kuma.observability.v1.MonitoringAssignment";

struct KumaAnswer {
  std::string version, nonce;
  std::vector<model::Labels> targets;
};

/// Errors: kInvalidArgument, kResourceExhausted.
Result<KumaAnswer> ParseKumaAnswer(std::string_view body, const TargetLimits& limits = {});

}  // namespace narthex::scrape
