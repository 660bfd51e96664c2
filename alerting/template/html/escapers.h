// SPDX-License-Identifier: Apache-2.0
//
// What html/template puts at the end of pipelines, by context. Source: Go's html/template.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "alerting/template/value.h"

namespace narthex::alerting::tmpl::html {

using Args = std::vector<Value>;

/// What stands in the place of a value that can't be shown safely.
constexpr std::string_view kFailsafe = "ZgotmplZ";

/// The values of a pipeline's end as text; nil is nothing.
struct Shown {
  std::string text;
  bool is_html = false;
};
Shown Show(const Args& args);

// escape_html.cc
std::string EscapeText(const Args& args);
std::string EscapeRcdata(const Args& args);
std::string EscapeAttr(const Args& args);
std::string EscapeUnquotedAttr(const Args& args);
std::string FilterName(const Args& args);
// escape_url.cc
std::string FilterUrl(const Args& args);
std::string EscapeUrl(const Args& args);
std::string NormalizeUrl(const Args& args);
std::string EscapeSrcset(const Args& args);
// escape_script.cc
std::string EscapeJsValue(const Args& args);
std::string EscapeJsString(const Args& args);
std::string EscapeJsTemplate(const Args& args);
std::string EscapeJsRegexp(const Args& args);
// css.cc
std::string EscapeCss(const Args& args);
std::string FilterCssValue(const Args& args);

}  // namespace narthex::alerting::tmpl::html
