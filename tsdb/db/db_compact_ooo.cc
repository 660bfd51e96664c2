// SPDX-License-Identifier: Apache-2.0
//
// Late samples from the head into blocks.
#include "tsdb/db/db_impl.h"
#include "tsdb/db/measured_source.h"

namespace narthex::tsdb {

using model::TimestampMs;

// A block for each range that has samples; they overlap those of the samples in order, with which
// the planner merges them. The order of the steps is what keeps the samples: while they are being
// written queries have them from the head, then from both, then from the blocks. A crash in between
// leaves them in both.
Status Db::Impl::CompactOutOfOrder() {
  if (!head.HasOutOfOrder()) return {};
  std::vector<std::string> written;
  auto status = CompactOutOfOrder(written);
  if (status) return {};
  // Of a half that stayed, every further try would make another one.
  RemoveBlocks(written);
  if (status.error().code() != Code::kCancelled) metrics.compactions_failed.Add();
  return Fail(std::move(status).error().Wrap("compact ooo head"));
}

// @param[out] written  the blocks, while queries don't have them
Status Db::Impl::CompactOutOfOrder(std::vector<std::string>& written) {
  NX_ASSIGN_OR_RETURN(const auto cut, head.CutOutOfOrder());
  NX_RETURN_IF_ERROR(WriteOutOfOrderBlocks(cut, written));
  const auto blocks = std::exchange(written, {});  // From here on they stay.
  if (!blocks.empty()) NX_RETURN_IF_ERROR(ReloadWith(model::kMinTime, blocks));
  return head.DropOutOfOrder(cut);
}

Status Db::Impl::WriteOutOfOrderBlocks(const Head::OutOfOrderCut& cut,
                                       std::vector<std::string>& written) {
  for (const TimestampMs mint : cut.ranges) {
    BlockMeta meta;
    meta.min_time = mint;
    if (__builtin_add_overflow(mint, options.min_block_duration_ms, &meta.max_time)) {
      meta.max_time = model::kMaxTime;
    }
    meta.compaction.hints.emplace_back(kHintOutOfOrder);
    // Prometheus names a parent that there is not.
    meta.compaction.parents.push_back({std::string(26, '0'), 0, 0});
    const auto late = head.NewOutOfOrderSource(cut, meta.min_time, meta.max_time);
    MeasuredSource source(*late, metrics);
    NX_ASSIGN_OR_RETURN(auto ulid, WriteFirstBlock(dir, source, std::move(meta)));
    if (!ulid.empty()) written.push_back(std::move(ulid));
  }
  return {};
}

}  // namespace narthex::tsdb
