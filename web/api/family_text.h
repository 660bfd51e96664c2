// SPDX-License-Identifier: Apache-2.0
//
// Metric families in text format 0.0.4.
// Source: prometheus/common expfmt.MetricFamilyToText.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "narthex/proto/metric_family.h"
#include "web/api/name_escaping.h"

namespace narthex::web {

/// A name of a metric as the client can read it; plain names stay as they are in every scheme.
std::string WrittenName(std::string_view name, NameEscaping escaping);
/// The same of a label.
std::string WrittenLabel(std::string_view name, NameEscaping escaping);

/// Writes the lines of one family, its metrics one by one.
class FamilyText {
 public:
  /// Appends the lines before the metrics. `out` outlives this.
  FamilyText(std::string_view name, const std::optional<std::string>& help, proto::FamilyType type,
             NameEscaping escaping, std::string& out);

  void Append(const proto::FamilyMetric& metric);

 private:
  void AppendSummary(const proto::Distribution& d);
  void AppendHistogram(const proto::Distribution& d);
  void Line(std::string_view suffix, double value, std::string_view extra = "",
            double extra_value = 0);

  const std::string name_;
  const NameEscaping escaping_;
  const proto::FamilyMetric* metric_ = nullptr;  // Which is being written.
  std::string& out_;
};

}  // namespace narthex::web
