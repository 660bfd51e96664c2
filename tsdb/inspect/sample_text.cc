// SPDX-License-Identifier: Apache-2.0
#include "tsdb/inspect/sample_text.h"

#include <cstdint>
#include <vector>

#include "narthex/base/go_format.h"
#include "narthex/model/float_histogram.h"

namespace narthex::tsdb::inspect {
namespace {

struct IntBucket {
  std::int32_t index;
  std::uint64_t count;
};

// The populated buckets of one side, by index.
std::vector<IntBucket> Populated(const std::vector<model::Span>& spans,
                                 const std::vector<std::int64_t>& deltas) {
  std::vector<IntBucket> buckets;
  std::size_t next = 0;
  std::int32_t index = 0;
  std::uint64_t count = 0;
  for (const auto& span : spans) {
    index += span.offset;
    for (std::uint32_t i = 0; i < span.length && next < deltas.size(); ++i, ++index) {
      count += static_cast<std::uint64_t>(deltas[next++]);
      if (count != 0) buckets.push_back({index, count});
    }
  }
  return buckets;
}

void AppendBucket(const model::Bucket& bounds, std::uint64_t count, std::string& out) {
  out += bounds.lower_inclusive ? ", [" : ", (";
  out += go::FormatFloatG(bounds.lower) + ',' + go::FormatFloatG(bounds.upper);
  out += bounds.upper_inclusive ? "]:" : "):";
  out += std::to_string(count);
}

}  // namespace

void AppendText(double v, std::string& out) { out += go::FormatFloatG(v); }

void AppendText(const model::FloatHistogram& h, std::string& out) { out += model::ToString(h); }

void AppendText(const model::Histogram& h, std::string& out) {
  // Bounds depend on the layout alone.
  model::FloatHistogram layout;
  layout.schema = h.schema;
  layout.zero_threshold = h.zero_threshold;
  layout.custom_values = h.custom_values;
  out += "{count:" + std::to_string(h.count) + ", sum:" + go::FormatFloatG(h.sum);
  const auto negative = Populated(h.negative_spans, h.negative_buckets);
  for (auto it = negative.rbegin(); it != negative.rend(); ++it) {
    AppendBucket(model::BucketAt(layout, false, it->index, 0), it->count, out);
  }
  if (h.zero_count != 0) AppendBucket(model::ZeroBucket(layout), h.zero_count, out);
  for (const auto& [index, count] : Populated(h.positive_spans, h.positive_buckets)) {
    AppendBucket(model::BucketAt(layout, true, index, 0), count, out);
  }
  out += '}';
}

}  // namespace narthex::tsdb::inspect
