// SPDX-License-Identifier: Apache-2.0
#include "promql/testing/start_line.h"

#include <algorithm>
#include <charconv>
#include <string>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/promql/parser.h"

namespace narthex::promql {
namespace {

constexpr std::string_view kBlanks = " \t\r";
constexpr std::string_view kMark = "@st";
constexpr std::size_t kMostValues = 1 << 20;

using Offsets = std::vector<std::optional<model::DurationMs>>;

tl::unexpected<Error> Invalid(std::string message) {
  return Fail(Code::kInvalidArgument, std::move(message));
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
// The x begins a repeat count, and no unit has one.
bool IsUnit(char c) { return c != 'x' && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')); }

// Takes a duration, which may have a sign, off the front.
Result<model::DurationMs> TakeDuration(std::string_view& text) {
  if (text.empty()) return Invalid("empty duration");
  const std::string_view all = text;
  const bool negative = text.front() == '-';
  if (negative || text.front() == '+') text.remove_prefix(1);
  std::size_t end = 0;
  while (end < text.size() && IsDigit(text[end])) ++end;
  if (end == 0) return Invalid(fmt::format("expected digits in duration {}", go::Quote(all)));
  while (end < text.size() && IsUnit(text[end])) ++end;
  const std::string_view number = text.substr(0, end);
  auto parsed = model::ParseDuration(number);
  if (!parsed) {
    return Invalid(
        fmt::format("invalid duration {}: {}", go::Quote(number), parsed.error().message()));
  }
  text.remove_prefix(end);
  return negative ? -*parsed : *parsed;
}

Result<std::size_t> ParseCount(std::string_view text) {
  std::size_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size() || n > kMostValues) {
    return Invalid("invalid repeat count");
  }
  return n;
}

// _, _xN, D, DxN, D+DxN or D-DxN; N counts the values behind the first, but for _xN.
Status AppendItem(std::string_view item, Offsets& out) {
  if (item == "_") {
    out.emplace_back();
    return {};
  }
  if (item.starts_with("_x")) {
    NX_ASSIGN_OR_RETURN(const std::size_t n, ParseCount(item.substr(2)));
    if (n == 0) return Invalid("invalid repeat count");
    out.resize(out.size() + n);
    return {};
  }
  NX_ASSIGN_OR_RETURN(model::DurationMs offset, TakeDuration(item));
  model::DurationMs step = 0;
  if (!item.empty() && item.front() != 'x') {
    const char sign = item.front();
    if (sign != '+' && sign != '-') {
      return Invalid(fmt::format("unexpected character '{}' after duration", sign));
    }
    item.remove_prefix(1);
    NX_ASSIGN_OR_RETURN(step, TakeDuration(item));
    if (sign == '-') step = -step;
    if (!item.starts_with('x')) return Invalid("expected 'x<count>' after step duration");
  }
  std::size_t n = 0;
  if (!item.empty()) {
    NX_ASSIGN_OR_RETURN(n, ParseCount(item.substr(1)));
  }
  for (std::size_t i = 0; i <= n; ++i, offset += step) out.emplace_back(offset);
  return {};
}

}  // namespace

bool IsStartLine(std::string_view line) {
  const auto end = line.find_first_of(kBlanks);
  return end != std::string_view::npos && line.substr(0, end).ends_with(kMark);
}

Result<StartLine> ParseStartLine(std::string_view line) {
  const auto end = std::min(line.find_first_of(kBlanks), line.size());
  const std::string_view metric = line.substr(0, end - kMark.size());
  auto series = ParseSeriesDescription(std::string(metric) + " _");
  if (!series) {
    return Invalid(
        fmt::format("invalid @st line metric {}: {}", go::Quote(metric), series.error().message()));
  }
  StartLine result;
  result.labels = std::move(series->labels);
  std::string_view rest = line.substr(end);
  for (;;) {
    rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks), rest.size()));
    if (rest.empty()) return result;
    const auto item_end = std::min(rest.find_first_of(kBlanks), rest.size());
    const std::string_view item = rest.substr(0, item_end);
    if (auto status = AppendItem(item, result.offsets); !status) {
      return Invalid(fmt::format("invalid @st sequence: invalid ST item {}: {}", go::Quote(item),
                                 status.error().message()));
    }
    rest.remove_prefix(item_end);
  }
}

}  // namespace narthex::promql
