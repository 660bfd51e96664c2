// SPDX-License-Identifier: Apache-2.0
//
// Splits a template into texts and the tokens inside of {{ }}.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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
  kComplex,  // 1+2i
  kPipe,
  kLeftParen,
  kRightParen,
  kString,  // With its quotes, of either kind.
  kVariable,
  kOther,  // A character that nothing begins with.
  kError,  // Here the text is no template any more; nothing follows.
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  int position = 0;
  int line = 1;
  std::string_view text;  // Into the template.
};

struct Tokens {
  std::vector<Token> list;  // The last one is kEnd or kError.
  std::string error;        // The reason of kError in Go's wording.
};

/// All tokens. Comments are gone, trimmed white space too. Views into the text.
Tokens Tokenize(std::string_view text);

}  // namespace narthex::alerting::tmpl
