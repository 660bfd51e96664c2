// SPDX-License-Identifier: Apache-2.0
//
// The late samples of one commit on their way: worked out beside the store, written to chunks_head
// and the WBL, and only then put into the store. So a failed write leaves nothing behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "tsdb/compact/sample_run.h"
#include "tsdb/head/chunk_files.h"
#include "tsdb/head/head_index.h"
#include "tsdb/head/ooo_store.h"
#include "tsdb/wal/wal.h"

namespace narthex::tsdb {

/// Encodes samples that are sorted; as several chunks when kinds mix or a histogram does
/// not fit. Start times for which the encodings have no room are left out.
void EncodeOoo(std::span<const OooSample> samples, RunEncodings encodings,
               const std::function<void(EncodedChunk)>& emit);

/// Thread safety: one thread; nobody else changes the store between the constructor and Apply.
class OooCommit {
 public:
  /// @param cap  samples that an open chunk holds at most
  /// @param start_times  whether the WBL gets them
  OooCommit(const OooStore& store, const HeadIndex& index, std::size_t cap, RunEncodings encodings,
            bool start_times)
      : store_(store), index_(index), cap_(cap), encodings_(encodings), start_times_(start_times) {}

  /// Adds a late sample; the series is kept alive by the caller.
  /// @return false when its open chunk has a sample of that time
  bool Add(SeriesSlot slot, const OooSample& sample);
  /// Ends the series' open chunk, so that it is written out.
  void Cut(SeriesSlot slot);

  /// Writes the chunks that have become full. Errors: kIo.
  Status WriteChunks(ChunkFiles& files);
  /// Then: the records for the WBL, in order: samples of an old chunk, its marker, samples of the
  /// new one.
  std::vector<std::string> Records() const;
  /// Then: changes the store, and marks the series.
  void Apply(OooStore& store) const;

  /// How many more chunks the store has after this, and how many of chunks_head were written.
  std::size_t chunks_created() const { return chunks_created_; }
  std::size_t chunks_written() const { return cut_.size(); }
  /// Of the last chunk written; zero when there is none.
  ChunkPlace last_place() const { return places_.empty() ? ChunkPlace() : places_.back(); }

 private:
  struct Staged {
    std::vector<OooSample> open;
    std::vector<std::size_t> full;  // In cut_.
    int group = -1;                 // The last one that has something of the series.
  };
  struct CutChunk {
    SeriesSlot slot = 0;
    EncodedChunk chunk;
  };
  struct Marker {
    SeriesSlot slot = 0;
    std::size_t first = 0;  // In cut_.
    std::size_t count = 0;  // 0 = the series' first chunk was begun.
  };
  // What may be written as: markers, then samples.
  struct Group {
    std::vector<Marker> markers;
    std::vector<wal::SampleEntry> samples;
    storage::StartTimes starts;  // Of the samples.
    std::vector<wal::HistogramEntry> ints;
    std::vector<wal::FloatHistogramEntry> floats;
  };
  Staged& StagedOf(SeriesSlot slot);
  Group& GroupFor(Staged& staged);
  void AddEntry(SeriesSlot slot, const OooSample& sample, Group& group) const;

  const OooStore& store_;
  const HeadIndex& index_;
  const std::size_t cap_;
  const RunEncodings encodings_;
  const bool start_times_;
  absl::flat_hash_map<SeriesSlot, Staged> staged_;
  std::vector<CutChunk> cut_;
  std::vector<ChunkPlace> places_;  // Of cut_.
  std::vector<Group> groups_ = std::vector<Group>(1);
  std::size_t chunks_created_ = 0;
};

}  // namespace narthex::tsdb
