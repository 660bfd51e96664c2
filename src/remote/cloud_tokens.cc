// SPDX-License-Identifier: Apache-2.0
#include "src/remote/cloud_tokens.h"

#include <utility>

#include <fmt/format.h>

#include "narthex/net/cloud_tokens.h"

namespace narthex::remote {
namespace {

constexpr char kGoogleScope[] = "https://www.googleapis.com/auth/monitoring.write";
constexpr char kDefaultTokenFile[] = "/var/run/secrets/azure/tokens/azure-identity-token";

struct Cloud {
  std::string_view name, login, scope;
};
constexpr Cloud kClouds[] = {
    {"AzurePublic", "https://login.microsoftonline.com", "https://monitor.azure.com//.default"},
    {"AzureChina", "https://login.chinacloudapi.cn", "https://monitor.azure.cn//.default"},
    {"AzureGovernment", "https://login.microsoftonline.us", "https://monitor.azure.us//.default"},
};

Result<Cloud> CloudOf(const std::string& name) {
  for (const Cloud& cloud : kClouds) {
    if (cloud.name == name) return cloud;
  }
  return Fail(Code::kInvalidArgument, "Cloud is not specified or is incorrect: " + name);
}

Result<net::MakeTokenRequest> AzureRequest(const config::AzureAdConfig& config,
                                           const std::string& login, Clock& clock,
                                           const net::Environment& environment) {
  NX_ASSIGN_OR_RETURN(const Cloud cloud, CloudOf(config.cloud));
  net::AzureApplication application{
      .login = login.empty() ? std::string(cloud.login) : login,
      .scope = config.scope.empty() ? std::string(cloud.scope) : config.scope};
  const auto as = [&](const std::string& tenant_id, const std::string& client_id) {
    application.tenant_id = tenant_id;
    application.client_id = client_id;
    return application;
  };
  if (const auto& managed = config.managed_identity) {
    return net::AzureMachineTokens(managed->client_id, application.scope, environment);
  }
  if (const auto& workload = config.workload_identity) {
    std::string file = workload->token_file_path;
    if (file.empty()) file = environment("AZURE_FEDERATED_TOKEN_FILE");
    if (file.empty()) file = kDefaultTokenFile;
    return net::AzureWorkloadTokens(as(workload->tenant_id, workload->client_id), file);
  }
  if (const auto& oauth = config.oauth) {
    return net::AzureSecretTokens(as(oauth->tenant_id, oauth->client_id), oauth->client_secret);
  }
  if (const auto& certificate = config.certificate) {
    return net::AzureCertificateTokens(as(certificate->tenant_id, certificate->client_id),
                                       {.file = certificate->certificate_path,
                                        .key_file = certificate->certificate_key_path,
                                        .password = certificate->certificate_password,
                                        .send_chain = certificate->send_certificate_chain},
                                       clock);
  }
  if (config.sdk) {
    return net::AzureEnvironmentTokens(as(config.sdk->tenant_id, ""), environment, clock);
  }
  return Fail(Code::kInvalidArgument, "azuread: no way to get a token is configured");
}

}  // namespace

Result<std::unique_ptr<net::BearerTokens>> AzureTokens(const config::AzureAdConfig& config,
                                                       Clock& clock,
                                                       const net::Environment& environment,
                                                       const TokenServers& servers) {
  NX_ASSIGN_OR_RETURN(auto request, AzureRequest(config, servers.azure_login, clock, environment));
  return std::make_unique<net::BearerTokens>(std::move(request), clock,
                                             net::BearerTokens::Renewal::kAtHalfOfItsTime);
}

Result<std::unique_ptr<net::BearerTokens>> GoogleTokens(const config::GoogleIamConfig& config,
                                                        Clock& clock,
                                                        const net::Environment& environment) {
  auto request = net::GoogleTokens(kGoogleScope, config.credentials_file, environment, clock);
  if (!request) {
    return Fail(std::move(request).error().Wrap("error finding Google credentials"));
  }
  return std::make_unique<net::BearerTokens>(std::move(*request), clock);
}

}  // namespace narthex::remote
