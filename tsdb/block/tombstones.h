// SPDX-License-Identifier: Apache-2.0
//
// What was deleted from a block without rewriting it. Format: docs/formats/block.md.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "narthex/base/fs.h"
#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"
#include "narthex/storage/querier.h"

namespace narthex::tsdb {

/// A closed range of times.
struct Interval {
  model::TimestampMs mint = 0;
  model::TimestampMs maxt = 0;
  bool operator==(const Interval&) const = default;
};

/// Adds to ascending, disjoint intervals; those that overlap or touch become one.
void AddInterval(std::vector<Interval>& intervals, Interval added);

/// Whether one of the intervals holds all of [mint, maxt].
bool Covers(std::span<const Interval> intervals, model::TimestampMs mint, model::TimestampMs maxt);

/// Whether one of the intervals holds some of [mint, maxt].
bool Touches(std::span<const Interval> intervals, model::TimestampMs mint, model::TimestampMs maxt);

/// Drops the samples from the given indexes on whose time lies in an interval.
void DropDeleted(std::span<const Interval> intervals, std::size_t first_float,
                 std::size_t first_histogram, storage::SampleColumns& columns);

/// Deleted intervals by series ref. Thread safety: const methods, any thread.
class Tombstones {
 public:
  void Add(std::uint64_t ref, Interval interval) { AddInterval(by_ref_[ref], interval); }
  /// Ascending and disjoint; empty when nothing of the series is deleted.
  std::span<const Interval> Of(std::uint64_t ref) const;
  bool empty() const { return by_ref_.empty(); }
  std::uint64_t num_intervals() const;
  const std::map<std::uint64_t, std::vector<Interval>>& by_ref() const { return by_ref_; }

 private:
  std::map<std::uint64_t, std::vector<Interval>> by_ref_;
};

/// Bytes of the tombstones file.
std::string EncodeTombstones(const Tombstones& tombstones);
/// Errors: kCorruption.
Result<Tombstones> DecodeTombstones(ByteSpan file);

/// A missing file is an empty set.
Result<Tombstones> ReadTombstones(Fs& fs, const std::string& block_dir);
/// Replaces the file whole or not at all.
Status WriteTombstones(Fs& fs, const std::string& block_dir, const Tombstones& tombstones);

}  // namespace narthex::tsdb
