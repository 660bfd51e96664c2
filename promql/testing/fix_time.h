// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"
#include "narthex/promql/features.h"

namespace narthex::promql {

/// The query with `@ t` on every selector and subquery that has no @ of its own (nothing is added
/// inside a subquery that has one): its value no longer depends on the evaluation time.
/// nullopt when it would, because of a function like time().
/// Errors: as ParseExpr.
Result<std::optional<std::string>> FixTime(std::string_view query, model::TimestampMs t,
                                           const Features& features);

}  // namespace narthex::promql
