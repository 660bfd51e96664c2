// SPDX-License-Identifier: Apache-2.0
#include "promql/parser/token.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/core.h>

#include "narthex/base/go_format.h"

namespace narthex::promql {
namespace {

// Sorted, for the binary search. inf and nan are numbers.
constexpr std::array kWords = {
    Word{"anchored", TokenKind::kAnchored},
    Word{"and", TokenKind::kAnd},
    Word{"atan2", TokenKind::kAtan2},
    Word{"avg", TokenKind::kAvg},
    Word{"bool", TokenKind::kBool},
    Word{"bottomk", TokenKind::kBottomk},
    Word{"by", TokenKind::kBy},
    Word{"count", TokenKind::kCount},
    Word{"count_values", TokenKind::kCountValues},
    Word{"end", TokenKind::kEnd},
    Word{"fill", TokenKind::kFill},
    Word{"fill_left", TokenKind::kFillLeft},
    Word{"fill_right", TokenKind::kFillRight},
    Word{"group", TokenKind::kGroup},
    Word{"group_left", TokenKind::kGroupLeft},
    Word{"group_right", TokenKind::kGroupRight},
    Word{"ignoring", TokenKind::kIgnoring},
    Word{"inf", TokenKind::kNumber},
    Word{"limit_ratio", TokenKind::kLimitRatio},
    Word{"limitk", TokenKind::kLimitk},
    Word{"max", TokenKind::kMax},
    Word{"max_of", TokenKind::kMaxOf},
    Word{"min", TokenKind::kMin},
    Word{"min_of", TokenKind::kMinOf},
    Word{"nan", TokenKind::kNumber},
    Word{"offset", TokenKind::kOffset},
    Word{"on", TokenKind::kOn},
    Word{"or", TokenKind::kOr},
    Word{"quantile", TokenKind::kQuantile},
    Word{"range", TokenKind::kRange},
    Word{"smoothed", TokenKind::kSmoothed},
    Word{"start", TokenKind::kStart},
    Word{"stddev", TokenKind::kStddev},
    Word{"stdvar", TokenKind::kStdvar},
    Word{"step", TokenKind::kStep},
    Word{"sum", TokenKind::kSum},
    Word{"topk", TokenKind::kTopk},
    Word{"unless", TokenKind::kUnless},
    Word{"without", TokenKind::kWithout},
};
constexpr std::size_t kLongestWord = 12;

std::string_view KindName(TokenKind kind) {
  switch (kind) {
    case TokenKind::kIdentifier:
      return "identifier ";
    case TokenKind::kMetricIdentifier:
      return "metric identifier ";
    case TokenKind::kString:
      return "string ";
    case TokenKind::kNumber:
      return "number ";
    case TokenKind::kDuration:
      return "duration ";
    default:
      return "";
  }
}

// The first ten characters (not bytes).
std::string_view Shortened(std::string_view text) {
  std::size_t end = 0;
  for (int n = 0; n < 10 && end < text.size(); ++n) {
    ++end;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
  }
  return text.substr(0, end);
}

}  // namespace

std::span<const Word> AllWords() { return kWords; }

TokenKind KeywordKind(std::string_view word) {
  if (word.size() > kLongestWord) return TokenKind::kIdentifier;
  std::array<char, kLongestWord> lower{};
  std::transform(word.begin(), word.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const std::string_view key(lower.data(), word.size());
  const auto* it = std::lower_bound(kWords.begin(), kWords.end(), key,
                                    [](const Word& w, std::string_view k) { return w.first < k; });
  return it != kWords.end() && it->first == key ? it->second : TokenKind::kIdentifier;
}

std::string Describe(const Token& token) {
  if (token.kind == TokenKind::kEof) return "end of input";
  if (IsKeyword(token.kind)) return fmt::format("<{}>", token.text);
  if (IsOperator(token.kind)) return fmt::format("<op:{}>", token.text);
  if (IsAggregator(token.kind)) return fmt::format("<aggr:{}>", token.text);
  const bool name =
      token.kind == TokenKind::kIdentifier || token.kind == TokenKind::kMetricIdentifier;
  const bool cut = !name && token.text.size() > 10;
  return fmt::format("{}{}{}", KindName(token.kind),
                     go::Quote(cut ? Shortened(token.text) : token.text), cut ? "..." : "");
}

}  // namespace narthex::promql
