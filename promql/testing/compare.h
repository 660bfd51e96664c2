// SPDX-License-Identifier: Apache-2.0
//
// Whether a query answered what the script expects.
#pragma once

#include <optional>
#include <string>

#include "narthex/promql/engine.h"
#include "promql/testing/script.h"

namespace narthex::promql {

/// @return what differs; nothing when all is as expected
std::optional<std::string> CompareValue(const EvalCommand& eval, const Value& value);

/// Checks warnings and infos, with their position in the query added.
std::optional<std::string> CompareAnnotations(const EvalCommand& eval, std::string_view query,
                                              const storage::Annotations& annotations);

/// A failed query: whether it was expected to fail with this text.
std::optional<std::string> CompareError(const EvalCommand& eval, std::string_view message);

/// Equal but for a relative 1e-6; NaNs are equal, the stale marker only to itself.
bool AlmostEqual(double a, double b);
/// The same for histograms, after removing empty buckets.
bool AlmostEqual(model::FloatHistogram a, model::FloatHistogram b, bool compare_hint);

/// {{schema:1 count:2 …}} as scripts write it.
std::string ToScript(const model::FloatHistogram& h);

}  // namespace narthex::promql
