// SPDX-License-Identifier: Apache-2.0
#include "narthex/base/go_format.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

namespace narthex::go {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Expected texts were printed by Go 1.26 (strconv.FormatFloat, fmt.Sprint, encoding/json).
TEST(GoFormatTest, Floats) {
  const struct {
    double v;
    const char* f;
    const char* g;
    const char* e;
  } cases[] = {
      {0, "0", "0", "0e+00"},
      {-0.0, "-0", "-0", "-0e+00"},
      {1, "1", "1", "1e+00"},
      {-1.5, "-1.5", "-1.5", "-1.5e+00"},
      {0.1, "0.1", "0.1", "1e-01"},
      {0.00001, "0.00001", "1e-05", "1e-05"},
      {0.0001, "0.0001", "0.0001", "1e-04"},
      {1e20, "100000000000000000000", "1e+20", "1e+20"},
      {1e21, "1000000000000000000000", "1e+21", "1e+21"},
      {123456789, "123456789", "1.23456789e+08", "1.23456789e+08"},
      {5e-324, nullptr, "5e-324", "5e-324"},
      {1.7976931348623157e308, nullptr, "1.7976931348623157e+308", "1.7976931348623157e+308"},
      {kInf, "+Inf", "+Inf", "+Inf"},
      {-kInf, "-Inf", "-Inf", "-Inf"},
      {kNaN, "NaN", "NaN", "NaN"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.g);
    if (c.f != nullptr) {
      EXPECT_EQ(FormatFloatF(c.v), c.f);
    }
    EXPECT_EQ(FormatFloatE(c.v), c.e);
    EXPECT_EQ(FormatFloatG(c.v), c.g);
  }
}

TEST(GoFormatTest, JsonFloats) {
  const struct {
    double v;
    const char* sample;
    const char* json;
  } cases[] = {
      {0, "0", "0"},
      {-0.0, "-0", "-0"},
      {1e-6, "0.000001", "0.000001"},
      {1e-7, "1e-07", "1e-7"},
      {1e21, "1e+21", "1e+21"},
      {123456789, "123456789", "123456789"},
      {1e-100, "1e-100", "1e-100"},
      {0.5, "0.5", "0.5"},
      {-3, "-3", "-3"},
      {9007199254740993e3, "9007199254740993000", "9007199254740993000"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.sample);
    std::string sample;
    AppendFloatJson(sample, c.v, true);
    EXPECT_EQ(sample, c.sample);
    std::string json;
    AppendFloatJson(json, c.v, false);
    EXPECT_EQ(json, c.json);
  }
}

TEST(GoFormatTest, JsonFloatsAreShortest) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 200'000; ++i) {
    double v = 0;
    const auto digits = static_cast<double>(random() % 10'000'000'000'000'000);
    switch (i % 3) {
      case 0:  // Any double between 1e-6 and 2^53.
        v = std::bit_cast<double>(std::bit_cast<std::uint64_t>(1e-6) +
                                  random() % (std::bit_cast<std::uint64_t>(9007199254740992.0) -
                                              std::bit_cast<std::uint64_t>(1e-6)));
        break;
      case 1:  // Decimals with up to nine places, and their neighbours.
        v = std::max(std::floor(digits / std::pow(10, random() % 16)), 1.0) /
            std::pow(10, random() % 10);
        v = std::max(v, 1e-6);
        break;
      default:
        v = std::nextafter(digits / std::pow(10, random() % 12), random() % 2 == 0 ? 0 : 1e300);
        v = std::clamp(v, 1e-6, 9e15);
    }
    if (i % 2 == 0) v = -v;
    char want[64];
    const auto end = std::to_chars(want, want + sizeof want, v, std::chars_format::fixed).ptr;
    std::string got;
    AppendFloatJson(got, v, true);
    ASSERT_EQ(got, std::string_view(want, end - want));
  }
}

TEST(GoFormatTest, LargeJsonFloatsAreShortest) {
  std::mt19937_64 random(4);
  const auto least = std::bit_cast<std::uint64_t>(9007199254740992.0);
  const auto end = std::bit_cast<std::uint64_t>(1e21);
  for (int i = 0; i < 50'000; ++i) {
    const auto v = std::bit_cast<double>(least + random() % (end - least));
    std::string want, got;
    AppendFloatF(want, v);
    AppendFloatJson(got, v, true);
    ASSERT_EQ(got, want);
  }
}

