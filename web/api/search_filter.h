// SPDX-License-Identifier: Apache-2.0
//
// Which names and values a search finds, how well each fits, and which of them come first.
// Source: Prometheus web/api/v1/search_filters.go, storage ApplySearchHints.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "web/api/fuzzy_score.h"

namespace narthex::web {

enum class FuzzyAlgorithm : std::uint8_t { kSubsequence, kJaroWinkler };

/// Thread safety: one thread at a time.
class SearchFilter {
 public:
  /// @param terms      any of them has to fit; empty ones are passed over
  /// @param threshold  least score, 0 … 1
  SearchFilter(const std::vector<std::string>& terms, FuzzyAlgorithm algorithm, double threshold,
               bool case_sensitive);

  /// Whether there is nothing to look for: everything fits, with score 1.
  bool takes_all() const { return words_.empty(); }
  /// The best score of the terms, 0 … 1; nullopt = none fits.
  std::optional<double> Score(std::string_view value);

 private:
  std::optional<double> ScoreWord(FuzzyWord& word, std::string_view value) const;

  const FuzzyAlgorithm algorithm_;
  const double threshold_;
  const bool case_sensitive_;
  std::vector<FuzzyWord> words_;
};

enum class SearchOrder : std::uint8_t { kAscending, kDescending, kBestFirst };

struct SearchResult {
  std::string value;
  double score = 1;
};

/// The first `limit` of those that fit, in this order; of equal scores by value.
/// @param values  sorted
/// @param stop    ends the search early; what was found until then is returned
std::vector<SearchResult> SelectResults(std::vector<std::string> values, SearchFilter& filter,
                                        SearchOrder order, std::size_t limit,
                                        const std::stop_token& stop);

}  // namespace narthex::web
