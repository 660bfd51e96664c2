// SPDX-License-Identifier: Apache-2.0
//
// Text in HTML and XML, escaped as Go does it.
#pragma once

#include <string>
#include <string_view>

namespace narthex {

/// For text and quoted attributes of HTML. Source: Go html/template.HTMLEscapeString.
std::string EscapeHtml(std::string_view text);

/// As EscapeHtml for XML, where white space in attributes would change and other control characters
/// can't be. Source: Go encoding/xml.EscapeText.
std::string EscapeXml(std::string_view text);

}  // namespace narthex
