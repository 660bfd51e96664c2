// SPDX-License-Identifier: Apache-2.0
#include "tests/proto/otlp_json.h"

namespace narthex::proto {
namespace {

// What pdata v1.63.0 takes and what it refuses.
TEST(OtlpJsonTest, FormsOfJson) {
  const auto point = [](const std::string& fields) {
    return OneMetric(R"("gauge":{"dataPoints":[{)" + fields + "}]}");
  };
  const struct {
    std::string json;
    const char* error;  // "" = it is taken.
  } cases[] = {
      {"", "json: incomplete JSON"},
      {"null", ""},
      {"{}", ""},
      {"[]", "json: an array found where the request belongs"},
      {"3", "json: a number found where the request belongs"},
      {"{} behind it", ""},
      {R"({"resourceMetrics":null})", ""},
      {R"({"resourceMetrics":[null]})", ""},
      {R"({"resourceMetrics":{}})",
       "json: an object found where it does not belong, in \"resourceMetrics\""},
      {R"({"resourceMetrics":[[]]})",
       "json: an array found where it does not belong, in \"resourceMetrics\""},
      {R"({"resourceMetrics":[],})", "json: syntax error"},
      {R"({"resourceMetrics":[{"unknown":{"a":[1,{"b":null}]},"other":"x","scopeMetrics":[]}]})",
       ""},
      {R"({"resourceMetrics":[{"resource":{"attributes":[{"key":1}]}}]})",
       "json: a number found where it does not belong, in \"key\""},
      {R"({"resourceMetrics":[{"resource":{"attributes":[{"value":{"boolValue":"true"}}]}}]})",
       "json: a string found where it does not belong, in \"boolValue\""},
      {OneMetric(R"("gauge":null,"name":null)"), ""},
      {OneMetric(R"("sum":{"aggregationTemporality":"X"})"),
       "json: \"X\" is not a value of \"aggregationTemporality\""},
      {point(R"("asInt":"1x")"), "json: \"1x\" is not a value of \"asInt\""},
      {point(R"("asInt":1.5)"), "json: \"1.5\" is not a value of \"asInt\""},
      {point(R"("asInt":1e3)"), "json: \"1e3\" is not a value of \"asInt\""},
      {point(R"("asInt":"+5")"), ""},
      {point(R"("asInt":9223372036854775808)"),
       "json: \"9223372036854775808\" is not a value of \"asInt\""},
      {point(R"("asDouble":"1e999")"), "json: \"1e999\" is not a value of \"asDouble\""},
      {point(R"("asDouble":1e999)"), "json: \"1e999\" is not a value of \"asDouble\""},
      {point(R"("asDouble":"inf")"), ""},
      {point(R"("asDouble":null)"), "json: null found where it does not belong, in \"asDouble\""},
      {point(R"("timeUnixNano":"+5")"), "json: \"+5\" is not a value of \"timeUnixNano\""},
      {point(R"("timeUnixNano":-5)"), "json: \"-5\" is not a value of \"timeUnixNano\""},
      {point(R"("flags":4294967296)"), "json: \"4294967296\" is not a value of \"flags\""},
      {point(R"("exemplars":[{"traceId":"00"}])"), ""},  // What is short shows in the message.
      {point(R"("exemplars":[{"traceId":"0g"}])"), "json: \"0g\" is not a value of \"traceId\""},
      {point(R"("attributes":[{"key":"k","value":{"bytesValue":"aGk="}}])"), ""},
      {point(R"("attributes":[{"key":"k","value":{"bytesValue":"aGk"}}])"),
       "json: \"aGk\" is not a value of \"bytesValue\""},
      {point(R"("attributes":{"key":"k"})"),
       "json: an object found where it does not belong, in \"attributes\""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.json);
    std::string wire;
    const Status status = OtlpJsonToWire(c.json, wire);
    EXPECT_EQ(status ? "" : status.error().message(), c.error);
  }
}

// A text is written out as it is read, so it matters little how large it is; nesting has an end.
TEST(OtlpJsonTest, DeepAndLongJson) {
  std::string deep = R"({"resourceMetrics":)" + std::string(100'000, '[');
  std::string wire;
  EXPECT_FALSE(OtlpJsonToWire(deep, wire));
  deep = R"({"unknown":)" + std::string(100'000, '[');
  EXPECT_FALSE(OtlpJsonToWire(deep, wire));
  std::string value = R"({"intValue":1})";
  for (int i = 0; i < 60; ++i) value = R"({"arrayValue":{"values":[)" + value + "]}}";
  const std::string body = WireOf(
      OneMetric(R"("gauge":{"dataPoints":[{"attributes":[{"key":"k","value":)" + value + "}]}]}"));
  EXPECT_EQ(ErrorOf(body), "");
  const std::string name(100'000, 'x');
  wire.clear();
  ASSERT_TRUE(OtlpJsonToWire(OneMetric(R"("name":")" + name + "\\n" + name + "\""), wire));
  OtlpReader reader(wire);
  ASSERT_TRUE(reader.NextResource() && reader.NextScope() && reader.NextMetric());
  EXPECT_EQ(reader.metric().name, name + "\n" + name);
}

TEST(OtlpJsonTest, UnicodeInJson) {
  const std::string body = WireOf(OneMetric("\"name\":\"a\\u00e9\\ud83d\\ude00\xff\""));
  OtlpReader reader(body);
  ASSERT_TRUE(reader.NextResource() && reader.NextScope() && reader.NextMetric());
  EXPECT_EQ(reader.metric().name, "a\u00e9\U0001F600\xff");
}

}  // namespace
}  // namespace narthex::proto
