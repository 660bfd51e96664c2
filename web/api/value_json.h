// SPDX-License-Identifier: Apache-2.0
//
// Labels, samples and query results as JSON.
#pragma once

#include <functional>

#include "narthex/base/json_writer.h"
#include "narthex/model/labels.h"
#include "narthex/promql/engine.h"

namespace narthex::web {

void WriteLabels(const model::Labels& labels, JsonWriter& out);

/// {"count":"2","sum":"3","buckets":[[1,"0.5","1","2"],…]}
void WriteHistogram(const model::FloatHistogram& h, JsonWriter& out);

/// "vector", "matrix", "scalar" or "string".
std::string_view ResultType(const promql::Value& value);

/// The `result` of a query. Ends early when `gone()` says that nobody listens.
void WriteValue(const promql::Value& value, const std::function<bool()>& gone, JsonWriter& out);

}  // namespace narthex::web
