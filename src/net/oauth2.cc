// SPDX-License-Identifier: Apache-2.0
#include "src/net/oauth2.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include <boost/json.hpp>
#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/base/hash.h"
#include "narthex/net/http_server.h"
#include "src/net/client_request.h"
#include "src/net/file.h"
#include "src/net/http1.h"
#include "src/net/json_text.h"

namespace narthex::net {
namespace json = boost::json;

namespace {

/// Tokens are not used in their last seconds, as the request takes time, too.
constexpr std::chrono::seconds kSpare{10};

/// Bytes of a refusal that an error shows.
constexpr std::size_t kMaxShown = 2048;

/// Seconds as a number or as a text; 0 = not said.
std::int64_t Seconds(const json::object& object) {
  const json::value* value = object.if_contains("expires_in");
  if (value == nullptr) return 0;
  if (value->is_int64()) return value->get_int64();
  if (value->is_uint64()) return std::numeric_limits<std::int64_t>::max();
  if (value->is_double()) {
    return static_cast<std::int64_t>(std::clamp(value->get_double(), -0x1p62, 0x1p62));
  }
  std::int64_t seconds = 0;
  const std::string text = TextOf(object, "expires_in");
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return seconds;
}

std::string TypeName(std::string type) {
  if (type.empty() || EqualsIgnoreCase(type, "bearer")) return "Bearer";
  if (EqualsIgnoreCase(type, "mac")) return "MAC";
  if (EqualsIgnoreCase(type, "basic")) return "Basic";
  return type;
}

/// What the server says went wrong, "" when it says nothing of the kind.
std::string Refusal(const json::object& object) {
  const std::string code = TextOf(object, "error");
  if (code.empty()) return "";
  std::string text = "oauth2: " + go::Quote(code);
  for (const char* name : {"error_description", "error_uri"}) {
    if (const std::string more = TextOf(object, name); !more.empty()) {
      text += " " + go::Quote(more);
    }
  }
  return text;
}

/// Some servers answer with the fields of a form.
bool IsForm(const std::string& content_type) {
  const std::string_view type =
      TrimSpace(std::string_view(content_type).substr(0, content_type.find(';')));
  return EqualsIgnoreCase(type, "application/x-www-form-urlencoded") ||
         EqualsIgnoreCase(type, "text/plain");
}

/// The fields, the first of each name; null when it is no form at all.
json::value FormObject(const std::string& body) {
  Params fields;
  if (!fields.AddEncoded(body)) return {};
  json::object object;
  for (const char* name :
       {"access_token", "token_type", "expires_in", "error", "error_description", "error_uri"}) {
    if (fields.Has(name)) object[name] = fields.Get(name);
  }
  if (object.empty()) return {};
  return object;
}

}  // namespace

std::optional<AccessToken> TokenCache::Get(const std::string& secret) const {
  MutexLock lock(mutex_);
  if (token_.value.empty() || secret != secret_) return std::nullopt;
  if (token_.expires != Clock::time_point::max() && Clock::now() + kSpare >= token_.expires) {
    return std::nullopt;
  }
  return token_;
}

std::unique_ptr<TokenCache::Place> TokenCache::Await(Landed landed) {
  MutexLock lock(mutex_);
  if (!std::exchange(under_way_, true)) return nullptr;
  const std::uint64_t number = ++last_place_;
  waiting_.emplace(number, std::move(landed));
  return std::make_unique<Place>(*this, number);
}

void TokenCache::Leave(std::uint64_t place) {
  MutexLock lock(mutex_);
  waiting_.erase(place);
}

void TokenCache::Land(const Result<AccessToken>& token, const std::string& secret) {
  // Under the lock, so that who gives up its place is not called afterwards: by then the executor
  // that it ran on may be gone.
  MutexLock lock(mutex_);
  if (token) {
    token_ = *token;
    secret_ = secret;
  }
  under_way_ = false;
  for (const auto& [number, landed] : std::exchange(waiting_, {})) landed({token, secret});
}

std::optional<bool> TokenCache::secret_in_body() const {
  MutexLock lock(mutex_);
  return in_body_;
}

void TokenCache::SetSecretInBody(bool in_body) {
  MutexLock lock(mutex_);
  in_body_ = in_body;
}

std::shared_ptr<TokenCache> TokensFor(const Oauth2Options& options) {
  static Mutex mutex;
  static std::map<std::pair<std::uint64_t, std::uint64_t>, std::weak_ptr<TokenCache>> known;
  std::string text;
  const auto add = [&](const std::string& part) {
    text += fmt::format("{}:{}", part.size(), part);
  };
  add(options.client_id);
  add(options.client_secret);
  add(options.client_secret_file);
  add(options.token_url);
  const ProxyOptions& proxy = options.proxy;
  add(proxy.url);
  add(proxy.no_proxy);
  text += proxy.from_environment ? "+" : "-";
  text += fmt::format("{} headers", proxy.connect_headers.size());
  for (const auto& [name, value] : proxy.connect_headers) add(name), add(value);
  // A token may be bound to how it was got, so clients that check the server less share none.
  const TlsOptions& tls = options.tls;
  for (const std::string* part :
       {&tls.ca, &tls.ca_file, &tls.cert, &tls.cert_file, &tls.key, &tls.key_file, &tls.server_name,
        &tls.min_version, &tls.max_version}) {
    add(*part);
  }
  text += tls.insecure_skip_verify ? "+" : "-";
  text += fmt::format("{} scopes", options.scopes.size());
  for (const std::string& scope : options.scopes) add(scope);
  for (const auto& [name, value] : options.endpoint_params) add(name), add(value);
  const Hash128 hash = HashBytes128(text);
  MutexLock lock(mutex);
  std::erase_if(known, [](const auto& entry) { return entry.second.expired(); });
  auto& slot = known[{hash.low, hash.high}];
  auto cache = slot.lock();
  if (cache == nullptr) slot = cache = std::make_shared<TokenCache>();
  return cache;
}

Result<std::string> ClientSecret(const Oauth2Options& options) {
  if (options.client_secret_file.empty()) return options.client_secret;
  auto secret = ReadTrimmedFile(options.client_secret_file);
  if (!secret) {
    return Fail(
        std::move(secret).error().Wrap("unable to read oauth2 client secret: "
                                       "unable to read file " +
                                       options.client_secret_file));
  }
  return secret;
}

Result<ClientRequest> TokenRequest(const Oauth2Options& options, const std::string& secret,
                                   bool secret_in_body) {
  std::map<std::string, std::string> form = {{"grant_type", "client_credentials"}};
  std::string scopes;
  for (const std::string& scope : options.scopes) scopes += (scopes.empty() ? "" : " ") + scope;
  if (!scopes.empty()) form["scope"] = scopes;
  for (const auto& [name, value] : options.endpoint_params) {
    if (form.contains(name) && name != "grant_type") {
      return Fail(Code::kInvalidArgument, "oauth2: cannot overwrite parameter " + go::Quote(name));
    }
    form[name] = value;
  }
  ClientRequest request;
  request.method = "POST";
  NX_ASSIGN_OR_RETURN(request.url, ParseRequestUrl(request.method, options.token_url));
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                     {"Accept-Encoding", "gzip"}};
  if (secret_in_body) {
    form["client_id"] = options.client_id;
    if (!secret.empty()) form["client_secret"] = secret;
  } else {
    request.headers.emplace_back("Authorization", "Basic " + Base64(EscapeQuery(options.client_id) +
                                                                    ":" + EscapeQuery(secret)));
  }
  for (const auto& [name, value] : form) {
    if (!request.body.empty()) request.body += '&';
    request.body += EscapeQuery(name) + "=" + EscapeQuery(value);
  }
  request.max_body_bytes = 1 << 20;
  return request;
}

