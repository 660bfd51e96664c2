// SPDX-License-Identifier: Apache-2.0
//
// What the writers of the crash test write: everything follows from the writer and the number of
// the commit, so that whoever knows the last acknowledged commit knows all samples.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/labels.h"
#include "narthex/model/timestamp.h"
#include "narthex/storage/appender.h"
#include "narthex/storage/querier.h"

namespace narthex::crash {

inline constexpr int kWriters = 3;
inline constexpr model::DurationMs kBlockRangeMs = 120'000;
inline constexpr model::DurationMs kLateWindowMs = 90'000;

/// Series text -> times of its samples. What a sample is follows from series and time.
using Expected =
    std::map<std::string, std::map<model::TimestampMs, bool>>;  // true = must be there.

/// Puts commit `number` of a writer into the appender. Errors: a sample was not taken.
Status AppendCommit(storage::Appender& appender, int writer, std::int64_t number, bool late);

/// Adds the samples of a commit to what is expected; `sure` = the commit was acknowledged.
void Expect(int writer, std::int64_t number, bool late, bool sure, Expected& expected);

/// Compares everything that can be read with what is expected. Errors: the first difference.
/// @return number of samples found
Result<std::uint64_t> Verify(const storage::Querier& querier, const Expected& expected);

}  // namespace narthex::crash
