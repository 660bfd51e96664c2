// SPDX-License-Identifier: Apache-2.0
//
// Stores the lines of a body.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"
#include "narthex/storage/appender.h"
#include "web/influx/series_refs.h"

namespace narthex::web {

/// What a timestamp counts: `divide` nanoseconds make … or `multiply` milliseconds are one.
struct InfluxPrecision {
  std::int64_t divide = 1'000'000;  // Of them make a millisecond; 1 = see the next.
  std::int64_t multiply = 1;        // Milliseconds in one.
};

/// Why a value was not stored.
enum class InfluxDrop : std::uint8_t {
  kString,       // Not a number.
  kOutOfOrder,   // Older than the series' last sample and the out-of-order window.
  kDuplicate,    // Another value for a time that has one.
  kFuture,       // More than ten minutes ahead.
  kSeriesLimit,  // Of a series more than the receiver may have.
  kOther,
};
inline constexpr std::size_t kNumInfluxDrops = 6;
std::string_view InfluxDropText(InfluxDrop drop);

struct InfluxTarget {
  storage::Appendable& storage;
  SeriesRefs& refs;
  std::string_view db;  // Value of the label; "" = none.
  InfluxPrecision precision;
  model::TimestampMs now;
};

struct InfluxOutcome {
  std::size_t stored = 0;
  std::size_t committed = 0;  // Of them; the others wait for the caller's commit.
  std::size_t bad_lines = 0;
  std::size_t first_bad_line = 0;  // Its number.
  std::string bad_line_text;       // The first few, in InfluxDB's wording.
  std::array<std::size_t, kNumInfluxDrops> dropped{};

  std::size_t dropped_values() const;  // Strings, which are always dropped, not among them.
};

/// Appends what is good. Of a large body parts are committed on the way; what the appender that is
/// returned holds is left to the caller. Errors: kIo of a commit, and what came before is stored.
/// Source of the names: VictoriaMetrics, app/vminsert/influx.
Result<std::unique_ptr<storage::Appender>> AppendInfluxLines(std::string_view body,
                                                             const InfluxTarget& target,
                                                             InfluxOutcome& outcome);

}  // namespace narthex::web
