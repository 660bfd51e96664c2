// SPDX-License-Identifier: Apache-2.0
//
// The HTTP client's settings and TLS. Source: github.com/prometheus/common/config.
#include <fmt/core.h>

#include "src/config/tables.h"

namespace narthex::config {

namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return lower;
}

std::string_view Trim(std::string_view text) {
  const std::size_t from = text.find_first_not_of(" \t\r\n");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1);
}

int CountSet(const Value& section, std::initializer_list<std::string_view> names) {
  int count = 0;
  for (const std::string_view name : names) count += !section[name].text.empty();
  return count;
}

int TlsVersion(std::string_view name) {
  constexpr std::string_view kNames[] = {"TLS10", "TLS11", "TLS12", "TLS13"};
  for (int i = 0; i < 4; ++i) {
    if (name == kNames[i]) return i;
  }
  return -1;
}

Status CheckTls(Value& tls) {
  for (const std::string_view name : {"min_version", "max_version"}) {
    if (tls[name].set && TlsVersion(tls[name].text) < 0) {
      return Reject(tls[name], fmt::format("unknown TLS version: {}", tls[name].text));
    }
  }
  for (const std::string_view name : {"ca", "cert", "key"}) {
    const std::string file = fmt::format("{}_file", name);
    if (CountSet(tls, {name, file, fmt::format("{}_ref", name)}) > 1) {
      return Reject(tls,
                    fmt::format("at most one of {0}, {0}_file & {0}_ref must be configured", name));
    }
  }
  const bool cert = CountSet(tls, {"cert", "cert_file", "cert_ref"}) > 0;
  const bool key = CountSet(tls, {"key", "key_file", "key_ref"}) > 0;
  if (cert && !key) {
    return Reject(tls,
                  "exactly one of key or key_file must be configured when a client "
                  "certificate is configured");
  }
  if (key && !cert) {
    return Reject(tls,
                  "exactly one of cert or cert_file must be configured when a client key is "
                  "configured");
  }
  return {};
}

std::vector<Field> ProxyFields() {
  return {{"proxy_url", &kUrlType},
          {"no_proxy", &kStringType},
          {"proxy_from_environment", &kBoolType},
          {"proxy_connect_header", &kSecretListMapType}};
}

const Type& BasicAuthType() {
  static const Schema schema{"config.plain",
                             {{"username", &kStringType, Show::kAlways},
                              {"username_file", &kStringType},
                              {"username_ref", &kStringType},
                              {"password", &kSecretType},
                              {"password_file", &kStringType},
                              {"password_ref", &kStringType}}};
  static const Type type{Kind::kStruct, "", &schema};
  return type;
}

const Type& AuthorizationType() {
  static const Schema schema{"config.Authorization",
                             {{"type", &kStringType},
                              {"credentials", &kSecretType},
                              {"credentials_file", &kStringType},
                              {"credentials_ref", &kStringType}}};
  static const Type type{Kind::kStruct, "", &schema};
  return type;
}

Status CheckProxy(const Value& section) {
  const bool url = !section["proxy_url"].text.empty();
  const bool environment = section["proxy_from_environment"].flag();
  if (!section["proxy_connect_header"].IsZero() && !url && !environment) {
    return Reject(section["proxy_connect_header"],
                  "if proxy_connect_header is configured, proxy_url or proxy_from_environment "
                  "must also be configured");
  }
  if (environment && url) {
    return Reject(section["proxy_url"],
                  "if proxy_from_environment is configured, proxy_url must not be configured");
  }
  if (environment && !section["no_proxy"].text.empty()) {
    return Reject(section["no_proxy"],
                  "if proxy_from_environment is configured, no_proxy must not be configured");
  }
  if (!url && !section["no_proxy"].text.empty()) {
    return Reject(section["no_proxy"],
                  "if no_proxy is configured, proxy_url must also be configured");
  }
  return {};
}

