// SPDX-License-Identifier: Apache-2.0
#include "src/proto/otlp_schema.h"

namespace narthex::proto {
namespace {

using enum OtlpFieldType;

// Values hold lists of values, so these are named before they are there.
extern const OtlpMessage kAnyValue;
extern const OtlpMessage kKeyValue;

constexpr OtlpField Field(std::uint32_t number, std::string_view camel, std::string_view snake,
                          OtlpFieldType type) {
  return {.camel = camel, .snake = snake, .number = number, .type = type};
}
constexpr OtlpField Field(std::uint32_t number, std::string_view name, OtlpFieldType type) {
  return Field(number, name, name, type);
}
constexpr OtlpField One(std::uint32_t number, std::string_view camel, std::string_view snake,
                        const OtlpMessage& message) {
  return {.camel = camel, .snake = snake, .number = number, .type = kMessage, .message = &message};
}
constexpr OtlpField Many(std::uint32_t number, std::string_view camel, std::string_view snake,
                         const OtlpMessage& message) {
  return {.camel = camel,
          .snake = snake,
          .number = number,
          .type = kMessage,
          .repeated = true,
          .message = &message};
}
constexpr OtlpField Numbers(std::uint32_t number, std::string_view camel, std::string_view snake,
                            OtlpFieldType type) {
  return {.camel = camel, .snake = snake, .number = number, .type = type, .repeated = true};
}

constexpr OtlpField kArrayValueFields[] = {Many(1, "values", "values", kAnyValue)};
constexpr OtlpMessage kArrayValue{kArrayValueFields};
constexpr OtlpField kMapFields[] = {Many(1, "values", "values", kKeyValue)};
constexpr OtlpMessage kMap{kMapFields};

constexpr OtlpField kAnyValueFields[] = {
    Field(1, "stringValue", "string_value", kString),
    Field(2, "boolValue", "bool_value", kBool),
    Field(3, "intValue", "int_value", kInt64),
    Field(4, "doubleValue", "double_value", kDouble),
    One(5, "arrayValue", "array_value", kArrayValue),
    One(6, "kvlistValue", "kvlist_value", kMap),
    Field(7, "bytesValue", "bytes_value", kBase64),
};
constexpr OtlpField kKeyValueFields[] = {Field(1, "key", kString),
                                         One(2, "value", "value", kAnyValue)};
constexpr OtlpMessage kAnyValue{kAnyValueFields};
constexpr OtlpMessage kKeyValue{kKeyValueFields};

constexpr OtlpField kExemplarFields[] = {
    Field(2, "timeUnixNano", "time_unix_nano", kFixed64),
    Field(3, "asDouble", "as_double", kDouble),
    Field(4, "spanId", "span_id", kHex),
    Field(5, "traceId", "trace_id", kHex),
    Field(6, "asInt", "as_int", kSfixed64),
    Many(7, "filteredAttributes", "filtered_attributes", kKeyValue),
};
constexpr OtlpMessage kExemplar{kExemplarFields};

constexpr OtlpField kNumberPointFields[] = {
    Field(2, "startTimeUnixNano", "start_time_unix_nano", kFixed64),
    Field(3, "timeUnixNano", "time_unix_nano", kFixed64),
    Field(4, "asDouble", "as_double", kDouble),
    Many(5, "exemplars", "exemplars", kExemplar),
    Field(6, "asInt", "as_int", kSfixed64),
    Many(7, "attributes", "attributes", kKeyValue),
    Field(8, "flags", kUint32),
};
constexpr OtlpMessage kNumberPoint{kNumberPointFields};

constexpr OtlpField kHistogramPointFields[] = {
    Field(2, "startTimeUnixNano", "start_time_unix_nano", kFixed64),
    Field(3, "timeUnixNano", "time_unix_nano", kFixed64),
    Field(4, "count", kFixed64),
    Field(5, "sum", kDouble),
    Numbers(6, "bucketCounts", "bucket_counts", kFixed64),
    Numbers(7, "explicitBounds", "explicit_bounds", kDouble),
    Many(8, "exemplars", "exemplars", kExemplar),
    Many(9, "attributes", "attributes", kKeyValue),
    Field(10, "flags", kUint32),
    Field(11, "min", kDouble),
    Field(12, "max", kDouble),
};
constexpr OtlpMessage kHistogramPoint{kHistogramPointFields};

constexpr OtlpField kBucketsFields[] = {Field(1, "offset", kSint32),
                                        Numbers(2, "bucketCounts", "bucket_counts", kUint64)};
constexpr OtlpMessage kBuckets{kBucketsFields};

constexpr OtlpField kExponentialPointFields[] = {
    Many(1, "attributes", "attributes", kKeyValue),
    Field(2, "startTimeUnixNano", "start_time_unix_nano", kFixed64),
    Field(3, "timeUnixNano", "time_unix_nano", kFixed64),
    Field(4, "count", kFixed64),
    Field(5, "sum", kDouble),
    Field(6, "scale", kSint32),
    Field(7, "zeroCount", "zero_count", kFixed64),
    One(8, "positive", "positive", kBuckets),
    One(9, "negative", "negative", kBuckets),
    Field(10, "flags", kUint32),
    Many(11, "exemplars", "exemplars", kExemplar),
    Field(12, "min", kDouble),
    Field(13, "max", kDouble),
    Field(14, "zeroThreshold", "zero_threshold", kDouble),
};
constexpr OtlpMessage kExponentialPoint{kExponentialPointFields};

constexpr OtlpField kQuantileFields[] = {Field(1, "quantile", kDouble), Field(2, "value", kDouble)};
constexpr OtlpMessage kQuantile{kQuantileFields};
constexpr OtlpField kSummaryPointFields[] = {
    Field(2, "startTimeUnixNano", "start_time_unix_nano", kFixed64),
    Field(3, "timeUnixNano", "time_unix_nano", kFixed64),
    Field(4, "count", kFixed64),
    Field(5, "sum", kDouble),
    Many(6, "quantileValues", "quantile_values", kQuantile),
    Many(7, "attributes", "attributes", kKeyValue),
    Field(8, "flags", kUint32),
};
constexpr OtlpMessage kSummaryPoint{kSummaryPointFields};

constexpr OtlpField kGaugeFields[] = {Many(1, "dataPoints", "data_points", kNumberPoint)};
constexpr OtlpMessage kGauge{kGaugeFields};
constexpr OtlpField kSumFields[] = {
    Many(1, "dataPoints", "data_points", kNumberPoint),
    Field(2, "aggregationTemporality", "aggregation_temporality", kTemporality),
    Field(3, "isMonotonic", "is_monotonic", kBool),
};
constexpr OtlpMessage kSum{kSumFields};
constexpr OtlpField kHistogramFields[] = {
    Many(1, "dataPoints", "data_points", kHistogramPoint),
    Field(2, "aggregationTemporality", "aggregation_temporality", kTemporality),
};
constexpr OtlpMessage kHistogram{kHistogramFields};
constexpr OtlpField kExponentialFields[] = {
    Many(1, "dataPoints", "data_points", kExponentialPoint),
    Field(2, "aggregationTemporality", "aggregation_temporality", kTemporality),
};
constexpr OtlpMessage kExponential{kExponentialFields};
constexpr OtlpField kSummaryFields[] = {Many(1, "dataPoints", "data_points", kSummaryPoint)};
constexpr OtlpMessage kSummary{kSummaryFields};

constexpr OtlpField kMetricFields[] = {
    Field(1, "name", kString),
    Field(2, "description", kString),
    Field(3, "unit", kString),
    One(5, "gauge", "gauge", kGauge),
    One(7, "sum", "sum", kSum),
    One(9, "histogram", "histogram", kHistogram),
    One(10, "exponentialHistogram", "exponential_histogram", kExponential),
    One(11, "summary", "summary", kSummary),
    Many(12, "metadata", "metadata", kKeyValue),
};
constexpr OtlpMessage kMetric{kMetricFields};

constexpr OtlpField kScopeFields[] = {
    Field(1, "name", kString),
    Field(2, "version", kString),
    Many(3, "attributes", "attributes", kKeyValue),
    Field(4, "droppedAttributesCount", "dropped_attributes_count", kUint32),
};
constexpr OtlpMessage kScope{kScopeFields};
constexpr OtlpField kScopeMetricsFields[] = {
    One(1, "scope", "scope", kScope),
    Many(2, "metrics", "metrics", kMetric),
    Field(3, "schemaUrl", "schema_url", kString),
};
constexpr OtlpMessage kScopeMetricsMessage{kScopeMetricsFields};

constexpr OtlpField kResourceFields[] = {
    Many(1, "attributes", "attributes", kKeyValue),
    Field(2, "droppedAttributesCount", "dropped_attributes_count", kUint32),
};
constexpr OtlpMessage kResource{kResourceFields};
// What scopes were called once is known in the protobuf form only, as in the collector.
constexpr OtlpField kResourceMetricsFields[] = {
    One(1, "resource", "resource", kResource),
    Many(2, "scopeMetrics", "scope_metrics", kScopeMetricsMessage),
    Field(3, "schemaUrl", "schema_url", kString),
};
constexpr OtlpMessage kResourceMetrics{kResourceMetricsFields};
constexpr OtlpField kRequestFields[] = {
    Many(1, "resourceMetrics", "resource_metrics", kResourceMetrics)};

}  // namespace

const OtlpMessage kOtlpRequest{kRequestFields};

}  // namespace narthex::proto
