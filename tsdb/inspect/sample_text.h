// SPDX-License-Identifier: Apache-2.0
//
// Samples as text, as Go's fmt prints Prometheus's types.
#pragma once

#include <string>

#include "narthex/model/histogram.h"

namespace narthex::tsdb::inspect {

void AppendText(double v, std::string& out);
/// {count:3, sum:4.5, (0.5,1]:2, (1,2]:1}; integer counts are never in exponent form.
void AppendText(const model::Histogram& h, std::string& out);
void AppendText(const model::FloatHistogram& h, std::string& out);

}  // namespace narthex::tsdb::inspect
