// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/cloud/azure_token.h"

#include <fmt/core.h>

#include "narthex/base/fs.h"
#include "narthex/net/url.h"

namespace narthex::scrape {

namespace {

std::string TokenUrl(const std::string& login, const std::string& tenant) {
  return fmt::format("{}/{}/oauth2/v2.0/token", login, net::EscapeQuery(tenant));
}

CloudToken::MakeRequest OfSecret(const std::string& url, const std::string& client_id,
                                 const std::string& secret, const std::string& audience) {
  const net::Headers form = {{"client_id", client_id},
                             {"client_secret", secret},
                             {"grant_type", "client_credentials"},
                             {"scope", audience + "/.default"}};
  return [url, form] { return FormRequest(url, form); };
}

/// Kubernetes puts a token into a file, and a new one from time to time.
Result<CloudToken::MakeRequest> OfWorkload(const std::string& login, const std::string& audience,
                                           const net::Environment& environment) {
  const std::string client_id = environment("AZURE_CLIENT_ID");
  const std::string tenant_id = environment("AZURE_TENANT_ID");
  const std::string file = environment("AZURE_FEDERATED_TOKEN_FILE");
  if (client_id.empty() || tenant_id.empty() || file.empty()) {
    return Fail(Code::kInvalidArgument,
                "a workload identity needs AZURE_CLIENT_ID, AZURE_TENANT_ID and "
                "AZURE_FEDERATED_TOKEN_FILE in the environment");
  }
  const std::string url = TokenUrl(login, tenant_id);
  return CloudToken::MakeRequest([url, client_id, file, audience]() -> Result<net::ClientRequest> {
    NX_ASSIGN_OR_RETURN(const std::string assertion, SystemFs().ReadFile(file));
    return FormRequest(
        url, {{"client_id", client_id},
              {"client_assertion", assertion},
              {"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
              {"grant_type", "client_credentials"},
              {"scope", audience + "/.default"}});
  });
}

/// The metadata service of the machine.
Result<CloudToken::MakeRequest> OfMachine(const std::string& client_id, const std::string& audience,
                                          const net::Environment& environment) {
  if (!environment("IDENTITY_ENDPOINT").empty()) {
    return Fail(Code::kInvalidArgument,
                "managed identities of App Service, Service Fabric and Arc (IDENTITY_ENDPOINT) are "
                "not supported");
  }
  std::string host = environment("AZURE_POD_IDENTITY_AUTHORITY_HOST");
  if (host.empty()) host = "http://169.254.169.254";
  std::string url =
      fmt::format("{}/metadata/identity/oauth2/token?api-version=2018-02-01&resource={}", host,
                  net::EscapeQuery(audience));
  if (!client_id.empty()) url += "&client_id=" + net::EscapeQuery(client_id);
  return CloudToken::MakeRequest([url]() -> Result<net::ClientRequest> {
    net::ClientRequest request;
    NX_ASSIGN_OR_RETURN(request.url, net::ParseUrl(url));
    request.headers = {{"Metadata", "true"}};
    return request;
  });
}

}  // namespace

Result<CloudToken::MakeRequest> AzureTokenRequest(const config::AzureSdConfig& config,
                                                  const std::string& login,
                                                  const std::string& audience,
                                                  const net::Environment& environment) {
  const std::string& method = config.authentication_method;
  if (method == "OAuth") {
    return OfSecret(TokenUrl(login, config.tenant_id), config.client_id, config.client_secret,
                    audience);
  }
  if (method == "ManagedIdentity") return OfMachine(config.client_id, audience, environment);
  if (method == "WorkloadIdentity") return OfWorkload(login, audience, environment);
  const std::string client_id = environment("AZURE_CLIENT_ID");
  const std::string secret = environment("AZURE_CLIENT_SECRET");
  const std::string tenant_id = environment("AZURE_TENANT_ID");
  if (!client_id.empty() && !secret.empty() && !tenant_id.empty()) {
    return OfSecret(TokenUrl(login, tenant_id), client_id, secret, audience);
  }
  if (!environment("AZURE_FEDERATED_TOKEN_FILE").empty()) {
    return OfWorkload(login, audience, environment);
  }
  return OfMachine(client_id, audience, environment);
}

}  // namespace narthex::scrape
