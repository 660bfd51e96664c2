// SPDX-License-Identifier: Apache-2.0
//
// The tokens that the sections azuread and google_iam of remote_write ask for.
// Source: Prometheus storage/remote/azuread and googleiam.
#pragma once

#include <memory>
#include <string>

#include "narthex/base/result.h"
#include "narthex/config/remote_config.h"
#include "narthex/net/bearer_tokens.h"
#include "narthex/net/environment.h"

namespace narthex {
class Clock;
}

namespace narthex::remote {

/// Where the servers of tokens are; tests have their own. "" = those of the cloud.
struct TokenServers {
  std::string azure_login{};
};

/// For the monitor ingestion of the cloud, or the scope of the section. A new token is asked for at
/// half of the time of the old one. Errors: kInvalidArgument, what is wrong with the settings or
/// the environment.
Result<std::unique_ptr<net::BearerTokens>> AzureTokens(
    const config::AzureAdConfig& config, Clock& clock,
    const net::Environment& environment = net::ProcessEnvironment,
    const TokenServers& servers = {});

/// For writing to Google Cloud Monitoring. Errors: files that can't be used.
Result<std::unique_ptr<net::BearerTokens>> GoogleTokens(
    const config::GoogleIamConfig& config, Clock& clock,
    const net::Environment& environment = net::ProcessEnvironment);

}  // namespace narthex::remote
