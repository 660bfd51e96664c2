// SPDX-License-Identifier: Apache-2.0
#include "scrape/textparse/entry.h"

#include <charconv>

#include "narthex/base/go_format.h"

namespace narthex::scrape {

std::string FormatBound(double v) {
  if (v == 0) return "0.0";
  if (std::isnan(v) || std::isinf(v)) return go::FormatFloatF(v);
  std::string text = go::FormatFloatE(v);
  const std::size_t e = text.find('e');
  int exponent = 0;
  const char* digits = text.data() + e + 1 + (text[e + 1] == '+' ? 1 : 0);
  std::from_chars(digits, text.data() + text.size(), exponent);
  if (exponent >= -4 && exponent < 6) text = go::FormatFloatF(v);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

void ParsedLabels::Finish() {
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  duplicate.clear();
  for (std::size_t i = 1; i < pairs.size(); ++i) {
    if (pairs[i].first == pairs[i - 1].first) {
      duplicate = pairs[i].first;
      return;
    }
  }
}

std::string NormalizeBound(model::MetricType type, std::string_view label, std::string value) {
  const bool bound = (type == model::MetricType::kHistogram && label == "le") ||
                     (type == model::MetricType::kSummary && label == "quantile");
  if (!bound) return value;
  const auto number = go::ParseFloat(value);
  return number ? FormatBound(*number) : value;
}

std::string Unescape(std::string_view text, bool quotes) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] != '\\' || (next != '\\' && next != 'n' && !(quotes && next == '"'))) {
      out += text[i];
      continue;
    }
    out += next == 'n' ? '\n' : next;
    ++i;
  }
  return out;
}

}  // namespace narthex::scrape
