// SPDX-License-Identifier: Apache-2.0
#include "narthex/proto/otlp.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "src/proto/wire_writer.h"
#include "tests/proto/otlp_json.h"

namespace narthex::proto {
namespace {

using Kind = OtlpValue::Kind;

/// A message of whatever the calls write.
template <typename Write>
std::string Message(Write write) {
  std::string bytes;
  WireWriter writer(bytes);
  write(writer);
  return bytes;
}
std::string Wrapped(std::uint32_t field, const std::string& message) {
  return Message([&](WireWriter& w) { w.Message(field, message); });
}

/// An AnyValue.
std::string Text(std::string_view text) { return Wrapped(1, std::string(text)); }
std::string Bool(bool value) {
  return Message([&](WireWriter& w) { w.VarintAlways(2, value ? 1 : 0); });
}
std::string Int(std::int64_t value) {
  return Message([&](WireWriter& w) { w.VarintAlways(3, static_cast<std::uint64_t>(value)); });
}
std::string Double(double value) {
  return Message([&](WireWriter& w) { w.DoubleAlways(4, value); });
}
std::string Array(const std::vector<std::string>& values) {
  return Wrapped(5, Message([&](WireWriter& w) {
                   for (const auto& value : values) w.Message(1, value);
                 }));
}
std::string Bytes(std::string_view bytes) { return Wrapped(7, std::string(bytes)); }

std::string Attribute(std::string_view key, const std::string& value) {
  return Message([&](WireWriter& w) {
    w.Message(1, key);
    w.Message(2, value);
  });
}
std::string Map(const std::vector<std::pair<std::string, std::string>>& members) {
  return Wrapped(6, Message([&](WireWriter& w) {
                   for (const auto& [key, value] : members) w.Message(1, Attribute(key, value));
                 }));
}

/// A request with one metric.
std::string RequestOf(const std::string& metric) {
  return Wrapped(1, Wrapped(2, Wrapped(2, metric)));
}
/// A request with one gauge that has one data point.
std::string RequestWithPoint(const std::string& point) {
  return RequestOf(Wrapped(5, Wrapped(1, point)));
}

/// Goes to the first data point.
struct FirstPoint {
  explicit FirstPoint(const std::string& body) : reader(body) {
    EXPECT_TRUE(reader.NextResource() && reader.NextScope() && reader.NextMetric());
    EXPECT_TRUE(reader.NextPoint(point));
  }
  OtlpReader reader;
  OtlpPoint point;
};

// Expected texts are what Value.AsString of OpenTelemetry's pdata v1.63.0 gave.
TEST(OtlpTest, TextsOfValues) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const struct {
    std::string value;
    std::string text;
  } cases[] = {
      {"", ""},
      {Text("a\"b"), "a\"b"},
      {Bool(true), "true"},
      {Bool(false), "false"},
      {Int(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808"},
      {Double(0), "0"},
      {Double(-0.0), "-0"},
      {Double(-1.5), "-1.5"},
      {Double(1e21), "1e+21"},
      {Double(1e20), "100000000000000000000"},
      {Double(1e-6), "0.000001"},
      {Double(1e-7), "1e-7"},
      {Double(123456789.125), "123456789.125"},
      {Double(5e-324), "5e-324"},
      {Double(std::nan("")), "NaN"},
      {Double(kInf), "Infinity"},
      {Double(-kInf), "-Infinity"},
      {Bytes({"\0\xff\1\2", 4}), "AP8BAg=="},
      {Bytes(""), ""},
      {Array({Text("a<b>&\"\\\n\u2028\xff\x01\x7f"), Int(5), Double(1e21), Bool(false), "",
              Bytes(""), Bytes("hi!"), Array({}), Map({})}),
       "[\"a<b>&\\\"\\\\\\n\\u2028\\ufffd\\u0001\x7f\",5,1e+21,false,null,null,\"aGkh\",[],{}]"},
      {Map({{"z", Text("1")}, {"a\"", Text("2")}, {"m", Map({{"d", Double(0.1)}})}}),
       "{\"a\\\"\":\"2\",\"m\":{\"d\":0.1},\"z\":\"1\"}"},
      {Map({{"k", Int(1)}, {"k", Int(2)}}), "{\"k\":2}"},
      {Array({Text("x"), Double(std::nan(""))}), ""},
      {Text("first") + Int(2), "2"},  // The last of several counts.
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const std::string body = RequestWithPoint(Wrapped(7, Attribute("k", c.value)));
    FirstPoint first(body);
    std::vector<OtlpAttribute> attributes;
    ASSERT_TRUE(first.reader.ReadAttributes(first.point.attributes, attributes));
    ASSERT_EQ(attributes.size(), 1U);
    EXPECT_EQ(attributes[0].key, "k");
    std::string text;
    attributes[0].value.AppendText(text);
    EXPECT_EQ(text, c.text);
  }
}

TEST(OtlpTest, ReadsResourceScopeAndMetric) {
  const std::string body = WireOf(R"({"resourceMetrics": [{
    "schemaUrl": "not kept",
    "resource": {"attributes": [{"key": "r", "value": {"intValue": "7"}}]},
    "scopeMetrics": [
      {"scope": {"name": "n", "version": "v", "attributes": [{"key": "s"}]}, "schemaUrl": "u",
       "metrics": [
         {"name": "one", "unit": "By", "description": "help",
          "sum": {"dataPoints": [{}, {}], "isMonotonic": true, "aggregationTemporality": 2}},
         {"name": "two", "metadata": [{"key": "m", "value": {"stringValue": "x"}}]}]},
      {"metrics": [{"gauge": {}}]}]},
    {"scope_metrics": [{"metrics": [{"histogram":
       {"aggregation_temporality": "AGGREGATION_TEMPORALITY_DELTA"}}]}]}]})");
  OtlpReader reader(body);
  ASSERT_TRUE(reader.NextResource());
  ASSERT_EQ(reader.resource_attributes().size(), 1U);
  EXPECT_EQ(reader.resource_attributes()[0].key, "r");
  EXPECT_EQ(reader.resource_attributes()[0].value.bits, 7U);
  ASSERT_TRUE(reader.NextScope());
  EXPECT_EQ(reader.scope().name, "n");
  EXPECT_EQ(reader.scope().version, "v");
  EXPECT_EQ(reader.scope().schema_url, "u");
  ASSERT_EQ(reader.scope().attributes.size(), 1U);
  EXPECT_EQ(reader.scope().attributes[0].value.kind, Kind::kEmpty);
  ASSERT_TRUE(reader.NextMetric());
  EXPECT_EQ(reader.metric().name, "one");
  EXPECT_EQ(reader.metric().unit, "By");
  EXPECT_EQ(reader.metric().description, "help");
  EXPECT_EQ(reader.metric().kind, OtlpKind::kSum);
  EXPECT_EQ(reader.metric().temporality, OtlpTemporality::kCumulative);
  EXPECT_TRUE(reader.metric().monotonic);
  EXPECT_EQ(reader.metric().num_points, 2U);
  ASSERT_TRUE(reader.NextMetric());  // Points that were not read are passed over.
  EXPECT_EQ(reader.metric().name, "two");
  EXPECT_EQ(reader.metric().kind, OtlpKind::kNone);
  EXPECT_FALSE(reader.metric().monotonic);
  EXPECT_FALSE(reader.NextMetric());
  ASSERT_TRUE(reader.NextScope());
  EXPECT_EQ(reader.scope().name, "");
  EXPECT_TRUE(reader.scope().attributes.empty());
  ASSERT_TRUE(reader.NextResource());  // And so are scopes.
  EXPECT_TRUE(reader.resource_attributes().empty());
  OtlpPoint point;
  EXPECT_FALSE(reader.NextMetric());
  EXPECT_FALSE(reader.NextPoint(point));
  ASSERT_TRUE(reader.NextScope());
  ASSERT_TRUE(reader.NextMetric());
  EXPECT_EQ(reader.metric().kind, OtlpKind::kHistogram);
  EXPECT_EQ(reader.metric().temporality, OtlpTemporality::kDelta);
  EXPECT_FALSE(reader.NextResource());
  EXPECT_TRUE(reader.status());
  EXPECT_EQ(OtlpCheckForDelta(body).value(), true);
}

