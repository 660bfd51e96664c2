// SPDX-License-Identifier: Apache-2.0
//
// Where in a query something is, for people.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "narthex/storage/annotations.h"

namespace narthex::promql {

/// "LINE:COL" of a byte in the query, both from 1, columns in bytes; "unknown position" for an
/// empty query.
std::string PositionText(std::string_view query, int start);

/// An annotation as the API shows it: "PromQL info: … (1:5)".
std::string AnnotationText(std::string_view text,
                           const std::optional<storage::PositionRange>& position,
                           std::string_view query);

}  // namespace narthex::promql
