// SPDX-License-Identifier: Apache-2.0
#include "web/api/search_filter.h"

#include <algorithm>
#include <utility>

#include "narthex/base/letter_case.h"

namespace narthex::web {
namespace {

/// A value by its place in the list, which is in order of value.
struct Candidate {
  double score;
  std::size_t index;
};

bool IsBetter(const Candidate& a, const Candidate& b) {
  return a.score != b.score ? a.score > b.score : a.index < b.index;
}

/// The best `limit` of all that fit, best first. Holds no more than those.
std::vector<Candidate> FindBest(const std::vector<std::string>& values, SearchFilter& filter,
                                std::size_t limit, const std::stop_token& stop) {
  std::vector<Candidate> heap;  // Its front is the worst.
  for (std::size_t i = 0; i < values.size() && !stop.stop_requested(); ++i) {
    const std::optional<double> score = filter.Score(values[i]);
    if (!score) continue;
    const Candidate candidate{*score, i};
    if (heap.size() == limit) {
      if (!IsBetter(candidate, heap.front())) continue;
      std::pop_heap(heap.begin(), heap.end(), IsBetter);
      heap.pop_back();
    }
    heap.push_back(candidate);
    std::push_heap(heap.begin(), heap.end(), IsBetter);
  }
  std::sort_heap(heap.begin(), heap.end(), IsBetter);
  return heap;
}

/// The first `limit` that fit, from the front or from the back.
std::vector<Candidate> FindFirst(const std::vector<std::string>& values, SearchFilter& filter,
                                 bool from_back, std::size_t limit, const std::stop_token& stop) {
  std::vector<Candidate> found;
  for (std::size_t i = 0; i < values.size() && found.size() < limit; ++i) {
    if (stop.stop_requested()) break;
    const std::size_t index = from_back ? values.size() - 1 - i : i;
    if (const auto score = filter.Score(values[index])) found.push_back({*score, index});
  }
  return found;
}

}  // namespace

SearchFilter::SearchFilter(const std::vector<std::string>& terms, FuzzyAlgorithm algorithm,
                           double threshold, bool case_sensitive)
    : algorithm_(algorithm), threshold_(threshold), case_sensitive_(case_sensitive) {
  for (const std::string& term : terms) {
    if (!term.empty()) words_.emplace_back(case_sensitive ? term : ToLowerCase(term));
  }
}

std::optional<double> SearchFilter::ScoreWord(FuzzyWord& word, std::string_view value) const {
  if (algorithm_ == FuzzyAlgorithm::kSubsequence) {
    if (value.starts_with(word.text())) return 1;
    const double score = word.SubsequenceScore(value);
    return score > 0 && score >= threshold_ ? std::optional(score) : std::nullopt;
  }
  if (const double score = word.SubstringScore(value); score >= 0) return score;
  if (threshold_ == 0) return {};  // Everything would fit.
  const double score = word.JaroWinklerScore(value, threshold_);
  return score >= threshold_ ? std::optional(score) : std::nullopt;
}

std::optional<double> SearchFilter::Score(std::string_view value) {
  if (takes_all()) return 1;
  std::string lower;
  if (!case_sensitive_) value = lower = ToLowerCase(value);
  std::optional<double> best;
  for (FuzzyWord& word : words_) {
    const std::optional<double> score = ScoreWord(word, value);
    if (score && (!best || *score > *best)) best = score;
    if (best && *best >= 1) break;
  }
  return best;
}

std::vector<SearchResult> SelectResults(std::vector<std::string> values, SearchFilter& filter,
                                        SearchOrder order, std::size_t limit,
                                        const std::stop_token& stop) {
  const std::vector<Candidate> found =
      order == SearchOrder::kBestFirst
          ? FindBest(values, filter, limit, stop)
          : FindFirst(values, filter, order == SearchOrder::kDescending, limit, stop);
  std::vector<SearchResult> results;
  results.reserve(found.size());
  for (const Candidate& candidate : found) {
    results.push_back({std::move(values[candidate.index]), candidate.score});
  }
  return results;
}

}  // namespace narthex::web
