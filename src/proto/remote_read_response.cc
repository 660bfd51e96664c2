// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "narthex/base/crc32c.h"
#include "narthex/proto/remote_read.h"
#include "src/proto/wire_writer.h"

namespace narthex::proto {
namespace {

void WriteLabel(std::uint32_t field, model::LabelView label, std::string& out) {
  WireWriter writer(out);
  writer.BeginMessage(field, LabelBytes(label.name, label.value));
  writer.Bytes(1, label.name);
  writer.Bytes(2, label.value);
}

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
void WriteHistogram(model::TimestampMs t, const H& h, std::string& out) {
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
}

}  // namespace

void ReadResponseWriter::BeginSeries(const model::Labels& labels) {
  series_.clear();
  histograms_.clear();
  for (const model::LabelView label : labels) WriteLabel(1, label, series_);
}

void ReadResponseWriter::AddSample(model::TimestampMs t, double value) {
  const auto bits = static_cast<std::uint64_t>(t);
  WireWriter writer(series_);
  writer.BeginMessage(2, (value != 0 ? 9U : 0U) + (t != 0 ? 1 + VarintBytes(bits) : 0));
  writer.Double(1, value);
  writer.Varint(2, bits);
}

void ReadResponseWriter::AddHistogram(model::TimestampMs t, const model::AnyHistogram& histogram) {
  scratch_.clear();
  std::visit([&](const auto& h) { WriteHistogram(t, h, scratch_); }, histogram);
  WireWriter(histograms_).Message(4, scratch_);
}

void ReadResponseWriter::EndSeries() {
  WireWriter writer(query_);
  writer.BeginMessage(1, series_.size() + histograms_.size());
  query_ += series_;
  query_ += histograms_;
}

void ReadResponseWriter::EndQuery() {
  std::string head;
  WireWriter(head).BeginMessage(1, query_.size());
  if (response_.empty()) {
    // Most requests have one query, whose bytes need not be there twice.
    response_ = std::exchange(query_, {});
    response_.insert(0, head);
    return;
  }
  response_ += head;
  response_ += query_;
  query_.clear();
}

std::size_t LabelBytes(std::string_view name, std::string_view value) {
  const auto field = [](std::string_view text) {
    return text.empty() ? 0 : 1 + VarintBytes(text.size()) + text.size();
  };
  return field(name) + field(value);
}

std::size_t ChunkBytes(const ReadChunk& chunk) {
  const auto number = [](std::uint64_t v) { return v == 0 ? 0 : 1 + VarintBytes(v); };
  return number(static_cast<std::uint64_t>(chunk.mint)) +
         number(static_cast<std::uint64_t>(chunk.maxt)) + number(chunk.encoding) +
         (chunk.bytes.empty() ? 0 : 1 + VarintBytes(chunk.bytes.size()) + chunk.bytes.size());
}

void AppendChunkFrame(const model::Labels& labels, std::span<const ReadChunk> chunks,
                      std::int64_t query_index, std::string& out) {
  std::string series;
  for (const model::LabelView label : labels) WriteLabel(1, label, series);
  WireWriter in_series(series);
  for (const ReadChunk& chunk : chunks) {
    in_series.BeginMessage(2, ChunkBytes(chunk));
    in_series.Int64(1, chunk.mint);
    in_series.Int64(2, chunk.maxt);
    in_series.Varint(3, chunk.encoding);
    in_series.Bytes(4, chunk.bytes);
  }
  std::string message;
  WireWriter in_message(message);
  in_message.Message(1, series);
  in_message.Int64(2, query_index);

  Encoder frame(out);
  frame.Uvarint(message.size());
  frame.Be32(Crc32c({reinterpret_cast<const std::uint8_t*>(message.data()), message.size()}));
  frame.Bytes(message);
}

}  // namespace narthex::proto
