// SPDX-License-Identifier: Apache-2.0
//
// Makes a block of samples that come in any order, for imports. No head and no WAL is involved.
//
//   NX_ASSIGN_OR_RETURN(auto builder, BlockBuilder::Create(dir, options, fs, clock));
//   NX_RETURN_IF_ERROR(builder->Append(labels, t, value));   // again and again
//   NX_ASSIGN_OR_RETURN(const auto block, builder->Finish());
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"
#include "narthex/tsdb/db.h"

namespace narthex {
class Clock;
class Fs;
namespace model {
class Labels;
}
}  // namespace narthex

namespace narthex::tsdb {

/// The length of blocks for an import: the largest of 2 h · 3^k (k < 10) that is not above
/// `max_ms`; 2 h when `max_ms` is less. Source: promtool getCompatibleBlockDuration.
model::DurationMs CompatibleBlockDuration(model::DurationMs max_ms);

/// Begin of the aligned range of `width_ms` that t is in, also before 1970.
model::TimestampMs AlignedStart(model::TimestampMs t, model::DurationMs width_ms);

struct BlockBuilderOptions {
  /// Of the range that the samples lie in; chunks are cut evenly over it.
  model::DurationMs block_duration_ms = 7'200'000;
  /// An existing folder for parts of the block when there is too much for the memory. The parts are
  /// removed when the block is written or has failed; the folder is the caller's to remove.
  std::string spill_dir;
  std::size_t max_memory_bytes = 512 << 20;
};

/// One block: the caller splits time into ranges. Thread safety: one thread.
class BlockBuilder final {
 public:
  /// @param output_dir  created when it does not exist. `fs` and `clock` outlive the builder.
  static Result<std::unique_ptr<BlockBuilder>> Create(std::string output_dir,
                                                      const BlockBuilderOptions& options, Fs& fs,
                                                      Clock& clock);
  ~BlockBuilder();

  /// Adds a sample. Of samples of a series with the same time the first stays. Samples in order of
  /// time cost least. Errors: kIo, when parts have to be written out.
  Status Append(const model::Labels& labels, model::TimestampMs t, double value);

  /// Writes the block, whole or not at all; it begins with the first sample and ends just behind
  /// the last one. @return nullopt when there was no sample. Call once. Errors: kIo.
  Result<std::optional<BlockInfo>> Finish();

 private:
  struct Impl;
  explicit BlockBuilder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::tsdb
