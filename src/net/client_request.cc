// SPDX-License-Identifier: Apache-2.0
#include "src/net/client_request.h"

#include <fmt/core.h>

#include "src/net/file.h"
#include "src/net/http1.h"
#include "src/net/url.h"

namespace narthex::net {
namespace {

Result<std::string> TextOrFile(const std::string& text, const std::string& file,
                               std::string_view what, bool named_twice = true) {
  if (file.empty()) return text;
  auto content = ReadTrimmedFile(file);
  if (!content) {
    return Fail(std::move(content).error().Wrap(fmt::format(
        "unable to read {}{} file {}", what, named_twice ? ": unable to read" : "", file)));
  }
  return content;
}

bool IsOneOf(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view one) { return EqualsIgnoreCase(name, one); });
}

/// Headers that only the host that the user named may see, whoever set them.
bool IsSensitive(std::string_view name) {
  return IsOneOf(name, {"Authorization", "Www-Authenticate", "Cookie", "Cookie2",
                        "Proxy-Authorization", "Proxy-Authenticate"});
}

/// … and those in which a caller that knows the API behind a URL gives its token.
bool IsCredential(std::string_view name) {
  return IsSensitive(name) || IsOneOf(name, {"X-Amz-Security-Token", "X-Auth-Token"});
}

bool IsAboutTheBody(std::string_view name) {
  return IsOneOf(name,
                 {"Content-Encoding", "Content-Language", "Content-Location", "Content-Type"});
}

/// "x-scope-ORGID" → "X-Scope-Orgid", as Go writes names. What is no name stays as it is.
std::string CanonicalName(const std::string& name) {
  if (!IsToken(name)) return name;
  std::string out = name;
  bool first = true;
  for (char& c : out) {
    if (first && c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
    if (!first && c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    first = c == '-';
  }
  return out;
}

}  // namespace

Status AppendHeader(std::string_view name, std::string_view value, std::string& out) {
  const bool printable = std::all_of(value.begin(), value.end(), [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  });
  if (!IsToken(name)) {
    return Fail(Code::kInvalidArgument,
                fmt::format("net/http: invalid header field name \"{}\"", name));
  }
  if (!printable) {
    return Fail(Code::kInvalidArgument,
                fmt::format("net/http: invalid header field value for \"{}\"", name));
  }
  out.append(name).append(": ").append(value).append("\r\n");
  return {};
}

std::string Base64(const std::string& bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < n ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += k <= n ? kDigits[group >> (18 - 6 * k) & 63] : '=';
    }
  }
  return out;
}

std::string UrlBase64(const std::string& bytes) {
  std::string text = Base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

Result<std::string> AuthorizationValue(const HttpClientOptions& options) {
  const bool basic = !options.basic_username.empty() || !options.basic_username_file.empty() ||
                     !options.basic_password.empty() || !options.basic_password_file.empty();
  if (basic) {
    NX_ASSIGN_OR_RETURN(
        const std::string user,
        TextOrFile(options.basic_username, options.basic_username_file, "basic auth username"));
    NX_ASSIGN_OR_RETURN(
        const std::string password,
        TextOrFile(options.basic_password, options.basic_password_file, "basic auth password"));
    return "Basic " + Base64(user + ":" + password);
  }
  if (!options.authorization_credentials.empty() ||
      !options.authorization_credentials_file.empty()) {
    NX_ASSIGN_OR_RETURN(
        const std::string credentials,
        TextOrFile(options.authorization_credentials, options.authorization_credentials_file,
                   "authorization credentials"));
    const std::string& type = options.authorization_type;
    return (type.empty() ? "Bearer" : type) + " " + credentials;
  }
  return options.authorization_type;  // Without credentials that is all, as for Prometheus.
}

namespace {

/// Those of the configuration. Other hosts get them as well, but for what is always a secret.
Status AddOwnHeaders(const HttpClientOptions& options, bool with_credentials, Headers& headers) {
  const auto add = [&](const std::string& name, const std::string& value) {
    if (with_credentials || !IsSensitive(name)) headers.emplace_back(CanonicalName(name), value);
  };
  for (const auto& [name, value] : options.extra_headers) add(name, value);
  for (const auto& [name, path] : options.header_files) {
    NX_ASSIGN_OR_RETURN(const std::string value, TextOrFile("", path, "headers", false));
    add(name, value);
  }
  return {};
}

/// The URL's own credentials come before the configured ones, but not before a token.
Status AddAuthorization(const HttpClientOptions& options, const RequestHop& hop, Headers& headers) {
  if (FindHeader(headers, "Authorization") != nullptr) return {};
  const bool has_own_headers = !options.extra_headers.empty() || !options.header_files.empty();
  std::string value;
  // As Prometheus: where headers are configured, other hosts get no credentials at all.
  const bool may_log_in = hop.with_credentials || !has_own_headers;
  if (may_log_in && !hop.url.userinfo.empty()) value = "Basic " + Base64(hop.url.userinfo);
  if (hop.with_credentials && (value.empty() || options.oauth2 != nullptr)) {
    NX_ASSIGN_OR_RETURN(value, AuthorizationValue(options));
  }
  if (!value.empty()) SetHeader(headers, "Authorization", value);
  return {};
}

}  // namespace

Result<std::string> RequestText(const HttpClientOptions& options, const ClientRequest& request,
                                const RequestHop& hop, const Url* proxy) {
  const auto& [method, url, with_credentials, with_body, referer] = hop;
  if (!IsToken(method)) {
    return Fail(Code::kInvalidArgument, fmt::format("net/http: invalid method \"{}\"", method));
  }
  const std::string authority = Authority(url);
  std::string out = method + " ";
  if (proxy != nullptr) out += url.scheme + "://" + authority;
  out += url.target + " HTTP/1.1\r\n";
  NX_RETURN_IF_ERROR(AppendHeader("Host", authority, out));

  Headers headers;
  if (!options.user_agent.empty()) SetHeader(headers, "User-Agent", options.user_agent);
  for (const auto& [name, value] : request.headers) {
    if ((with_credentials || !IsCredential(name)) && (with_body || !IsAboutTheBody(name))) {
      SetHeader(headers, name, value);
    }
  }
  if (!referer.empty() && FindHeader(headers, "Referer") == nullptr) {
    headers.emplace_back("Referer", referer);
  }
  NX_RETURN_IF_ERROR(AddOwnHeaders(options, with_credentials, headers));
  NX_RETURN_IF_ERROR(AddAuthorization(options, hop, headers));
  if (proxy != nullptr && !proxy->userinfo.empty()) {
    SetHeader(headers, "Proxy-Authorization", "Basic " + Base64(proxy->userinfo));
  }
  if (with_body && (!request.body.empty() || method == "POST" || method == "PUT")) {
    SetHeader(headers, "Content-Length", std::to_string(request.body.size()));
  }
  for (const auto& [name, value] : headers) {
    if (EqualsIgnoreCase(name, "Host") || EqualsIgnoreCase(name, "Transfer-Encoding")) continue;
    NX_RETURN_IF_ERROR(AppendHeader(name, value, out));
  }
  out += "\r\n";
  return out;
}

}  // namespace narthex::net
