// SPDX-License-Identifier: Apache-2.0
//
// What the tests of late samples share.
#pragma once

#include <string>
#include <vector>

#include "tests/tsdb/support/db_fixture.h"

namespace narthex::tsdb::testing {

/// Small block ranges, and a window for late samples.
inline constexpr model::TimestampMs kLateRange = 60'000;
DbOptions LateOptions(model::DurationMs window_ms = 10 * kLateRange);

/// Samples of one series in the order of time.
SeriesData SortedSeries(std::vector<BitSample> samples, const model::Labels& labels);

/// Appends one sample in a commit of its own.
storage::AppendError AppendOne(Db& db, model::TimestampMs t, double v, const model::Labels& labels);

/// All records of the WBL as "samples 3", "marker 0", "marker N", ….
std::vector<std::string> WblRecords(const std::string& dir);

}  // namespace narthex::tsdb::testing
