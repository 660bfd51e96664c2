// SPDX-License-Identifier: Apache-2.0
#include "web/api/name_escaping.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/labels.h"

namespace narthex::web {
namespace {

constexpr std::pair<std::string_view, NameEscaping> kSchemes[] = {
    {"underscores", NameEscaping::kUnderscores},
    {"dots", NameEscaping::kDots},
    {"values", NameEscaping::kValues},
    {"allow-utf-8", NameEscaping::kAllowUtf8}};

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// One alternative of an Accept header.
struct Clause {
  std::string_view media;
  double weight = 1;
  std::optional<NameEscaping> escaping;
  bool text_version = true;  // No version, or 0.0.4.
  bool families = false;     // Messages MetricFamily …
  bool delimited = false;    // … each behind its length.

  bool IsText() const {
    return (media == "text/plain" && text_version) || media == "text/*" || media == "*/*";
  }
  bool IsProtobuf() const {
    return media == "application/vnd.google.protobuf" && families && delimited;
  }
};

Clause ParseClause(std::string_view text) {
  Clause clause;
  std::size_t end = std::min(text.find(';'), text.size());
  clause.media = Trim(text.substr(0, end));
  while (end < text.size()) {
    text.remove_prefix(end + 1);
    end = std::min(text.find(';'), text.size());
    const std::string_view parameter = Trim(text.substr(0, end));
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    const std::string_view key = parameter.substr(0, equals);
    const std::string_view value = parameter.substr(std::min(equals + 1, parameter.size()));
    if (key == "q") clause.weight = go::ParseFloat(value).value_or(1);
    if (key == "version") clause.text_version = value == "0.0.4";
    if (key == "proto") clause.families = value == "io.prometheus.client.MetricFamily";
    if (key == "encoding") clause.delimited = value == "delimited";
    for (const auto& [name, scheme] : kSchemes) {
      if (key == "escaping" && value == name) clause.escaping = scheme;
    }
  }
  return clause;
}

/// The clauses, the most wanted first.
std::vector<Clause> ParseAccept(std::string_view accept) {
  std::vector<Clause> clauses;
  while (!accept.empty()) {
    const std::size_t comma = std::min(accept.find(','), accept.size());
    clauses.push_back(ParseClause(accept.substr(0, comma)));
    accept.remove_prefix(std::min(comma + 1, accept.size()));
  }
  std::stable_sort(clauses.begin(), clauses.end(),
                   [](const Clause& a, const Clause& b) { return a.weight > b.weight; });
  return clauses;
}

std::string SchemeName(NameEscaping escaping) {
  for (const auto& [name, scheme] : kSchemes) {
    if (scheme == escaping) return std::string(name);
  }
  return "";
}

/// One character of a name; `valid` is false for a byte that is not UTF-8.
struct Character {
  std::uint32_t code = 0xfffd;
  std::size_t bytes = 1;
};

Character NextCharacter(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char b = byte(0);
  const std::size_t n = b < 0x80 ? 1 : b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2;
  if (n > text.size() || !model::IsValidUtf8(text.substr(0, n))) return {};
  std::uint32_t code = n == 1 ? b : b & (0xffU >> (n + 1));
  for (std::size_t i = 1; i < n; ++i) code = code << 6 | (byte(i) & 0x3fU);
  return {code, n};
}

/// @return false when there is no such character
bool AppendUtf8(std::uint32_t code, std::string& out) {
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return false;
  const auto last = [&](unsigned shift) {
    out += static_cast<char>(0x80 | (code >> shift & 0x3f));
  };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    last(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    last(6), last(0);
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    last(12), last(6), last(0);
  }
  return true;
}

bool IsLegacy(std::uint32_t c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
         (!first && c >= '0' && c <= '9');
}

void AppendEscaped(const Character& c, std::string_view bytes, bool first, NameEscaping escaping,
                   std::string& out) {
  const bool legacy = IsLegacy(c.code, first);
  switch (escaping) {
    case NameEscaping::kUnderscores:
      out += legacy ? bytes : "_";
      break;
    case NameEscaping::kDots:
      out += c.code == '_' ? "__" : c.code == '.' ? "_dot_" : legacy ? bytes : "__";
      break;
    case NameEscaping::kValues:
      if (c.code == '_') {
        out += "__";
      } else if (legacy) {
        out += bytes;
      } else {
        out += fmt::format("_{:x}_", c.code);
      }
      break;
    case NameEscaping::kAllowUtf8:
      out += bytes;
  }
}

}  // namespace

Exposition NegotiateExposition(std::string_view accept) {
  Exposition out;
  for (const Clause& clause : ParseAccept(accept)) {
    if (clause.escaping) out.escaping = *clause.escaping;
    out.protobuf = clause.IsProtobuf();
    if (out.protobuf || clause.IsText()) break;
  }
  return out;
}

std::string TextContentType(NameEscaping escaping) {
  return "text/plain; version=0.0.4; charset=utf-8; escaping=" + SchemeName(escaping);
}

std::string ProtobufContentType(NameEscaping escaping) {
  return "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
         "encoding=delimited; escaping=" +
         SchemeName(escaping);
}

std::string EscapeName(std::string_view name, NameEscaping escaping) {
  const bool plain = model::IsLegacyMetricName(name) && escaping != NameEscaping::kDots;
  if (name.empty() || plain || escaping == NameEscaping::kAllowUtf8) return std::string(name);
  std::string out;
  if (escaping == NameEscaping::kValues) out = "U__";
  for (std::size_t i = 0; i < name.size();) {
    const Character c = NextCharacter(name.substr(i));
    AppendEscaped(c, name.substr(i, c.bytes), i == 0, escaping, out);
    i += c.bytes;
  }
  return out;
}

std::string UnescapeName(std::string_view name) {
  constexpr std::string_view kMark = "U__";
  constexpr std::size_t kMostDigits = 5;  // Of what escaping has written with six, too.
  if (!name.starts_with(kMark)) return std::string(name);
  std::string out;
  for (std::size_t i = kMark.size(); i < name.size(); ++i) {
    if (name[i] != '_') {
      out += name[i];
      continue;
    }
    const std::size_t end = name.find('_', i + 1);
    if (end == std::string_view::npos || end - i - 1 > kMostDigits) return std::string(name);
    const std::string_view digits = name.substr(i + 1, end - i - 1);
    i = end;
    std::uint32_t code = '_';
    if (!digits.empty()) {
      const auto [stop, failure] =
          std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
      if (failure != std::errc() || stop != digits.data() + digits.size()) return std::string(name);
    }
    if (!AppendUtf8(code, out)) return std::string(name);
  }
  return out;
}

}  // namespace narthex::web
