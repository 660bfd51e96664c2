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
  std::string_view version;
  bool escaping;                 // Names the escaping of metric names.
  std::optional<Format> format;  // None: no parser here.
};

constexpr Protocol kProtocols[] = {
    {"PrometheusProto", "application/vnd.google.protobuf", "", false, std::nullopt},
    {"PrometheusText0.0.4", "text/plain", "0.0.4", false, Format::kText},
    {"PrometheusText1.0.0", "text/plain", "1.0.0", true, Format::kText},
    {"OpenMetricsText0.0.1", "application/openmetrics-text", "0.0.1", false, Format::kOpenMetrics},
    {"OpenMetricsText1.0.0", "application/openmetrics-text", "1.0.0", true, Format::kOpenMetrics},
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

/// The part before the parameters, lower case and trimmed.
std::string MediaTypeOf(std::string_view content_type) {
  std::string_view text = content_type.substr(0, content_type.find(';'));
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return lower;
}

}  // namespace

std::string AcceptHeader(std::span<const std::string> protocols, std::string_view escaping) {
  std::string header;
  int weight = kFirstWeight;
  for (const std::string& name : protocols) {
    const Protocol* protocol = FindProtocol(name);
    if (protocol == nullptr || !protocol->format) continue;
    header += fmt::format("{};version={}", protocol->media_type, protocol->version);
    if (protocol->escaping) header += fmt::format(";escaping={}", escaping);
    header += fmt::format(";q=0.{},", weight--);
  }
  return header + fmt::format("*/*;q=0.{}", weight);
}

Result<Format> FormatOf(std::string_view content_type, std::string_view fallback_protocol) {
  const Protocol* fallback = FindProtocol(fallback_protocol);
  if (content_type.empty()) {
    if (fallback != nullptr && fallback->format) return *fallback->format;
    return Fail(Code::kInvalidArgument,
                "non-compliant scrape target sending blank Content-Type and no "
                "fallback_scrape_protocol specified for target");
  }
  const std::string media_type = MediaTypeOf(content_type);
  const std::string_view error = MediaTypeError(media_type);
  if (error.empty()) {
    if (const auto format = FormatOfMediaType(media_type)) return *format;
  }
  if (fallback != nullptr && fallback->format) return *fallback->format;
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
