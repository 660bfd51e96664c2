// SPDX-License-Identifier: Apache-2.0
#include "tsdb/compact/retention.h"

#include <algorithm>
#include <numeric>

namespace narthex::tsdb {
namespace {

std::vector<std::size_t> NewestFirst(std::span<const RetainedBlock> blocks) {
  std::vector<std::size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return blocks[a].max_time > blocks[b].max_time;
  });
  return order;
}

}  // namespace

std::vector<std::size_t> BeyondTimeRetention(std::span<const RetainedBlock> blocks,
                                             model::DurationMs retention) {
  if (retention <= 0 || blocks.empty()) return {};
  std::vector<std::size_t> order = NewestFirst(blocks);
  const model::TimestampMs newest = blocks[order[0]].max_time;
  const auto first = std::find_if(order.begin() + 1, order.end(), [&](std::size_t i) {
    return model::Minus(newest, blocks[i].max_time) >= retention;
  });
  order.erase(order.begin(), first);
  return order;
}

std::vector<std::size_t> BeyondSizeRetention(std::span<const RetainedBlock> blocks,
                                             std::uint64_t other_bytes, std::uint64_t limit_bytes) {
  if (limit_bytes == 0) return {};
  std::vector<std::size_t> order = NewestFirst(blocks);
  std::uint64_t total = other_bytes;
  const auto first = std::find_if(order.begin(), order.end(), [&](std::size_t i) {
    total += blocks[i].size_bytes;
    return total > limit_bytes;
  });
  order.erase(order.begin(), first);
  return order;
}

}  // namespace narthex::tsdb
