// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "promql/parser/token.h"

namespace narthex::promql {

/// From `or` (1) to `^` (6).
inline int Precedence(TokenKind op) {
  switch (op) {
    case TokenKind::kOr:
      return 1;
    case TokenKind::kAnd:
    case TokenKind::kUnless:
      return 2;
    case TokenKind::kAdd:
    case TokenKind::kSub:
      return 4;
    case TokenKind::kMul:
    case TokenKind::kDiv:
    case TokenKind::kMod:
    case TokenKind::kAtan2:
      return 5;
    case TokenKind::kPow:
      return 6;
    default:
      return 3;  // Comparisons and trims.
  }
}

/// What the right operand may contain: only `^` groups to the right.
inline int RightPrecedence(TokenKind op) {
  return op == TokenKind::kPow ? Precedence(op) : Precedence(op) + 1;
}

}  // namespace narthex::promql
