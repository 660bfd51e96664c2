// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "narthex/base/result.h"
#include "narthex/storage/appender.h"
#include "promql/testing/script.h"

namespace narthex::promql {

/// Appends and commits the samples of a load command. Errors: what the storage refused.
Status Load(const LoadCommand& load, storage::Appendable& appendable);

/// The classic histograms (x_bucket, x_count, x_sum) among the series as native ones with custom
/// buckets, named x. Errors: kInvalidArgument when counts contradict each other.
Result<std::vector<ScriptSeries>> ConvertClassicHistograms(const std::vector<ScriptSeries>& series);

}  // namespace narthex::promql
