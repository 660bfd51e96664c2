// SPDX-License-Identifier: Apache-2.0
//
// Templates in the labels and annotations of alerts.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "alerting/template/ast.h"
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

/// The text of a label or annotation, parsed once and expanded for each alert at each evaluation.
/// Immutable; thread safety: any thread.
class AlertText {
 public:
  AlertText(std::string alert_name, std::string text);

  /// Whether the text parses and names only functions and variables that there are.
  /// Errors: kInvalidArgument "template: __alert_NAME:1: reason".
  const Status& parsed() const { return parsed_; }

  /// The text with its templates executed. A failure, also of parsing, is logged and becomes the
  /// text: "<error expanding template: …>", as in Prometheus.
  std::string Expand(const TemplateContext& context, const AlertData& data,
                     model::TimestampMs t) const;

 private:
  Result<std::string> Execute(const TemplateContext& context, const tmpl::Value& dot,
                              model::TimestampMs t) const;

  std::string alert_name_;
  std::string template_name_;
  std::string text_;
  std::shared_ptr<const tmpl::TemplateSet> templates_;  // Null: plain text, or it can't be parsed.
  Status parsed_;
};

}  // namespace narthex::alerting
