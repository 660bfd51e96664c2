// SPDX-License-Identifier: Apache-2.0
//
// Names as Prometheus 3.14 makes them: expected values are what its otlptranslator v1.0.0 gave.
#include "src/remote/otlp_names.h"

#include <gtest/gtest.h>

namespace narthex::remote {
namespace {

using enum OtlpNameType;

/// The name, or "! " and the error.
std::string Shown(const Result<std::string>& name) {
  return name ? *name : "! " + name.error().message();
}

TEST(OtlpNamesTest, Metrics) {
  const struct {
    const char* name;
    const char* unit;
    OtlpNameType type;
    const char* escaped;                   // UnderscoreEscapingWithSuffixes
    const char* utf8;                      // NoUTF8EscapingWithSuffixes
    const char* escaped_without_suffixes;  // UnderscoreEscapingWithoutSuffixes
    const char* plain;                     // NoTranslation
  } cases[] = {
      {"http.requests", "1", kMonotonicCounter, "http_requests_total", "http.requests_total",
       "http_requests", "http.requests"},
      {"http.requests.total", "1", kMonotonicCounter, "http_requests_total", "http.requests_total",
       "http_requests_total", "http.requests.total"},
      {"total.requests", "", kMonotonicCounter, "requests_total", "total.requests_total",
       "total_requests", "total.requests"},
      {"requests_total_total", "", kMonotonicCounter, "requests_total", "requests_total_total",
       "requests_total_total", "requests_total_total"},
      {"system.io", "By", kGauge, "system_io_bytes", "system.io_bytes", "system_io", "system.io"},
      {"system.io", "By/s", kGauge, "system_io_bytes_per_second", "system.io_bytes_per_second",
       "system_io", "system.io"},
      {"system.io.bytes", "By", kMonotonicCounter, "system_io_bytes_total", "system.io.bytes_total",
       "system_io_bytes", "system.io.bytes"},
      {"system.bytes.io", "By/s", kMonotonicCounter, "system_bytes_io_per_second_total",
       "system.bytes.io_bytes_per_second_total", "system_bytes_io", "system.bytes.io"},
      {"cpu.utilization", "1", kGauge, "cpu_utilization_ratio", "cpu.utilization_ratio",
       "cpu_utilization", "cpu.utilization"},
      {"cpu.ratio", "1", kGauge, "cpu_ratio", "cpu_ratio", "cpu_ratio", "cpu.ratio"},
      {"ratio.cpu", "1", kGauge, "cpu_ratio", "ratio.cpu_ratio", "ratio_cpu", "ratio.cpu"},
      {"cpu.utilization", "1", kOther, "cpu_utilization", "cpu.utilization", "cpu_utilization",
       "cpu.utilization"},
      {"1st.metric", "", kGauge, "_1st_metric", "1st.metric", "_1st_metric", "1st.metric"},
      {"1st", "s", kMonotonicCounter, "_1st_seconds_total", "1st_seconds_total", "_1st", "1st"},
      {"_lead", "", kGauge, "lead", "_lead", "_lead", "_lead"},
      {"__a__b__", "", kGauge, "a_b", "__a__b__", "__a__b__", "__a__b__"},
      {"a  b", "", kGauge, "a_b", "a  b", "a_b", "a  b"},
      {"a..b--c", "m", kGauge, "a_b_c_meters", "a..b--c_meters", "a_b_c", "a..b--c"},
      {"", "", kGauge, "! normalization for metric \"\" resulted in empty name", "",
       "! normalization for metric \"\" resulted in empty name", ""},
      {"", "s", kGauge, "seconds", "_seconds",
       "! normalization for metric \"\" resulted in empty name", ""},
      {"", "", kMonotonicCounter, "total", "_total",
       "! normalization for metric \"\" resulted in empty name", ""},
      {"_", "", kGauge, "! normalization for metric \"_\" resulted in empty name", "_", "_", "_"},
      {"___", "", kGauge, "! normalization for metric \"___\" resulted in empty name", "___", "___",
       "___"},
      {"...", "", kGauge, "! normalization for metric \"...\" resulted in empty name", "...",
       "! normalization for metric \"...\" resulted in empty name", "..."},
      {"...", "", kMonotonicCounter, "total", "..._total",
       "! normalization for metric \"...\" resulted in empty name", "..."},
      {"..._...", "s", kGauge, "seconds", "..._..._seconds",
       "! normalization for metric \"..._...\" resulted in invalid name \"_\"", "..._..."},
      {"\303\251", "", kGauge, "! normalization for metric \"\303\251\" resulted in empty name",
       "\303\251", "! normalization for metric \"\303\251\" resulted in empty name", "\303\251"},
      {"\303\251t\303\251", "ms", kOther, "t_milliseconds", "\303\251t\303\251_milliseconds", "t",
       "\303\251t\303\251"},
      {"caf\303\251.size", "KiBy", kGauge, "caf_size_kibibytes", "caf\303\251.size_kibibytes",
       "caf_size", "caf\303\251.size"},
      {"bad\377byte", "d", kGauge, "bad_byte_days", "bad\377byte_days", "bad_byte", "bad\377byte"},
      {"ns:metric:x", "h", kGauge, "ns:metric:x_hours", "ns:metric:x_hours", "ns:metric:x",
       "ns:metric:x"},
      {":a", "", kGauge, ":a", ":a", ":a", ":a"},
      {"unit", "{packet}", kGauge, "unit", "unit", "unit", "unit"},
      {"unit", "{packet}/s", kMonotonicCounter, "unit_per_second_total", "unit_per_second_total",
       "unit", "unit"},
      {"unit", "By/{op}", kGauge, "unit_bytes", "unit_bytes", "unit", "unit"},
      {"unit", "{a}/{b}", kGauge, "unit", "unit", "unit", "unit"},
      {"speed", "m/s", kGauge, "speed_meters_per_second", "speed_meters_per_second", "speed",
       "speed"},
      {"speed.meters_per_second", "m/s", kGauge, "speed_meters_per_second_per_second",
       "speed.meters_per_second", "speed_meters_per_second", "speed.meters_per_second"},
      {"speed.meters", "m/s", kGauge, "speed_meters_per_second", "speed.meters_per_second",
       "speed_meters", "speed.meters"},
      {"speed.per_second", "m/s", kGauge, "speed_per_second_meters_per_second",
       "speed_meters_per_second", "speed_per_second", "speed.per_second"},
      {"rate", "1/s", kGauge, "rate_per_second", "rate_per_second", "rate", "rate"},
      {"rate", "/s", kGauge, "rate_per_second", "rate_per_second", "rate", "rate"},
      {"rate", "/", kGauge, "rate", "rate", "rate", "rate"},
      {"rate", "//", kGauge, "rate", "rate_per_/", "rate", "rate"},
      {"rate", "a/b/c", kGauge, "rate_a_per_b_c", "rate_a_per_b/c", "rate", "rate"},
      {"rate", " s / m ", kGauge, "rate_seconds_per_minute", "rate_seconds_per_minute", "rate",
       "rate"},
      {"rate", "\302\240s\342\200\203", kGauge, "rate_seconds", "rate_seconds", "rate", "rate"},
      {"x", "_", kGauge, "x", "x__", "x", "x"},
      {"x", "/_", kGauge, "x", "x_per__", "x", "x"},
      {"x", "s/_", kGauge, "x_seconds", "x_seconds_per__", "x", "x"},
      {"x", "_s_", kGauge, "x_s_", "x__s_", "x", "x"},
      {"x", "%", kGauge, "x_percent", "x_percent", "x", "x"},
      {"x", "%/mo", kGauge, "x_percent_per_month", "x_percent_per_month", "x", "x"},
      {"x", "Cel", kGauge, "x_celsius", "x_celsius", "x", "x"},
      {"x", "foo bar", kGauge, "x_foo_bar", "x_foo bar", "x", "x"},
      {"x", "\302\265s", kGauge, "x_s", "x_\302\265s", "x", "x"},
      {"x", "min", kGauge, "x_minutes", "x_minutes", "x", "x"},
      {"x", "us", kGauge, "x_microseconds", "x_microseconds", "x", "x"},
      {"x", "ns", kGauge, "x_nanoseconds", "x_nanoseconds", "x", "x"},
      {"x", "MiBy", kGauge, "x_mebibytes", "x_mebibytes", "x", "x"},
      {"x", "GiBy", kGauge, "x_gibibytes", "x_gibibytes", "x", "x"},
      {"x", "TiBy", kGauge, "x_tibibytes", "x_tibibytes", "x", "x"},
      {"x", "KBy", kGauge, "x_kilobytes", "x_kilobytes", "x", "x"},
      {"x", "MBy", kGauge, "x_megabytes", "x_megabytes", "x", "x"},
      {"x", "GBy", kGauge, "x_gigabytes", "x_gigabytes", "x", "x"},
      {"x", "TBy", kGauge, "x_terabytes", "x_terabytes", "x", "x"},
      {"x", "V", kGauge, "x_volts", "x_volts", "x", "x"},
      {"x", "A", kGauge, "x_amperes", "x_amperes", "x", "x"},
      {"x", "J", kGauge, "x_joules", "x_joules", "x", "x"},
      {"x", "W", kGauge, "x_watts", "x_watts", "x", "x"},
      {"x", "g", kGauge, "x_grams", "x_grams", "x", "x"},
      {"x", "Hz", kGauge, "x_hertz", "x_hertz", "x", "x"},
      {"x", "By/d", kGauge, "x_bytes_per_day", "x_bytes_per_day", "x", "x"},
      {"x", "By/w", kGauge, "x_bytes_per_week", "x_bytes_per_week", "x", "x"},
      {"x", "By/y", kGauge, "x_bytes_per_year", "x_bytes_per_year", "x", "x"},
      {"x", "By/h", kGauge, "x_bytes_per_hour", "x_bytes_per_hour", "x", "x"},
      {"x", "m/m", kGauge, "x_meters_per_minute", "x_meters_per_minute", "x", "x"},
      {"x", "By/x", kGauge, "x_bytes_per_x", "x_bytes_per_x", "x", "x"},
      {"x_seconds", "s", kGauge, "x_seconds", "x_seconds", "x_seconds", "x_seconds"},
      {"xseconds", "s", kGauge, "xseconds_seconds", "xseconds", "xseconds", "xseconds"},
      {"x.seconds.count", "s", kGauge, "x_seconds_count", "x.seconds.count_seconds",
       "x_seconds_count", "x.seconds.count"},
      {"ratio", "1", kGauge, "ratio", "ratio_ratio", "ratio", "ratio"},
      {"xratio", "1", kGauge, "xratio_ratio", "xratio_ratio", "xratio", "xratio"},
      {"total", "", kMonotonicCounter, "total", "total_total", "total", "total"},
      {"xtotal", "", kMonotonicCounter, "xtotal_total", "xtotal_total", "xtotal", "xtotal"},
      {"x.total", "s", kMonotonicCounter, "x_seconds_total", "x_seconds_total", "x_total",
       "x.total"},
      {"x.seconds.total", "s", kMonotonicCounter, "x_seconds_total", "x.seconds_total",
       "x_seconds_total", "x.seconds.total"},
      {"x.per_second", "By/s", kMonotonicCounter, "x_per_second_bytes_per_second_total",
       "x_bytes_per_second_total", "x_per_second", "x.per_second"},
      {"x_per_second_total", "By/s", kMonotonicCounter, "x_per_second_bytes_per_second_total",
       "x_bytes_per_second_total", "x_per_second_total", "x_per_second_total"},
      {"per.second", "1/s", kGauge, "per_second_per_second", "per.second_per_second", "per_second",
       "per.second"},
      {"x\"y\\z", "", kGauge, "x_y_z", "x\"y\\z", "x_y_z", "x\"y\\z"},
      {"a/b", "", kMonotonicCounter, "a_b_total", "a/b_total", "a_b", "a/b"},
      {"9", "9", kGauge, "_9", "9", "_9", "9"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.name) + " [" + c.unit + "]");
    const auto named = [&](bool utf8, bool suffixes) {
      return Shown(OtlpMetricName({.utf8 = utf8, .suffixes = suffixes}, c.name, c.unit, c.type));
    };
    EXPECT_EQ(named(false, true), c.escaped);
    EXPECT_EQ(named(true, true), c.utf8);
    EXPECT_EQ(named(false, false), c.escaped_without_suffixes);
    EXPECT_EQ(named(true, false), c.plain);
  }
}

TEST(OtlpNamesTest, Labels) {
  const struct {
    const char* name;
    const char* usual;
    const char* one_underscore;  // label_name_preserve_multiple_underscores: false
    const char* unsanitized;     // label_name_underscore_sanitization: false
    const char* neither;
    const char* utf8;
  } cases[] = {
      {"a", "a", "a", "a", "a", "a"},
      {"a.b", "a_b", "a_b", "a_b", "a_b", "a.b"},
      {"a b", "a_b", "a_b", "a_b", "a_b", "a b"},
      {"a__b", "a__b", "a_b", "a__b", "a_b", "a__b"},
      {"a..b", "a__b", "a_b", "a__b", "a_b", "a..b"},
      {"_a", "key_a", "key_a", "_a", "_a", "_a"},
      {"__a", "__a", "key_a", "__a", "_a", "__a"},
      {"___a", "___a", "key_a", "___a", "_a", "___a"},
      {"__a__", "__a__", "__a__", "__a__", "__a__", "__a__"},
      {"__a.b__", "__a_b__", "__a_b__", "__a_b__", "__a_b__", "__a.b__"},
      {"__name__", "__name__", "__name__", "__name__", "__name__", "__name__"},
      {"_", "key_", "key_", "! normalization for label name \"_\" resulted in invalid name \"_\"",
       "! normalization for label name \"_\" resulted in invalid name \"_\"",
       "! label name \"_\" contains only underscores"},
      {"__", "! normalization for label name \"__\" resulted in invalid name \"__\"", "key_",
       "! normalization for label name \"__\" resulted in invalid name \"__\"",
       "! normalization for label name \"__\" resulted in invalid name \"_\"",
       "! label name \"__\" contains only underscores"},
      {"___", "! normalization for label name \"___\" resulted in invalid name \"___\"", "key_",
       "! normalization for label name \"___\" resulted in invalid name \"___\"",
       "! normalization for label name \"___\" resulted in invalid name \"_\"",
       "! label name \"___\" contains only underscores"},
      {"____", "! normalization for label name \"____\" resulted in invalid name \"____\"",
       "! normalization for label name \"____\" resulted in invalid name \"____\"",
       "! normalization for label name \"____\" resulted in invalid name \"____\"",
       "! normalization for label name \"____\" resulted in invalid name \"____\"",
       "! label name \"____\" contains only underscores"},
      {"_____", "! normalization for label name \"_____\" resulted in invalid name \"_____\"",
       "! normalization for label name \"_____\" resulted in invalid name \"_____\"",
       "! normalization for label name \"_____\" resulted in invalid name \"_____\"",
       "! normalization for label name \"_____\" resulted in invalid name \"_____\"",
       "! label name \"_____\" contains only underscores"},
      {"1a", "key_1a", "key_1a", "key_1a", "key_1a", "1a"},
      {"1", "key_1", "key_1", "key_1", "key_1", "1"},
      {"", "! label name is empty", "! label name is empty", "! label name is empty",
       "! label name is empty", "! label name is empty"},
      {"\303\251", "key_", "key_",
       "! normalization for label name \"\303\251\" resulted in invalid name \"_\"",
       "! normalization for label name \"\303\251\" resulted in invalid name \"_\"", "\303\251"},
      {"\303\251a", "key_a", "key_a", "_a", "_a", "\303\251a"},
      {"a\303\251\303\251b", "a__b", "a_b", "a__b", "a_b", "a\303\251\303\251b"},
      {"a\377b", "a_b", "a_b", "a_b", "a_b", "a\377b"},
      {"\355\240\200x", "___x", "key_x", "___x", "_x", "\355\240\200x"},
      {"service.name", "service_name", "service_name", "service_name", "service_name",
       "service.name"},
      {"..a", "__a", "key_a", "__a", "_a", "..a"},
      {"a_", "a_", "a_", "a_", "a_", "a_"},
      {"a..", "a__", "a_", "a__", "a_", "a.."},
      {"__a_._b__", "__a___b__", "__a_b__", "__a___b__", "__a_b__", "__a_._b__"},
      {"\360\237\230\200k", "key_k", "key_k", "_k", "_k", "\360\237\230\200k"},
      {"_1", "key_1", "key_1", "_1", "_1", "_1"},
      {"key_", "key_", "key_", "key_", "key_", "key_"},
      {"A:b", "A_b", "A_b", "A_b", "A_b", "A:b"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto named = [&](const OtlpNaming& naming) {
      return Shown(OtlpLabelName(naming, c.name));
    };
    EXPECT_EQ(named({}), c.usual);
    EXPECT_EQ(named({.keep_underscores = false}), c.one_underscore);
    EXPECT_EQ(named({.sanitize_underscore = false}), c.unsanitized);
    EXPECT_EQ(named({.sanitize_underscore = false, .keep_underscores = false}), c.neither);
    EXPECT_EQ(named({.utf8 = true}), c.utf8);
  }
}

TEST(OtlpNamesTest, Units) {
  const struct {
    const char* unit;
    const char* escaped;
    const char* utf8;
  } cases[] = {
      {"", "", ""},
      {"1", "", ""},
      {"s", "seconds", "seconds"},
      {"By", "bytes", "bytes"},
      {"By/s", "bytes_per_second", "bytes_per_second"},
      {"m/m", "meters_per_minute", "meters_per_minute"},
      {"{x}", "", ""},
      {"{x}/s", "per_second", "per_second"},
      {"/s", "per_second", "per_second"},
      {"/", "", ""},
      {"_", "", ""},
      {"_s_", "s", "s"},
      {"s/_", "seconds_per", "seconds_per_"},
      {"a b/c d", "a_b_per_c_d", "a b_per_c d"},
      {"\302\265s", "s", "\302\265s"},
      {"%", "percent", "percent"},
      {"foo", "foo", "foo"},
      {"foo/bar/baz", "foo_per_bar_baz", "foo_per_bar/baz"},
      {" s ", "seconds", "seconds"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.unit);
    EXPECT_EQ(OtlpUnitName(c.unit, false), c.escaped);
    EXPECT_EQ(OtlpUnitName(c.unit, true), c.utf8);
  }
}

TEST(OtlpNamesTest, StrategiesOfTheConfiguration) {
  using config::OtlpTranslation;
  const struct {
    OtlpTranslation translation;
    bool utf8, suffixes;
  } cases[] = {{OtlpTranslation::kUnderscoreEscapingWithSuffixes, false, true},
               {OtlpTranslation::kNoUtf8EscapingWithSuffixes, true, true},
               {OtlpTranslation::kUnderscoreEscapingWithoutSuffixes, false, false},
               {OtlpTranslation::kNoTranslation, true, false}};
  for (const auto& c : cases) {
    config::OtlpConfig config;
    config.translation = c.translation;
    const OtlpNaming naming = OtlpNaming::Of(config);
    EXPECT_EQ(naming.utf8, c.utf8);
    EXPECT_EQ(naming.suffixes, c.suffixes);
    EXPECT_TRUE(naming.sanitize_underscore);
    EXPECT_TRUE(naming.keep_underscores);
  }
}

}  // namespace
}  // namespace narthex::remote