TEST(OtlpTest, ReadsNumbers) {
  const std::string body = WireOf(OneMetric(R"("gauge": {"dataPoints": [
      {"asInt": "-5", "timeUnixNano": "18446744073709551615", "startTimeUnixNano": 3, "flags": 1,
       "attributes": [{"key": "a", "value": {"stringValue": "x"}}, {"key": "b"}],
       "exemplars": [{"timeUnixNano": 9, "asInt": 4, "spanId": "0102030405060708",
                      "traceId": "AABBCCDDEEFF00112233445566778899",
                      "filteredAttributes": [{"key": "f", "value": {"boolValue": true}}]},
                     {"asDouble": 0.5, "traceId": "00000000000000000000000000000000"}]},
      {"asDouble": "NaN"}, {"asDouble": "-Infinity"}, {"as_double": 1e-3}, {"asDouble": "0x1p-2"},
      {}]})"));
  FirstPoint first(body);
  OtlpPoint& point = first.point;
  EXPECT_EQ(point.number, OtlpNumber::kInt);
  EXPECT_EQ(point.as_int, -5);
  EXPECT_EQ(point.time_ns, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(point.start_ns, 3U);
  EXPECT_TRUE(point.no_recorded_value());
  ASSERT_EQ(point.attributes.size(), 2U);
  ASSERT_EQ(point.exemplars.size(), 2U);
  OtlpExemplar exemplar;
  ASSERT_TRUE(first.reader.ReadExemplar(point.exemplars[0], exemplar));
  EXPECT_EQ(exemplar.kind, OtlpNumber::kInt);
  EXPECT_EQ(exemplar.value, 4);
  EXPECT_EQ(exemplar.time_ns, 9U);
  EXPECT_EQ(exemplar.span_id, "\1\2\3\4\5\6\7\10");
  EXPECT_EQ(exemplar.trace_id.size(), 16U);
  EXPECT_EQ(exemplar.attributes.size(), 1U);
  ASSERT_TRUE(first.reader.ReadExemplar(point.exemplars[1], exemplar));
  EXPECT_EQ(exemplar.value, 0.5);
  EXPECT_EQ(exemplar.trace_id, "") << "zeros are no id";
  EXPECT_TRUE(exemplar.attributes.empty());

  ASSERT_TRUE(first.reader.NextPoint(point));
  EXPECT_TRUE(std::isnan(point.as_double));
  EXPECT_TRUE(point.attributes.empty());
  EXPECT_EQ(point.attribute_bytes, "");
  EXPECT_FALSE(point.no_recorded_value());
  ASSERT_TRUE(first.reader.NextPoint(point));
  EXPECT_EQ(point.as_double, -std::numeric_limits<double>::infinity());
  ASSERT_TRUE(first.reader.NextPoint(point));
  EXPECT_EQ(point.as_double, 1e-3);
  ASSERT_TRUE(first.reader.NextPoint(point));
  EXPECT_EQ(point.as_double, 0.25);
  ASSERT_TRUE(first.reader.NextPoint(point));
  EXPECT_EQ(point.number, OtlpNumber::kNone);
  EXPECT_FALSE(first.reader.NextPoint(point));
}

