// SPDX-License-Identifier: Apache-2.0
//
// What the parsers of exposition formats have in common.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "narthex/base/hash.h"
#include "narthex/model/metadata.h"

namespace narthex::scrape {

enum class EntryKind : std::uint8_t {
  kEnd,        // The body is read to its end.
  kError,      // It can't be read on; see error().
  kSeries,     // A float sample.
  kHistogram,  // A native histogram.
  kType,
  kHelp,
  kUnit,
  kComment,
};

/// A guess which series comes next: the one that followed last time. When the guess is right, its
/// text is recognised by one hash over `length` bytes and not scanned.
struct SeriesHint {
  Hash128 hash;
  std::uint32_t length = 0;  // 0 = no guess.
};

/// Names and values as they stand in a set, sorted by name; the metric's name is __name__.
struct ParsedLabels {
  std::vector<std::pair<std::string, std::string>> pairs;
  std::string duplicate;  // A name that stands there twice, "" when none does.

  /// Sorts by name and finds duplicates.
  void Finish();
};

/// A bucket bound or quantile as OpenMetrics writes it ("1" -> "1.0", "1e3" -> "1000.0") when the
/// label is `le` of a histogram or `quantile` of a summary; other values and what is no number
/// stay as they are.
std::string NormalizeBound(model::MetricType type, std::string_view label, std::string value);

/// Go's FormatFloat(v, 'g', -1, 64) with at least one decimal, as OpenMetrics has bounds.
std::string FormatBound(double bound);

/// What stands for something else in HELP: nothing, \\ and \n, or also \".
enum class HelpEscapes : std::uint8_t { kNone, kText, kOpenMetrics };

/// Replaces \\, \n and (when `quotes`) \" by what they stand for; other escapes stay.
std::string Unescape(std::string_view text, bool quotes);

}  // namespace narthex::scrape
