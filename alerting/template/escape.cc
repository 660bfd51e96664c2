// SPDX-License-Identifier: Apache-2.0

#include "alerting/template/escape.h"

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/base/utf8.h"

namespace narthex::alerting::tmpl {
namespace {

/// Of a character beyond ASCII.
bool IsPrintable(std::string_view character) { return go::Quote(character)[1] != '\\'; }

}  // namespace

std::string EscapeJs(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto [rune, size] = DecodeUtf8(text);
    const std::string_view bytes = text.substr(0, size);
    text.remove_prefix(size);
    const bool by_number = size == 1 && (static_cast<unsigned char>(bytes[0]) < 0x20 ||
                                         std::string_view("<>&=").find(bytes[0]) != bytes.npos);
    if (size == 1 && std::string_view("\\'\"").find(bytes[0]) != bytes.npos) {
      out += '\\';
      out += bytes;
    } else if (by_number || (size > 1 && !IsPrintable(bytes))) {
      out += fmt::format("\\u{:04X}", rune);
    } else {
      out += bytes;
    }
  }
  return out;
}

std::string EscapeQuery(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       std::string_view("-_.~").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string TableLinkPath(std::string_view expr) {
  return fmt::format("/graph?g0.expr={}&g0.tab=1", EscapeQuery(expr));
}

}  // namespace narthex::alerting::tmpl
