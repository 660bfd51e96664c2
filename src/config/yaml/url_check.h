// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "narthex/base/result.h"

namespace narthex::config {

/// Whether Go's url.Parse takes the text: also relative and opaque URLs, of any scheme.
/// Errors: kInvalidArgument in its wording: parse "http://a:b": invalid port ":b" after host.
Status CheckUrl(std::string_view text);

/// Parts of a URL that CheckUrl takes, as Go's url.URL has them.
struct UrlParts {
  std::string scheme;     // Lower case; "" when there is none.
  std::string_view host;  // With the port, without the user; "" when there is none. Of the text.
};
UrlParts SplitUrl(std::string_view text);

}  // namespace narthex::config
