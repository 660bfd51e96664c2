// SPDX-License-Identifier: Apache-2.0
//
// Looking into a data folder without changing it: what `promtool tsdb list|analyze|dump` print.
// All functions read blocks as they lie there and take no lock, so a running server does not mind.
// Text goes to a sink as it comes; memory is bounded by one series (and the head, where there is
// one), not by the folder. Thread safety: any thread. Errors of all: kNotFound, kIo, kCorruption,
// naming the file; those of the sink, which end the work.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/matcher.h"
#include "narthex/model/timestamp.h"
#include "narthex/tsdb/db.h"

namespace narthex {
class Fs;
}

namespace narthex::tsdb {

/// Takes the next piece of text, valid during the call.
using TextSink = std::function<Status(std::string_view)>;

/// A table of blocks in the columns of `promtool tsdb list`. @param readable  times and sizes for
/// people instead of milliseconds and bytes
std::string FormatBlockTable(std::span<const BlockInfo> blocks, bool header, bool readable);

/// The blocks of a folder by min time. A folder of a block without a readable meta.json is passed
/// over with a warning in the log; one that can't be opened is an error, unless another block was
/// made of it.
Result<std::vector<BlockInfo>> ReadBlockList(Fs& fs, const std::string& dir);

/// Prints FormatBlockTable of the folder's blocks.
Status ListBlocks(Fs& fs, const std::string& dir, bool readable, const TextSink& out);

struct AnalyzeOptions {
  std::string dir;
  std::string block;  // ULID; "" = the newest by ULID.
  std::size_t limit = 20;
  bool extended = false;   // How full chunks are, too.
  std::string match_text;  // As the user wrote `matchers`; "" = all series.
  std::vector<model::Matcher> matchers;
};
/// Churn and cardinality of a block, from its index alone unless `extended`. Lists are sorted by
/// number; where promtool leaves the order of equal numbers to chance, ours is by text.
Status AnalyzeBlock(Fs& fs, const AnalyzeOptions& options, const TextSink& out);

enum class DumpFormat : std::uint8_t {
  kSamples,      // {a="b"} 1.5 1700000000000: a line per sample.
  kSeriesJson,   // {"a":"b"}: a line per series.
  kOpenMetrics,  // Floats up to a series' first native histogram; ends in "# EOF".
};

struct DumpOptions {
  std::string dir;
  /// An existing empty folder for what replaying the WAL has to write (full chunks of the head); it
  /// is the caller's to remove.
  std::string sandbox;
  model::TimestampMs min_time = model::kMinTime;  // Closed range.
  model::TimestampMs max_time = model::kMaxTime;
  /// Series that match all matchers of one of the sets; no set = every series.
  std::vector<std::vector<model::Matcher>> matcher_sets;
  DumpFormat format = DumpFormat::kSamples;
};
/// Prints blocks and head merged, sorted by labels. As promtool: samples of the WAL before the end
/// of the block that begins last are left out; and when there is only a head and one matcher set,
/// series come in the order of their creation. A corrupt WAL is an error; the folder is not
/// repaired.
Status Dump(Fs& fs, const DumpOptions& options, const TextSink& out);

}  // namespace narthex::tsdb
