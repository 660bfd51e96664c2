// SPDX-License-Identifier: Apache-2.0
//
// The parameters that all endpoints of the search API have.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"
#include "narthex/net/http_server.h"
#include "web/api/parameters.h"
#include "web/api/search_filter.h"

namespace narthex::web {

struct SearchParameters {
  TimeRange range;
  std::vector<MatcherSet> matcher_sets;
  std::vector<std::string> terms;
  FuzzyAlgorithm algorithm = FuzzyAlgorithm::kSubsequence;
  double threshold = 0;  // 0 … 1.
  bool case_sensitive = true;
  bool include_score = false;
  SearchOrder order = SearchOrder::kAscending;
  std::size_t limit = 0;
  std::size_t batch_size = 0;
};

/// What is not given has its default: the last hour, 100 results in batches of 100.
/// @param endpoint   named in an error
/// @param now_ms     Unix time
/// @param max_limit  most results that may be asked for; 0 = any number
/// Errors: kInvalidArgument, complete for the user; the first in upstream's order.
Result<SearchParameters> ReadSearchParameters(const net::Params& form, std::string_view endpoint,
                                              model::TimestampMs now_ms, std::size_t max_limit);

/// `otherwise` when it is not given.
Result<bool> BoolParameter(const net::Params& form, std::string_view name, bool otherwise);

}  // namespace narthex::web
