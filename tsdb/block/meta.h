// SPDX-License-Identifier: Apache-2.0
//
// meta.json, which says what a block holds and where it came from. Format: docs/formats/block.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "narthex/base/fs.h"
#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"

namespace narthex::tsdb {

struct BlockStats {
  std::uint64_t num_samples = 0;
  std::uint64_t num_float_samples = 0;
  std::uint64_t num_histogram_samples = 0;
  std::uint64_t num_series = 0;
  std::uint64_t num_chunks = 0;
  std::uint64_t num_tombstones = 0;
};

/// A block that another one was made of.
struct BlockDesc {
  std::string ulid;
  model::TimestampMs min_time = 0;
  model::TimestampMs max_time = 0;
};

inline constexpr std::string_view kHintOutOfOrder = "from-out-of-order";
inline constexpr std::string_view kHintStaleSeries = "from-stale-series";
inline constexpr std::string_view kHintSelectedSeries = "from-selected-series";
/// Parent of blocks cut from out-of-order data.
inline constexpr std::string_view kZeroUlid = "00000000000000000000000000";

struct BlockCompaction {
  int level = 0;
  std::vector<std::string> sources;  // ULIDs of the level-1 blocks in it, sorted.
  bool deletable = false;
  std::vector<BlockDesc> parents;
  bool failed = false;
  std::vector<std::string> hints;

  bool HasHint(std::string_view hint) const;
};

/// The file's content.
struct BlockMeta {
  std::string ulid;
  model::TimestampMs min_time = 0;
  model::TimestampMs max_time = 0;  // Exclusive.
  BlockStats stats;
  BlockCompaction compaction;
  int version = 1;
  /// Sections of other programs ("thanos"), key and JSON text, written back after ours.
  std::vector<std::pair<std::string, std::string>> unknown;
};

/// Errors: kCorruption (not JSON, wrong types), "unexpected meta file version N".
Result<BlockMeta> ParseBlockMeta(std::string_view json);
/// Tab-indented, keys in Prometheus's order, ending in a newline-free "}".
std::string FormatBlockMeta(const BlockMeta& meta);

Result<BlockMeta> ReadBlockMeta(Fs& fs, const std::string& block_dir);
/// Replaces the file whole or not at all.
Status WriteBlockMeta(Fs& fs, const std::string& block_dir, const BlockMeta& meta);

}  // namespace narthex::tsdb
