// SPDX-License-Identifier: Apache-2.0
//
// Whether the series of a matrix are held, or only counted, to be evaluated again as they are sent.
#pragma once

#include <cstddef>

#include "narthex/model/labels.h"

namespace narthex::promql {

/// Whether series come as an answer has them: sorted by labels, no two alike.
class AnswerOrder {
 public:
  /// Notes the next series.
  void Note(const model::Labels& labels) {
    if (!kept_) return;
    kept_ = first_ || last_ < labels;
    first_ = false;
    last_ = labels;
  }
  bool kept() const { return kept_; }

 private:
  model::Labels last_;
  bool first_ = true;
  bool kept_ = true;
};

/// Watches the series of an answer go by. While they come in its order and take more than a
/// threshold, they need not be held.
class StreamGate {
 public:
  /// @param above_bytes  0: all is held, always
  explicit StreamGate(std::size_t above_bytes) : above_bytes_(above_bytes) {}

  /// Notes the next series.
  void Note(const model::Labels& labels) {
    if (above_bytes_ == 0) return;
    ++series_;
    order_.Note(labels);
  }

  /// Asked when a portion was noted: whether it, and what is held of those before, so many bytes,
  /// are to be let go.
  bool LetGo(std::size_t held_bytes) {
    counting_ = counting_ || (above_bytes_ > 0 && order_.kept() && held_bytes > above_bytes_);
    return counting_;
  }

  bool counting() const { return counting_; }
  /// The order was lost when the series before had been let go: they are needed after all.
  bool in_vain() const { return counting_ && !order_.kept(); }
  std::size_t series() const { return series_; }

 private:
  std::size_t above_bytes_;
  std::size_t series_ = 0;
  AnswerOrder order_;
  bool counting_ = false;
};

}  // namespace narthex::promql
