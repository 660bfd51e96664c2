// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/web/fake_server.h"
#include "web/api/label_json.h"

namespace narthex::web {
namespace {

// Messages as Prometheus 3.14.0 gave them.
TEST(LabelJsonTest, ErrorsOfGo) {
  const struct {
    const char* text;
    const char* error;
  } cases[] = {
      {"[]", "json: cannot unmarshal array into Go value of type map[string]string"},
      {"\"s\"", "json: cannot unmarshal string into Go value of type map[string]string"},
      {R"({"a":1,"b":2})", "json: cannot unmarshal number into Go value of type string"},
      {R"({"a":true})", "json: cannot unmarshal bool into Go value of type string"},
      {R"({"a":[1]})", "json: cannot unmarshal array into Go value of type string"},
      {R"({"a":{}})", "json: cannot unmarshal object into Go value of type string"},
      {"{", "unexpected end of JSON input"},
      {"[", "unexpected end of JSON input"},
      {R"({"a":"b)", "unexpected end of JSON input"},
      {"\"x", "unexpected end of JSON input"},
      {R"({"a":"b"}x)", "invalid character 'x' after top-level value"},
      {R"({"a"})", "invalid character '}' after object key"},
      {R"({"a" "b"})", "invalid character '\"' after object key"},
      {"{a:1}", "invalid character 'a' looking for beginning of object key string"},
      {R"({"a":"b",})", "invalid character '}' looking for beginning of object key string"},
      {"tru", "invalid character ' ' in literal true (expecting 'e')"},
      {"1e", "invalid character ' ' in exponent of numeric literal"},
      {R"({"a":"\x"})", "invalid character 'x' in string escape code"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto labels = ParseLabelsJson(c.text);
    ASSERT_FALSE(labels);
    EXPECT_EQ(c.error, labels.error().message());
  }
  EXPECT_FALSE(ParseLabelsJson(std::string(100'000, '[')));
}

TEST(LabelJsonTest, Labels) {
  const struct {
    const char* text;
    model::Labels labels;
  } cases[] = {
      {"null", {}},
      {" { } ", {}},
      {R"({"b":"2","a":"1"})", {{"a", "1"}, {"b", "2"}}},
      {R"({"a":"1","a":"2","b":null,"c":""})", {{"a", "2"}}},
      {R"({"\u0061":"\ud83d\ude00\ud83d\n"})", {{"a", "\U0001F600\uFFFD\n"}}},
      {"{\"a\":\"\xff\"}", {{"a", "\uFFFD"}}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto labels = ParseLabelsJson(c.text);
    ASSERT_TRUE(labels) << labels.error().message();
    EXPECT_EQ(c.labels, *labels);
  }
}

class RelabelStepsTest : public ::testing::Test {
 protected:
  RelabelStepsTest() {
    model::RelabelConfig replace;
    replace.source_labels = {"a"};
    replace.target_label = "b";
    model::RelabelConfig drop;
    drop.source_labels = {"b"};
    drop.regex = *model::Regex::Compile("1");
    drop.action = model::RelabelAction::kDrop;
    server.targets.rules = {replace, drop, replace};
  }
  std::string Ask(const std::string& query) {
    return server.Get("/api/v1/targets/relabel_steps?" + query).body;
  }
  FakeServer server;
};

TEST_F(RelabelStepsTest, OneStepForEachRule) {
  const std::string replace =
      R"x({"rule":{"source_labels":["a"],"separator":";","regex":"(.*)","target_label":"b",)x"
      R"x("replacement":"$1","action":"replace"},"output":)x";
  const std::string drop =
      R"({"rule":{"source_labels":["b"],"separator":";","regex":"1","replacement":"$1",)"
      R"("action":"drop"},"output":)";
  EXPECT_EQ(R"({"status":"success","data":{"steps":[)" + replace +
                R"({"a":"2","b":"2"},"keep":true},)" + drop + R"({"a":"2","b":"2"},"keep":true},)" +
                replace + R"({"a":"2","b":"2"},"keep":true}]}})",
            Ask("scrapePool=a&labels={\"a\":\"2\"}"));
  EXPECT_EQ(R"({"status":"success","data":{"steps":[)" + replace +
                R"({"a":"1","b":"1"},"keep":true},)" + drop + R"({},"keep":false},)" + replace +
                R"({},"keep":false}]}})",
            Ask("scrapePool=a&labels={\"a\":\"1\"}"));
}

TEST_F(RelabelStepsTest, Errors) {
  const auto error = [](const std::string& text) {
    return R"({"status":"error","errorType":"bad_data","error":")" + text + R"("})";
  };
  EXPECT_EQ(error("no scrapePool parameter provided"), Ask("labels={}"));
  EXPECT_EQ(error("no labels parameter provided"), Ask("scrapePool=a"));
  EXPECT_EQ(error("error parsing labels: unexpected end of JSON input"),
            Ask("scrapePool=a&labels={"));
  EXPECT_EQ(error(R"(error retrieving scrape config: scrape pool \"x\" not found)"),
            Ask("scrapePool=x&labels={}"));
}

}  // namespace
}  // namespace narthex::web
