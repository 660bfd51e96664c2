// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace narthex::alerting::tmpl::html {

/// With the escapes of CSS ("\26 ", "\"") as what they stand for.
std::string DecodeCss(std::string_view text);
bool IsHexDigit(char c);
/// A character that a name in CSS may have, of ASCII.
bool IsCssNameChar(char c);

}  // namespace narthex::alerting::tmpl::html
