// SPDX-License-Identifier: Apache-2.0
#include "narthex/model/histogram.h"

namespace narthex::model {
namespace {

// Added up as floats, as Prometheus does: beyond 2^53 that is not the same.
std::vector<double> Cumulate(const std::vector<std::int64_t>& deltas) {
  std::vector<double> counts;
  counts.reserve(deltas.size());
  double count = 0;
  for (const std::int64_t delta : deltas) {
    count += static_cast<double>(delta);
    counts.push_back(count);
  }
  return counts;
}

}  // namespace

FloatHistogram ToFloat(const Histogram& h) {
  FloatHistogram f;
  f.counter_reset_hint = h.counter_reset_hint;
  f.schema = h.schema;
  f.zero_threshold = h.zero_threshold;
  f.zero_count = static_cast<double>(h.zero_count);
  f.count = static_cast<double>(h.count);
  f.sum = h.sum;
  f.positive_spans = h.positive_spans;
  f.negative_spans = h.negative_spans;
  f.positive_buckets = Cumulate(h.positive_buckets);
  f.negative_buckets = Cumulate(h.negative_buckets);
  f.custom_values = h.custom_values;
  return f;
}

}  // namespace narthex::model
