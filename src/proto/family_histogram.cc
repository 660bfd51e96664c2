// SPDX-License-Identifier: Apache-2.0
//
// Stored histograms as metrics of a family.
#include "narthex/base/coding.h"
#include "narthex/proto/metric_family.h"
#include "src/proto/wire_writer.h"

namespace narthex::proto {
namespace {

constexpr std::uint32_t kHistogramField = 7;  // Of the message Metric.

void WriteSide(std::uint32_t span_field, std::uint32_t count_field,
               const std::vector<model::Span>& spans, const std::vector<double>& counts,
               std::string& out) {
  WireWriter writer(out);
  std::string part;
  for (const model::Span& span : spans) {
    part.clear();
    WireWriter inner(part);
    inner.VarintAlways(1, static_cast<std::uint32_t>(ZigZag(span.offset)));
    inner.VarintAlways(2, span.length);
    writer.Message(span_field, part);
  }
  // The schema is of proto2, where lists are not packed.
  for (const double count : counts) writer.DoubleAlways(count_field, count);
}

}  // namespace

std::string NativeHistogramField(const model::FloatHistogram& h) {
  std::string message;
  WireWriter writer(message);
  writer.DoubleAlways(2, h.sum);
  writer.DoubleAlways(4, h.count);
  writer.VarintAlways(5, static_cast<std::uint32_t>(ZigZag(h.schema)));
  writer.DoubleAlways(6, h.zero_threshold);
  writer.DoubleAlways(8, h.zero_count);
  WriteSide(9, 11, h.negative_spans, h.negative_buckets, message);
  WriteSide(12, 14, h.positive_spans, h.positive_buckets, message);
  std::string field;
  WireWriter(field).Message(kHistogramField, message);
  return field;
}

Distribution ClassicHistogram(const model::FloatHistogram& h) {
  Distribution out;
  out.is_float = out.has_sum = true;
  out.count_float = h.count;
  out.sum = h.sum;
  std::vector<double> counts(h.custom_values.size());  // What is above all bounds has no bucket.
  std::int64_t index = 0;
  std::size_t bucket = 0;
  for (const model::Span& span : h.positive_spans) {
    index += span.offset;
    for (std::uint32_t i = 0; i < span.length && bucket < h.positive_buckets.size();
         ++i, ++index, ++bucket) {
      if (index >= 0 && static_cast<std::size_t>(index) < counts.size()) {
        counts[static_cast<std::size_t>(index)] = h.positive_buckets[bucket];
      }
    }
  }
  double cumulative = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    cumulative += counts[i];
    out.buckets.push_back({.upper_bound = h.custom_values[i], .count_float = cumulative});
  }
  return out;
}

}  // namespace narthex::proto
