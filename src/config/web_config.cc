// SPDX-License-Identifier: Apache-2.0
#include "narthex/config/web_config.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/core.h>

#include "narthex/base/fs.h"
#include "narthex/base/go_format.h"
#include "src/config/bcrypt_form.h"
#include "src/config/yaml/reader.h"
#include "src/config/yaml/schema.h"

namespace narthex::config {
namespace {

// Go's crypto/tls.CipherSuites: those without known weaknesses.
constexpr std::array<std::string_view, 13> kCiphers = {
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
};
constexpr std::array<std::string_view, 4> kCurves = {"CurveP256", "CurveP384", "CurveP521",
                                                     "X25519"};
constexpr std::array<std::string_view, 4> kVersions = {"TLS10", "TLS11", "TLS12", "TLS13"};
constexpr std::array<std::string_view, 5> kHeaders = {
    "Strict-Transport-Security", "X-Content-Type-Options", "X-Frame-Options", "X-XSS-Protection",
    "Content-Security-Policy"};

template <std::size_t n>
bool IsOneOf(const std::array<std::string_view, n>& known, std::string_view text) {
  return std::find(known.begin(), known.end(), text) != known.end();
}

Status CheckVersion(const Value& version) {
  if (!version.set || IsOneOf(kVersions, version.text)) return {};
  return Reject(version, "unknown TLS version: " + version.text);
}

Status CheckTlsNames(Value& tls) {
  for (const Value& cipher : tls["cipher_suites"].items) {
    if (!IsOneOf(kCiphers, cipher.text)) return Reject(cipher, "unknown cipher: " + cipher.text);
  }
  for (const Value& curve : tls["curve_preferences"].items) {
    if (!IsOneOf(kCurves, curve.text)) return Reject(curve, "unknown curve: " + curve.text);
  }
  NX_RETURN_IF_ERROR(CheckVersion(tls["min_version"]));
  return CheckVersion(tls["max_version"]);
}

Status CheckSecurityHeaders(Value& http) {
  const Value& headers = http["headers"];
  for (std::size_t i = 0; i < headers.keys.size(); ++i) {
    const std::string& name = headers.keys[i];
    const Value& value = headers.items[i];
    const auto reject = [&](std::string_view expected) {
      return Reject(value, fmt::format("invalid value for {}. Expected one of: {}, but got: {}",
                                       name, expected, go::Quote(value.text)));
    };
    if (!IsOneOf(kHeaders, name)) {
      return Reject(value, fmt::format("HTTP header {} can not be configured", go::Quote(name)));
    }
    if (name == "X-Content-Type-Options" && value.text != "nosniff") return reject("[\"nosniff\"]");
    if (name == "X-Frame-Options" && value.text != "deny" && value.text != "sameorigin") {
      return reject("[\"deny\" \"sameorigin\"]");
    }
  }
  return {};
}

/// A Go duration, or nanoseconds.
std::optional<std::int64_t> ParseInterval(const std::string& text) {
  std::int64_t ns = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ns);
  if (error == std::errc() && end == text.data() + text.size()) return ns;
  return go::ParseDuration(text);
}

Status CheckRate(Value& rate) {
  const Value& interval = rate["interval"];
  if (!interval.set || ParseInterval(interval.text)) return {};
  return Reject(interval,
                fmt::format("invalid interval {}: write it with its unit, as in \"100ms\"",
                            go::Quote(interval.text)));
}

const Type& WebConfigType() {
  static const Schema tls{"web.TLSConfig",
                          {{"cert", &kStringType},
                           {"key", &kSecretType},
                           {"client_ca", &kStringType},
                           {"cert_file", &kStringType},
                           {"key_file", &kStringType},
                           {"client_auth_type", &kStringType},
                           {"client_ca_file", &kStringType},
                           {"cipher_suites", &kStringListType},
                           {"curve_preferences", &kStringListType},
                           {"min_version", &kStringType},
                           {"max_version", &kStringType},
                           {"prefer_server_cipher_suites", &kBoolType, Show::kAlways, "true"},
                           {"client_allowed_sans", &kStringListType}},
                          CheckTlsNames};
  static const Type tls_type{Kind::kStruct, "", &tls};
  static const Schema http{
      "web.HTTPConfig",
      {{"http2", &kBoolType, Show::kAlways, "true"}, {"headers", &kStringMapType}},
      CheckSecurityHeaders};
  static const Type http_type{Kind::kStruct, "", &http};
  static const Schema rate{
      "web.RateLimiterConfig", {{"burst", &kIntType}, {"interval", &kStringType}}, CheckRate};
  static const Type rate_type{Kind::kStruct, "", &rate};
  static const Type users_type{Kind::kMap, "map[string]config.Secret", nullptr, &kSecretType};
  static const Schema file{"web.Config",
                           {{"tls_server_config", &tls_type},
                            {"http_server_config", &http_type},
                            {"rate_limit", &rate_type},
                            {"basic_auth_users", &users_type}}};
  static const Type type{Kind::kStruct, "", &file};
  return type;
}

int Version(const Value& value, int default_version) {
  return value.set ? 10 + (value.text.back() - '0') : default_version;
}

WebTlsConfig ExtractTls(const Value& tls, const std::string& folder) {
  const auto path = [&](std::string_view field) {
    const std::string& text = tls[field].text;
    return text.empty() ? text : JoinPath(folder, text);
  };
  WebTlsConfig out;
  out.cert = tls["cert"].text;
  out.key = tls["key"].text;
  out.client_ca = tls["client_ca"].text;
  out.cert_file = path("cert_file");
  out.key_file = path("key_file");
  out.client_ca_file = path("client_ca_file");
  out.client_auth_type = tls["client_auth_type"].text;
  out.check_client_sans = tls["client_allowed_sans"].set;
  out.client_allowed_sans = Strings(tls["client_allowed_sans"]);
  out.cipher_suites = Strings(tls["cipher_suites"]);
  out.curve_preferences = Strings(tls["curve_preferences"]);
  out.min_version = Version(tls["min_version"], out.min_version);
  out.max_version = Version(tls["max_version"], out.max_version);
  out.prefer_server_cipher_suites = tls["prefer_server_cipher_suites"].flag();
  out.line = tls.line;
  return out;
}

/// The folder of a file, "" for the current one.
std::string FolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return "";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

bool WebTlsConfig::IsEnabled() const {
  return !cert_file.empty() || !cert.empty() || !key_file.empty() || !key.empty() ||
         !client_ca_file.empty() || !client_ca.empty() || !client_auth_type.empty() ||
         check_client_sans;
}

Result<ClientAuth> ParseClientAuth(std::string_view text) {
  if (text.empty() || text == "NoClientCert") return ClientAuth::kNone;
  if (text == "RequestClientCert") return ClientAuth::kRequest;
  // The second is an older name.
  if (text == "RequireAnyClientCert" || text == "RequireClientCert") return ClientAuth::kRequireAny;
  if (text == "VerifyClientCertIfGiven") return ClientAuth::kVerifyIfGiven;
  if (text == "RequireAndVerifyClientCert") return ClientAuth::kRequireAndVerify;
  return Fail(Code::kInvalidArgument, fmt::format("invalid ClientAuth: {}", text));
}

Status CheckWebUsers(const WebConfig& config) {
  for (const WebUser& user : config.users) {
    if (const Status status = CheckBcryptForm(user.password_hash); !status) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("basic_auth_users: {}: {} (line {})", go::Quote(user.name),
                              status.error().message(), user.line));
    }
  }
  return {};
}

