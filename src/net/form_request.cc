// SPDX-License-Identifier: Apache-2.0
#include "src/net/form_request.h"

namespace narthex::net {

Result<ClientRequest> FormRequest(const std::string& url, const Headers& fields) {
  ClientRequest request;
  NX_ASSIGN_OR_RETURN(request.url, ParseUrl(url));
  request.method = "POST";
  request.idempotent = true;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
  for (const auto& [name, value] : fields) {
    if (!request.body.empty()) request.body += '&';
    request.body += name + "=" + EscapeQuery(value);
  }
  return request;
}

}  // namespace narthex::net
