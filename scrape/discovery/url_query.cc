// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/url_query.h"

#include <algorithm>

#include <fmt/core.h>

namespace narthex::scrape {

namespace {

std::string Escape(std::string_view text, std::string_view kept, bool plus_for_space) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-_.~").find(c) != std::string_view::npos ||
                       kept.find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else if (c == ' ' && plus_for_space) {
      out += '+';
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace

std::string EncodeQuery(QueryParams params) {
  std::stable_sort(params.begin(), params.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string query;
  for (const auto& [name, value] : params) {
    if (!query.empty()) query += '&';
    query += Escape(name, "", true) + "=" + Escape(value, "", true);
  }
  return query;
}

std::string EscapePath(std::string_view path) { return Escape(path, "$&+,/:;=@", false); }

std::string EscapeSegment(std::string_view segment) { return Escape(segment, "$&+:=@", false); }

std::string JoinPath(std::string_view path, std::string_view rest) {
  while (path.ends_with('/')) path.remove_suffix(1);
  while (rest.starts_with('/')) rest.remove_prefix(1);
  return fmt::format("{}/{}", path, rest);
}

}  // namespace narthex::scrape
