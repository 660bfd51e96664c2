// SPDX-License-Identifier: Apache-2.0
//
// What the evaluation of a query took, operator by operator.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/storage/annotations.h"

namespace narthex {
class JsonWriter;
}

namespace narthex::promql {

/// An operator and those that it has its rows from. A range selector is one with the function it is
/// the argument of; literals, parentheses and what is evaluated only once are no operators.
struct TraceNode {
  std::string_view type;  // As /api/v1/parse_query names it.
  std::string name;       // Of the function, the aggregation, the operator; else empty.
  storage::PositionRange position;
  int steps = 0;                        // For which it is evaluated.
  std::int64_t series = 0;              // Rows that it gave.
  std::int64_t samples = 0;             // In these rows.
  std::int64_t samples_read = 0;        // From the storage, as in the statistics.
  std::int64_t bytes = 0;               // Memory of the rows.
  std::atomic<std::int64_t> cpu_ns{0};  // Of all threads, without the operators below.
  std::vector<std::unique_ptr<TraceNode>> children;
};

/// As the API's `data.explain`.
void WriteTrace(const TraceNode& node, JsonWriter& out);

}  // namespace narthex::promql
