// SPDX-License-Identifier: Apache-2.0
#include "src/proto/otlp_point.h"

#include <utility>

#include <fmt/format.h>

#include "src/proto/wire_reader.h"

namespace narthex::proto {
namespace {

std::int64_t ZigZag(std::uint64_t n) { return static_cast<std::int64_t>(n >> 1 ^ -(n & 1)); }

/// Fields of a data point that all kinds have. Attributes that follow each other in the body are
/// one piece of it.
class PointParts {
 public:
  PointParts(OtlpPoint& point, std::string& joined) : point_(point), joined_(joined) {}

  /// @param field_begin, field_end  the field with the attribute, tag included
  void AddAttribute(std::string_view message, const char* field_begin, const char* field_end) {
    point_.attributes.push_back(message);
    const std::string_view field(field_begin, static_cast<std::size_t>(field_end - field_begin));
    std::string_view& all = point_.attribute_bytes;
    if (joined_.empty() && (all.empty() || all.data() + all.size() == field_begin)) {
      all = {all.empty() ? field_begin : all.data(), all.size() + field.size()};
      return;
    }
    if (joined_.empty()) joined_ = all;
    joined_ += field;
    all = joined_;
  }

 private:
  OtlpPoint& point_;
  std::string& joined_;
};

void ReadNumberField(WireReader& in, OtlpPoint& point) {
  switch (in.field()) {
    case 2:
      point.start_ns = in.Fixed64("StartTimeUnixNano");
      break;
    case 3:
      point.time_ns = in.Fixed64("TimeUnixNano");
      break;
    case 4:
      point.number = OtlpNumber::kDouble;
      point.as_double = in.Double("AsDouble");
      break;
    case 5:
      point.exemplars.push_back(in.Bytes("Exemplars"));
      break;
    case 6:
      point.number = OtlpNumber::kInt;
      point.as_int = static_cast<std::int64_t>(in.Fixed64("AsInt"));
      break;
    case 8:
      point.flags = static_cast<std::uint32_t>(in.Varint("Flags"));
      break;
    default:
      in.Skip();
  }
}

void ReadHistogramField(WireReader& in, OtlpPoint& point) {
  switch (in.field()) {
    case 2:
      point.start_ns = in.Fixed64("StartTimeUnixNano");
      break;
    case 3:
      point.time_ns = in.Fixed64("TimeUnixNano");
      break;
    case 4:
      point.count = in.Fixed64("Count");
      break;
    case 5:
      point.has_sum = true;
      point.sum = in.Double("Sum");
      break;
    case 6:
      in.Fixed64s("BucketCounts", [&](std::uint64_t n) { point.bucket_counts.push_back(n); });
      break;
    case 7:
      in.Doubles("ExplicitBounds", [&](double bound) { point.explicit_bounds.push_back(bound); });
      break;
    case 8:
      point.exemplars.push_back(in.Bytes("Exemplars"));
      break;
    case 10:
      point.flags = static_cast<std::uint32_t>(in.Varint("Flags"));
      break;
    case 11:
      in.Double("Min");
      break;
    case 12:
      in.Double("Max");
      break;
    default:
      in.Skip();
  }
}

// A part that comes twice adds to the first.
void ReadBuckets(std::string_view message, OtlpBuckets& buckets, std::string& error) {
  WireReader in(message, "Buckets", error);
  while (in.Next()) {
    switch (in.field()) {
      case 1:
        buckets.offset =
            static_cast<std::int32_t>(ZigZag(static_cast<std::uint32_t>(in.Varint("Offset"))));
        break;
      case 2:
        in.Varints("BucketCounts", [&](std::uint64_t n) { buckets.counts.push_back(n); });
        break;
      default:
        in.Skip();
    }
  }
}

void ReadExponentialField(WireReader& in, OtlpPoint& point, std::string& error) {
  switch (in.field()) {
    case 2:
      point.start_ns = in.Fixed64("StartTimeUnixNano");
      break;
    case 3:
      point.time_ns = in.Fixed64("TimeUnixNano");
      break;
    case 4:
      point.count = in.Fixed64("Count");
      break;
    case 5:
      point.has_sum = true;
      point.sum = in.Double("Sum");
      break;
    case 6:
      point.scale =
          static_cast<std::int32_t>(ZigZag(static_cast<std::uint32_t>(in.Varint("Scale"))));
      break;
    case 7:
      point.zero_count = in.Fixed64("ZeroCount");
      break;
    case 8:
      ReadBuckets(in.Bytes("Positive"), point.positive, error);
      break;
    case 9:
      ReadBuckets(in.Bytes("Negative"), point.negative, error);
      break;
    case 10:
      point.flags = static_cast<std::uint32_t>(in.Varint("Flags"));
      break;
    case 11:
      point.exemplars.push_back(in.Bytes("Exemplars"));
      break;
    case 12:
      in.Double("Min");
      break;
    case 13:
      in.Double("Max");
      break;
    case 14:
      point.zero_threshold = in.Double("ZeroThreshold");
      break;
    default:
      in.Skip();
  }
}

std::pair<double, double> ReadQuantile(std::string_view message, std::string& error) {
  std::pair<double, double> quantile;
  WireReader in(message, "ValueAtQuantile", error);
  while (in.Next()) {
    switch (in.field()) {
      case 1:
        quantile.first = in.Double("Quantile");
        break;
      case 2:
        quantile.second = in.Double("Value");
        break;
      default:
        in.Skip();
    }
  }
  return quantile;
}

void ReadSummaryField(WireReader& in, OtlpPoint& point, std::string& error) {
  switch (in.field()) {
    case 2:
      point.start_ns = in.Fixed64("StartTimeUnixNano");
      break;
    case 3:
      point.time_ns = in.Fixed64("TimeUnixNano");
      break;
    case 4:
      point.count = in.Fixed64("Count");
      break;
    case 5:
      point.sum = in.Double("Sum");
      break;
    case 6:
      point.quantiles.push_back(ReadQuantile(in.Bytes("QuantileValues"), error));
      break;
    case 8:
      point.flags = static_cast<std::uint32_t>(in.Varint("Flags"));
      break;
    default:
      in.Skip();
  }
}

/// Where a kind of data point has its attributes, and its name.
struct PointForm {
  std::int32_t attributes;
  const char* message;
};

PointForm FormOf(OtlpKind kind) {
  switch (kind) {
    case OtlpKind::kHistogram:
      return {9, "HistogramDataPoint"};
    case OtlpKind::kExponentialHistogram:
      return {1, "ExponentialHistogramDataPoint"};
    case OtlpKind::kSummary:
      return {7, "SummaryDataPoint"};
    default:
      return {7, "NumberDataPoint"};
  }
}

}  // namespace

void OtlpPoint::Clear() {
  attributes.clear();
  attribute_bytes = {};
  exemplars.clear();
  start_ns = time_ns = 0;
  flags = 0;
  number = OtlpNumber::kNone;
  as_double = 0;
  as_int = 0;
  count = 0;
  has_sum = false;
  sum = 0;
  bucket_counts.clear();
  explicit_bounds.clear();
  scale = 0;
  zero_count = 0;
  zero_threshold = 0;
  positive.offset = negative.offset = 0;
  positive.counts.clear();
  negative.counts.clear();
  quantiles.clear();
  joined_.clear();
}

void SetTooManyAttributes(std::string& error) {
  if (error.empty()) error = fmt::format("more than {} attributes", kMaxOtlpAttributes);
}

void ReadOtlpPoint(OtlpKind kind, std::string_view message, OtlpPoint& point, std::string& joined,
                   std::string& error) {
  point.Clear();
  const PointForm form = FormOf(kind);
  PointParts parts(point, joined);
  WireReader in(message, form.message, error);
  for (const char* begin = in.position(); in.Next(); begin = in.position()) {
    if (in.field() == form.attributes) {
      const std::string_view attribute = in.Bytes("Attributes");
      if (point.attributes.size() == kMaxOtlpAttributes) return SetTooManyAttributes(error);
      parts.AddAttribute(attribute, begin, in.position());
      continue;
    }
    switch (kind) {
      case OtlpKind::kHistogram:
        ReadHistogramField(in, point);
        break;
      case OtlpKind::kExponentialHistogram:
        ReadExponentialField(in, point, error);
        break;
      case OtlpKind::kSummary:
        ReadSummaryField(in, point, error);
        break;
      default:
        ReadNumberField(in, point);
    }
  }
}

}  // namespace narthex::proto
