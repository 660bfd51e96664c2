// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/core.h>

#include "narthex/promql/annotation_text.h"

namespace narthex::promql {

std::string PositionText(std::string_view query, int start) {
  if (query.empty()) return "unknown position";
  if (start < 0 || static_cast<std::size_t>(start) > query.size()) return "invalid position";
  const auto before = query.substr(0, static_cast<std::size_t>(start));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto last_break = before.rfind('\n');
  const auto column =
      last_break == std::string_view::npos ? before.size() + 1 : before.size() - last_break;
  return fmt::format("{}:{}", line, column);
}

std::string AnnotationText(std::string_view text,
                           const std::optional<storage::PositionRange>& position,
                           std::string_view query) {
  if (!position || query.empty()) return std::string(text);
  return fmt::format("{} ({})", text, PositionText(query, position->start));
}

}  // namespace narthex::promql
