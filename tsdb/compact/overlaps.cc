// SPDX-License-Identifier: Apache-2.0
#include "tsdb/compact/overlaps.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "narthex/base/go_format.h"

namespace narthex::tsdb {
namespace {

using model::TimestampMs;
using Group = std::vector<const BlockMeta*>;

std::string RangeText(TimestampMs mint, TimestampMs maxt) {
  constexpr std::int64_t kNsPerMs = 1'000'000;
  return fmt::format("mint: {}, maxt: {}, range: {}", mint, maxt,
                     go::FormatDuration((maxt - mint) * kNsPerMs));
}

// The groups of blocks each of which overlaps with another one of its group.
std::vector<Group> OverlappingGroups(std::span<const BlockMeta* const> blocks) {
  std::vector<Group> groups;
  Group current;
  TimestampMs end = model::kMinTime;
  const auto close = [&] {
    if (current.size() > 1) groups.push_back(current);
    current.clear();
  };
  for (const BlockMeta* block : blocks) {
    if (block->min_time >= end) close();
    current.push_back(block);
    end = std::max(end, block->max_time);
  }
  close();
  return groups;
}

}  // namespace

std::string DescribeOverlaps(std::span<const BlockMeta* const> blocks) {
  std::string text;
  for (const Group& group : OverlappingGroups(blocks)) {
    TimestampMs mint = model::kMinTime;
    TimestampMs maxt = model::kMaxTime;
    for (const BlockMeta* block : group) {
      mint = std::max(mint, block->min_time);
      maxt = std::min(maxt, block->max_time);
    }
    if (!text.empty()) text += '\n';
    text += fmt::format("[{}, blocks: {}]: ", RangeText(mint, maxt), group.size());
    for (std::size_t i = 0; i < group.size(); ++i) {
      text += fmt::format("{}<ulid: {}, {}>", i == 0 ? "" : ", ", group[i]->ulid,
                          RangeText(group[i]->min_time, group[i]->max_time));
    }
  }
  return text;
}

}  // namespace narthex::tsdb
