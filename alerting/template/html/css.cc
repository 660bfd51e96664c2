// SPDX-License-Identifier: Apache-2.0
#include "alerting/template/html/css.h"

#include <algorithm>

#include <fmt/core.h>

#include "alerting/template/html/escapers.h"
#include "alerting/template/html/transition.h"
#include "alerting/template/html/utf8.h"

namespace narthex::alerting::tmpl::html {
namespace {

constexpr auto kNone = std::string_view::npos;

/// After an escape one white space belongs to it.
std::string_view SkipSpace(std::string_view text) {
  if (text.starts_with("\r\n")) return text.substr(2);
  if (!text.empty() && kHtmlSpaces.find(text.front()) != kNone) return text.substr(1);
  return text;
}

bool MustEscape(char c) {
  return c == '\0' || std::string_view("\t\n\f\r\"&'()+/:;<>\\{}").find(c) != kNone;
}

}  // namespace

bool IsHexDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool IsCssNameChar(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '_';
}

std::string DecodeCss(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t at = std::min(text.find('\\'), text.size());
    out += text.substr(0, at);
    text.remove_prefix(at);
    if (text.size() < 2) break;
    if (!IsHexDigit(text[1])) {
      const std::size_t size = DecodeRune(text.substr(1)).size;
      out += text.substr(1, size);
      text.remove_prefix(1 + size);
      continue;
    }
    std::size_t end = 2;
    while (end < text.size() && end < 7 && IsHexDigit(text[end])) ++end;
    std::uint32_t code = 0;
    for (const char c : text.substr(1, end - 1)) {
      const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
      code = code * 16 + static_cast<std::uint32_t>(digit);
    }
    if (code > 0x10FFFF) {  // The last digit belongs to what follows then.
      code /= 16;
      --end;
    }
    AppendUtf8(out, code);
    text = SkipSpace(text.substr(end));
  }
  return out;
}

std::string EscapeCss(const Args& args) {
  const std::string text = Show(args).text;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (!MustEscape(c)) {
      out += c;
      continue;
    }
    if (c == '\\') {
      out += "\\\\";
      continue;
    }
    out += fmt::format("\\{:x}", static_cast<int>(c));
    // A digit or white space behind it would be taken for a part of the escape.
    const bool ends = i + 1 == text.size();
    if (ends || IsHexDigit(text[i + 1]) || kHtmlSpaces.find(text[i + 1]) != kNone) out += ' ';
  }
  return out;
}

std::string FilterCssValue(const Args& args) {
  std::string value = DecodeCss(Show(args).text);
  std::string name;  // Without what browsers pass over in keywords.
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    const bool dashes = c == '-' && i > 0 && value[i - 1] == '-';
    if (c == '\0' || dashes || std::string_view("\"'()/;@[\\]`{}<>").find(c) != kNone) {
      return std::string(kFailsafe);
    }
    if (c != '-' && IsCssNameChar(c)) name += c;
  }
  name = ToLower(name);
  // Both would run scripts in old browsers.
  const bool script = name.find("expression") != kNone || name.find("mozbinding") != kNone;
  return script ? std::string(kFailsafe) : value;
}

}  // namespace narthex::alerting::tmpl::html
