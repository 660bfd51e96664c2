// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/json_view.h"

#include <gtest/gtest.h>

#include "scrape/answers/ip_text.h"
#include "scrape/answers/label_map.h"
#include "tests/scrape/discovery/groups.h"

namespace narthex::scrape {
namespace {

TEST(JsonViewTest, WhatIsAbsentOrNullIsEmpty) {
  const auto document = ParseJson(R"({"a": null, "b": {"c": "x", "n": 7, "r": 1.5, "f": true}})");
  const JsonView root = document->root();
  EXPECT_FALSE(root["a"].present());
  EXPECT_FALSE(root["z"].present());
  EXPECT_EQ(root.At("a.b.c").Text(), "");
  EXPECT_EQ(root.At("z.y").Int(), 0);
  EXPECT_TRUE(root["a"].Items().empty());
  EXPECT_TRUE(root["a"].Members().empty());
  EXPECT_EQ(root.At("b.c").Text(), "x");
  EXPECT_EQ(root.At("b.n").Int(), 7);
  EXPECT_EQ(root.At("b.n").Real(), 7);
  EXPECT_EQ(root.At("b.r").Real(), 1.5);
  EXPECT_TRUE(root.At("b.f").Flag());
  EXPECT_TRUE(document->status());
}

TEST(JsonViewTest, AnotherTypeIsAnErrorOfTheDocument) {
  const auto fault = [](const char* text, auto read) {
    const auto document = ParseJson(text);
    read(document->root());
    const Status status = document->status();
    return status ? std::string("none") : status.error().message();
  };
  EXPECT_EQ(fault("[]", [](const JsonView& v) { v["a"].Text(); }),
            "json: the answer should be an object and is array");
  EXPECT_EQ(fault(R"({"a": 1})", [](const JsonView& v) { v["a"].Text(); }),
            "json: a should be a text and is number");
  EXPECT_EQ(fault(R"({"a": {"b": "1"}})", [](const JsonView& v) { v.At("a.b").Int(); }),
            "json: a.b should be an integer and is string");
  EXPECT_EQ(fault(R"({"a": 1.5})", [](const JsonView& v) { v["a"].Int(); }),
            "json: a should be an integer and is number");
  EXPECT_EQ(fault(R"({"a": true})", [](const JsonView& v) { v["a"].Real(); }),
            "json: a should be a number and is bool");
  EXPECT_EQ(fault(R"({"a": {}})", [](const JsonView& v) { v["a"].Flag(); }),
            "json: a should be true or false and is object");
  EXPECT_EQ(fault(R"({"a": {}})", [](const JsonView& v) { v["a"].Items(); }),
            "json: a should be a list and is object");
  EXPECT_EQ(fault(R"({"a": [["x"]]})", [](const JsonView& v) { v["a"].Texts(); }),
            "json: a[] should be a text and is array");
  EXPECT_EQ(fault(R"({"a": []})", [](const JsonView& v) { v["a"].Members(); }),
            "json: a should be an object and is array");
  // The first one counts.
  EXPECT_EQ(fault(R"({"a": 1, "b": 2})",
                  [](const JsonView& v) {
                    v["a"].Text();
                    v["b"].Text();
                  }),
            "json: a should be a text and is number");
}

TEST(JsonViewTest, WhatIsNoJson) {
  for (const std::string& text : {std::string(), std::string("{"), std::string("<html>"),
                                  std::string("{} {}"), std::string(100, '[')}) {
    const auto document = JsonDocument::Parse(text);
    ASSERT_FALSE(document) << text;
    EXPECT_EQ(document.error().code(), Code::kInvalidArgument);
    EXPECT_TRUE(document.error().message().starts_with("json: "));
  }
}

TEST(IpTextTest, CanonicalIp) {
  EXPECT_EQ(CanonicalIp("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(CanonicalIp("2001:DB8:0:0::1"), "2001:db8::1");
  for (const char* bad : {"", "x", "10.0.0", "10.0.0.256", "::g", "10.0.0.1/8"}) {
    EXPECT_EQ(CanonicalIp(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(IpOfPrefix("10.0.0.1/24"), "10.0.0.1");
  EXPECT_EQ(IpOfPrefix("FE80::1/128"), "fe80::1");
  for (const char* bad : {"", "10.0.0.1", "10.0.0.1/", "10.0.0.1/33", "::1/129", "10.0.0.1/-1",
                          "10.0.0.1/8x", "/8"}) {
    EXPECT_EQ(IpOfPrefix(bad), std::nullopt) << bad;
  }
}

TEST(LabelMapTest, JoinSurrounded) {
  EXPECT_EQ(JoinSurrounded({"a", "", "b"}), ",a,,b,");
  EXPECT_EQ(JoinSurrounded({}, ";"), ";");
}

}  // namespace
}  // namespace narthex::scrape