TEST(OtlpTest, ReadsHistograms) {
  FirstPoint classic(WireOf(OneMetric(R"("histogram": {"dataPoints": [
      {"count": "7", "sum": 1.5, "bucketCounts": ["1", 2, "4"], "explicitBounds": [0.1, "Infinity"],
       "min": 0, "max": 1, "attributes": [{"key": "a"}]}]})")));
  EXPECT_EQ(classic.point.count, 7U);
  EXPECT_TRUE(classic.point.has_sum);
  EXPECT_EQ(classic.point.sum, 1.5);
  EXPECT_EQ(classic.point.bucket_counts, (std::vector<std::uint64_t>{1, 2, 4}));
  EXPECT_EQ(classic.point.explicit_bounds,
            (std::vector<double>{0.1, std::numeric_limits<double>::infinity()}));
  EXPECT_EQ(classic.point.attributes.size(), 1U);

  FirstPoint exponential(WireOf(OneMetric(R"("exponentialHistogram": {"dataPoints": [
      {"count": 9, "scale": -3, "zeroCount": 2, "zeroThreshold": 0.5,
       "positive": {"offset": -2, "bucketCounts": [1, "18446744073709551615"]},
       "negative": {"offset": 2147483647}, "attributes": [{"key": "a"}]}]})")));
  EXPECT_EQ(exponential.point.scale, -3);
  EXPECT_EQ(exponential.point.zero_count, 2U);
  EXPECT_EQ(exponential.point.zero_threshold, 0.5);
  EXPECT_FALSE(exponential.point.has_sum);
  EXPECT_EQ(exponential.point.positive.offset, -2);
  EXPECT_EQ(exponential.point.positive.counts,
            (std::vector<std::uint64_t>{1, std::numeric_limits<std::uint64_t>::max()}));
  EXPECT_EQ(exponential.point.negative.offset, 2147483647);
  EXPECT_EQ(exponential.point.attributes.size(), 1U);

  FirstPoint summary(WireOf(OneMetric(R"("summary": {"dataPoints": [
      {"count": 3, "sum": 6, "quantileValues": [{"quantile": 0.5, "value": 2}, {}]}]})")));
  EXPECT_EQ(summary.point.count, 3U);
  EXPECT_EQ(summary.point.sum, 6);
  EXPECT_EQ(summary.point.quantiles, (std::vector<std::pair<double, double>>{{0.5, 2}, {0, 0}}));
}

