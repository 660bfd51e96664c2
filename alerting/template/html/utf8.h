// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::alerting::tmpl::html {

struct Rune {
  std::uint32_t code = 0xFFFD;  // For a byte that begins none, …
  std::size_t size = 1;         // … which counts as one.
};

/// The first code point of a text that is not empty.
Rune DecodeRune(std::string_view text);

/// U+FFFD for what is no code point.
void AppendUtf8(std::string& out, std::uint32_t code);

}  // namespace narthex::alerting::tmpl::html
