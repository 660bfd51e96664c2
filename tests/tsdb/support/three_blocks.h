// SPDX-License-Identifier: Apache-2.0
//
// A folder of three blocks, for tests of what becomes of blocks.
#pragma once

#include <string>

#include "narthex/tsdb/db.h"
#include "tests/tsdb/support/test_blocks.h"

namespace narthex::tsdb::testing {

inline constexpr const char* kUlids[] = {"01HF0000000000000000000001", "01HF0000000000000000000002",
                                         "01HF0000000000000000000003"};
inline constexpr model::DurationMs kRange = 60'000;

inline DbOptions SmallRanges() {
  DbOptions options;
  options.min_block_duration_ms = kRange;
  options.max_block_duration_ms = 3 * kRange;
  return options;
}

/// Three blocks in a row, one sample each.
inline void MakeBlocks(const std::string& dir) {
  for (int i = 0; i < 3; ++i) {
    const model::TimestampMs t = i * kRange;
    MakeBlock(dir, kUlids[i], t, t + kRange, {{{{"a", "1"}}, {{t, i * 1.0}}}});
  }
}

}  // namespace narthex::tsdb::testing
