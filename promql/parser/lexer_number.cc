// SPDX-License-Identifier: Apache-2.0
//
// Numbers and durations. The lexer finds where they end; whether they have a value is seen later.
#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "promql/parser/lexer.h"

namespace narthex::promql {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";

}  // namespace

void Lexer::LexNumber() {
  if (!ScanNumber()) {
    return Fail(
        fmt::format("bad number syntax: {}", go::Quote(input_.substr(start_, pos_ - start_))));
  }
  Emit(TokenKind::kNumber);
}

void Lexer::LexNumberOrDuration() {
  if (ScanNumber()) return Emit(TokenKind::kNumber);
  if (ScanRestOfDuration()) return Emit(TokenKind::kDuration);
  Fail(fmt::format("bad number or duration syntax: {}",
                   go::Quote(input_.substr(start_, pos_ - start_))));
}

// After the leading digits: units, each but the first after digits of its own. Combinations like
// "hs" pass here.
bool Lexer::ScanRestOfDuration() {
  if (!Accept("smhdwy")) return false;
  Accept("s");
  while (AcceptRun(kDigits)) {
    if (!Accept("smhdw")) return false;
    Accept("s");
  }
  const bool ended = !IsAlphaNumericChar(Peek());
  if (!ended) Advance();  // The error text shows the wrong character.
  return ended;
}

bool Lexer::ScanNumber() {
  const std::size_t before = pos_;
  std::string_view digits = kDigits;
  // In a series description 0x3 means zero, three more times.
  if (!series_ && Accept("0") && Accept("xX")) {
    Accept("_");
    digits = kHexDigits;
  }
  Accept(".");
  Accept(digits);
  if (!ScanNumberParts(digits) || pos_ == before) return false;
  return (series_ && Peek() == 'x') || !IsAlphaNumericChar(Peek());
}

// An e directly after the first hexadecimal digit counts as exponent, as upstream.
bool Lexer::ScanNumberParts(std::string_view digits) {
  bool dot = false;
  bool exponent = false;
  while (true) {
    if (Accept(".")) {
      if (dot) return false;
      dot = true;
      if (Accept("_.") || digits == kHexDigits) return false;
    } else if (Accept("eE")) {
      if (exponent) return false;
      exponent = true;
      Accept("+-");
      if (Accept("._eE") || Peek() == kEofChar) return false;
    } else if (Accept("_")) {
      if (Accept("._eE") || Peek() == kEofChar) return false;
    } else if (!AcceptRun(digits)) {
      return true;
    }
  }
}

}  // namespace narthex::promql