Status CheckOauth2(Value& oauth2) {
  if (oauth2["client_id"].text.empty()) {
    return Reject(oauth2, "oauth2 client_id must be configured");
  }
  if (oauth2["token_url"].text.empty()) {
    return Reject(oauth2, "oauth2 token_url must be configured");
  }
  if (CountSet(oauth2, {"client_secret", "client_secret_file", "client_secret_ref"}) > 1) {
    return Reject(oauth2,
                  "at most one of oauth2 client_secret, client_secret_file & "
                  "client_secret_ref must be configured");
  }
  return CheckProxy(oauth2);
}

const Type& Oauth2Type() {
  static const Schema schema{"config.plain",
                             Concat({{{"client_id", &kStringType, Show::kAlways},
                                      {"client_secret", &kSecretType, Show::kAlways},
                                      {"client_secret_file", &kStringType, Show::kAlways},
                                      {"client_secret_ref", &kStringType, Show::kAlways},
                                      {"client_certificate_key_id", &kStringType},
                                      {"client_certificate_key", &kSecretType},
                                      {"client_certificate_key_file", &kStringType},
                                      {"client_certificate_key_ref", &kStringType},
                                      {"grant_type", &kStringType},
                                      {"signature_algorithm", &kStringType},
                                      {"iss", &kStringType},
                                      {"audience", &kStringType},
                                      {"claims", &kStringMapType},
                                      {"scopes", &kStringListType},
                                      {"token_url", &kStringType, Show::kAlways},
                                      {"endpoint_params", &kStringMapType},
                                      {"tls_config", &TlsType()}},
                                     ProxyFields()})};
  static const Type type{Kind::kStruct, "", &schema};
  return type;
}

const Type& HeaderType() {
  static const Schema schema{
      "config.Header",
      {{"values", &kStringListType}, {"secrets", &kSecretListType}, {"files", &kStringListType}}};
  static const Type type{Kind::kStruct, "", &schema};
  return type;
}

constexpr std::string_view kReserved[] = {"authorization",
                                          "host",
                                          "content-encoding",
                                          "content-length",
                                          "content-type",
                                          "user-agent",
                                          "connection",
                                          "keep-alive",
                                          "proxy-authenticate",
                                          "proxy-authorization",
                                          "www-authenticate",
                                          "accept-encoding",
                                          "x-prometheus-remote-write-version",
                                          "x-prometheus-remote-read-version",
                                          "x-amz-date",
                                          "x-amz-security-token",
                                          "x-amz-content-sha256"};

bool IsReserved(std::string_view header) {
  return std::find(std::begin(kReserved), std::end(kReserved), Lower(header)) !=
         std::end(kReserved);
}

/// "x-amz-date" -> "X-Amz-Date".
std::string CanonicalHeader(std::string_view name) {
  std::string text = Lower(name);
  bool upper = true;
  for (char& c : text) {
    if (upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
    upper = c == '-';
  }
  return text;
}

/// Bearer tokens become an authorization, as Prometheus stores them.
void FoldBearerToken(Value& section) {
  Value& authorization = section["authorization"];
  for (const auto& [from, to] : {std::pair("bearer_token", "credentials"),
                                 std::pair("bearer_token_file", "credentials_file")}) {
    if (section[from].text.empty()) continue;
    authorization.Open();
    authorization.set = true;
    authorization["type"].text = "Bearer";
    authorization[to].text = std::move(section[from].text);
    section[from].text.clear();
  }
}

Status CheckAuthorization(Value& section) {
  Value& authorization = section["authorization"];
  if (CountSet(section, {"bearer_token", "bearer_token_file"}) > 0) {
    return Reject(authorization,
                  "authorization is not compatible with bearer_token & bearer_token_file");
  }
  if (CountSet(authorization, {"credentials", "credentials_file", "credentials_ref"}) > 1) {
    return Reject(authorization,
                  "at most one of authorization credentials & credentials_file must be configured");
  }
  std::string& type = authorization["type"].text;
  type = Trim(type);
  if (type.empty()) type = "Bearer";
  if (Lower(type) == "basic") {
    return Reject(authorization,
                  R"(authorization type cannot be set to "basic", use "basic_auth" instead)");
  }
  if (section["basic_auth"].set || section["oauth2"].set) {
    return Reject(authorization,
                  "at most one of basic_auth, oauth2 & authorization must be configured");
  }
  return {};
}

Status CheckBasicAuth(const Value& basic) {
  if (CountSet(basic, {"username", "username_file", "username_ref"}) > 1) {
    return Reject(basic,
                  "at most one of basic_auth username, username_file & username_ref must "
                  "be configured");
  }
  if (CountSet(basic, {"password", "password_file", "password_ref"}) > 1) {
    return Reject(basic,
                  "at most one of basic_auth password, password_file & password_ref must "
                  "be configured");
  }
  return {};
}

}  // namespace

