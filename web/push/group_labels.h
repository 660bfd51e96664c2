// SPDX-License-Identifier: Apache-2.0
//
// The grouping labels of a push, and what they do to its metrics.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "narthex/base/result.h"
#include "narthex/proto/metric_family.h"
#include "narthex/web/push_gateway.h"

namespace narthex::web {

/// What stands in the URL after "/metrics/job/" or "/metrics/job@base64/", unescaped:
/// "<job>{/<label>/<value>}", where "label@base64" says how its value is written.
/// Errors: kInvalidArgument in the Pushgateway's wording.
Result<GroupingLabels> ParseGroupPath(std::string_view path, bool base64_job, proto::NameRule rule);

/// Identifies a group; sorts groups by their labels.
std::string GroupKey(const GroupingLabels& labels);

/// About how much memory the next function takes for the metrics of a push.
std::size_t GroupingLabelBytes(const GroupingLabels& labels, const proto::FamiliesByName& families);

/// Gives all metrics the grouping labels, an empty instance where there is none, and sorts labels.
void ApplyGroupingLabels(const GroupingLabels& labels, proto::MetricFamily& family);

}  // namespace narthex::web
