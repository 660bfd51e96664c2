// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace narthex::alerting::tmpl::html {

/// Whether JavaScript's names may have the character, of those in ASCII.
constexpr bool IsInScriptName(char c) {
  return c == '$' || c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z');
}

}  // namespace narthex::alerting::tmpl::html
