// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/cloud/azure_tokens.h"

namespace narthex::scrape {

Result<net::MakeTokenRequest> AzureTokens(const config::AzureSdConfig& config,
                                          const std::string& login, const std::string& audience,
                                          const net::Environment& environment, Clock& clock) {
  net::AzureApplication application{.login = login,
                                    .tenant_id = config.tenant_id,
                                    .client_id = config.client_id,
                                    .scope = audience + "/.default"};
  const std::string& method = config.authentication_method;
  if (method == "OAuth") return net::AzureSecretTokens(application, config.client_secret);
  if (method == "ManagedIdentity") {
    return net::AzureMachineTokens(config.client_id, application.scope, environment);
  }
  if (method != "WorkloadIdentity") {
    application.tenant_id.clear();
    return net::AzureEnvironmentTokens(application, environment, clock);
  }
  application.client_id = environment("AZURE_CLIENT_ID");
  application.tenant_id = environment("AZURE_TENANT_ID");
  const std::string file = environment("AZURE_FEDERATED_TOKEN_FILE");
  if (application.client_id.empty() || application.tenant_id.empty() || file.empty()) {
    return Fail(Code::kInvalidArgument,
                "a workload identity needs AZURE_CLIENT_ID, AZURE_TENANT_ID and "
                "AZURE_FEDERATED_TOKEN_FILE in the environment");
  }
  return net::AzureWorkloadTokens(application, file);
}

}  // namespace narthex::scrape
