// SPDX-License-Identifier: Apache-2.0
#include "src/net/url.h"

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/base/hex.h"
#include "src/net/http1.h"

namespace narthex::net {
namespace {

tl::unexpected<Error> Bad(const std::string& text, std::string_view why) {
  return Fail(Code::kInvalidArgument, fmt::format("parse \"{}\": {}", WithoutPassword(text), why));
}

std::string BadPort(std::string_view text, bool is_shown) {
  return fmt::format("invalid port {} after host", is_shown ? go::Quote(text) : "…");
}

/// Splits "host:port" or "[v6]:port". @return what is wrong, or ""
std::string SplitAuthority(std::string_view authority, bool is_shown, Url& url) {
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return "missing ']' in host";
    url.host = authority.substr(1, end - 1);
    const std::string_view rest = authority.substr(end + 1);
    if (!rest.empty() && rest[0] != ':') return BadPort(rest, is_shown);
    if (!rest.empty()) port = rest.substr(1);
  } else {
    const std::size_t colon = authority.rfind(':');
    url.host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon + 1);
  }
  url.port = url.scheme == "https" ? 443 : 80;
  if (port.empty()) return "";
  unsigned value = 0;
  for (const char c : port) {
    if (c < '0' || c > '9') return BadPort(":" + std::string(port), is_shown);
    value = std::min(value * 10 + static_cast<unsigned>(c - '0'), 100'000U);
  }
  url.port = static_cast<std::uint16_t>(value);
  return value <= 65535 ? "" : fmt::format("dial tcp: address {}: invalid port", port);
}

/// Takes the escapes out of a host, which only bytes that are not ASCII may need.
/// @return what is wrong, or ""
std::string DecodeHost(std::string& host) {
  for (std::size_t i = host.find('%'); i != host.npos; i = host.find('%', i + 3)) {
    const bool plain = i + 2 < host.size() && host[i + 1] >= '0' && host[i + 1] <= '7';
    if (plain && host.compare(i, 3, "%25") != 0) {
      return "invalid URL escape " + go::Quote(host.substr(i, 3));
    }
  }
  if (const std::string bad = BadEscape(host); !bad.empty()) return "invalid URL escape " + bad;
  std::string decoded;
  PercentDecode(host, false, decoded);
  host = decoded;
  return "";
}

/// Removes "." and ".." segments (RFC 3986, 5.2.4).
std::string RemoveDotSegments(std::string_view path) {
  std::vector<std::string_view> segments;
  bool slash_at_end = false;
  while (!path.empty()) {
    path.remove_prefix(1);  // The slash.
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(end);
    slash_at_end = segment == "." || segment == "..";
    if (segment == "..") {
      if (!segments.empty()) segments.pop_back();
    } else if (segment != ".") {
      segments.push_back(segment);
    }
  }
  std::string out;
  for (const std::string_view segment : segments) {
    out += '/';
    out += segment;
  }
  if (out.empty() || (slash_at_end && out.back() != '/')) out += '/';
  return out;
}

}  // namespace

// Of a text that is no URL nobody knows where the password ends, so all that may belong to one
// goes: from the first ":" of the userinfo to the last "@".
std::string WithoutPassword(std::string_view text) {
  const std::size_t mark = text.find("://");
  const std::size_t from = mark == std::string_view::npos ? 0 : mark + 3;
  const std::size_t at = text.rfind('@');
  const std::size_t colon = text.find(':', from);
  if (at == std::string_view::npos || colon > at) return std::string(text);
  return fmt::format("{}:xxxxx{}", text.substr(0, colon), text.substr(at));
}

bool PercentDecode(std::string_view text, bool plus_is_space, std::string& out) {
  out.clear();
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] == '%') {
      if (i + 2 >= text.size()) return false;
      const int high = HexDigitValue(text[i + 1]);
      const int low = HexDigitValue(text[i + 2]);
      if (high < 0 || low < 0) return false;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return true;
}

std::string BadEscape(std::string_view text) {
  for (std::size_t i = text.find('%'); i != text.npos; i = text.find('%', i + 1)) {
    if (i + 2 >= text.size() || HexDigitValue(text[i + 1]) < 0 || HexDigitValue(text[i + 2]) < 0) {
      return go::Quote(text.substr(i, 3));
    }
    i += 2;
  }
  return "";
}

