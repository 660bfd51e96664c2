// SPDX-License-Identifier: Apache-2.0
//
// Who we are for Azure.
#pragma once

#include <string>

#include "narthex/base/result.h"
#include "narthex/config/cloud_sd.h"
#include "narthex/net/cloud_tokens.h"
#include "narthex/net/environment.h"

namespace narthex::scrape {

/// By the method of the settings: a secret (OAuth); the machine's managed identity; a workload
/// identity of the environment; or (SDK) what the environment names. Errors: variables that are not
/// set.
/// @param login     "https://login.microsoftonline.com"
/// @param audience  what the token is for: "https://management.core.windows.net"
Result<net::MakeTokenRequest> AzureTokens(const config::AzureSdConfig& config,
                                          const std::string& login, const std::string& audience,
                                          const net::Environment& environment, Clock& clock);

}  // namespace narthex::scrape
