// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "narthex/net/http_server.h"

namespace narthex::web {

/// 302 with the little page that Go's http.Redirect writes.
inline void Redirect(int status, const std::string& location, net::ResponseWriter& writer) {
  std::string escaped;
  for (const char c : location) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&#34;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  writer.SetStatus(status);
  writer.SetHeader("Location", location);
  writer.SetHeader("Content-Type", "text/html; charset=utf-8");
  writer.Write("<a href=\"" + escaped + "\">Found</a>.\n\n");
}

}  // namespace narthex::web
