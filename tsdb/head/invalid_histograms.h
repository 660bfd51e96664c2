// SPDX-License-Identifier: Apache-2.0
//
// Histograms of a log that are none: replay passes over them, and says so once.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "narthex/base/log.h"
#include "narthex/model/timestamp.h"
#include "narthex/tsdb/histogram_check.h"
#include "tsdb/head/head_metrics.h"

namespace narthex::tsdb {

/// Thread safety: one thread.
class InvalidHistograms {
 public:
  /// @return whether the histogram is valid; counted when not
  template <typename H>
  bool Pass(const H& h, model::TimestampMs t) {
    std::string problem = ProblemOf(h);
    if (problem.empty()) [[likely]]
      return true;
    if (count_++ == 0) {
      problem_ = std::move(problem);
      t_ = t;
    }
    return false;
  }

  /// @param log  "WAL" or "WBL"
  void Report(const char* log, HeadMetrics& metrics) const {
    if (count_ == 0) return;
    metrics.invalid_histograms.Add(count_);
    log::Warn("Skipping invalid histograms of a log",
              {{"log", log}, {"count", count_}, {"timestamp", t_}, {"first", problem_}});
  }

 private:
  std::uint64_t count_ = 0;
  std::string problem_;  // Of the first one,
  model::TimestampMs t_ = 0;
};

}  // namespace narthex::tsdb
