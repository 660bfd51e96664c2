// SPDX-License-Identifier: Apache-2.0
//
// Templates in the labels and annotations of alerts.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "narthex/base/result.h"
#include "narthex/model/histogram.h"
#include "narthex/model/labels.h"
#include "narthex/model/timestamp.h"
#include "narthex/promql/engine.h"

namespace narthex::metrics {
class Counter;
}

namespace narthex::alerting {

/// What templates see of the server.
struct TemplateContext {
  model::Labels external_labels;
  std::string external_url;  // Without a trailing slash; may be empty.
  /// For the function query; none = it fails.
  std::function<Result<promql::Vector>(const std::string& expr, model::TimestampMs t)> query;
  /// Count texts, and those of them that failed; null = they are not counted.
  metrics::Counter* expansions = nullptr;
  metrics::Counter* failures = nullptr;
};

/// What one alert gives its templates.
struct AlertData {
  const model::Labels& labels;  // Of the result, with __name__.
  double value = 0;
  const model::FloatHistogram* histogram = nullptr;  // Instead of the value, unless null.
};

/// The text with its templates executed. A failure is logged and becomes the text: "<error
/// expanding template: …>", as in Prometheus.
std::string ExpandAlertText(const std::string& alert_name, std::string_view text,
                            const TemplateContext& context, const AlertData& data,
                            model::TimestampMs t);

/// Whether the text parses and names only functions and variables that there are.
/// Errors: kInvalidArgument "template: __alert_NAME:1: reason".
Status CheckAlertText(const std::string& alert_name, std::string_view text);

}  // namespace narthex::alerting
