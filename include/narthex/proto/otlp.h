// SPDX-License-Identifier: Apache-2.0
//
// Metrics of OpenTelemetry (OTLP), read in place from the message ExportMetricsServiceRequest.
// Source: https://opentelemetry.io/docs/specs/otlp/ and opentelemetry-proto
// (opentelemetry/proto/metrics/v1/metrics.proto).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "narthex/base/result.h"

namespace narthex::proto {

/// A value of an attribute. Views point into the body.
struct OtlpValue {
  enum class Kind : std::uint8_t {
    kEmpty,
    kString,
    kBool,
    kInt,
    kDouble,
    kArray,
    kMap,
    kBytes,
  };
  Kind kind = Kind::kEmpty;
  std::uint64_t bits = 0;  // Of a bool, int or double.
  std::string_view bytes;  // Of a string, of bytes; the message of an array or map.

  /// What OpenTelemetry's collector makes of a value where a text is wanted: numbers as JSON has
  /// them, bytes as base64, arrays and maps as JSON. Appended to `out`.
  void AppendText(std::string& out) const;
};

struct OtlpAttribute {
  std::string_view key;
  OtlpValue value;
};

/// How the number of a data point or an exemplar was given.
enum class OtlpNumber : std::uint8_t { kNone, kInt, kDouble };

struct OtlpExemplar {
  std::vector<OtlpAttribute> attributes;
  std::uint64_t time_ns = 0;
  OtlpNumber kind = OtlpNumber::kNone;
  double value = 0;
  std::string_view trace_id, span_id;  // Bytes; empty = none, also when all were zero.
};

enum class OtlpKind : std::uint8_t {
  kNone,  // No data, or data of a kind that is not known here.
  kGauge,
  kSum,
  kHistogram,
  kExponentialHistogram,
  kSummary,
};

/// Numbers of the protocol; others are possible.
enum class OtlpTemporality : std::int32_t { kUnspecified = 0, kDelta = 1, kCumulative = 2 };

struct OtlpMetric {
  std::string_view name, description, unit;
  OtlpKind kind = OtlpKind::kNone;
  OtlpTemporality temporality = OtlpTemporality::kUnspecified;
  bool monotonic = false;  // Of a sum.
  std::size_t num_points = 0;
};

/// `counts[i]` is of the bucket with index `offset + i`.
struct OtlpBuckets {
  std::int32_t offset = 0;
  std::vector<std::uint64_t> counts;
};

/// A data point of any kind; each kind fills the members that it has, the others are zero or empty.
struct OtlpPoint {
  static constexpr std::uint32_t kNoRecordedValue = 1;  // In flags.

  std::vector<std::string_view> attributes;  // Messages; see OtlpReader::ReadAttributes.
  std::string_view attribute_bytes;          // All of them as sent, which tells equal ones.
  std::vector<std::string_view> exemplars;   // Messages; see OtlpReader::ReadExemplar.
  std::uint64_t start_ns = 0, time_ns = 0;
  std::uint32_t flags = 0;

  // Of a gauge or sum.
  OtlpNumber number = OtlpNumber::kNone;
  double as_double = 0;
  std::int64_t as_int = 0;

  // Of the other kinds.
  std::uint64_t count = 0;
  bool has_sum = false;
  double sum = 0;

  // Of a histogram.
  std::vector<std::uint64_t> bucket_counts;
  std::vector<double> explicit_bounds;

  // Of an exponential histogram.
  std::int32_t scale = 0;
  std::uint64_t zero_count = 0;
  double zero_threshold = 0;
  OtlpBuckets positive, negative;

  // Of a summary: quantile, value.
  std::vector<std::pair<double, double>> quantiles;

  bool no_recorded_value() const { return (flags & kNoRecordedValue) != 0; }
  /// Empties all members; vectors keep their memory.
  void Clear();

 private:
  friend class OtlpReader;
  std::string joined_;  // Holds attribute_bytes when they do not lie together in the body.
};

/// Walks one decompressed body. All views point into the body, or into the reader until the next
/// call of the Next function that filled them. A hostile body costs time in proportion to its
/// length, and memory for the attributes of one resource, of one scope and of one data point.
///
///   OtlpReader reader(body);
///   while (reader.NextResource()) {
///     while (reader.NextScope()) {
///       while (reader.NextMetric()) {
///         while (reader.NextPoint(point)) …
///       }
///     }
///   }
///   NX_RETURN_IF_ERROR(reader.status());
///
/// Each Next goes on whatever was not read of the member before; that is then skipped unchecked,
/// as are attributes and exemplars that are not asked for. Thread safety: one thread.
class OtlpReader final {
 public:
  explicit OtlpReader(std::string_view body);
  ~OtlpReader();
  OtlpReader(const OtlpReader&) = delete;
  OtlpReader& operator=(const OtlpReader&) = delete;

  bool NextResource();
  /// Attributes as sent: in any order, perhaps repeated, empty or not UTF-8.
  const std::vector<OtlpAttribute>& resource_attributes() const;

  bool NextScope();
  struct Scope {
    std::string_view name, version, schema_url;
    std::vector<OtlpAttribute> attributes;
  };
  const Scope& scope() const;

  bool NextMetric();
  const OtlpMetric& metric() const;

  bool NextPoint(OtlpPoint& point);

  /// Replaces `out` by the attributes. False when the body is broken.
  bool ReadAttributes(const std::vector<std::string_view>& messages,
                      std::vector<OtlpAttribute>& out);
  bool ReadExemplar(std::string_view message, OtlpExemplar& out);

  /// Errors: kInvalidArgument, how the body breaks protobuf's rules.
  Status status() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Reads the whole body for what can be wrong with it, and whether any metric has delta
/// temporality. Errors: as OtlpReader::status.
Result<bool> OtlpCheckForDelta(std::string_view body);

/// Turns the JSON form of the message into its protobuf form, appended to `wire`. As the collector
/// reads it: names in lowerCamelCase or as in the .proto file, numbers also as strings,
/// enumerations by number or name, ids in hex, bytes in base64, null = not given, unknown names
/// passed over, and what follows the message as well. Lengths have five bytes, which makes a text
/// at most five times as long. Errors: kInvalidArgument, what is wrong and where.
Status OtlpJsonToWire(std::string_view json, std::string& wire);

}  // namespace narthex::proto
