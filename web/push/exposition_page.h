// SPDX-License-Identifier: Apache-2.0
//
// All pushed groups as one page to scrape.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "narthex/web/push_gateway.h"
#include "web/api/name_escaping.h"

namespace narthex::web {

/// Writes the families in order of name, the metrics of all groups in order of their labels'
/// values, as the Pushgateway's /metrics does. Where groups differ in a help text the one of the
/// first group is shown.
/// @param write  takes the page piece by piece; false ends the writing
void WritePushedMetrics(const std::vector<std::shared_ptr<const PushGroup>>& groups,
                        Exposition form, const std::function<bool(std::string_view)>& write);

}  // namespace narthex::web
