// SPDX-License-Identifier: Apache-2.0
//
// From the labels that a target exposes to those that are stored.
#pragma once

#include "narthex/base/result.h"
#include "narthex/config/scrape_config.h"
#include "narthex/model/labels.h"
#include "scrape/textparse/entry.h"

namespace narthex::scrape {

/// Adds the target's labels (honor_labels) and applies metric_relabel_configs.
/// @return the final set; empty when the series is dropped
/// Errors: kResourceExhausted when the rules make too much of the labels.
Result<model::Labels> MakeSampleLabels(const ParsedLabels& exposed, const model::Labels& target,
                                       const config::ScrapeConfig& config);

/// Labels of a report series: the target's and the name.
model::Labels MakeReportLabels(std::string_view name, const model::Labels& target);

/// Checks names and label limits. Errors: kInvalidArgument for names, kResourceExhausted for a
/// limit, in Prometheus's wording.
Status CheckSampleLabels(const model::Labels& labels, const config::ScrapeConfig& config);

}  // namespace narthex::scrape
