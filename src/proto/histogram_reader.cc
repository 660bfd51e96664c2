// SPDX-License-Identifier: Apache-2.0
#include "src/proto/histogram_reader.h"

#include "narthex/base/coding.h"
#include "src/proto/wire_reader.h"

namespace narthex::proto {
namespace {

enum Field : std::int32_t {
  kCountInt = 1,
  kCountFloat = 2,
  kSum = 3,
  kSchema = 4,
  kZeroThreshold = 5,
  kZeroCountInt = 6,
  kZeroCountFloat = 7,
  kNegativeSpans = 8,
  kNegativeDeltas = 9,
  kNegativeCounts = 10,
  kPositiveSpans = 11,
  kPositiveDeltas = 12,
  kPositiveCounts = 13,
  kResetHint = 14,
  kTimestamp = 15,
  kCustomValues = 16,
  kStartTimestamp = 17,
};

model::Span ReadSpan(std::string_view bytes, std::string& error) {
  model::Span span;
  WireReader in(bytes, "BucketSpan", error);
  while (in.Next()) {
    switch (in.field()) {
      case 1:
        // As sint32: what does not fit is cut off.
        span.offset =
            static_cast<std::int32_t>(UnZigZag(static_cast<std::uint32_t>(in.Varint("Offset"))));
        break;
      case 2:
        span.length = static_cast<std::uint32_t>(in.Varint("Length"));
        break;
      default:
        in.Skip();
    }
  }
  return span;
}

model::CounterResetHint ResetHint(std::uint64_t number) {
  return number <= 3 ? static_cast<model::CounterResetHint>(number)
                     : model::CounterResetHint::kUnknown;
}

// The last one of a message's int and float count decides which kind the histogram is.
bool IsFloat(std::string_view bytes, std::string& error) {
  bool is_float = false;
  WireReader in(bytes, "Histogram", error);
  while (in.Next()) {
    if (in.field() == kCountInt) is_float = false;
    if (in.field() == kCountFloat) is_float = true;
    in.Skip();
  }
  return is_float;
}

template <typename H>
H& Emptied(model::AnyHistogram& any) {
  if (!std::holds_alternative<H>(any)) any.emplace<H>();
  H& h = std::get<H>(any);
  h.positive_spans.clear();
  h.negative_spans.clear();
  h.positive_buckets.clear();
  h.negative_buckets.clear();
  h.custom_values.clear();
  h.counter_reset_hint = model::CounterResetHint::kUnknown;
  h.schema = 0;
  h.zero_threshold = h.sum = 0;
  h.zero_count = h.count = 0;
  return h;
}

/// Fields whose meaning does not depend on the kind. @return false = another field
template <typename H>
bool ReadCommon(WireReader& in, std::string& error, H& h, WriteHistogram& out) {
  switch (in.field()) {
    case kSum:
      h.sum = in.Double("Sum");
      return true;
    case kSchema:
      h.schema =
          static_cast<std::int32_t>(UnZigZag(static_cast<std::uint32_t>(in.Varint("Schema"))));
      return true;
    case kZeroThreshold:
      h.zero_threshold = in.Double("ZeroThreshold");
      return true;
    case kNegativeSpans:
      h.negative_spans.push_back(ReadSpan(in.Bytes("NegativeSpans"), error));
      return true;
    case kPositiveSpans:
      h.positive_spans.push_back(ReadSpan(in.Bytes("PositiveSpans"), error));
      return true;
    case kResetHint:
      h.counter_reset_hint = ResetHint(in.Varint("ResetHint"));
      return true;
    case kTimestamp:
      out.t = in.Int64("Timestamp");
      return true;
    case kCustomValues:
      in.Doubles("CustomValues", [&](double v) { h.custom_values.push_back(v); });
      return true;
    case kStartTimestamp:
      out.start_t = in.Int64("StartTimestamp");
      return true;
    default:
      return false;
  }
}

void ReadInt(std::string_view bytes, std::string& error, WriteHistogram& out) {
  auto& h = Emptied<model::Histogram>(out.value);
  WireReader in(bytes, "Histogram", error);
  while (in.Next()) {
    if (ReadCommon(in, error, h, out)) continue;
    switch (in.field()) {
      case kCountInt:
        h.count = in.Varint("CountInt");
        break;
      case kZeroCountInt:
        h.zero_count = in.Varint("ZeroCountInt");
        break;
      case kZeroCountFloat:  // Of the same choice: what came before is gone.
        in.Double("ZeroCountFloat");
        h.zero_count = 0;
        break;
      case kNegativeDeltas:
        in.Varints("NegativeDeltas",
                   [&](std::uint64_t v) { h.negative_buckets.push_back(UnZigZag(v)); });
        break;
      case kPositiveDeltas:
        in.Varints("PositiveDeltas",
                   [&](std::uint64_t v) { h.positive_buckets.push_back(UnZigZag(v)); });
        break;
      default:
        in.Skip();
    }
  }
}

void ReadFloat(std::string_view bytes, std::string& error, WriteHistogram& out) {
  auto& h = Emptied<model::FloatHistogram>(out.value);
  WireReader in(bytes, "Histogram", error);
  while (in.Next()) {
    if (ReadCommon(in, error, h, out)) continue;
    switch (in.field()) {
      case kCountFloat:
        h.count = in.Double("CountFloat");
        break;
      case kZeroCountFloat:
        h.zero_count = in.Double("ZeroCountFloat");
        break;
      case kZeroCountInt:
        in.Varint("ZeroCountInt");
        h.zero_count = 0;
        break;
      case kNegativeCounts:
        in.Doubles("NegativeCounts", [&](double v) { h.negative_buckets.push_back(v); });
        break;
      case kPositiveCounts:
        in.Doubles("PositiveCounts", [&](double v) { h.positive_buckets.push_back(v); });
        break;
      default:
        in.Skip();
    }
  }
}

}  // namespace

void ReadHistogram(std::string_view bytes, std::string& error, WriteHistogram& out) {
  out.t = out.start_t = 0;
  if (IsFloat(bytes, error)) {
    ReadFloat(bytes, error, out);
  } else {
    ReadInt(bytes, error, out);
  }
}

}  // namespace narthex::proto
