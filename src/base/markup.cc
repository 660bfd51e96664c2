// SPDX-License-Identifier: Apache-2.0
#include "narthex/base/markup.h"

namespace narthex {
namespace {

/// The reference for a character that would end text or attribute; "" for others.
std::string_view Reference(char c) {
  switch (c) {
    case '"':
      return "&#34;";
    case '\'':
      return "&#39;";
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    default:
      return "";
  }
}

std::string_view XmlReference(char c) {
  switch (c) {
    case '\t':
      return "&#x9;";
    case '\n':
      return "&#xA;";
    case '\r':
      return "&#xD;";
    default:
      return static_cast<unsigned char>(c) < 0x20 ? "\uFFFD" : Reference(c);
  }
}

std::string_view HtmlReference(char c) { return c == '\0' ? "\uFFFD" : Reference(c); }

template <std::string_view (*kReference)(char)>
std::string Escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const std::string_view reference = kReference(c);
    reference.empty() ? out += c : out += reference;
  }
  return out;
}

}  // namespace

std::string EscapeHtml(std::string_view text) { return Escape<HtmlReference>(text); }
std::string EscapeXml(std::string_view text) { return Escape<XmlReference>(text); }

}  // namespace narthex
