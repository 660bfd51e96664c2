// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/cloud/google_token.h"

#include <fmt/core.h>

#include "narthex/base/fs.h"
#include "narthex/base/json_writer.h"
#include "narthex/net/jwt.h"
#include "narthex/net/url.h"
#include "scrape/discovery/json_view.h"

namespace narthex::scrape {

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

CloudToken::MakeRequest OfServiceAccount(ServiceAccount account, Clock& clock) {
  return [account = std::move(account), &clock]() -> Result<net::ClientRequest> {
    NX_ASSIGN_OR_RETURN(const std::string assertion,
                        net::SignJwt(Claims(account, clock.NowMs() / 1000), account.private_key,
                                     account.private_key_id));
    return FormRequest(
        account.token_url,
        {{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"}, {"assertion", assertion}});
  };
}

Result<CloudToken::MakeRequest> OfFile(const std::string& path, const std::string& scope,
                                       Clock& clock) {
  NX_ASSIGN_OR_RETURN(const std::string text, SystemFs().ReadFile(path));
  auto parsed = JsonDocument::Parse(text);
  if (!parsed) return Fail(std::move(parsed).error().Wrap(path));
  const JsonView root = (*parsed)->root();
  const std::string type = root["type"].Text();
  std::string token_url = root["token_uri"].Text();
  if (token_url.empty()) token_url = kTokenUrl;
  if (type == "service_account") {
    return OfServiceAccount({.email = root["client_email"].Text(),
                             .private_key = root["private_key"].Text(),
                             .private_key_id = root["private_key_id"].Text(),
                             .token_url = std::move(token_url),
                             .scope = scope},
                            clock);
  }
  if (type == "authorized_user") {
    const net::Headers form = {{"grant_type", "refresh_token"},
                               {"client_id", root["client_id"].Text()},
                               {"client_secret", root["client_secret"].Text()},
                               {"refresh_token", root["refresh_token"].Text()}};
    return CloudToken::MakeRequest([token_url, form] { return FormRequest(token_url, form); });
  }
  return Fail(Code::kInvalidArgument,
              fmt::format("{}: credentials of type \"{}\" are not supported, want service_account "
                          "or authorized_user",
                          path, type));
}

CloudToken::MakeRequest OfMetadata(const std::string& host, const std::string& scope) {
  const std::string url =
      fmt::format("http://{}/computeMetadata/v1/instance/service-accounts/default/token?scopes={}",
                  host, net::EscapeQuery(scope));
  return [url]() -> Result<net::ClientRequest> {
    net::ClientRequest request;
    NX_ASSIGN_OR_RETURN(request.url, net::ParseUrl(url));
    request.headers = {{"Metadata-Flavor", "Google"}};
    return request;
  };
}

}  // namespace

Result<CloudToken::MakeRequest> GoogleTokenRequest(const std::string& scope,
                                                   const net::Environment& environment,
                                                   Clock& clock) {
  if (const std::string path = environment("GOOGLE_APPLICATION_CREDENTIALS"); !path.empty()) {
    return OfFile(path, scope, clock);
  }
  const std::string of_gcloud =
      environment("HOME") + "/.config/gcloud/application_default_credentials.json";
  if (SystemFs().Exists(of_gcloud)) return OfFile(of_gcloud, scope, clock);
  const std::string host = environment("GCE_METADATA_HOST");
  return OfMetadata(host.empty() ? "169.254.169.254" : host, scope);
}

}  // namespace narthex::scrape