std::string Authority(const Url& url) {
  if (!url.authority.empty()) return url.authority;
  std::string out = url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
  if (url.port != (url.scheme == "https" ? 443 : 80)) out += fmt::format(":{}", url.port);
  return out;
}

Result<Url> ParseUrl(const std::string& text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return Fail(Code::kInvalidArgument, "net/url: invalid control character in URL");
    }
  }
  std::string_view rest = text;
  rest = rest.substr(0, rest.find('#'));
  Url url;
  const std::size_t colon = rest.find("://");
  if (colon == std::string_view::npos) return Bad(text, "unsupported protocol scheme");
  url.scheme = rest.substr(0, colon);
  for (char& c : url.scheme) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  if (url.scheme != "http" && url.scheme != "https") {
    return Bad(text, fmt::format("unsupported protocol scheme \"{}\"", url.scheme));
  }
  rest.remove_prefix(colon + 3);
  const std::size_t path = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, path);
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos) {
    if (!PercentDecode(authority.substr(0, at), false, url.userinfo)) {
      return Bad(text, "net/url: invalid userinfo");
    }
    authority.remove_prefix(at + 1);
  }
  // With an "@" behind it, what looks like host and port is a part of the userinfo.
  const bool is_shown = rest.substr(path).find('@') == std::string_view::npos;
  std::string wrong = SplitAuthority(authority, is_shown, url);
  if (wrong.starts_with("dial ")) return Fail(Code::kInvalidArgument, wrong);
  const std::size_t odd = url.host.find_first_of(" \"<>\\^`{|}");
  if (wrong.empty() && odd != std::string::npos) {
    wrong = fmt::format("invalid character {} in host name", go::Quote(url.host.substr(odd, 1)));
  }
  if (wrong.empty()) wrong = DecodeHost(url.host);
  if (wrong.empty() && !authority.starts_with('[') && url.host.find(':') != std::string::npos) {
    wrong = "too many colons in address";
  }
  if (!wrong.empty()) return Bad(text, wrong);
  if (authority.ends_with(':')) authority.remove_suffix(1);
  if (url.host.empty()) return Bad(text, "http: no Host in request URL");
  url.authority = authority;
  rest.remove_prefix(path);
  if (!rest.starts_with('/')) url.target = "/";
  for (const char c : rest) {
    // What can't stand in a request line is escaped, as Go does when it writes one.
    if (c == ' ' || static_cast<unsigned char>(c) >= 0x80) {
      url.target += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      url.target += c;
    }
  }
  return url;
}

std::string FormatUrl(const Url& url) {
  std::string out = url.scheme + "://";
  if (!url.userinfo.empty()) {
    const std::size_t colon = url.userinfo.find(':');
    out += url.userinfo.substr(0, colon);
    if (colon != std::string::npos) out += ":xxxxx";
    out += '@';
  }
  return out + Authority(url) + url.target;
}

Result<Url> ResolveReference(const Url& base, const std::string& reference) {
  const auto here = [&](const std::string& target) {
    Result<Url> url = ParseUrl(base.scheme + "://" + Authority(base) + target);
    if (url) url->userinfo = base.userinfo;
    return url;
  };
  if (reference.find("://") != std::string::npos &&
      reference.find("://") < reference.find_first_of("/?#")) {
    return ParseUrl(reference);
  }
  if (reference.starts_with("//")) return ParseUrl(base.scheme + ":" + reference);
  std::string_view ref = reference;
  ref = ref.substr(0, ref.find('#'));
  const std::string base_path = base.target.substr(0, base.target.find('?'));
  if (ref.empty()) return here(base.target);
  if (ref[0] == '?') return here(base_path + std::string(ref));
  const std::size_t query = std::min(ref.find('?'), ref.size());
  std::string path(ref.substr(0, query));
  if (path[0] != '/') path.insert(0, base_path.substr(0, base_path.rfind('/') + 1));
  return here(RemoveDotSegments(path) + std::string(ref.substr(query)));
}

std::string EscapeQuery(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
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

}  // namespace narthex::net
