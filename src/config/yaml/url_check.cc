// SPDX-License-Identifier: Apache-2.0
#include "src/config/yaml/url_check.h"

#include <fmt/core.h>

#include "narthex/base/go_format.h"

namespace narthex::config {

namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool IsOneOf(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

/// The part where a bad escape begins, "" when all are good.
/// @param host  only what is not ASCII may be escaped, and the zone's percent sign
std::string_view BadEscape(std::string_view text, bool host) {
  for (std::size_t i = 0; (i = text.find('%', i)) != std::string_view::npos; ++i) {
    const std::string_view escape = text.substr(i, 3);
    const bool good = escape.size() == 3 && IsHex(escape[1]) && IsHex(escape[2]);
    if (!good || (host && escape != "%25" && escape[1] < '8')) return escape;
  }
  return {};
}

/// Each gives the reason, "" when there is none.
std::string CheckEscapes(std::string_view text, bool host) {
  const std::string_view bad = BadEscape(text, host);
  return bad.empty() ? "" : fmt::format("invalid URL escape {}", go::Quote(bad));
}

std::string CheckHost(std::string_view host) {
  std::string_view port;
  if (host.starts_with('[')) {
    const std::size_t close = host.rfind(']');
    if (close == std::string_view::npos) return "missing ']' in host";
    port = host.substr(close + 1);
  } else if (const std::size_t colon = host.rfind(':'); colon != std::string_view::npos) {
    port = host.substr(colon);
  }
  const bool good_port =
      port.empty() || (port[0] == ':' && std::all_of(port.begin() + 1, port.end(), IsDigit));
  if (!good_port) return fmt::format("invalid port {} after host", go::Quote(port));
  if (std::string reason = CheckEscapes(host, true); !reason.empty()) return reason;
  for (const char c : host) {
    const bool allowed = IsLetter(c) || IsDigit(c) || static_cast<unsigned char>(c) >= 0x80 ||
                         IsOneOf(c, "-_.~!$&'()*+,;=:[]<>\"%");
    if (!allowed) return fmt::format("invalid character {} in host name", go::Quote({&c, 1}));
  }
  return "";
}

std::string CheckAuthority(std::string_view authority) {
  const std::size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return CheckHost(authority);
  if (std::string reason = CheckHost(authority.substr(at + 1)); !reason.empty()) return reason;
  const std::string_view user = authority.substr(0, at);
  for (const char c : user) {
    if (!IsLetter(c) && !IsDigit(c) && !IsOneOf(c, "-._:~!$&'()*+,;=%@")) {
      return "net/url: invalid userinfo";
    }
  }
  return CheckEscapes(user, false);
}

/// Length of "scheme:" at the start, 0 when there is none.
std::size_t SchemeLength(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ':') return i + 1;
    const bool later = IsDigit(text[i]) || IsOneOf(text[i], "+-.");
    if (!IsLetter(text[i]) && !(later && i > 0)) return 0;
  }
  return 0;
}

std::string Check(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return "net/url: invalid control character in URL";
  }
  std::string_view rest = text.substr(0, text.find('#'));
  if (rest.starts_with(':')) return "missing protocol scheme";
  const std::size_t scheme = SchemeLength(rest);
  rest.remove_prefix(scheme);
  rest = rest.substr(0, rest.find('?'));
  if (!rest.starts_with('/')) {
    if (scheme > 0) return "";  // Opaque.
    if (rest.substr(0, rest.find('/')).find(':') != std::string_view::npos) {
      return "first path segment in URL cannot contain colon";
    }
  }
  if (rest.starts_with("//") && (scheme > 0 || !rest.starts_with("///"))) {
    rest.remove_prefix(2);
    const std::size_t path = std::min(rest.find('/'), rest.size());
    if (std::string reason = CheckAuthority(rest.substr(0, path)); !reason.empty()) return reason;
    rest.remove_prefix(path);
  }
  return CheckEscapes(rest, false);
}

}  // namespace

Status CheckUrl(std::string_view text) {
  const std::string reason = Check(text);
  if (reason.empty()) return {};
  return Fail(Code::kInvalidArgument, fmt::format("parse {}: {}", go::Quote(text), reason));
}

UrlParts SplitUrl(std::string_view text) {
  UrlParts parts;
  std::string_view rest = text.substr(0, text.find('#'));
  const std::size_t scheme = SchemeLength(rest);
  for (std::size_t i = 0; i + 1 < scheme; ++i) {
    const bool upper = rest[i] >= 'A' && rest[i] <= 'Z';
    parts.scheme += upper ? static_cast<char>(rest[i] + ('a' - 'A')) : rest[i];
  }
  rest.remove_prefix(scheme);
  rest = rest.substr(0, rest.find('?'));
  if (!rest.starts_with("//") || (scheme == 0 && rest.starts_with("///"))) return parts;
  rest.remove_prefix(2);
  rest = rest.substr(0, rest.find('/'));
  const std::size_t at = rest.rfind('@');
  parts.host = at == std::string_view::npos ? rest : rest.substr(at + 1);
  return parts;
}

}  // namespace narthex::config
