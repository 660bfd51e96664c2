// SPDX-License-Identifier: Apache-2.0
#include "narthex/base/utf8.h"

namespace narthex {
namespace {

bool IsCodePoint(int c) { return c >= 0 && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF); }

}  // namespace

std::pair<int, std::size_t> DecodeUtf8(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const int lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t width = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < width) return {kReplacementChar, 1};
  int c = lead & (0xFF >> (width + 1));
  for (std::size_t i = 1; i < width; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {kReplacementChar, 1};
    c = (c << 6) | (byte(i) & 0x3F);
  }
  constexpr int kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (c < kSmallest[width] || !IsCodePoint(c)) return {kReplacementChar, 1};
  return {c, width};
}

std::string EncodeUtf8(int c) {
  if (!IsCodePoint(c)) c = kReplacementChar;
  const auto tail = [c](int shift) { return static_cast<char>(0x80 | ((c >> shift) & 0x3F)); };
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) return {static_cast<char>(0xC0 | (c >> 6)), tail(0)};
  if (c < 0x10000) return {static_cast<char>(0xE0 | (c >> 12)), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | (c >> 18)), tail(12), tail(6), tail(0)};
}

}  // namespace narthex
