// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace narthex::alerting::tmpl::html {

/// The text with its character references as what they stand for: numbers, and those names that
/// stand for a character of ASCII or a no-break space. Others stay, as they can't end anything.
std::string Unescape(std::string_view text);

}  // namespace narthex::alerting::tmpl::html
