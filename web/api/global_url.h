// SPDX-License-Identifier: Apache-2.0
//
// The address under which others reach a target that we scrape through a local name.
#pragma once

#include <string>

#include "narthex/web/api.h"

namespace narthex::web {

struct GlobalUrlOptions {
  std::string listen_port;      // Of our first listen address.
  std::string external_scheme;  // Of the external URL.
  std::string external_host;    // With port when it has one.
};
GlobalUrlOptions MakeGlobalUrlOptions(const ApiOptions& options);

/// Replaces localhost, 127.0.0.1 and ::1 by the external host; when the port is our own, also the
/// scheme and the port. Source: Prometheus web/api/v1 getGlobalURL.
std::string GlobalUrl(const std::string& scrape_url, const GlobalUrlOptions& options);

}  // namespace narthex::web
