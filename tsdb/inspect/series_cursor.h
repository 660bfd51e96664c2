// SPDX-License-Identifier: Apache-2.0
//
// The series of one part of the database one after the other, with samples in their own types.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/labels.h"
#include "narthex/model/matcher.h"
#include "tsdb/block/block.h"
#include "tsdb/compact/sample_run.h"
#include "tsdb/head/head_state.h"

namespace narthex::tsdb::inspect {

using MatcherSets = std::span<const std::vector<model::Matcher>>;

/// Thread safety: one thread.
class SeriesCursor {
 public:
  virtual ~SeriesCursor() = default;
  /// Goes to the next series that has a chunk in the range, the first one at the first call. False
  /// = no more. Errors: kCorruption, naming the place.
  virtual Result<bool> Next() = 0;
  virtual const model::Labels& labels() const = 0;
  /// Replaces `out` by the series' samples in the range that are not deleted.
  virtual Status Read(SampleRun& out) = 0;
};

/// Series that one of the matcher sets selects, by labels, with the samples of the closed range.
Result<std::unique_ptr<SeriesCursor>> NewBlockCursor(std::shared_ptr<const Block> block,
                                                     Interval range, MatcherSets matchers);

enum class SeriesOrder : std::uint8_t { kByLabels, kByCreation };
/// The same of a head, which nobody else uses.
Result<std::unique_ptr<SeriesCursor>> NewHeadCursor(const HeadState& head, Interval range,
                                                    MatcherSets matchers, SeriesOrder order);

}  // namespace narthex::tsdb::inspect
