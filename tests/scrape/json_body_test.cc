// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/json_body.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace narthex::scrape {
namespace {

/// Reads an object; what `read` says of it, or what is wrong.
std::string Read(std::string_view text, const std::function<std::string(const JsonObject&)>& read) {
  std::string out;
  const Status status = WithJson(text, [&](const boost::json::value& root) {
    JsonObject::Errors errors;
    out = read(JsonObject(&root, "thing", errors));
    return CheckJson(errors);
  });
  return status ? out : "ERR " + status.error().message();
}

TEST(JsonBodyTest, MissingAndNullAreZero) {
  for (const std::string text : {"{}", "null", R"({"s": null, "i": null, "b": null, "o": null,
                                 "l": null, "m": null, "n": null})"}) {
    EXPECT_EQ(Read(text,
                   [](const JsonObject& object) {
                     EXPECT_EQ(object.String("s"), "");
                     EXPECT_EQ(object.Int("i"), 0);
                     EXPECT_FALSE(object.Bool("b"));
                     EXPECT_FALSE(object.Has("o"));
                     EXPECT_EQ(object.Object("o").Object("p").String("q"), "");
                     EXPECT_TRUE(object.Strings("l").empty());
                     EXPECT_TRUE(object.Ints("l").empty());
                     EXPECT_TRUE(object.Objects("n").empty());
                     EXPECT_TRUE(object.StringMap("m").empty());
                     return std::string("good");
                   }),
              "good");
  }
}

TEST(JsonBodyTest, OtherTypesAreErrors) {
  const auto want = [](std::string_view text, const std::string& error, const auto& read) {
    EXPECT_EQ(Read(text,
                   [&](const JsonObject& object) {
                     read(object);
                     return std::string("good");
                   }),
              "ERR json: " + error);
  };
  want("[]", "an array found where an object belongs, a thing", [](const auto&) {});
  want(R"({"a": 1})", "a number found where a string belongs, in \"a\" of a thing",
       [](const auto& o) { o.String("a"); });
  want(R"({"a": 1.5})", "a number found where an integer belongs, in \"a\" of a thing",
       [](const auto& o) { o.Int("a"); });
  want(R"({"a": "true"})", "a string found where a bool belongs, in \"a\" of a thing",
       [](const auto& o) { o.Bool("a"); });
  want(R"({"a": ["x", {}]})", "an object found where a string belongs, in \"a\" of a thing",
       [](const auto& o) { o.Strings("a"); });
  want(R"({"a": "x"})", "a string found where an array of strings belongs, in \"a\" of a thing",
       [](const auto& o) { o.Strings("a"); });
  want(R"({"a": [1, "x"]})", "a string found where an integer belongs, in \"a\" of a thing",
       [](const auto& o) { o.Ints("a"); });
  want(R"({"a": {"b": false}})", "a bool found where a string belongs, in \"a\" of a thing",
       [](const auto& o) { o.StringMap("a"); });
  want(R"({"a": [3]})", "a number found where an object belongs, a a",
       [](const auto& o) { o.Objects("a"); });
  want(R"({"a": {}})", "an object found where an array belongs, of a",
       [](const auto& o) { o.Objects("a"); });
  want(R"({"a": 1, "b": 2})", "a number found where a string belongs, in \"b\" of a thing",
       [](const auto& o) {
         o.String("b");  // The first error is kept.
         o.String("a");
       });
}

TEST(JsonBodyTest, DepthAndMemoryEnd) {
  const auto parse = [](const std::string& text, std::size_t max_bytes) {
    const Status status = WithJson(
        text, [](const boost::json::value&) { return Status(); }, max_bytes);
    return status ? "" : status.error().message();
  };
  EXPECT_EQ(parse(std::string(30, '[') + std::string(30, ']'), kMaxJsonBytes), "");
  EXPECT_NE(parse(std::string(40, '[') + std::string(40, ']'), kMaxJsonBytes), "");
  EXPECT_NE(parse("[1] x", kMaxJsonBytes), "");
  EXPECT_NE(parse("", kMaxJsonBytes), "");
  std::string wide = "[";
  for (int i = 0; i < 10'000; ++i) wide += "[[[[]]]],";
  wide += "[]]";
  EXPECT_EQ(parse(wide, kMaxJsonBytes), "");
  EXPECT_EQ(parse(wide, 1 << 20), "json: takes too much memory");
}

}  // namespace
}  // namespace narthex::scrape
