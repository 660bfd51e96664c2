// SPDX-License-Identifier: Apache-2.0
//
// Scores as Prometheus 3.14.0 answered them to searches over these values.
#include "web/api/search_filter.h"

#include <gtest/gtest.h>

namespace narthex::web {
namespace {

using enum FuzzyAlgorithm;

std::vector<std::string> Values() {
  return {"GRÜSSE",
          "aXbXc",
          "a_b_c",
          "ab",
          "abc",
          "abcabc",
          "cab",
          "dicksonx",
          "dixon",
          "grüße",
          "http_requests_total",
          "kube_pod_info",
          "marhta",
          "martha",
          "node_memory_MemFree_bytes",
          "xabc",
          "Ärger"};
}

using Found = std::vector<std::pair<std::string, double>>;

Found Search(SearchFilter filter, SearchOrder order = SearchOrder::kAscending,
             std::size_t limit = 100) {
  Found found;
  for (auto& result : SelectResults(Values(), filter, order, limit, {})) {
    found.emplace_back(std::move(result.value), result.score);
  }
  return found;
}

TEST(SearchFilterTest, ScoresOfPrometheus) {
  const struct {
    std::vector<std::string> terms;
    FuzzyAlgorithm algorithm;
    double threshold;
    bool case_sensitive;
    Found found;
  } cases[] = {
      {{"abc"},
       kSubsequence,
       0,
       true,
       {{"aXbXc", 0.2886}, {"a_b_c", 0.2886}, {"abc", 1}, {"abcabc", 1}, {"xabc", 0.97125}}},
      {{"abc"}, kSubsequence, 0.5, true, {{"abc", 1}, {"abcabc", 1}, {"xabc", 0.97125}}},
      {{"mmb"}, kSubsequence, 0, true, {{"node_memory_MemFree_bytes", 0.24420000000000003}}},
      {{"ärg"}, kSubsequence, 0, false, {{"Ärger", 1}}},
      {{"ärg"}, kSubsequence, 0, true, {}},
      {{"ü"}, kSubsequence, 0, true, {{"grüße", 0.39959999999999996}}},
      {{"", "info", "total"},
       kSubsequence,
       0,
       true,
       {{"http_requests_total", 0.9695557894736843}, {"kube_pod_info", 0.9557740384615385}}},
      {{"abc"}, kJaroWinkler, 0, true, {{"abc", 1}, {"abcabc", 1}, {"xabc", 0.09999999999999998}}},
      {{"dixon"}, kJaroWinkler, 0.6, true, {{"dicksonx", 0.8133333333333332}, {"dixon", 1}}},
      {{"größe"},
       kJaroWinkler,
       0.5,
       true,
       {{"grüße", 0.8933333333333333},
        {"http_requests_total", 0.5017543859649123},
        {"Ärger", 0.6}}},
      {{"martha"}, kJaroWinkler, 0.6, true, {{"marhta", 0.9611111111111111}, {"martha", 1}}},
      {{"ß"}, kJaroWinkler, 0, true, {{"grüße", 0.32499999999999996}}},
      {{"o"},
       kJaroWinkler,
       0,
       true,
       {{"dicksonx", 0.3571428571428571},
        {"dixon", 0.32499999999999996},
        {"http_requests_total", 0.25},
        {"kube_pod_info", 0.55},
        {"node_memory_MemFree_bytes", 0.9625}}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.terms.back());
    EXPECT_EQ(c.found, Search({c.terms, c.algorithm, c.threshold, c.case_sensitive}));
  }
}

// A text that is passed over for its length alone is one that would not have fitted.
TEST(SearchFilterTest, LengthsThatCannotFitArePassedOver) {
  FuzzyWord word("abcdefgh");
  std::string text;
  for (int length = 1; length <= 64; ++length) {
    text = text.size() < 8 ? std::string("abcdefgh").substr(0, text.size() + 1) : text + "x";
    const double score = word.JaroWinklerScore(text);
    EXPECT_EQ(score, word.JaroWinklerScore(text, score)) << text;
  }
  EXPECT_EQ(0, word.JaroWinklerScore(text, 0.99));
}

TEST(SearchFilterTest, NothingToLookForTakesAll) {
  SearchFilter filter({"", ""}, kSubsequence, 0.9, true);
  EXPECT_TRUE(filter.takes_all());
  EXPECT_EQ(1.0, filter.Score("anything"));
  EXPECT_EQ(Values().size(), Search({{}, kJaroWinkler, 1, false}).size());
}

TEST(SearchFilterTest, OrdersAndLimits) {
  const auto names = [](const Found& found) {
    std::vector<std::string> out;
    for (const auto& [name, score] : found) out.push_back(name);
    return out;
  };
  using Names = std::vector<std::string>;
  const SearchFilter abc({"abc"}, kSubsequence, 0, true);
  EXPECT_EQ((Names{"aXbXc", "a_b_c"}), names(Search(abc, SearchOrder::kAscending, 2)));
  EXPECT_EQ((Names{"xabc", "abcabc"}), names(Search(abc, SearchOrder::kDescending, 2)));
  // Best first, of equal scores by name, whatever the limit.
  const Names best = {"abc", "abcabc", "xabc", "aXbXc", "a_b_c"};
  for (std::size_t limit = 1; limit <= 6; ++limit) {
    SCOPED_TRACE(limit);
    const auto n = static_cast<std::ptrdiff_t>(std::min(limit, best.size()));
    EXPECT_EQ(Names(best.begin(), best.begin() + n),
              names(Search(abc, SearchOrder::kBestFirst, limit)));
  }
}

TEST(SearchFilterTest, StopsWhenNobodyListens) {
  std::stop_source source;
  source.request_stop();
  SearchFilter filter({"a"}, kSubsequence, 0, true);
  for (const auto order :
       {SearchOrder::kAscending, SearchOrder::kDescending, SearchOrder::kBestFirst}) {
    EXPECT_TRUE(SelectResults(Values(), filter, order, 5, source.get_token()).empty());
  }
}

TEST(SearchFilterTest, TextsThatAreNoUtf8) {
  for (const auto algorithm : {kSubsequence, kJaroWinkler}) {
    SearchFilter filter({"\xff", "a\xc3", "\xbc"}, algorithm, 0.1, true);
    for (const char* value : {"\xff", "x\xff", "\xc3\xbc", "a", "", "\xf0\x9f\x98"}) {
      const auto score = filter.Score(value);
      EXPECT_TRUE(!score || (*score >= 0 && *score <= 1)) << score.value_or(-1);
    }
    // Bytes from within a code point, as upstream counts them.
    EXPECT_EQ(1.0, SearchFilter({"\xbc"}, kJaroWinkler, 0, true).Score("\xc3\xbc"));
  }
}

}  // namespace
}  // namespace narthex::web
