// SPDX-License-Identifier: Apache-2.0
//
// Splits a template into texts and the tokens inside of {{ }}.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"

namespace narthex::alerting::tmpl {

enum class TokenKind : std::uint8_t {
  kText,
  kLeft,   // {{
  kRight,  // }}
  kSpace,
  kBool,
  kChar,
  kComma,
  kDeclare,  // :=
  kAssign,   // =
  kField,    // .Name
  kDot,
  kIdentifier,
  kKeyword,  // if, end, …; nil too
  kNumber,
  kPipe,
  kLeftParen,
  kRightParen,
  kString,  // With its quotes, of either kind.
  kVariable,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  int position = 0;
  int line = 1;
  std::string_view text;  // Into the template.
};

/// All tokens, the last one kEnd. Comments are gone, trimmed white space too.
/// Errors: kInvalidArgument "LINE: reason" in Go's wording.
Result<std::vector<Token>> Tokenize(std::string_view text);

}  // namespace narthex::alerting::tmpl
