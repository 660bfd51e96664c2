// SPDX-License-Identifier: Apache-2.0
#include "src/net/url_error.h"

#include <algorithm>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "src/net/url.h"

namespace narthex::net {

namespace {

void LowerAscii(std::string& text, std::size_t from) {
  for (std::size_t i = from; i < text.size(); ++i) {
    if (text[i] >= 'A' && text[i] <= 'Z') text[i] = static_cast<char>(text[i] + ('a' - 'A'));
  }
}

}  // namespace

Error UrlError(const std::string& method, std::string_view url, const Error& why) {
  std::string operation = method;
  LowerAscii(operation, 1);
  return Error(why.code(), fmt::format("{} {}: {}", operation, go::Quote(url), why.message()));
}

std::string SchemeOf(std::string_view url) {
  const std::size_t colon = url.find_first_of(":/?#");
  if (colon == std::string_view::npos || url[colon] != ':') return "";
  std::string scheme(url.substr(0, colon));
  LowerAscii(scheme, 0);
  return scheme;
}

Error UnsupportedScheme(const std::string& scheme) {
  return Error(Code::kInvalidArgument, "unsupported protocol scheme " + go::Quote(scheme));
}

Result<Url> ParseRequestUrl(const std::string& method, const std::string& text) {
  Result<Url> url = ParseUrl(text);
  if (url) return url;
  const std::string scheme = SchemeOf(text);
  if (scheme != "http" && scheme != "https") {
    return Fail(UrlError(method, WithoutPassword(text), UnsupportedScheme(scheme)));
  }
  // What is a URL, but none that anybody could ask for, is a failure of the request.
  if (url.error().message().starts_with("dial ")) {
    return Fail(UrlError(method, WithoutPassword(text), url.error()));
  }
  return url;
}

}  // namespace narthex::net
