// SPDX-License-Identifier: Apache-2.0
//
// Code points in UTF-8, with Go's rules for bytes that are not.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace narthex {

inline constexpr int kReplacementChar = 0xFFFD;

/// The first code point and its bytes; kReplacementChar and 1 for a byte that begins none.
/// `text` is not empty.
std::pair<int, std::size_t> DecodeUtf8(std::string_view text);

/// Of kReplacementChar for what is no code point.
std::string EncodeUtf8(int c);

}  // namespace narthex
