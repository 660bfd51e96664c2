// SPDX-License-Identifier: Apache-2.0
//
// What a queue's parts hand to one another.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>

#include "narthex/model/timestamp.h"
#include "narthex/tsdb/wal_tail.h"

namespace narthex::remote {

/// A place between two samples of the log: before sample `index` of the record that begins there.
struct Mark {
  tsdb::WalPosition record;
  std::uint32_t index = 0;
  auto operator<=>(const Mark&) const = default;
};

struct ItemCounts {
  std::uint32_t samples = 0, histograms = 0, exemplars = 0;
  std::uint32_t metadata = 0;  // Series with metadata, in version 2.
  std::uint32_t total() const { return samples + histograms + exemplars; }
};

/// A request that is ready to go, and what it is made of.
struct Batch {
  std::string body;  // Compressed.
  ItemCounts counts;
  model::TimestampMs lowest = model::kMaxTime;  // Of its times.
  model::TimestampMs highest = 0;
  Mark mark;  // Everything of its shard before it is in this batch or in earlier ones.
};

}  // namespace narthex::remote
