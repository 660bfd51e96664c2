// SPDX-License-Identifier: Apache-2.0
#include "narthex/tsdb/block_builder.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "narthex/base/clock.h"
#include "narthex/base/fs.h"
#include "narthex/base/log.h"
#include "tsdb/block/block.h"
#include "tsdb/block/block_info.h"
#include "tsdb/block/ulid.h"
#include "tsdb/build/series_buffer.h"
#include "tsdb/compact/merge_source.h"
#include "tsdb/compact/plan.h"

namespace narthex::tsdb {

using model::DurationMs;
using model::TimestampMs;

namespace {

constexpr DurationMs kLeastDuration = 2LL * 3600 * 1000;
// Appends between two looks at the memory.
constexpr std::uint64_t kCheckEvery = 4096;

BlockMeta NewMeta(const Clock& clock, TimestampMs mint, TimestampMs maxt) {
  BlockMeta meta;
  meta.ulid = NewUlid(clock);
  meta.min_time = mint;
  meta.max_time = maxt + 1;
  meta.compaction.level = 1;
  meta.compaction.sources = {meta.ulid};
  return meta;
}

}  // namespace

DurationMs CompatibleBlockDuration(DurationMs max_ms) {
  return BlockRanges(kLeastDuration, std::max(max_ms, kLeastDuration)).back();
}

TimestampMs AlignedStart(TimestampMs t, DurationMs width_ms) {
  const TimestampMs rest = t % width_ms;
  return model::Minus(t, rest < 0 ? rest + width_ms : rest);
}

struct BlockBuilder::Impl {
  Impl(std::string dir, const BlockBuilderOptions& o, Fs& f, Clock& c)
      // The range counts double, as in promtool, whose blocks then have the same chunks.
      : output_dir(std::move(dir)),
        options(o),
        fs(f),
        clock(c),
        buffer({2 * o.block_duration_ms, static_cast<int>(kSamplesPerChunk)}) {}

  Status Spill();
  void RemoveParts();
  Result<std::optional<BlockMeta>> WriteMerged();

  static constexpr std::size_t kSamplesPerChunk = 120;

  const std::string output_dir;
  const BlockBuilderOptions options;
  Fs& fs;
  Clock& clock;
  SeriesBuffer buffer;
  std::uint64_t appended = 0;
  std::vector<BlockMeta> parts;  // In spill_dir, in the order of writing.
};

Status BlockBuilder::Impl::Spill() {
  const auto source = buffer.NewSource();
  NX_ASSIGN_OR_RETURN(auto meta,
                      WriteBlock(fs, options.spill_dir,
                                 NewMeta(clock, buffer.min_time(), buffer.max_time()), *source));
  if (meta) parts.push_back(std::move(*meta));
  buffer.Clear();
  return {};
}

void BlockBuilder::Impl::RemoveParts() {
  for (const BlockMeta& part : parts) {
    if (auto status = RemoveBlock(fs, options.spill_dir, part.ulid); !status) {
      log::Warn("A part of an import could not be removed", {{"err", status.error().message()}});
    }
  }
  parts.clear();
}

Result<std::optional<BlockMeta>> BlockBuilder::Impl::WriteMerged() {
  if (!buffer.empty()) NX_RETURN_IF_ERROR(Spill());
  std::vector<std::shared_ptr<const Block>> blocks;
  TimestampMs mint = model::kMaxTime, maxt = model::kMinTime;
  for (const BlockMeta& part : parts) {
    NX_ASSIGN_OR_RETURN(auto block, Block::Open(fs, JoinPath(options.spill_dir, part.ulid)));
    blocks.push_back(std::move(block));
    mint = std::min(mint, part.min_time);
    maxt = std::max(maxt, part.max_time - 1);
  }
  // The last input wins where times are equal: that is to be the first one that came.
  std::reverse(blocks.begin(), blocks.end());
  NX_ASSIGN_OR_RETURN(const auto source, NewMergeSource(blocks));
  return WriteBlock(fs, output_dir, NewMeta(clock, mint, maxt), *source);
}

BlockBuilder::BlockBuilder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BlockBuilder::~BlockBuilder() = default;

Result<std::unique_ptr<BlockBuilder>> BlockBuilder::Create(std::string output_dir,
                                                           const BlockBuilderOptions& options,
                                                           Fs& fs, Clock& clock) {
  NX_RETURN_IF_ERROR(fs.CreateDirs(output_dir));
  return std::unique_ptr<BlockBuilder>(
      new BlockBuilder(std::make_unique<Impl>(std::move(output_dir), options, fs, clock)));
}

Status BlockBuilder::Append(const model::Labels& labels, TimestampMs t, double value) {
  impl_->buffer.Append(labels, t, value);
  if (++impl_->appended % kCheckEvery != 0) return {};
  if (impl_->buffer.held_bytes() <= impl_->options.max_memory_bytes) return {};
  return impl_->Spill();
}

Result<std::optional<BlockInfo>> BlockBuilder::Finish() {
  Impl& impl = *impl_;
  std::optional<BlockMeta> meta;
  if (!impl.parts.empty()) {
    auto merged = impl.WriteMerged();
    impl.RemoveParts();
    if (!merged) return Fail(std::move(merged).error());
    meta = std::move(*merged);
  } else if (!impl.buffer.empty()) {
    const auto source = impl.buffer.NewSource();
    NX_ASSIGN_OR_RETURN(
        meta,
        WriteBlock(impl.fs, impl.output_dir,
                   NewMeta(impl.clock, impl.buffer.min_time(), impl.buffer.max_time()), *source));
  }
  if (!meta) return std::optional<BlockInfo>();
  NX_ASSIGN_OR_RETURN(const auto block,
                      Block::Open(impl.fs, JoinPath(impl.output_dir, meta->ulid)));
  return std::optional<BlockInfo>(InfoOf(impl.fs, *block));
}

}  // namespace narthex::tsdb
