// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "narthex/base/crc32c.h"
#include "narthex/proto/remote_read.h"
#include "narthex/proto/write_request.h"
#include "src/proto/wire_writer.h"

namespace narthex::proto {
namespace {

void WriteLabel(std::uint32_t field, model::LabelView label, std::string& out) {
  WireWriter writer(out);
  writer.BeginMessage(field, LabelBytes(label.name, label.value));
  writer.Bytes(1, label.name);
  writer.Bytes(2, label.value);
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
  std::visit([&](const auto& h) { EncodeWriteHistogram(t, 0, h, scratch_); }, histogram);
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
