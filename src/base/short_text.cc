// SPDX-License-Identifier: Apache-2.0
#include "narthex/base/short_text.h"

namespace narthex {

std::string ShortText(std::string text) {
  constexpr std::size_t kMaxShown = 256;
  if (text.size() <= kMaxShown) return text;
  std::size_t end = kMaxShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  text.resize(end);
  return text + "…";
}

}  // namespace narthex