Result<AccessToken> ReadToken(const ClientResponse& response, const std::string& body,
                              TokenCache::Clock::time_point now) {
  boost::system::error_code bad;
  json::value value = json::parse(body, bad);
  if (!value.is_object() && IsForm(response.content_type)) value = FormObject(body);
  const bool is_object = value.is_object();
  const std::string refusal = is_object ? Refusal(value.get_object()) : "";
  if (!refusal.empty()) return Fail(Code::kUnavailable, refusal);
  if (response.status < 200 || response.status > 299) {
    return Fail(Code::kUnavailable,
                fmt::format("oauth2: cannot fetch token: {} {}\nResponse: {}", response.status,
                            response.reason, std::string_view(body).substr(0, kMaxShown)));
  }
  if (!is_object) {
    return Fail(Code::kUnavailable, "oauth2: cannot parse json: " + bad.message());
  }
  const json::object& object = value.get_object();
  AccessToken token{.type = TypeName(TextOf(object, "token_type")),
                    .value = TextOf(object, "access_token")};
  if (token.value.empty()) {
    return Fail(Code::kUnavailable, "oauth2: server response missing access_token");
  }
  constexpr std::int64_t kLongest = 10LL * 365 * 86'400;
  if (const std::int64_t seconds = Seconds(object); seconds != 0) {
    token.expires = now + std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, kLongest));
  }
  return token;
}

}  // namespace narthex::net
