// SPDX-License-Identifier: Apache-2.0
//
// What /api/v1/features tells.
#pragma once

#include <map>
#include <string>

#include "src/server/flags.h"

namespace narthex::server {

/// Category -> feature -> whether it is on, by Prometheus's names. Lists of functions, mechanisms
/// and the like come from where those are defined.
std::map<std::string, std::map<std::string, bool>> FeatureMap(const ServerFlags& flags);

}  // namespace narthex::server
