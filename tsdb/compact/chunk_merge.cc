// SPDX-License-Identifier: Apache-2.0
#include "tsdb/compact/chunk_merge.h"

#include <algorithm>

#include "tsdb/chunkenc/histogram_reader.h"

namespace narthex::tsdb {
namespace {

bool SameChunk(const MergeInput& a, const MergeInput& b) {
  return a.chunk.mint == b.chunk.mint && a.chunk.maxt == b.chunk.maxt &&
         a.chunk.encoding == b.chunk.encoding && a.deleted.empty() && b.deleted.empty() &&
         AsText(a.chunk.bytes) == AsText(b.chunk.bytes);
}

// A part of a chunk is encoded as the whole was.
RunEncodings EncodingsOf(const ChunkView& chunk) {
  return {chunk.encoding == Encoding::kXor2, HasStartTimes(chunk.encoding)};
}

// Whether the chunk can't be passed on as it is.
bool IsCut(const MergeInput& input) {
  return input.recode || Touches(input.deleted, input.chunk.mint, input.chunk.maxt);
}

}  // namespace

Status ChunkMerger::Merge(std::vector<MergeInput> inputs, ChunkCut cut) {
  views_.clear();
  owned_.clear();
  for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i].rank = i;
  std::erase_if(inputs, [](const MergeInput& input) {
    return Covers(input.deleted, input.chunk.mint, input.chunk.maxt);
  });
  std::stable_sort(inputs.begin(), inputs.end(), [](const MergeInput& a, const MergeInput& b) {
    return std::pair(a.chunk.mint, a.chunk.maxt) < std::pair(b.chunk.mint, b.chunk.maxt);
  });
  for (std::size_t begin = 0; begin < inputs.size();) {
    model::TimestampMs reach = inputs[begin].chunk.maxt;
    std::size_t end = begin + 1;
    for (; end < inputs.size() && inputs[end].chunk.mint <= reach; ++end) {
      reach = std::max(reach, inputs[end].chunk.maxt);
    }
    NX_RETURN_IF_ERROR(MergeGroup(std::span(inputs).subspan(begin, end - begin), cut));
    begin = end;
  }
  return {};
}

Status ChunkMerger::MergeGroup(std::span<const MergeInput> group, ChunkCut cut) {
  const bool all_same = std::all_of(group.begin() + 1, group.end(), [&](const MergeInput& input) {
    return SameChunk(group[0], input);
  });
  if (all_same && !IsCut(group[0])) {
    views_.push_back(group[0].chunk);
    return {};
  }
  std::vector<MergeInput> by_rank;
  std::unique_copy(group.begin(), group.end(), std::back_inserter(by_rank), SameChunk);
  std::sort(by_rank.begin(), by_rank.end(),
            [](const MergeInput& a, const MergeInput& b) { return a.rank < b.rank; });
  SampleRun run;
  for (const MergeInput& input : by_rank) NX_RETURN_IF_ERROR(run.Add(input.chunk, input.deleted));
  run.Sort();
  if (!keep_starts_) run.ForgetStarts();
  const auto emit = [this](EncodedChunk chunk) {
    auto& bytes = owned_.emplace_back(std::move(chunk.bytes));
    views_.push_back({chunk.mint, chunk.maxt, chunk.encoding, AsBytes(bytes)});
  };
  if (by_rank.size() > 1) {
    run.Encode(cut, encodings_, emit);
  } else {
    run.Encode(ChunkCut::kNever, keep_starts_ ? EncodingsOf(group[0].chunk) : encodings_, emit);
  }
  return {};
}

Status MergeForReaders(std::vector<MergeInput> inputs, std::vector<storage::EncodedChunk>& out,
                       ChunkCut cut) {
  for (MergeInput& input : inputs) {
    const Encoding encoding = input.chunk.encoding;
    input.recode = encoding != Encoding::kXor && encoding != Encoding::kHistogram &&
                   encoding != Encoding::kFloatHistogram;
  }
  ChunkMerger merger({}, false);
  NX_RETURN_IF_ERROR(merger.Merge(std::move(inputs), cut));
  out.clear();
  for (const ChunkView& view : merger.chunks()) {
    out.push_back({view.mint, view.maxt, static_cast<std::uint8_t>(view.encoding),
                   std::string(AsText(view.bytes))});
  }
  return {};
}

}  // namespace narthex::tsdb
