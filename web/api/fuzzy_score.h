// SPDX-License-Identifier: Apache-2.0
//
// How well a text fits a word that somebody began to type: the two measures of the search API, with
// the very numbers of Prometheus. Source: Prometheus util/strutil, subsequence.go, jarowinkler.go.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::web {

/// A word to look for; ASCII is compared by bytes, anything else by code points.
/// Thread safety: one thread at a time.
class FuzzyWord {
 public:
  explicit FuzzyWord(std::string word);

  const std::string& text() const { return text_; }

  /// 1 for the word itself, less where its letters stand apart in `text` or far behind, 0 where
  /// they are not there in this order.
  double SubsequenceScore(std::string_view text);
  /// 1 for the word itself, 0 for a text that has nothing of it. Its time grows with the product of
  /// the lengths.
  /// @param at_least  what can't score that much by its length alone may get 0
  double JaroWinklerScore(std::string_view text, double at_least = 0);
  /// 1 where `text` begins with the word, falling to 0.1 where it ends with it; -1 where it does
  /// not have it.
  double SubstringScore(std::string_view text) const;

 private:
  /// The two as code points.
  void Decode(std::string_view text);

  const std::string text_;
  const bool ascii_;
  std::u32string word_;                            // Made when the first text needs it, …
  std::u32string other_;                           // … whose code points these are.
  std::vector<std::uint8_t> taken_, taken_other_;  // Room for the Jaro measure.
};

}  // namespace narthex::web
