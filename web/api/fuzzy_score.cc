// SPDX-License-Identifier: Apache-2.0
#include "web/api/fuzzy_score.h"

#include <algorithm>
#include <utility>

#include "narthex/base/utf8.h"

namespace narthex::web {
namespace {

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

std::u32string CodePoints(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto [c, width] = DecodeUtf8(text);
    out += static_cast<char32_t>(c);
    text.remove_prefix(width);
  }
  return out;
}

std::size_t CountCodePoints(std::string_view text) {
  std::size_t n = 0;
  while (!text.empty()) {
    text.remove_prefix(DecodeUtf8(text).second);
    ++n;
  }
  return n;
}

/// The raw score of the leftmost match of `word` whose first letter is text[start]: the square of
/// each run's length, less a part of the gaps. Below -1 when the rest of the word is not there.
template <typename Char>
double ScoreFrom(std::basic_string_view<Char> word, std::basic_string_view<Char> text,
                 std::size_t start) {
  constexpr double kNone = -2;
  const double per_letter = 1.0 / static_cast<double>(text.size());
  double score = 0;
  std::size_t matched = 0;  // Letters of the word.
  std::size_t behind = 0;   // One behind the last run.
  std::size_t at = start;
  while (matched < word.size()) {
    at = text.find(word[matched], at);
    if (at == std::basic_string_view<Char>::npos) return kNone;
    if (at > behind) score -= static_cast<double>(at - behind) * per_letter;
    const std::size_t run_begin = at;
    while (matched < word.size() && at < text.size() && text[at] == word[matched]) {
      ++at;
      ++matched;
    }
    const std::size_t run = at - run_begin;
    score += static_cast<double>(run * run);
    behind = at;
  }
  if (behind < text.size()) {
    score -= static_cast<double>(text.size() - behind) * per_letter * 0.5;
  }
  return score;
}

template <typename Char>
double BestSubsequence(std::basic_string_view<Char> word, std::basic_string_view<Char> text) {
  // So that only the word itself has 1.
  constexpr double kScaleOfOthers = 0.999;
  if (word.size() > text.size()) return 0;
  double best = -1;
  for (std::size_t start = 0; start + word.size() <= text.size(); ++start) {
    start = text.find(word[0], start);
    if (start == std::basic_string_view<Char>::npos || start + word.size() > text.size()) break;
    const double score = ScoreFrom(word, text, start);
    if (score < -1) break;  // What is not there from here is not there from further on.
    best = std::max(best, score);
  }
  if (best < 0) return 0;
  return best / static_cast<double>(word.size() * word.size()) * kScaleOfOthers;
}

/// Source: Jaro 1989, Winkler 1990; with a prefix of at most four letters at 0.1 each.
template <typename Char>
double JaroWinkler(std::basic_string_view<Char> a, std::basic_string_view<Char> b,
                   std::vector<std::uint8_t>& taken_a, std::vector<std::uint8_t>& taken_b) {
  if (a.size() > b.size()) std::swap(a, b);
  const std::size_t half = b.size() / 2;
  const std::size_t window = half > 0 ? half - 1 : 0;
  taken_a.assign(a.size(), 0);
  taken_b.assign(b.size(), 0);
  double matches = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::size_t end = std::min(i + window + 1, b.size());
    for (std::size_t j = i > window ? i - window : 0; j < end; ++j) {
      if (taken_b[j] != 0 || a[i] != b[j]) continue;
      taken_a[i] = taken_b[j] = 1;
      ++matches;
      break;
    }
  }
  if (matches == 0) return 0;
  double swapped = 0;  // Letters that match, but in another order; both of a pair are counted.
  std::size_t j = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (taken_a[i] == 0) continue;
    while (taken_b[j] == 0) ++j;
    if (a[i] != b[j]) ++swapped;
    ++j;
  }
  // Reciprocals and this order of operations, for the same last bit.
  const double per_a = 1.0 / static_cast<double>(a.size());
  const double per_b = 1.0 / static_cast<double>(b.size());
  const double jaro =
      (matches * per_a + matches * per_b + (matches - swapped * 0.5) / matches) / 3.0;
  std::size_t prefix = 0;
  while (prefix < std::min<std::size_t>(4, a.size()) && a[prefix] == b[prefix]) ++prefix;
  return jaro + static_cast<double>(prefix) * 0.1 * (1.0 - jaro);
}

/// No texts of these lengths have more, also after rounding.
double HighestJaroWinkler(std::size_t a, std::size_t b) {
  const double shared = static_cast<double>(std::min(a, b)) / static_cast<double>(std::max(a, b));
  const double jaro = (2 + shared) / 3.0;
  return jaro + 0.4 * (1 - jaro) + 1e-9;
}

}  // namespace

FuzzyWord::FuzzyWord(std::string word) : text_(std::move(word)), ascii_(IsAscii(text_)) {}

void FuzzyWord::Decode(std::string_view text) {
  if (word_.empty()) word_ = CodePoints(text_);
  other_ = CodePoints(text);
}

double FuzzyWord::SubsequenceScore(std::string_view text) {
  if (text_.empty() || text_ == text) return 1;
  if (text_.size() > text.size()) return 0;
  if (IsAscii(text)) {
    return ascii_ ? BestSubsequence(std::string_view(text_), text) : 0;
  }
  Decode(text);
  return BestSubsequence(std::u32string_view(word_), std::u32string_view(other_));
}

double FuzzyWord::JaroWinklerScore(std::string_view text, double at_least) {
  if (text_ == text) return 1;
  if (text_.empty() || text.empty()) return 0;
  if (ascii_ && IsAscii(text)) {
    if (HighestJaroWinkler(text_.size(), text.size()) < at_least) return 0;
    return JaroWinkler(std::string_view(text_), text, taken_, taken_other_);
  }
  Decode(text);
  return JaroWinkler(std::u32string_view(word_), std::u32string_view(other_), taken_, taken_other_);
}

double FuzzyWord::SubstringScore(std::string_view text) const {
  const std::size_t at = text.find(text_);
  if (at == std::string_view::npos) return -1;
  if (at == 0) return 1;
  std::size_t position = at;
  std::size_t last = text.size() - text_.size();
  if (!ascii_ || !IsAscii(text)) {
    position = CountCodePoints(text.substr(0, at));
    last = CountCodePoints(text);
    const std::size_t own = CountCodePoints(text_);
    if (last <= own) return 1;  // A word of bytes from the middle of a code point.
    last -= own;
  }
  return 1.0 - 0.9 * static_cast<double>(position) / static_cast<double>(last);
}

}  // namespace narthex::web