const Type& TlsType() {
  static const Schema schema{"config.plain",
                             {{"ca", &kStringType},
                              {"cert", &kStringType},
                              {"key", &kSecretType},
                              {"ca_file", &kStringType},
                              {"cert_file", &kStringType},
                              {"key_file", &kStringType},
                              {"ca_ref", &kStringType},
                              {"cert_ref", &kStringType},
                              {"key_ref", &kStringType},
                              {"server_name", &kStringType},
                              {"insecure_skip_verify", &kBoolType, Show::kAlways},
                              {"min_version", &kStringType},
                              {"max_version", &kStringType}},
                             CheckTls};
  static const Type type{Kind::kStruct, "", &schema};
  return type;
}

std::vector<Field> HttpFields(std::string_view http2) {
  static const Type headers{Kind::kMap, "config.Headers", nullptr, &HeaderType()};
  return Concat({{{"basic_auth", &BasicAuthType(), Show::kIfSet},
                  {"authorization", &AuthorizationType(), Show::kIfSet},
                  {"oauth2", &Oauth2Type(), Show::kIfSet},
                  {"bearer_token", &kSecretType},
                  {"bearer_token_file", &kStringType},
                  {"tls_config", &TlsType()},
                  {"follow_redirects", &kBoolType, Show::kAlways, "true"},
                  {"enable_http2", &kBoolType, Show::kAlways, http2}},
                 ProxyFields(),
                 {{"http_headers", &headers}}});
}

Status CheckHttp(Value& section) {
  const int bearer = CountSet(section, {"bearer_token", "bearer_token_file"});
  Value& basic = section["basic_auth"];
  Value& oauth2 = section["oauth2"];
  if (bearer > 1) {
    return Reject(section["bearer_token"],
                  "at most one of bearer_token & bearer_token_file must be configured");
  }
  if ((basic.set || oauth2.set) && bearer > 0) {
    return Reject(section,
                  "at most one of basic_auth, oauth2, bearer_token & bearer_token_file "
                  "must be configured");
  }
  if (basic.set) NX_RETURN_IF_ERROR(CheckBasicAuth(basic));
  if (section["authorization"].set) {
    NX_RETURN_IF_ERROR(CheckAuthorization(section));
  } else {
    FoldBearerToken(section);
  }
  if (oauth2.set) {
    if (basic.set) {
      return Reject(oauth2, "at most one of basic_auth, oauth2 & authorization must be configured");
    }
    NX_RETURN_IF_ERROR(CheckOauth2(oauth2));
  }
  NX_RETURN_IF_ERROR(CheckProxy(section));
  for (const std::string& name : section["http_headers"].keys) {
    if (IsReserved(name) || Lower(name) == "x-prometheus-scrape-timeout-seconds") {
      return Reject(section["http_headers"],
                    fmt::format("setting header \"{}\" is not allowed", CanonicalHeader(name)));
    }
  }
  return {};
}

Status CheckHeaders(const Value& headers) {
  for (const std::string& name : headers.keys) {
    if (Lower(name) == "authorization") {
      return Reject(headers,
                    "authorization header must be changed via the basic_auth, "
                    "authorization, oauth2, sigv4, azuread or google_iam parameter");
    }
    if (IsReserved(name)) {
      return Reject(headers, fmt::format("{} is a reserved header. It must not be changed", name));
    }
  }
  return {};
}

Status CheckTracingHeaders(const Value& headers) {
  for (const std::string& name : headers.keys) {
    if (Lower(name) == "authorization") {
      return Reject(headers, "custom authorization header configuration is not yet supported");
    }
  }
  return CheckHeaders(headers);
}

}  // namespace narthex::config