TEST(GoFormatTest, ParseFloat) {
  const struct {
    const char* text;
    double want;
  } good[] = {{"1", 1},
              {"+1", 1},
              {"-1", -1},
              {".5", 0.5},
              {"5.", 5},
              {"1e3", 1000},
              {"1E-3", 0.001},
              {"inf", kInf},
              {"+Inf", kInf},
              {"-infinity", -kInf},
              {"0x1p4", 16},
              {"0x_1p4", 16},
              {"1_000", 1000},
              {"0_1", 1},
              {"1e400", kInf},
              {"-1e400", -kInf},
              {"1e-400", 0},
              {"0x1.8p1", 3},
              {"0x1p-2000", 0},
              {"0x1p2000", kInf},
              {"-0x1p2000", -kInf}};
  for (const auto& c : good) {
    SCOPED_TRACE(c.text);
    const auto got = ParseFloat(c.text);
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(*got, c.want);
  }
  EXPECT_TRUE(std::isnan(ParseFloat("NaN").value()));
  for (const char* text :
       {"",   "+",   "-",  ".",  "e5",   "1e",   "_1",   "1_",   "1__0",  "1_e3", "0x1",
        "0x", "++1", "1 ", " 1", "-nan", "+nan", "infi", "1e5x", "--inf", "0b1"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(ParseFloat(text).has_value());
  }
}

TEST(GoFormatTest, Quote) {
  EXPECT_EQ(Quote("plain"), "\"plain\"");
  EXPECT_EQ(Quote("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(Quote(std::string_view("\a\b\f\n\r\t\v\0", 8)), R"("\a\b\f\n\r\t\v\x00")");
  EXPECT_EQ(Quote("caf\xc3\xa9"), "\"caf\xc3\xa9\"");
  EXPECT_EQ(Quote("\xff"), R"("\xff")");
  EXPECT_EQ(Quote("\x7f"), R"("\x7f")");
  EXPECT_EQ(Quote("\xc2\x85"), R"("\u0085")");
  EXPECT_EQ(Quote("\xe2\x80\x8b"), R"("\u200b")");
  EXPECT_EQ(Quote("\xf3\xa0\x80\x81"), R"("\U000e0001")");
}

TEST(GoFormatTest, Durations) {
  const struct {
    std::int64_t ns;
    const char* text;
  } cases[] = {{0, "0s"},
               {1, "1ns"},
               {1'500, "1.5\xc2\xb5s"},
               {2'000'000, "2ms"},
               {1'500'000'000, "1.5s"},
               {150'000'000'000, "2m30s"},
               {3'600'000'000'000, "1h0m0s"},
               {-1'500'000'000, "-1.5s"},
               {std::numeric_limits<std::int64_t>::min(), "-2562047h47m16.854775808s"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(FormatDuration(c.ns), c.text);
  }
  EXPECT_EQ(ParseDuration("1h2m3.5s"), 3'723'500'000'000);
  EXPECT_EQ(ParseDuration("-1.5ms"), -1'500'000);
  EXPECT_EQ(ParseDuration("0"), 0);
  for (const char* text : {"", "1", "s", ".s", "1d", "1h-2m", "99999999999h"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(ParseDuration(text).has_value());
  }
}

TEST(GoFormatTest, Time) {
  EXPECT_EQ(FormatTime(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(FormatTime(1'500'000'000), "1970-01-01T00:00:01.5Z");
  EXPECT_EQ(FormatTime(-1), "1969-12-31T23:59:59.999999999Z");
}

TEST(GoFormatTest, ParsesTimesOfRfc3339) {
  const struct {
    const char* text;
    std::int64_t seconds;
    std::int64_t nanoseconds;
  } cases[] = {
      {"1970-01-01T00:00:00Z", 0, 0},
      {"2024-02-29T23:59:59.25Z", 1'709'251'199, 250'000'000},
      {"2025-06-15T09:30:00+02:00", 1'749'972'600, 0},
      {"1969-12-31T23:59:59,5Z", -1, 500'000'000},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto time = go::ParseTime(c.text);
    ASSERT_TRUE(time);
    EXPECT_EQ(time->seconds, c.seconds);
    EXPECT_EQ(time->nanoseconds, c.nanoseconds);
  }
  for (const char* text : {"", "2023-02-29T00:00:00Z", "2023-01-01", "2023-01-01T00:00:00",
                           "2023-01-01T24:00:00Z", "2023-01-01T00:00:00.Z", "x"}) {
    EXPECT_FALSE(go::ParseTime(text)) << text;
  }
}

}  // namespace
}  // namespace narthex::go
