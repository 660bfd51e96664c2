// SPDX-License-Identifier: Apache-2.0
//
// Who we are for OpenStack's identity service (Keystone), and the requests for a token that say so.
// Source: https://docs.openstack.org/api-ref/identity/v3 and the rules of gophercloud, by which
// Prometheus asks, for what may be left out and what may not be together.
#pragma once

#include <string>

#include "narthex/base/result.h"
#include "narthex/config/cloud_sd.h"
#include "narthex/net/environment.h"

namespace narthex::scrape {

/// "" = not given.
struct OpenstackLogin {
  std::string endpoint{};  // Of the identity service, with its version or without.
  std::string username{}, user_id{}, password{};
  std::string passcode{};  // Valid once.
  std::string project_id{}, project_name{};
  std::string domain_id{}, domain_name{};  // Of the user, and of the project that has a name only.
  std::string credential_id{}, credential_name{}, credential_secret{};  // An application's.
  bool whole_system = false;  // No project, but all of it.
};

/// What the settings say, or the variables OS_… when they name no identity service.
/// Errors: kInvalidArgument with the variable that is missing.
Result<OpenstackLogin> OpenstackLoginOf(const config::OpenstackSdConfig& config,
                                        const net::Environment& environment);

/// The bodies of POST v3/auth/tokens and of POST v2.0/tokens.
/// Errors: kInvalidArgument for what does not say who asks, or says it twice.
Result<std::string> OpenstackTokenRequest(const OpenstackLogin& login);
Result<std::string> OpenstackTokenRequestV2(const OpenstackLogin& login);

}  // namespace narthex::scrape
