// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/found_chunks.h"

#include <algorithm>

namespace narthex::tsdb {
namespace {

constexpr std::uint32_t kMaxFile = (1U << 24) - 1;

}  // namespace

Status FoundChunks::Load(HeadState& head, model::TimestampMs min_valid_time) {
  wal::WalRef last_ref = 0;  // The log may have lost the record of a series, whose chunks are here.
  const auto moved = head.files.Load([&](ChunkPlace place, const HeadChunk& chunk) {
    last_ref = std::max(last_ref, chunk.wal_ref);
    if (chunk.out_of_order) {
      late_.push_back({chunk.wal_ref, {place, chunk.chunk.mint, chunk.chunk.maxt}});
      return;
    }
    // What is not taken here comes from the WAL.
    if (chunk.chunk.maxt < min_valid_time || place.file > kMaxFile) return;
    in_order_.push_back({chunk.wal_ref, chunk.chunk.mint, chunk.chunk.maxt, place.file & kMaxFile,
                         static_cast<std::uint8_t>(chunk.chunk.encoding), place.offset});
  });
  if (!moved) return Fail(moved.error());
  head.index.NoteWalRef(last_ref);
  head.metrics.mmap_corruptions.Add(static_cast<std::uint64_t>(*moved > 0));
  // Not stable_sort, which would need as much memory again.
  std::sort(in_order_.begin(), in_order_.end(), [](const auto& a, const auto& b) {
    if (a.ref != b.ref) return a.ref < b.ref;
    return a.file != b.file ? a.file < b.file : a.offset < b.offset;
  });
  return {};
}

std::span<const FoundChunk> FoundChunks::Of(wal::WalRef ref) const {
  const auto first =
      std::lower_bound(in_order_.begin(), in_order_.end(), ref,
                       [](const FoundChunk& chunk, wal::WalRef r) { return chunk.ref < r; });
  auto last = first;
  while (last != in_order_.end() && last->ref == ref) ++last;
  return {first, last};
}

}  // namespace narthex::tsdb
