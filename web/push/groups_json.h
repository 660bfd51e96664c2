// SPDX-License-Identifier: Apache-2.0
//
// The pushed groups as the Pushgateway's GET /api/v1/metrics tells them, for scripts that look for
// groups to delete.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "narthex/web/push_gateway.h"

namespace narthex::web {

/// The whole answer. Of native histograms only count and sum are told.
std::string GroupsJson(const std::vector<std::shared_ptr<const PushGroup>>& groups);

}  // namespace narthex::web
