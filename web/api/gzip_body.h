// SPDX-License-Identifier: Apache-2.0
//
// Bodies that may come compressed with gzip.
#pragma once

#include <string>
#include <string_view>

#include "narthex/base/result.h"
#include "narthex/net/http_server.h"

namespace narthex::web {

bool IsGzip(const net::ServerRequest& request);

/// The body, or what it decompresses to, which is 64 MiB at most: whoever calls this has to see to
/// it that few bodies are open at the same time.
/// @param decompressed  where that is kept
/// Errors: kResourceExhausted, kInvalidArgument, in Go's wording.
Result<std::string_view> OpenBody(const net::ServerRequest& request, std::string& decompressed);

}  // namespace narthex::web
