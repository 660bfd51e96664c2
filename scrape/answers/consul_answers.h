// SPDX-License-Identifier: Apache-2.0
//
// Answers of a Consul agent.
// Sources: Prometheus discovery/consul, https://developer.hashicorp.com/consul/api-docs.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/config/target_group.h"
#include "scrape/answers/target_budget.h"

namespace narthex::scrape {

/// The datacenter that /v1/agent/self names.
Result<std::string> ParseConsulDatacenter(std::string_view body);

/// Names of services with their tags, of /v1/catalog/services.
Result<std::map<std::string, std::vector<std::string>>> ParseConsulServices(std::string_view body);

/// The instances of a service, of /v1/health/service/NAME; the source is the service's name.
/// Errors: kInvalidArgument, kResourceExhausted.
Result<config::TargetGroup> ParseConsulHealth(std::string_view body, const std::string& service,
                                              const std::string& datacenter,
                                              const std::string& tag_separator,
                                              const TargetLimits& limits = {});

}  // namespace narthex::scrape
