// SPDX-License-Identifier: Apache-2.0
//
// Upper and lower case of all of Unicode, letter by letter, whatever the process's locale is: Go's
// strings.ToLower and ToUpper. Bytes that are no UTF-8 become U+FFFD.
#pragma once

#include <string>
#include <string_view>

namespace narthex {

std::string ToLowerCase(std::string_view text);
std::string ToUpperCase(std::string_view text);

}  // namespace narthex
