// SPDX-License-Identifier: Apache-2.0
//
// Escaping as Go's text/template and net/url do it.
#pragma once

#include <string>
#include <string_view>

namespace narthex::alerting::tmpl {

std::string EscapeJs(std::string_view text);
/// url.QueryEscape: a space becomes '+'.
std::string EscapeQuery(std::string_view text);
/// The path and query of the page that shows an expression as a table.
std::string TableLinkPath(std::string_view expr);

}  // namespace narthex::alerting::tmpl
