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

/// The `result` of a query whose matrix comes as a stream, at most `limit` series of it; 0 = all.
/// Ends early as WriteValue does. Errors: as the stream's; what was written is not all then.
Status WriteStream(promql::MatrixStream& stream, std::size_t limit,
                   const std::function<bool()>& gone, JsonWriter& out);

}  // namespace narthex::web