TEST(OtlpTest, PackedNumbersAreTakenAsWell) {
  std::string packed;
  WireWriter(packed).RawDouble(0.5);
  const std::string point = Message([&](WireWriter& w) {
    w.Message(7, packed + packed);
    w.DoubleAlways(7, 2);
  });
  FirstPoint first(RequestOf(Wrapped(9, Wrapped(1, point))));
  EXPECT_EQ(first.point.explicit_bounds, (std::vector<double>{0.5, 0.5, 2}));
}

// Which order the fields of a message have says nothing.
TEST(OtlpTest, FieldsInAnyOrder) {
  const std::string point = Message([](WireWriter& w) { w.DoubleAlways(4, 1.5); });
  const std::string sum = Message([&](WireWriter& w) {
    w.VarintAlways(3, 1);
    w.Message(1, point);
    w.VarintAlways(2, 2);
    w.Message(1, point);
  });
  const std::string metric = Message([&](WireWriter& w) {
    w.Message(7, sum);
    w.Message(1, "late");
  });
  const std::string scopes = Message([&](WireWriter& w) {
    w.Message(2, metric);
    w.Message(3, "url");
    w.Message(1, Wrapped(1, "scope"));
  });
  const std::string body = Wrapped(1, Message([&](WireWriter& w) {
                                     w.Message(2, scopes);
                                     w.Message(1, Wrapped(1, Attribute("k", Int(1))));
                                     w.Message(1, Wrapped(1, Attribute("l", Int(2))));
                                   }));
  OtlpReader reader(body);
  ASSERT_TRUE(reader.NextResource());
  EXPECT_EQ(reader.resource_attributes().size(), 2U) << "a second resource adds to the first";
  ASSERT_TRUE(reader.NextScope());
  EXPECT_EQ(reader.scope().name, "scope");
  EXPECT_EQ(reader.scope().schema_url, "url");
  ASSERT_TRUE(reader.NextMetric());
  EXPECT_EQ(reader.metric().name, "late");
  EXPECT_TRUE(reader.metric().monotonic);
  EXPECT_EQ(reader.metric().temporality, OtlpTemporality::kCumulative);
  EXPECT_EQ(reader.metric().num_points, 2U);
  OtlpPoint read;
  EXPECT_TRUE(reader.NextPoint(read));
  EXPECT_TRUE(reader.NextPoint(read));
  EXPECT_EQ(read.as_double, 1.5);
  EXPECT_FALSE(reader.NextPoint(read));
}

// Equal attributes have equal bytes, wherever they stand.
TEST(OtlpTest, AttributeBytes) {
  const std::string a = Attribute("a", Int(1));
  const std::string b = Attribute("b", Int(2));
  const std::string together = Message([&](WireWriter& w) {
    w.DoubleAlways(4, 1);
    w.Message(7, a);
    w.Message(7, b);
  });
  const std::string apart = Message([&](WireWriter& w) {
    w.Message(7, a);
    w.DoubleAlways(4, 1);
    w.Message(7, b);
    w.VarintAlways(8, 0);
  });
  const std::string gauge = Message([&](WireWriter& w) {
    w.Message(1, together);
    w.Message(1, apart);
    w.Message(1, Wrapped(7, b) + Wrapped(7, a));
  });
  FirstPoint first(RequestOf(Wrapped(5, gauge)));
  const std::string bytes(first.point.attribute_bytes);
  EXPECT_EQ(bytes, Wrapped(7, a) + Wrapped(7, b));
  ASSERT_TRUE(first.reader.NextPoint(first.point));
  EXPECT_EQ(first.point.attribute_bytes, bytes);
  EXPECT_EQ(first.point.attributes.size(), 2U);
  ASSERT_TRUE(first.reader.NextPoint(first.point));
  EXPECT_NE(first.point.attribute_bytes, bytes);
}

