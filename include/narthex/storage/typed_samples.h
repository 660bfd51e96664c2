// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>
#include <vector>

#include "narthex/model/histogram.h"
#include "narthex/model/timestamp.h"
#include "narthex/storage/querier.h"

namespace narthex::storage {

/// The samples of one series with histograms in the kind that they are stored in, which
/// SampleColumns does not keep.
struct TypedSamples {
  SampleColumns floats;  // Its histogram columns stay empty.
  std::vector<std::pair<model::TimestampMs, model::AnyHistogram>> histograms;

  void Clear() {
    floats.Clear();
    histograms.clear();
  }
  std::size_t size() const { return floats.t.size() + histograms.size(); }
};

}  // namespace narthex::storage
