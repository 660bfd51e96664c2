// SPDX-License-Identifier: Apache-2.0
#include "tsdb/compact/plan.h"

#include <algorithm>

namespace narthex::tsdb {
namespace {

using model::DurationMs;
using model::TimestampMs;

constexpr int kNumRanges = 10;
constexpr DurationMs kRangeFactor = 3;
constexpr DurationMs kLongestBlock = 31LL * 24 * 3600 * 1000;
// Tombstones per series above which a block is rewritten.
constexpr double kTombstoneRatio = 0.05;

struct Candidate {
  std::size_t index;
  const BlockMeta* meta;
};
using Candidates = std::vector<Candidate>;

std::vector<std::size_t> Indexes(std::span<const Candidate> candidates) {
  std::vector<std::size_t> indexes;
  for (const Candidate& c : candidates) indexes.push_back(c.index);
  return indexes;
}

// Blocks of series that left the head early are compacted among themselves only.
int ClassOf(const BlockMeta& meta) {
  if (meta.compaction.HasHint(kHintStaleSeries)) return 1;
  return meta.compaction.HasHint(kHintSelectedSeries) ? 2 : 0;
}

// The first run of blocks that overlap each other.
Candidates FirstOverlapping(const Candidates& blocks) {
  Candidates run;
  TimestampMs reach = blocks.empty() ? 0 : blocks[0].meta->max_time;
  for (std::size_t i = 1; i < blocks.size(); ++i) {
    if (blocks[i].meta->min_time < reach) {
      if (run.empty()) run.push_back(blocks[i - 1]);
      run.push_back(blocks[i]);
    } else if (!run.empty()) {
      break;
    }
    reach = std::max(reach, blocks[i].meta->max_time);
  }
  return run;
}

TimestampMs AlignDown(TimestampMs t, DurationMs range) {
  const TimestampMs rest = t % range;
  return model::Minus(t, rest < 0 ? rest + range : rest);
}

DurationMs Length(const BlockMeta& meta) { return model::Minus(meta.max_time, meta.min_time); }

// Groups of blocks that lie within one aligned window of the range.
std::vector<Candidates> SplitByRange(const Candidates& blocks, DurationMs range) {
  std::vector<Candidates> groups;
  for (std::size_t i = 0; i < blocks.size();) {
    const TimestampMs end = model::Plus(AlignDown(blocks[i].meta->min_time, range), range);
    if (blocks[i].meta->max_time > end) {
      ++i;  // Longer than the range, or not aligned with it.
      continue;
    }
    Candidates group;
    for (; i < blocks.size() && blocks[i].meta->max_time <= end; ++i) group.push_back(blocks[i]);
    groups.push_back(std::move(group));
  }
  return groups;
}

bool AnyFailed(const Candidates& group) {
  return std::any_of(group.begin(), group.end(),
                     [](const Candidate& c) { return c.meta->compaction.failed; });
}

// A group that fills its window, or that no newer block can join any more.
Candidates FirstCompleteGroup(const Candidates& blocks, std::span<const DurationMs> ranges) {
  if (ranges.size() < 2 || blocks.empty()) return {};
  const TimestampMs newest = blocks.back().meta->min_time;
  for (const DurationMs range : ranges.subspan(1)) {
    for (Candidates& group : SplitByRange(blocks, range)) {
      if (group.size() < 2 || AnyFailed(group)) continue;
      const TimestampMs end = group.back().meta->max_time;
      const DurationMs length = model::Minus(end, group.front().meta->min_time);
      if (length == range || end <= newest) return std::move(group);
    }
  }
  return {};
}

// A block that has so many tombstones that rewriting it pays.
Candidates MuchDeleted(const Candidates& blocks, std::span<const DurationMs> ranges) {
  const DurationMs long_enough = ranges[ranges.size() / 2];
  for (auto it = blocks.rbegin(); it != blocks.rend(); ++it) {
    const BlockStats& stats = it->meta->stats;
    if (Length(*it->meta) < long_enough) {
      // A block that is deleted altogether is worth it however short it is.
      if (stats.num_tombstones > 0 && stats.num_tombstones >= stats.num_series) return {*it};
      break;
    }
    const double ratio =
        static_cast<double>(stats.num_tombstones) / static_cast<double>(stats.num_series + 1);
    if (ratio > kTombstoneRatio) return {*it};
  }
  return {};
}

Candidates PlanClass(Candidates blocks, std::span<const DurationMs> ranges,
                     bool merge_overlapping) {
  if (blocks.empty()) return {};
  std::stable_sort(blocks.begin(), blocks.end(), [](const Candidate& a, const Candidate& b) {
    return a.meta->min_time < b.meta->min_time;
  });
  if (merge_overlapping) {
    if (auto overlapping = FirstOverlapping(blocks); !overlapping.empty()) return overlapping;
  }
  blocks.pop_back();  // The newest one is left alone, so that it can be copied away.
  if (auto group = FirstCompleteGroup(blocks, ranges); !group.empty()) return group;
  return MuchDeleted(blocks, ranges);
}

}  // namespace

std::vector<DurationMs> BlockRanges(DurationMs min, DurationMs max) {
  std::vector<DurationMs> ranges{min};
  for (int k = 1; k < kNumRanges && ranges.back() * kRangeFactor <= max; ++k) {
    ranges.push_back(ranges.back() * kRangeFactor);
  }
  return ranges;
}

DurationMs DefaultMaxBlockDuration(DurationMs min, DurationMs retention) {
  const DurationMs max = retention > 0 ? std::min(kLongestBlock, retention / 10) : kLongestBlock;
  return std::max(min, max);
}

std::vector<std::size_t> PlanCompaction(std::span<const BlockMeta* const> blocks,
                                        std::span<const DurationMs> ranges,
                                        bool merge_overlapping) {
  constexpr int kNumClasses = 3;
  for (int wanted = 0; wanted < kNumClasses; ++wanted) {
    Candidates candidates;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (ClassOf(*blocks[i]) == wanted) candidates.push_back({i, blocks[i]});
    }
    const Candidates plan = PlanClass(std::move(candidates), ranges, merge_overlapping);
    if (!plan.empty()) return Indexes(plan);
  }
  return {};
}

}  // namespace narthex::tsdb
