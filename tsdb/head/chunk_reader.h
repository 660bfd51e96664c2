// SPDX-License-Identifier: Apache-2.0
//
// A consistent copy of one series' chunks, taken under its lock and decoded without it.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "tsdb/head/head_state.h"

namespace narthex::tsdb {

/// Reads series one after another, reusing its buffers. Thread safety: one thread at a time.
class ChunkReader {
 public:
  /// With the buffers that the thread's last reader left behind: queries make one per series.
  explicit ChunkReader(const HeadState& head);
  ~ChunkReader();
  ChunkReader(const ChunkReader&) = delete;
  ChunkReader& operator=(const ChunkReader&) = delete;

  /// Takes the chunks that may have samples in [mint, maxt], but for samples that `reader` must not
  /// see (null = sees all).
  void Load(SeriesSlot slot, model::TimestampMs mint, model::TimestampMs maxt,
            const Isolation::Reader* reader);

  /// Appends the loaded samples that are not deleted.
  Status Decode(storage::SampleColumns& out);
  /// The loaded chunks, ascending, without what is deleted or outside the loaded range: whole ones
  /// as they are, others encoded anew. Valid until the next call of Load; their memory is this
  /// reader's or a mapped file's.
  Status Chunks(std::vector<ChunkView>& out) {
    return Chunks(out, [](Error error) -> Status { return Fail(std::move(error)); });
  }
  /// The same; what `on_unreadable` says of the error of a chunk decides: nothing = it is left out.
  using OnUnreadable = std::function<Status(Error)>;
  Status Chunks(std::vector<ChunkView>& out, const OnUnreadable& on_unreadable);

  /// Whether the series had late samples; neither of the above has them.
  bool has_out_of_order() const { return has_out_of_order_; }
  /// Appends the late samples in [mint, maxt] of the series that was loaded, without what is
  /// deleted; of equal times one is kept.
  Status DecodeOutOfOrder(SeriesSlot slot, model::TimestampMs mint, model::TimestampMs maxt,
                          storage::SampleColumns& out);
  /// Appends the chunks that have them, in no order, to be merged without the intervals
  /// `unwanted`, which is filled. Call after Chunks; valid as long.
  Status OutOfOrderChunks(SeriesSlot slot, model::TimestampMs mint, model::TimestampMs maxt,
                          std::vector<ChunkView>& out, std::vector<Interval>& unwanted);

  /// Whether a loaded chunk is not deleted whole. The open chunk counts as endless, so it never is,
  /// as in Prometheus.
  Result<bool> AnyKept();
  /// Time of the first sample in order that can be read, deleted or not; of a series that has
  /// samples. kMaxTime when there is none. Loads.
  model::TimestampMs FirstTime(SeriesSlot slot);

 private:
  struct Part {
    FullChunk place;
    std::size_t at = 0;  // In bytes_, when it was in memory.
    bool open = false;
  };
  // What is worth keeping for the thread's next reader.
  struct Buffers {
    std::vector<Part> parts;
    std::string bytes;
  };
  static Buffers& Spare();
  Result<ChunkView> ViewOf(const Part& part);
  Result<ChunkView> ViewOf(ChunkPlace place);
  // The late samples of the series, whose files stay.
  OooSeries LoadLate(SeriesSlot slot, model::TimestampMs mint, model::TimestampMs maxt);
  // With its times.
  Result<ChunkView> TimedViewOf(const Part& part);
  // Adds what is wanted of a part.
  Status AddChunk(const Part& part, std::vector<ChunkView>& out);
  // Adds the part of a chunk that is in the range as new chunks.
  Status Recode(const ChunkView& chunk, std::vector<ChunkView>& out);

  const HeadState& head_;
  // The newest one last. Those before it have chunks that were given out since Load.
  std::vector<std::shared_ptr<const ChunkFiles::View>> files_;
  std::vector<Part> parts_;
  std::vector<Interval> deleted_;
  std::string bytes_;
  std::list<std::string> recoded_;  // A list, because views into it must stay.
  model::TimestampMs mint_ = 0;
  model::TimestampMs maxt_ = 0;
  bool nothing_ = false;  // Every sample is hidden.
  bool has_out_of_order_ = false;
};

}  // namespace narthex::tsdb
