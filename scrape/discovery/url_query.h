// SPDX-License-Identifier: Apache-2.0
//
// Parts of URLs as Go's net/url writes them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::scrape {

using QueryParams = std::vector<std::pair<std::string, std::string>>;

/// "a=1&b=2+3": sorted by name, the values of one name in their order. Source: url.Values.Encode.
std::string EncodeQuery(QueryParams params);

/// A path in which slashes separate. Source: url.URL.EscapedPath.
std::string EscapePath(std::string_view path);

/// One part of a path, its slashes escaped too. Source: url.PathEscape.
std::string EscapeSegment(std::string_view segment);

/// A path and what follows it, with one slash in between. Source: path.Join, without its cleaning.
std::string JoinPath(std::string_view path, std::string_view rest);

}  // namespace narthex::scrape
