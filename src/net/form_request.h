// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "narthex/base/result.h"
#include "narthex/net/http_client.h"

namespace narthex::net {

/// A POST request with a form as its body.
Result<ClientRequest> FormRequest(const std::string& url, const Headers& fields);

}  // namespace narthex::net
