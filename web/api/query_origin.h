// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "narthex/net/http_server.h"
#include "narthex/promql/engine.h"

namespace narthex::web {

/// What the query log says of who asked. Source: Prometheus httputil.ContextFromRequest.
promql::QueryOrigin OriginOf(const net::ServerRequest& request);

}  // namespace narthex::web
