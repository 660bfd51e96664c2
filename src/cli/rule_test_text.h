// SPDX-License-Identifier: Apache-2.0
//
// How rule tests print what they expected and got.
#pragma once

#include <string>
#include <vector>

#include "narthex/model/histogram.h"
#include "narthex/model/labels.h"
#include "narthex/promql/engine.h"

namespace narthex::cli {

struct TestedAlert {
  model::Labels labels, annotations;

  bool operator==(const TestedAlert&) const = default;
  auto operator<=>(const TestedAlert&) const = default;
};

/// A histogram's text is in the language of series descriptions; "" = a float.
struct TestedSample {
  model::Labels labels;
  double value = 0;
  std::string histogram;
};

/// "[]", or all of them, numbered, over several lines. @param indent  of all lines but the first
std::string AlertsText(const std::vector<TestedAlert>& alerts, const std::string& indent);

/// "nil", or "{a="b"} 1E+00, …".
std::string SamplesText(const std::vector<TestedSample>& samples);

/// The series with a line for each sample.
std::string MatrixText(const promql::MatrixSeries& series);

/// "{{schema:1 count:3 buckets:[1 2]}}": parses back to the histogram.
std::string DescribeHistogram(const model::FloatHistogram& h);

}  // namespace narthex::cli
