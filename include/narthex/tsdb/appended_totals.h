// SPDX-License-Identifier: Apache-2.0
//
// What a database has taken, for who follows its log.
#pragma once

#include <cstdint>

#include "narthex/model/timestamp.h"

namespace narthex::tsdb {

/// What was appended since the database was opened.
struct AppendedTotals {
  std::uint64_t float_samples = 0, histogram_samples = 0, exemplars = 0;
  model::TimestampMs max_time = 0;  // The latest time of a sample; 0 when there is none.
};

}  // namespace narthex::tsdb
