// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "alerting/template/html/context.h"

namespace narthex::alerting::tmpl::html {

/// A text between actions: the context behind it, and what is printed if that is another text.
/// Comments go, and a '<' that begins no tag becomes "&lt;".
struct EscapedText {
  Context context;
  std::optional<std::string> text;
};
EscapedText EscapeText(Context context, std::string_view text);

}  // namespace narthex::alerting::tmpl::html
