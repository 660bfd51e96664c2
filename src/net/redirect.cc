// SPDX-License-Identifier: Apache-2.0
#include "src/net/redirect.h"

#include <boost/asio/ip/address.hpp>
#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "src/net/http1.h"
#include "src/net/url_error.h"

namespace narthex::net {

namespace {

constexpr int kMaxRedirects = 10;

/// Credentials are for the host that the user named, on any port, and for names below it: many
/// servers redirect from http to https.
bool IsHostOrBelow(std::string_view host, std::string_view named) {
  if (EqualsIgnoreCase(host, named)) return true;
  boost::system::error_code not_address;
  boost::asio::ip::make_address(std::string(named), not_address);
  return not_address && host.size() > named.size() && host[host.size() - named.size() - 1] == '.' &&
         EqualsIgnoreCase(host.substr(host.size() - named.size()), named);
}

/// "" where the page itself is more secret than the next request.
std::string RefererOf(const Url& page, const Url& next) {
  if (page.scheme == "https" && next.scheme == "http") return "";
  Url shown = page;
  shown.userinfo.clear();
  return FormatUrl(shown);
}

/// As it is shown in errors; a relative one has no password.
std::string Shown(const std::string& location) {
  if (location.find("//") == std::string::npos) return location;
  return WithoutPassword(location);
}

}  // namespace

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Status FollowRedirect(const ClientRequest& first, int status, const std::string& location,
                      int number, RequestHop& hop) {
  // Such a URL is one, but nobody knows how to ask for it.
  const std::string scheme = SchemeOf(location);
  const bool unknown = !scheme.empty() && scheme != "http" && scheme != "https";
  Result<Url> next = unknown ? hop.url : ResolveReference(hop.url, location);
  if (!next) {
    return Fail(UrlError(first.method, FormatUrl(hop.url),
                         Error(Code::kUnavailable,
                               fmt::format("failed to parse Location header {}: {}",
                                           go::Quote(Shown(location)), next.error().message()))));
  }
  if (number > kMaxRedirects - 1) {
    return Fail(UrlError(first.method, Shown(location),
                         Error(Code::kUnavailable, "stopped after 10 redirects")));
  }
  if (unknown) {
    const std::string text = scheme + Shown(location).substr(scheme.size());
    return Fail(UrlError(first.method, text, UnsupportedScheme(scheme)));
  }
  if (!IsHostOrBelow(next->host, first.url.host)) hop.with_credentials = false;
  if (status <= 303 && hop.method != "HEAD") {
    if (hop.method != "GET") hop.method = "GET";
    hop.with_body = false;
  }
  hop.referer = RefererOf(hop.url, *next);
  hop.url = std::move(*next);
  return {};
}

}  // namespace narthex::net
