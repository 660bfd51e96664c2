// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <openssl/rand.h>

#include "narthex/base/check.h"
#include "narthex/base/clock.h"
#include "narthex/base/json_writer.h"
#include "narthex/net/cloud_tokens.h"
#include "narthex/net/jwt.h"
#include "narthex/net/url.h"
#include "src/net/certificate.h"
#include "src/net/file.h"
#include "src/net/form_request.h"

namespace narthex::net {
namespace {

constexpr char kAssertionType[] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
constexpr std::int64_t kAssertionSeconds = 600;

std::string TokenUrl(const AzureApplication& application) {
  return fmt::format("{}/{}/oauth2/v2.0/token", application.login,
                     EscapeQuery(application.tenant_id));
}

Result<ClientRequest> AssertedRequest(const AzureApplication& application,
                                      const std::string& assertion) {
  return FormRequest(TokenUrl(application), {{"client_id", application.client_id},
                                             {"client_assertion", assertion},
                                             {"client_assertion_type", kAssertionType},
                                             {"grant_type", "client_credentials"},
                                             {"scope", application.scope}});
}

/// A number that no other statement has, in the form of a UUID.
std::string NewId() {
  unsigned char bytes[16] = {};
  NX_CHECK(RAND_bytes(bytes, sizeof(bytes)) == 1, "OpenSSL has no random numbers");
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  std::string id;
  for (std::size_t i = 0; i < sizeof(bytes); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) id += '-';
    id += fmt::format("{:02x}", bytes[i]);
  }
  return id;
}

std::string Claims(const AzureApplication& application, std::int64_t now) {
  JsonWriter json;
  json.BeginObject();
  for (const auto& [name, value] :
       {std::pair("aud", TokenUrl(application)), std::pair("iss", application.client_id),
        std::pair("jti", NewId()), std::pair("sub", application.client_id)}) {
    json.Key(name);
    json.PlainString(value);
  }
  json.Key("nbf");
  json.Int(now);
  json.Key("exp");
  json.Int(now + kAssertionSeconds);
  json.EndObject();
  return json.TakeText();
}

Result<std::string> Assertion(const AzureApplication& application,
                              const AzureCertificate& certificate, std::int64_t now) {
  auto text = ReadSmallFile(certificate.file);
  if (!text) {
    return Fail(
        std::move(text).error().Wrap("failed to read certificate file " + certificate.file));
  }
  if (!certificate.key_file.empty()) {
    auto key = ReadSmallFile(certificate.key_file);
    if (!key) {
      return Fail(
          std::move(key).error().Wrap("failed to read private key file " + certificate.key_file));
    }
    *text += "\n" + *key;
  }
  auto read = ReadCertificate(*text, certificate.password);
  if (!read) return Fail(std::move(read).error().Wrap("failed to parse certificate data"));
  JwtHeader header{.x5t = read->thumbprint};
  if (certificate.send_chain) header.x5c = std::move(read->chain);
  return SignJwt(Claims(application, now), read->private_key, header);
}

}  // namespace

MakeTokenRequest AzureSecretTokens(const AzureApplication& application, const std::string& secret) {
  const Headers form = {{"client_id", application.client_id},
                        {"client_secret", secret},
                        {"grant_type", "client_credentials"},
                        {"scope", application.scope}};
  return [url = TokenUrl(application), form] { return FormRequest(url, form); };
}

MakeTokenRequest AzureWorkloadTokens(const AzureApplication& application, const std::string& file) {
  return [application, file]() -> Result<ClientRequest> {
    NX_ASSIGN_OR_RETURN(const std::string assertion, ReadSmallFile(file));
    return AssertedRequest(application, assertion);
  };
}

MakeTokenRequest AzureCertificateTokens(const AzureApplication& application,
                                        const AzureCertificate& certificate, Clock& clock) {
  return [application, certificate, &clock]() -> Result<ClientRequest> {
    NX_ASSIGN_OR_RETURN(const std::string assertion,
                        Assertion(application, certificate, clock.NowMs() / 1000));
    return AssertedRequest(application, assertion);
  };
}

Result<MakeTokenRequest> AzureMachineTokens(const std::string& client_id, const std::string& scope,
                                            const Environment& environment) {
  if (!environment("IDENTITY_ENDPOINT").empty()) {
    return Fail(Code::kInvalidArgument,
                "managed identities of App Service, Service Fabric and Arc (IDENTITY_ENDPOINT) are "
                "not supported");
  }
  std::string host = environment("AZURE_POD_IDENTITY_AUTHORITY_HOST");
  if (host.empty()) host = "http://169.254.169.254";
  // The service wants what the token is for without the part that says how much of it.
  constexpr std::string_view kAll = "/.default";
  std::string resource = scope;
  if (resource.ends_with(kAll)) resource.resize(resource.size() - kAll.size());
  std::string url =
      fmt::format("{}/metadata/identity/oauth2/token?api-version=2018-02-01&resource={}", host,
                  EscapeQuery(resource));
  if (!client_id.empty()) url += "&client_id=" + EscapeQuery(client_id);
  return MakeTokenRequest([url]() -> Result<ClientRequest> {
    ClientRequest request;
    NX_ASSIGN_OR_RETURN(request.url, ParseUrl(url));
    request.headers = {{"Metadata", "true"}};
    return request;
  });
}

Result<MakeTokenRequest> AzureEnvironmentTokens(const AzureApplication& application,
                                                const Environment& environment, Clock& clock) {
  AzureApplication own = application;
  own.client_id = environment("AZURE_CLIENT_ID");
  own.tenant_id = environment("AZURE_TENANT_ID");
  const bool known = !own.client_id.empty() && !own.tenant_id.empty();
  const std::string secret = environment("AZURE_CLIENT_SECRET");
  if (known && !secret.empty()) return AzureSecretTokens(own, secret);
  const std::string certificate = environment("AZURE_CLIENT_CERTIFICATE_PATH");
  if (known && !certificate.empty()) {
    return AzureCertificateTokens(
        own, {.file = certificate, .password = environment("AZURE_CLIENT_CERTIFICATE_PASSWORD")},
        clock);
  }
  if (const std::string file = environment("AZURE_FEDERATED_TOKEN_FILE"); !file.empty()) {
    if (!application.tenant_id.empty()) own.tenant_id = application.tenant_id;
    if (own.client_id.empty() || own.tenant_id.empty()) {
      return Fail(Code::kInvalidArgument,
                  "a workload identity needs AZURE_CLIENT_ID, AZURE_TENANT_ID and "
                  "AZURE_FEDERATED_TOKEN_FILE in the environment");
    }
    return AzureWorkloadTokens(own, file);
  }
  return AzureMachineTokens(own.client_id, own.scope, environment);
}

}  // namespace narthex::net
