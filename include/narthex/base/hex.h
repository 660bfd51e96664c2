// SPDX-License-Identifier: Apache-2.0
//
// Hexadecimal digits.
#pragma once

namespace narthex {

/// The value of a digit in either case; -1 for anything else.
constexpr int HexDigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace narthex
