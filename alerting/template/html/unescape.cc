// SPDX-License-Identifier: Apache-2.0
#include "alerting/template/html/unescape.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "alerting/template/html/utf8.h"

namespace narthex::alerting::tmpl::html {
namespace {

struct Named {
  std::string_view name;
  char c;
};
// With a semicolon. Source: the HTML standard's named character references.
constexpr Named kNamed[] = {
    {"AMP", '&'},      {"DiacriticalGrave", '`'},
    {"GT", '>'},       {"Hat", '^'},
    {"LT", '<'},       {"NewLine", '\n'},
    {"QUOT", '"'},     {"Tab", '\t'},
    {"UnderBar", '_'}, {"VerticalLine", '|'},
    {"amp", '&'},      {"apos", '\''},
    {"ast", '*'},      {"bsol", '\\'},
    {"colon", ':'},    {"comma", ','},
    {"commat", '@'},   {"dollar", '$'},
    {"equals", '='},   {"excl", '!'},
    {"grave", '`'},    {"gt", '>'},
    {"lbrace", '{'},   {"lbrack", '['},
    {"lcub", '{'},     {"lowbar", '_'},
    {"lpar", '('},     {"lsqb", '['},
    {"lt", '<'},       {"midast", '*'},
    {"num", '#'},      {"percnt", '%'},
    {"period", '.'},   {"plus", '+'},
    {"quest", '?'},    {"quot", '"'},
    {"rbrace", '}'},   {"rbrack", ']'},
    {"rcub", '}'},     {"rpar", ')'},
    {"rsqb", ']'},     {"semi", ';'},
    {"sol", '/'},      {"verbar", '|'},
    {"vert", '|'},
};
// These may lack it.
constexpr Named kBare[] = {{"amp", '&'}, {"AMP", '&'}, {"lt", '<'},   {"LT", '<'},
                           {"gt", '>'},  {"GT", '>'},  {"quot", '"'}, {"QUOT", '"'}};

// What the numbers 0x80 to 0x9F stand for: they are read as Windows-1252.
constexpr std::array<std::uint16_t, 32> kWindows = {
    0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};

int Digit(char c, bool hex) {
  if (c >= '0' && c <= '9') return c - '0';
  if (hex && c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (hex && c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// "&#…" at the start. @return the bytes read, 0 when it is none
std::size_t Number(std::string_view text, std::string& out) {
  std::size_t at = 2;
  const bool hex = at < text.size() && (text[at] == 'x' || text[at] == 'X');
  if (hex) ++at;
  const std::size_t begin = at;
  std::uint32_t value = 0;
  for (; at < text.size() && Digit(text[at], hex) >= 0; ++at) {
    value = std::min<std::uint32_t>(
        value * (hex ? 16 : 10) + static_cast<std::uint32_t>(Digit(text[at], hex)), 0x110000);
  }
  if (at == begin) return 0;
  if (at < text.size() && text[at] == ';') ++at;
  if (value >= 0x80 && value < 0xA0) value = kWindows[value - 0x80];
  AppendUtf8(out, value == 0 ? 0xFFFD : value);
  return at;
}

std::size_t Name(std::string_view text, std::string& out) {
  std::size_t end = 1;
  while (end < text.size() &&
         (Digit(text[end], false) >= 0 || (text[end] >= 'a' && text[end] <= 'z') ||
          (text[end] >= 'A' && text[end] <= 'Z'))) {
    ++end;
  }
  const std::string_view name = text.substr(1, end - 1);
  if (end < text.size() && text[end] == ';') {
    if (name == "nbsp" || name == "NonBreakingSpace") {
      AppendUtf8(out, 0xA0);
      return end + 1;
    }
    for (const Named& known : kNamed) {
      if (known.name != name) continue;
      out += known.c;
      return end + 1;
    }
  }
  for (const Named& known : kBare) {
    if (!name.starts_with(known.name)) continue;
    out += known.c;
    return 1 + known.name.size();
  }
  return 0;
}

}  // namespace

std::string Unescape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t at = std::min(text.find('&'), text.size());
    out += text.substr(0, at);
    text.remove_prefix(at);
    if (text.empty()) break;
    const bool number = text.size() > 1 && text[1] == '#';
    std::size_t read = number ? Number(text, out) : Name(text, out);
    if (read == 0) {
      out += '&';
      read = 1;
    }
    text.remove_prefix(read);
  }
  return out;
}

}  // namespace narthex::alerting::tmpl::html
