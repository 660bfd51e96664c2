// SPDX-License-Identifier: Apache-2.0
#include "web/api/global_url.h"

#include <string_view>

namespace narthex::web {
namespace {

struct Parts {
  std::string_view scheme, user, host, port, rest;  // host without brackets.
};

/// @return false when it is no absolute URL
bool Split(std::string_view url, Parts& parts) {
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos) return false;
  parts.scheme = url.substr(0, colon);
  url.remove_prefix(colon + 3);
  const std::size_t path = std::min(url.find_first_of("/?#"), url.size());
  std::string_view authority = url.substr(0, path);
  parts.rest = url.substr(path);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    parts.user = authority.substr(0, at + 1);
    authority.remove_prefix(at + 1);
  }
  const std::size_t bracket = authority.rfind(']');
  const std::size_t port = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  parts.host = authority.substr(0, port);
  if (port != std::string_view::npos) parts.port = authority.substr(port + 1);
  if (parts.host.starts_with('[') && parts.host.ends_with(']')) {
    parts.host = parts.host.substr(1, parts.host.size() - 2);
  }
  return true;
}

}  // namespace

GlobalUrlOptions MakeGlobalUrlOptions(const ApiOptions& options) {
  GlobalUrlOptions out;
  const std::size_t colon = options.listen_address.rfind(':');
  if (colon != std::string::npos) out.listen_port = options.listen_address.substr(colon + 1);
  Parts parts;
  if (Split(options.external_url, parts)) {
    out.external_scheme = parts.scheme;
    out.external_host = parts.host;
    if (out.external_host.find(':') != std::string::npos) {
      out.external_host = "[" + out.external_host + "]";
    }
    if (!parts.port.empty()) out.external_host += ":" + std::string(parts.port);
  }
  return out;
}

std::string GlobalUrl(const std::string& scrape_url, const GlobalUrlOptions& options) {
  Parts target;
  if (options.external_host.empty() || !Split(scrape_url, target)) return scrape_url;
  if (target.host != "localhost" && target.host != "127.0.0.1" && target.host != "::1") {
    return scrape_url;
  }
  std::string scheme(target.scheme);
  std::string host;
  if (target.port == options.listen_port) {
    // This very server: the external URL may have another scheme and port.
    scheme = options.external_scheme;
    host = options.external_host;
  } else {
    Parts external;
    const std::string text = "x://" + options.external_host;
    Split(text, external);
    host = external.host;
    if (host.find(':') != std::string::npos) host = "[" + host + "]";
    if (!target.port.empty()) host += ":" + std::string(target.port);
  }
  return scheme + "://" + std::string(target.user) + host + std::string(target.rest);
}

}  // namespace narthex::web
