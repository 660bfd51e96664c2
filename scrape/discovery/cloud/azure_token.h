// SPDX-License-Identifier: Apache-2.0
//
// Who we are for Azure. Source: https://learn.microsoft.com/entra/identity-platform and
// https://learn.microsoft.com/entra/identity/managed-identities-azure-resources
#pragma once

#include <string>

#include "narthex/base/result.h"
#include "narthex/config/cloud_sd.h"
#include "narthex/net/environment.h"
#include "scrape/discovery/cloud/token.h"

namespace narthex::scrape {

/// By the method of the settings: a secret (OAuth); the machine's managed identity; a workload
/// identity of the environment; or (SDK) the first of these that the environment names: a secret, a
/// workload identity, the managed identity. Errors: variables that are not set.
/// @param login     "https://login.microsoftonline.com"
/// @param audience  what the token is for: "https://management.core.windows.net"
Result<CloudToken::MakeRequest> AzureTokenRequest(const config::AzureSdConfig& config,
                                                  const std::string& login,
                                                  const std::string& audience,
                                                  const net::Environment& environment);

}  // namespace narthex::scrape
