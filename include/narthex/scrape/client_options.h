// SPDX-License-Identifier: Apache-2.0
//
// The HTTP client as the configuration asks for it, the same for everything that is scraped or
// written to.
#pragma once

#include <string>

#include "narthex/base/result.h"
#include "narthex/config/http_config.h"
#include "narthex/net/http_client.h"

namespace narthex::scrape {

/// The HTTP client's options for the configuration's.
/// Errors: kInvalidArgument for what the client cannot do.
Result<net::HttpClientOptions> MakeClientOptions(const config::HttpConfig& http,
                                                 const std::string& user_agent);

}  // namespace narthex::scrape