Status CheckWebTls(const WebTlsConfig& tls) {
  if (!tls.IsEnabled()) return {};
  const auto reject = [&](std::string_view reason, std::string_view remedy) {
    return Fail(Code::kInvalidArgument,
                fmt::format("{} (tls_server_config in line {}): {}", reason, tls.line, remedy));
  };
  if (tls.cert.empty() && tls.cert_file.empty()) {
    return reject("missing one of cert or cert_file",
                  "name the file with the server's certificate in cert_file");
  }
  if (tls.key.empty() && tls.key_file.empty()) {
    return reject("missing one of key or key_file",
                  "name the file with the certificate's private key in key_file");
  }
  const auto client_auth = ParseClientAuth(tls.client_auth_type);
  if (!client_auth) {
    return reject(client_auth.error().message(),
                  "one of NoClientCert, RequestClientCert, RequireAnyClientCert, "
                  "VerifyClientCertIfGiven, RequireAndVerifyClientCert");
  }
  const bool has_ca = !tls.client_ca.empty() || !tls.client_ca_file.empty();
  if (has_ca && *client_auth == ClientAuth::kNone) {
    return reject("client CA's have been configured without a Client Auth Policy",
                  "add client_auth_type: RequireAndVerifyClientCert");
  }
  if (tls.check_client_sans && *client_auth == ClientAuth::kNone) {
    // Upstream takes it, and lets everybody in.
    return reject("client_allowed_sans has been configured without a Client Auth Policy",
                  "add client_auth_type: RequireAndVerifyClientCert");
  }
  if (tls.min_version > tls.max_version) {
    return reject("min_version is above max_version", "no client could connect");
  }
  return {};
}

Result<WebConfig> LoadWebConfigText(std::string_view text, const std::string& path) {
  NX_ASSIGN_OR_RETURN(const Value file, ReadYaml(text, WebConfigType()));
  WebConfig config;
  config.tls = ExtractTls(file["tls_server_config"], FolderOf(path));
  const Value& headers = file["http_server_config"]["headers"];
  for (std::size_t i = 0; i < headers.keys.size(); ++i) {
    config.headers.emplace_back(headers.keys[i], headers.items[i].text);
  }
  const Value& users = file["basic_auth_users"];
  for (std::size_t i = 0; i < users.keys.size(); ++i) {
    config.users.push_back({users.keys[i], users.items[i].text, users.items[i].line});
  }
  config.names_users = users.set;
  const Value& rate = file["rate_limit"];
  config.rate_interval_ns = ParseInterval(rate["interval"].text).value_or(0);
  config.rate_burst = rate["burst"].number;
  return config;
}

Result<WebConfig> LoadWebConfig(const std::string& path) {
  NX_ASSIGN_OR_RETURN(const std::string text, SystemFs().ReadFile(path));
  return LoadWebConfigText(text, path);
}

}  // namespace narthex::config
