// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace narthex::alerting::tmpl::html {

/// What the value of an attribute is taken for.
enum class Content : std::uint8_t {
  kPlain,
  kCss,
  kHtml,
  kJs,
  kUrl,
  kSrcset,
  kUnsafe,  // Decides how other things are read: never from data.
};

/// @param name  of the attribute, in lower case
Content AttrType(std::string_view name);

}  // namespace narthex::alerting::tmpl::html
