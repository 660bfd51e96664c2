// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "narthex/base/markup.h"
#include "narthex/net/http_server.h"

namespace narthex::web {

/// 302 with the little page that Go's http.Redirect writes.
inline void Redirect(int status, const std::string& location, net::ResponseWriter& writer) {
  writer.SetStatus(status);
  writer.SetHeader("Location", location);
  writer.SetHeader("Content-Type", "text/html; charset=utf-8");
  writer.Write("<a href=\"" + EscapeHtml(location) + "\">Found</a>.\n\n");
}

}  // namespace narthex::web
