// SPDX-License-Identifier: Apache-2.0
//
// Asks a running server for a range query over its HTTP API.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/labels.h"
#include "narthex/model/sample.h"

namespace narthex::cli {

struct RangeQuery {
  std::string query;
  std::int64_t start_ns = 0;  // Unix time.
  std::int64_t end_ns = 0;
  std::int64_t step_ns = 0;
};

/// One series of a result. Native histograms are left out, as in promtool.
struct RangeSeries {
  model::Labels labels;
  std::vector<model::Sample> samples;
};
struct RangeResult {
  std::vector<RangeSeries> series;
  std::vector<std::string> warnings;
};

/// @param url  of the server, with its path prefix and user information
/// Errors: kUnavailable and kTimeout of the connection, kExecution "TYPE: MESSAGE" of the server.
Result<RangeResult> QueryRange(const std::string& url, const RangeQuery& query);

/// Reads an answer of /api/v1/query_range. Errors: kExecution.
Result<RangeResult> ParseRangeAnswer(int status, std::string_view body);

}  // namespace narthex::cli