TEST(OtlpTest, ScopesUnderTheirOldName) {
  const std::string scopes = Wrapped(2, Wrapped(1, "m"));
  const std::string old = Wrapped(1, Wrapped(1000, scopes));
  OtlpReader reader(old);
  EXPECT_TRUE(reader.NextResource() && reader.NextScope() && reader.NextMetric());
  EXPECT_EQ(reader.metric().name, "m");
  const std::string both = Wrapped(1, Wrapped(1000, scopes) + Wrapped(2, ""));
  OtlpReader newer(both);
  EXPECT_TRUE(newer.NextResource() && newer.NextScope());
  EXPECT_FALSE(newer.NextMetric());
  EXPECT_FALSE(newer.NextScope());
}

TEST(OtlpTest, BrokenBodies) {
  std::string deep = Int(1);
  for (int i = 0; i < 100; ++i) deep = Array({deep});
  const struct {
    const char* name;
    std::string body;
    std::string error;
  } cases[] = {
      {"wire type", Message([](WireWriter& w) { w.VarintAlways(1, 5); }),
       "proto: wrong wireType = 0 for field ResourceMetrics"},
      {"end", Wrapped(1, Wrapped(2, "")).substr(0, 3), "unexpected EOF"},
      {"value of a point", RequestWithPoint(Wrapped(4, "x")),
       "proto: wrong wireType = 2 for field AsDouble"},
      {"attribute of a point", RequestWithPoint(Wrapped(7, "\x0a\x05x")), "unexpected EOF"},
      {"exemplar", RequestWithPoint(Wrapped(5, Wrapped(5, "short"))),
       "unmarshal: invalid TraceID length"},
      {"span", RequestWithPoint(Wrapped(5, Wrapped(4, "short"))),
       "unmarshal: invalid SpanID length"},
      {"depth", RequestWithPoint(Wrapped(7, Attribute("k", deep))),
       "proto: AnyValue: more than 64 levels"},
      {"illegal wire type", std::string("\x17", 1), "proto: illegal wireType 7"},
      {"number", std::string("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11),
       "proto: integer overflow"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(ErrorOf(c.body), c.error);
  }
  EXPECT_EQ(ErrorOf(""), "");
  EXPECT_EQ(ErrorOf(Message([](WireWriter& w) { w.VarintAlways(99, 5); })), "")
      << "unknown fields are passed over";
}

// An empty attribute has two bytes in a body, but takes many in memory.
TEST(OtlpTest, AttributesHaveABound) {
  std::string attributes;
  for (int i = 0; i < (64 << 10) + 1; ++i) attributes += std::string("\x3a\0", 2);
  EXPECT_EQ(ErrorOf(RequestWithPoint(attributes)), "more than 65536 attributes");
  attributes.resize(attributes.size() - 2);
  EXPECT_EQ(ErrorOf(RequestWithPoint(attributes)), "");
}

// Whatever a body is cut to, it is read or refused, and never read beyond its end.
TEST(OtlpTest, CutBodies) {
  const std::string whole = WireOf(OneMetric(R"("name": "m", "exponentialHistogram": {
      "aggregationTemporality": 1, "dataPoints": [{"count": 9, "scale": -3, "timeUnixNano": 5,
      "positive": {"offset": -2, "bucketCounts": [1, 3]}, "exemplars": [{"asInt": 5}],
      "attributes": [{"key": "a", "value": {"arrayValue": {"values": [{"intValue": 3}]}}}]}]})"));
  EXPECT_EQ(ErrorOf(whole), "");
  for (std::size_t n = 1; n < whole.size(); ++n) {
    const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_NE(ErrorOf({cut.data(), cut.size()}), "") << n;
  }
}

}  // namespace
}  // namespace narthex::proto
