// SPDX-License-Identifier: Apache-2.0
//
// Start times in OpenMetrics 1.0: lines whose names end in _created, behind the samples that they
// are of. Used only when start times are wanted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "narthex/model/metadata.h"

namespace narthex::scrape {

/// Of one body. Thread safety: one thread.
class CreatedLines {
 public:
  /// Whether a series of a family of this type only tells a start time.
  static bool IsCreated(std::string_view series, model::MetricType type);

  /// @param body    lives as long as this object
  /// @param line    where the series' line begins; rising from call to call
  /// @param family  of the last metadata line
  /// @return when the series began, Unix milliseconds; 0 when no line says so. Looks ahead to the
  ///         next such line at most, and never twice at the same line.
  /// Source: Prometheus OpenMetricsParser.StartTimestamp.
  std::int64_t StartOf(std::string_view body, std::size_t line, std::string_view family,
                       model::MetricType type);
  /// For another body.
  void Reset() { *this = CreatedLines(); }

 private:
  void LookAhead(std::string_view body, std::size_t from, model::MetricType type);

  std::size_t from_ = 0;  // For series in [from_, until_) the next such line is known:
  std::size_t until_ = 0;
  std::string key_;  // its family and labels, "" = there is none,
  std::int64_t start_ = 0;
  std::string wanted_;  // Scratch.
};

}  // namespace narthex::scrape
