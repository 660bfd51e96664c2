// SPDX-License-Identifier: Apache-2.0
#include "scrape/textparse/protocol.h"

#include <optional>

#include <fmt/core.h>

#include "narthex/base/go_format.h"

namespace narthex::scrape {

namespace {

struct Protocol {
  std::string_view name;
  std::string_view media_type;
  std::string_view parameters;
  bool escaping;  // Names the escaping of metric names.
  Format format;
};

constexpr Protocol kProtocols[] = {
    {"PrometheusProto", "application/vnd.google.protobuf",
     "proto=io.prometheus.client.MetricFamily;encoding=delimited", false, Format::kProtobuf},
    {"PrometheusText0.0.4", "text/plain", "version=0.0.4", false, Format::kText},
    {"PrometheusText1.0.0", "text/plain", "version=1.0.0", true, Format::kText},
    {"OpenMetricsText0.0.1", "application/openmetrics-text", "version=0.0.1", false,
     Format::kOpenMetrics},
    {"OpenMetricsText1.0.0", "application/openmetrics-text", "version=1.0.0", true,
     Format::kOpenMetrics},
};
constexpr int kFirstWeight = 6;  // Tenths, falling by one per protocol.

const Protocol* FindProtocol(std::string_view name) {
  for (const Protocol& protocol : kProtocols) {
    if (protocol.name == name) return &protocol;
  }
  return nullptr;
}

std::optional<Format> FormatOfMediaType(std::string_view media_type) {
  for (const Protocol& protocol : kProtocols) {
    if (protocol.media_type == media_type) return protocol.format;
  }
  return std::nullopt;
}

bool IsTokenChar(char c) {
  return c > ' ' && c < 0x7f && std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string::npos;
}

std::size_t TokenEnd(std::string_view text, std::size_t from) {
  while (from < text.size() && IsTokenChar(text[from])) ++from;
  return from;
}

/// What Go's mime package says about a media type, "" when it is well formed.
std::string_view MediaTypeError(std::string_view text) {
  const std::size_t main = TokenEnd(text, 0);
  if (main == 0) return "mime: no media type";
  if (main == text.size()) return "";
  if (text[main] != '/') return "mime: expected slash after first token";
  const std::size_t sub = TokenEnd(text, main + 1);
  if (sub == main + 1) return "mime: expected token after slash";
  return sub == text.size() ? "" : "mime: unexpected content after media subtype";
}

std::string_view TrimLeft(std::string_view text) {
  while (!text.empty() && std::string_view(" \t\n\v\f\r").find(text.front()) != text.npos) {
    text.remove_prefix(1);
  }
  return text;
}

/// Takes a token or a quoted text from the front. @return false when there is none
bool TakeParameterValue(std::string_view& text, std::string& value) {
  value.clear();
  if (text.empty() || text.front() != '"') {
    value = text.substr(0, TokenEnd(text, 0));
    text.remove_prefix(value.size());
    return !value.empty();
  }
  for (std::size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      text.remove_prefix(i + 1);
      return true;
    }
    if (c == '\r' || c == '\n') return false;
    if (c == '\\' && i + 1 < text.size() && !IsTokenChar(text[i + 1])) ++i;
    value += text[i];
  }
  return false;
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return lower;
}

/// What Go's mime package says about what follows the media type, "" when it is well formed.
std::string_view ParametersError(std::string_view content_type) {
  constexpr std::string_view kInvalid = "mime: invalid media parameter";
  std::vector<std::pair<std::string, std::string>> seen;
  std::string_view rest =
      content_type.substr(std::min(content_type.find(';'), content_type.size()));
  for (rest = TrimLeft(rest); !rest.empty(); rest = TrimLeft(rest)) {
    rest = TrimLeft(rest.substr(1));  // Always a semicolon, see below.
    if (rest.empty()) return "";      // One too many is nothing to complain about.
    std::string key = LowerCase(rest.substr(0, TokenEnd(rest, 0)));
    if (key.empty()) return kInvalid;
    rest = TrimLeft(rest.substr(key.size()));
    if (rest.empty() || rest.front() != '=') return kInvalid;
    rest = TrimLeft(rest.substr(1));
    std::string value;
    if (!TakeParameterValue(rest, value)) return kInvalid;
    for (const auto& [other, other_value] : seen) {
      if (other == key && other_value != value) return "mime: duplicate parameter name";
    }
    seen.emplace_back(std::move(key), std::move(value));
    rest = TrimLeft(rest);
    if (!rest.empty() && rest.front() != ';') return kInvalid;
  }
  return "";
}

/// The part before the parameters, lower case and trimmed.
std::string MediaTypeOf(std::string_view content_type) {
  std::string_view text = content_type.substr(0, content_type.find(';'));
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return LowerCase(text);
}

}  // namespace

std::string AcceptHeader(std::span<const std::string> protocols, std::string_view escaping) {
  std::string header;
  int weight = kFirstWeight;
  for (const std::string& name : protocols) {
    const Protocol* protocol = FindProtocol(name);
    if (protocol == nullptr) continue;
    header += fmt::format("{};{}", protocol->media_type, protocol->parameters);
    if (protocol->escaping) header += fmt::format(";escaping={}", escaping);
    header += fmt::format(";q=0.{},", weight--);
  }
  return header + fmt::format("*/*;q=0.{}", weight);
}

Result<Format> FormatOf(std::string_view content_type, std::string_view fallback_protocol) {
  const Protocol* fallback = FindProtocol(fallback_protocol);
  if (content_type.empty()) {
    if (fallback != nullptr) return fallback->format;
    return Fail(Code::kInvalidArgument,
                "non-compliant scrape target sending blank Content-Type and no "
                "fallback_scrape_protocol specified for target");
  }
  const std::string media_type = MediaTypeOf(content_type);
  std::string_view error = MediaTypeError(media_type);
  if (error.empty()) error = ParametersError(content_type);
  if (error.empty()) {
    if (const auto format = FormatOfMediaType(media_type)) return *format;
  }
  if (fallback != nullptr) return fallback->format;
  if (!error.empty()) {
    return Fail(Code::kInvalidArgument,
                fmt::format("cannot parse Content-Type {} and no fallback_scrape_protocol for "
                            "target\n{}",
                            go::Quote(content_type), error));
  }
  return Fail(Code::kInvalidArgument,
              fmt::format("received unsupported Content-Type {} and no fallback_scrape_protocol "
                          "specified for target",
                          go::Quote(content_type)));
}

}  // namespace narthex::scrape
