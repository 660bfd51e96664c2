// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <boost/json.hpp>
#include <fmt/core.h>

#include "narthex/base/clock.h"
#include "narthex/base/json_writer.h"
#include "narthex/base/short_text.h"
#include "narthex/net/cloud_tokens.h"
#include "narthex/net/jwt.h"
#include "narthex/net/url.h"
#include "src/net/file.h"
#include "src/net/form_request.h"
#include "src/net/json_text.h"

namespace narthex::net {
namespace {

constexpr std::string_view kTokenUrl = "https://oauth2.googleapis.com/token";
constexpr std::int64_t kTokenSeconds = 3600;

struct ServiceAccount {
  std::string email, private_key, private_key_id, token_url, scope;
};

std::string Claims(const ServiceAccount& account, std::int64_t now) {
  JsonWriter json;
  json.BeginObject();
  for (const auto& [name, value] :
       {std::pair("iss", &account.email), std::pair("scope", &account.scope),
        std::pair("aud", &account.token_url)}) {
    json.Key(name);
    json.PlainString(*value);
  }
  json.Key("iat");
  json.Int(now);
  json.Key("exp");
  json.Int(now + kTokenSeconds);
  json.EndObject();
  return json.TakeText();
}

MakeTokenRequest OfServiceAccount(ServiceAccount account, Clock& clock) {
  return [account = std::move(account), &clock]() -> Result<ClientRequest> {
    NX_ASSIGN_OR_RETURN(const std::string assertion,
                        SignJwt(Claims(account, clock.NowMs() / 1000), account.private_key,
                                {.key_id = account.private_key_id}));
    return FormRequest(
        account.token_url,
        {{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"}, {"assertion", assertion}});
  };
}

Result<MakeTokenRequest> OfFile(const std::string& path, const std::string& scope, Clock& clock) {
  NX_ASSIGN_OR_RETURN(const std::string text, ReadSmallFile(path));
  boost::system::error_code bad;
  const boost::json::value value = boost::json::parse(text, bad);
  if (bad) return Fail(Code::kInvalidArgument, fmt::format("{}: json: {}", path, bad.message()));
  static const boost::json::object kNone;
  const boost::json::object& root = value.is_object() ? value.get_object() : kNone;
  const std::string type = TextOf(root, "type");
  std::string token_url = TextOf(root, "token_uri");
  if (token_url.empty()) token_url = kTokenUrl;
  if (type == "service_account") {
    return OfServiceAccount({.email = TextOf(root, "client_email"),
                             .private_key = TextOf(root, "private_key"),
                             .private_key_id = TextOf(root, "private_key_id"),
                             .token_url = std::move(token_url),
                             .scope = scope},
                            clock);
  }
  if (type == "authorized_user") {
    const Headers form = {{"grant_type", "refresh_token"},
                          {"client_id", TextOf(root, "client_id")},
                          {"client_secret", TextOf(root, "client_secret")},
                          {"refresh_token", TextOf(root, "refresh_token")}};
    return MakeTokenRequest([token_url, form] { return FormRequest(token_url, form); });
  }
  return Fail(Code::kInvalidArgument,
              fmt::format("{}: credentials of type \"{}\" are not supported, want service_account "
                          "or authorized_user",
                          path, ShortText(type)));
}

MakeTokenRequest OfMetadata(const std::string& host, const std::string& scope) {
  const std::string url =
      fmt::format("http://{}/computeMetadata/v1/instance/service-accounts/default/token?scopes={}",
                  host, EscapeQuery(scope));
  return [url]() -> Result<ClientRequest> {
    ClientRequest request;
    NX_ASSIGN_OR_RETURN(request.url, ParseUrl(url));
    request.headers = {{"Metadata-Flavor", "Google"}};
    return request;
  };
}

bool Exists(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0;
}

}  // namespace

Result<MakeTokenRequest> GoogleTokens(const std::string& scope, const std::string& file,
                                      const Environment& environment, Clock& clock) {
  if (!file.empty()) return OfFile(file, scope, clock);
  if (const std::string path = environment("GOOGLE_APPLICATION_CREDENTIALS"); !path.empty()) {
    return OfFile(path, scope, clock);
  }
  const std::string of_gcloud =
      environment("HOME") + "/.config/gcloud/application_default_credentials.json";
  if (Exists(of_gcloud)) return OfFile(of_gcloud, scope, clock);
  const std::string host = environment("GCE_METADATA_HOST");
  return OfMetadata(host.empty() ? "169.254.169.254" : host, scope);
}

}  // namespace narthex::net
