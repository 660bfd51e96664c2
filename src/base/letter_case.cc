// SPDX-License-Identifier: Apache-2.0
#include "narthex/base/letter_case.h"

#include <locale.h>
#include <wctype.h>

#include "narthex/base/utf8.h"

namespace narthex {
namespace {

std::string MapCase(std::string_view text, bool upper) {
  static const locale_t unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const char c = text.front();
    if ((c & 0x80) == 0) {
      const bool change = upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z';
      out += change ? static_cast<char>(c ^ 0x20) : c;
      text.remove_prefix(1);
      continue;
    }
    const auto [code, width] = DecodeUtf8(text);
    text.remove_prefix(width);
    const auto letter = static_cast<wint_t>(code);
    const wint_t mapped = unicode == nullptr ? letter
                          : upper            ? towupper_l(letter, unicode)
                                             : towlower_l(letter, unicode);
    out += EncodeUtf8(static_cast<int>(mapped));
  }
  return out;
}

}  // namespace

std::string ToLowerCase(std::string_view text) { return MapCase(text, false); }
std::string ToUpperCase(std::string_view text) { return MapCase(text, true); }

}  // namespace narthex
