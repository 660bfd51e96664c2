// SPDX-License-Identifier: Apache-2.0
//
// What the query language has, for those who want to know before they ask (/api/v1/features).
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "narthex/promql/features.h"

namespace narthex::promql {

/// A word or sign of the language, and whether it may be used.
using LanguagePart = std::pair<std::string_view, bool>;

struct LanguageParts {
  std::vector<LanguagePart> keywords;   // "by", "offset", …
  std::vector<LanguagePart> operators;  // "+", "and", "=~", …, and aggregations: "sum", …
  std::vector<LanguagePart> functions;  // "rate", …
};

/// As the parser knows them, in no order. The texts live as long as the program.
LanguageParts DescribeLanguage(const Features& features);

}  // namespace narthex::promql
