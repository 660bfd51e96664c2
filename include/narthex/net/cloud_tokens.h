// SPDX-License-Identifier: Apache-2.0
//
// Who we are for clouds: what is sent to their servers of tokens.
// Source: https://learn.microsoft.com/entra/identity-platform,
// https://learn.microsoft.com/entra/identity/managed-identities-azure-resources,
// https://cloud.google.com/docs/authentication/application-default-credentials
#pragma once

#include <string>

#include "narthex/base/result.h"
#include "narthex/net/bearer_tokens.h"
#include "narthex/net/environment.h"

namespace narthex::net {

/// An application that Microsoft Entra ID knows, and what it wants to be let in for.
struct AzureApplication {
  std::string login{};  // "https://login.microsoftonline.com"
  std::string tenant_id{}, client_id{};
  std::string scope{};  // "https://monitor.azure.com//.default"
};

/// It proves itself by a secret.
MakeTokenRequest AzureSecretTokens(const AzureApplication& application, const std::string& secret);

/// By the token in a file, which Kubernetes puts there, and a new one from time to time.
MakeTokenRequest AzureWorkloadTokens(const AzureApplication& application, const std::string& file);

/// By a certificate and its key (RSA), which sign a statement about who it is.
struct AzureCertificate {
  std::string file{};      // PEM, or PKCS #12.
  std::string key_file{};  // PEM; "" = the key is in the other file.
  std::string password{};  // Of the key.
  bool send_chain = false;
};
/// The files are read each time. Errors of the request: files that can't be read, or that have no
/// key of RSA and a certificate of that key.
MakeTokenRequest AzureCertificateTokens(const AzureApplication& application,
                                        const AzureCertificate& certificate, Clock& clock);

/// The managed identity of the machine, from its metadata service.
/// @param client_id  of an identity that the machine has beside its own; "" = its own
/// Errors: kInvalidArgument on App Service, Service Fabric and Arc, whose services are others.
Result<MakeTokenRequest> AzureMachineTokens(const std::string& client_id, const std::string& scope,
                                            const Environment& environment);

/// The first of these that the environment names: a secret (AZURE_CLIENT_SECRET), a certificate
/// (AZURE_CLIENT_CERTIFICATE_PATH), a workload identity (AZURE_FEDERATED_TOKEN_FILE); else the
/// machine's. Users and the programs of Azure are not asked.
/// @param application  `login` and `scope`; a tenant in it is that of a workload identity
Result<MakeTokenRequest> AzureEnvironmentTokens(const AzureApplication& application,
                                                const Environment& environment, Clock& clock);

/// Google's: the file; without one that of GOOGLE_APPLICATION_CREDENTIALS, that of the gcloud
/// program, or the metadata service of the machine. A file is of a service account (signs a JWT) or
/// of a user (a refresh token). Errors: a file that can't be read or is of another kind.
Result<MakeTokenRequest> GoogleTokens(const std::string& scope, const std::string& file,
                                      const Environment& environment, Clock& clock);

}  // namespace narthex::net
