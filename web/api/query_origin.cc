// SPDX-License-Identifier: Apache-2.0
#include "web/api/query_origin.h"

#include <algorithm>
#include <string_view>

namespace narthex::web {
namespace {

/// "127.0.0.1" of "127.0.0.1:34567", "::1" of "[::1]:34567".
std::string_view HostOf(std::string_view address) {
  address = address.substr(0, address.rfind(':'));
  if (!address.starts_with('[') || !address.ends_with(']')) return address;
  return address.substr(1, address.size() - 2);
}

}  // namespace

promql::QueryOrigin OriginOf(const net::ServerRequest& request) {
  return {"httpRequest",
          {{"clientIP", std::string(HostOf(request.remote_address))},
           {"method", request.method},
           {"path", request.path}}};
}

}  // namespace narthex::web
