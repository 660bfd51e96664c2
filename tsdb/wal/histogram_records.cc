// SPDX-License-Identifier: Apache-2.0
//
// Records of native histograms: types 7 to 10, 12 and 13.
#include <bit>

#include <fmt/format.h>

#include "tsdb/wal/entry_header.h"
#include "tsdb/wal/records.h"

namespace narthex::tsdb::wal {
namespace {

using model::FloatHistogram;
using model::Histogram;
using model::kCustomBucketsSchema;
using model::Span;
using model::TimestampMs;

void PutSpans(Encoder& out, std::span<const Span> spans) {
  out.Uvarint(spans.size());
  for (const auto& span : spans) {
    out.Varint(span.offset);
    out.Uvarint(span.length);
  }
}

// A count of things of at least `least` bytes each can't exceed what is left.
std::size_t TakeCount(Decoder& in, std::size_t least) {
  const std::uint64_t n = in.Uvarint();
  if (n <= in.remaining() / least) return static_cast<std::size_t>(n);
  in.Bytes(in.remaining() + 1);  // Makes the decoder fail.
  return 0;
}

void TakeSpans(Decoder& in, std::vector<Span>& out) {
  out.resize(TakeCount(in, 2));
  for (auto& span : out) {
    span.offset = static_cast<std::int32_t>(in.Varint());
    span.length = static_cast<std::uint32_t>(in.Uvarint());
  }
}

template <typename T>
void PutHead(Encoder& out, const T& h) {
  out.Byte(static_cast<std::uint8_t>(h.counter_reset_hint));
  out.Varint(h.schema);
  out.Double(h.zero_threshold);
}

template <typename T>
void TakeHead(Decoder& in, T& h) {
  h.counter_reset_hint = static_cast<model::CounterResetHint>(in.Byte() & 3);
  h.schema = static_cast<std::int32_t>(in.Varint());
  h.zero_threshold = in.Double();
}

void PutBounds(Encoder& out, std::int32_t schema, std::span<const double> bounds) {
  if (schema != kCustomBucketsSchema) return;
  out.Uvarint(bounds.size());
  for (const double bound : bounds) out.Double(bound);
}

void TakeBounds(Decoder& in, std::int32_t schema, std::vector<double>& bounds) {
  if (schema != kCustomBucketsSchema) return;
  bounds.resize(TakeCount(in, 8));
  for (double& bound : bounds) bound = in.Double();
}

void PutBody(Encoder& out, const Histogram& h) {
  PutHead(out, h);
  out.Uvarint(h.zero_count);
  out.Uvarint(h.count);
  out.Double(h.sum);
  PutSpans(out, h.positive_spans);
  PutSpans(out, h.negative_spans);
  out.Uvarint(h.positive_buckets.size());
  for (const auto bucket : h.positive_buckets) out.Varint(bucket);
  out.Uvarint(h.negative_buckets.size());
  for (const auto bucket : h.negative_buckets) out.Varint(bucket);
  PutBounds(out, h.schema, h.custom_values);
}

void TakeBody(Decoder& in, Histogram& h) {
  TakeHead(in, h);
  h.zero_count = in.Uvarint();
  h.count = in.Uvarint();
  h.sum = in.Double();
  TakeSpans(in, h.positive_spans);
  TakeSpans(in, h.negative_spans);
  h.positive_buckets.resize(TakeCount(in, 1));
  for (auto& bucket : h.positive_buckets) bucket = in.Varint();
  h.negative_buckets.resize(TakeCount(in, 1));
  for (auto& bucket : h.negative_buckets) bucket = in.Varint();
  TakeBounds(in, h.schema, h.custom_values);
}

void PutBody(Encoder& out, const FloatHistogram& h) {
  PutHead(out, h);
  out.Double(h.zero_count);
  out.Double(h.count);
  out.Double(h.sum);
  PutSpans(out, h.positive_spans);
  PutSpans(out, h.negative_spans);
  out.Uvarint(h.positive_buckets.size());
  for (const double bucket : h.positive_buckets) out.Double(bucket);
  out.Uvarint(h.negative_buckets.size());
  for (const double bucket : h.negative_buckets) out.Double(bucket);
  PutBounds(out, h.schema, h.custom_values);
}

void TakeBody(Decoder& in, FloatHistogram& h) {
  TakeHead(in, h);
  h.zero_count = in.Double();
  h.count = in.Double();
  h.sum = in.Double();
  TakeSpans(in, h.positive_spans);
  TakeSpans(in, h.negative_spans);
  h.positive_buckets.resize(TakeCount(in, 8));
  for (double& bucket : h.positive_buckets) bucket = in.Double();
  h.negative_buckets.resize(TakeCount(in, 8));
  for (double& bucket : h.negative_buckets) bucket = in.Double();
  TakeBounds(in, h.schema, h.custom_values);
}

template <typename Entry>
void Encode(std::span<const Entry> entries, RecordType plain_type, RecordType custom_type,
            std::string& plain, std::string& custom) {
  plain.clear();
  custom.clear();
  // Both records count from the first entry of the list, wherever that one goes.
  for (const auto& entry : entries) {
    const bool is_custom = entry.histogram.schema == kCustomBucketsSchema;
    std::string& out = is_custom ? custom : plain;
    Encoder encoder(out);
    if (out.empty()) {
      encoder.Byte(static_cast<std::uint8_t>(is_custom ? custom_type : plain_type));
      encoder.Be64(entries[0].ref);
      encoder.Be64(static_cast<std::uint64_t>(entries[0].t));
    }
    encoder.Varint(static_cast<std::int64_t>(entry.ref - entries[0].ref));
    encoder.Varint(static_cast<std::int64_t>(static_cast<std::uint64_t>(entry.t) -
                                             static_cast<std::uint64_t>(entries[0].t)));
    PutBody(encoder, entry.histogram);
  }
}

template <typename Entry>
void EncodeStarted(std::span<const Entry> entries, RecordType type, std::string& out) {
  out.clear();
  if (entries.empty()) return;
  Encoder encoder(out);
  encoder.Byte(static_cast<std::uint8_t>(type));
  StartedHeaderWriter header;
  for (const auto& entry : entries) {
    header.Put(encoder, entry.ref, entry.t, entry.start);
    PutBody(encoder, entry.histogram);
  }
}

template <typename Entry>
Status Decode(ByteSpan record, std::vector<Entry>& out) {
  if (record.size() <= 1) return {};
  EntryHeader header(TypeOf(record));
  Decoder in(record);
  in.Byte();
  const std::size_t before = out.size();
  while (!in.done() && header.Next(in)) {
    Entry entry;
    entry.ref = header.ref();
    entry.t = header.t();
    entry.start = header.start();
    TakeBody(in, entry.histogram);
    if (!in.ok()) break;
    out.push_back(std::move(entry));
  }
  if (in.ok()) return {};
  return Fail(
      Code::kCorruption,
      fmt::format("decode histograms record: invalid bytes after {} entries", out.size() - before));
}

}  // namespace

void EncodeHistograms(std::span<const HistogramEntry> entries, std::string& out,
                      std::string& custom) {
  Encode(entries, RecordType::kHistograms, RecordType::kCustomHistograms, out, custom);
}

void EncodeFloatHistograms(std::span<const FloatHistogramEntry> entries, std::string& out,
                           std::string& custom) {
  Encode(entries, RecordType::kFloatHistograms, RecordType::kCustomFloatHistograms, out, custom);
}

void EncodeStartedHistograms(std::span<const HistogramEntry> entries, std::string& out) {
  EncodeStarted(entries, RecordType::kHistogramsV2, out);
}

void EncodeStartedFloatHistograms(std::span<const FloatHistogramEntry> entries, std::string& out) {
  EncodeStarted(entries, RecordType::kFloatHistogramsV2, out);
}

Status DecodeHistograms(ByteSpan record, std::vector<HistogramEntry>& out) {
  return Decode(record, out);
}

Status DecodeFloatHistograms(ByteSpan record, std::vector<FloatHistogramEntry>& out) {
  return Decode(record, out);
}

}  // namespace narthex::tsdb::wal
