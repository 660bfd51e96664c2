// SPDX-License-Identifier: Apache-2.0
#include <type_traits>
#include <vector>

#include "narthex/proto/write_request.h"
#include "src/proto/wire_writer.h"

namespace narthex::proto {
namespace {

void WriteSpans(std::uint32_t field, const std::vector<model::Span>& spans, std::string& out) {
  WireWriter writer(out);
  for (const model::Span& span : spans) {
    const auto offset = static_cast<std::uint32_t>(ZigZag(span.offset));
    writer.BeginMessage(field, (offset != 0 ? 1 + VarintBytes(offset) : 0) +
                                   (span.length != 0 ? 1 + VarintBytes(span.length) : 0));
    writer.Varint(1, offset);
    writer.Varint(2, span.length);
  }
}

void WriteBuckets(std::uint32_t field, const std::vector<std::int64_t>& deltas, std::string& out) {
  if (deltas.empty()) return;
  std::size_t size = 0;
  for (const std::int64_t delta : deltas) size += VarintBytes(ZigZag(delta));
  WireWriter writer(out);
  writer.BeginMessage(field, size);
  for (const std::int64_t delta : deltas) writer.Raw(ZigZag(delta));
}

void WriteBuckets(std::uint32_t field, const std::vector<double>& counts, std::string& out) {
  if (counts.empty()) return;
  WireWriter writer(out);
  writer.BeginMessage(field, 8 * counts.size());
  for (const double count : counts) writer.RawDouble(count);
}

// The counts of a choice are written also when they are 0.
void WriteCounts(const model::Histogram& h, WireWriter& writer) {
  writer.VarintAlways(1, h.count);
  writer.Double(3, h.sum);
}
void WriteCounts(const model::FloatHistogram& h, WireWriter& writer) {
  writer.DoubleAlways(2, h.count);
  writer.Double(3, h.sum);
}
void WriteZeroCount(const model::Histogram& h, WireWriter& writer) {
  writer.VarintAlways(6, h.zero_count);
}
void WriteZeroCount(const model::FloatHistogram& h, WireWriter& writer) {
  writer.DoubleAlways(7, h.zero_count);
}

template <typename H>
void WriteMessage(model::TimestampMs t, model::TimestampMs start, const H& h, std::string& out) {
  constexpr bool kInt = std::is_same_v<H, model::Histogram>;
  WireWriter writer(out);
  WriteCounts(h, writer);
  writer.Varint(4, static_cast<std::uint32_t>(ZigZag(h.schema)));
  writer.Double(5, h.zero_threshold);
  WriteZeroCount(h, writer);
  WriteSpans(8, h.negative_spans, out);
  WriteBuckets(kInt ? 9 : 10, h.negative_buckets, out);
  WriteSpans(11, h.positive_spans, out);
  WriteBuckets(kInt ? 12 : 13, h.positive_buckets, out);
  writer.Varint(14, static_cast<std::uint64_t>(h.counter_reset_hint));
  writer.Int64(15, t);
  WriteBuckets(16, h.custom_values, out);
  writer.Int64(17, start);
}

}  // namespace

void EncodeWriteHistogram(model::TimestampMs t, model::TimestampMs start, const model::Histogram& h,
                          std::string& out) {
  WriteMessage(t, start, h, out);
}

void EncodeWriteHistogram(model::TimestampMs t, model::TimestampMs start,
                          const model::FloatHistogram& h, std::string& out) {
  WriteMessage(t, start, h, out);
}

}  // namespace narthex::proto
