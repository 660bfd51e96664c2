// SPDX-License-Identifier: Apache-2.0
//
// In attributes that hold addresses.
#include <fmt/core.h>

#include "alerting/template/html/css.h"
#include "alerting/template/html/escapers.h"
#include "alerting/template/html/transition.h"

namespace narthex::alerting::tmpl::html {
namespace {

constexpr auto kNone = std::string_view::npos;

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// No "javascript:" and the like.
bool IsSafe(std::string_view url) {
  const std::size_t colon = url.find(':');
  if (colon == kNone) return true;
  const std::string_view scheme = url.substr(0, colon);
  return scheme.find('/') != kNone || EqualFold(scheme, "http") || EqualFold(scheme, "https") ||
         EqualFold(scheme, "mailto");
}

/// @param whole  a URL, whose own punctuation and escapes stay; else a part of one
std::string Encode(std::string_view text, bool whole) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    bool plain = IsAlphanumeric(c) || std::string_view("-._~").find(c) != kNone;
    if (whole && std::string_view("!#$&*+,/:;=?@[]").find(c) != kNone) plain = true;
    if (whole && c == '%' && i + 2 < text.size() && IsHexDigit(text[i + 1]) &&
        IsHexDigit(text[i + 2])) {
      plain = true;
    }
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

/// One "url size" of a srcset.
std::string FilterCandidate(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kHtmlSpaces);
  if (begin == kNone) return std::string(text);
  const std::size_t end = std::min(text.find_first_of(kHtmlSpaces, begin), text.size());
  const std::string_view url = text.substr(begin, end - begin);
  bool good = IsSafe(url);
  for (const char c : text.substr(end)) good &= IsAlphanumeric(c) || kHtmlSpaces.find(c) != kNone;
  if (!good) return fmt::format("#{}", kFailsafe);
  return std::string(text.substr(0, begin)) + Encode(url, true) + std::string(text.substr(end));
}

}  // namespace

std::string FilterUrl(const Args& args) {
  std::string url = Show(args).text;
  return IsSafe(url) ? url : fmt::format("#{}", kFailsafe);
}

std::string EscapeUrl(const Args& args) { return Encode(Show(args).text, false); }
std::string NormalizeUrl(const Args& args) { return Encode(Show(args).text, true); }

std::string EscapeSrcset(const Args& args) {
  const std::string text = Show(args).text;
  std::string out;
  std::string_view rest = text;
  for (;;) {
    const std::size_t comma = rest.find(',');
    out += FilterCandidate(rest.substr(0, comma));
    if (comma == kNone) return out;
    out += ',';
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace narthex::alerting::tmpl::html
