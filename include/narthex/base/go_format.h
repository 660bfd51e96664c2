// SPDX-License-Identifier: Apache-2.0
//
// Numbers, strings and durations printed and parsed exactly as Go's strconv, fmt and time do,
// because Prometheus's outputs are defined by them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace narthex::go {

/// strconv.FormatFloat(v, 'f', -1, 64): shortest decimal that reads back, never an exponent.
/// NaN, +Inf and -Inf by name.
std::string FormatFloatF(double v);
void AppendFloatF(std::string& out, double v);

/// strconv.FormatFloat(v, 'g', -1, 64), which is also fmt's %v and %g: exponent form when the
/// decimal exponent is below -4 or at least 6.
std::string FormatFloatG(double v);

/// strconv.FormatFloat(v, 'e', -1, 64): "0e+00", "1.5e+03".
std::string FormatFloatE(double v);

/// fmt's %f: six decimals.
std::string FormatFloatFixed6(double v);

/// The number as encoding/json prints a float64 and Prometheus its sample values: 'f' form, but
/// 'e' below 1e-6 and from 1e21, with a one-digit negative exponent not padded ("1e-7").
/// Prometheus's samples keep the padding ("1e-07"); `pad_exponent` chooses.
void AppendFloatJson(std::string& out, double v, bool pad_exponent);
/// The same into a buffer of kMaxFloatJsonBytes. @return the end of what was written
inline constexpr std::size_t kMaxFloatJsonBytes = 40;
char* WriteFloatJson(char* out, double v, bool pad_exponent);

/// strconv.ParseFloat(text, 64): decimal, hex float, inf/infinity/nan in any case, underscores only
/// where Go's base prefix rule has them. nullopt = syntax error. Out of range gives ±Inf.
std::optional<double> ParseFloat(std::string_view text);

/// strconv.Quote: double quotes, \a \b \f \n \r \t \v \\ \" and \x, \u, \U for what is not
/// printable; invalid UTF-8 as \x bytes.
std::string Quote(std::string_view text);

/// time.Duration.String(): "1.5s", "2m30s", "100ms", "0s".
std::string FormatDuration(std::int64_t ns);

/// time.ParseDuration: "1h2m3.5s". nullopt = syntax error.
std::optional<std::int64_t> ParseDuration(std::string_view text);

/// RFC 3339 with nanoseconds as needed, in UTC (time.RFC3339Nano). `ns` is Unix time.
std::string FormatTime(std::int64_t ns);

struct UnixTime {
  std::int64_t seconds = 0;
  std::int64_t nanoseconds = 0;  // 0 … 999,999,999.
};
/// time.Parse(time.RFC3339Nano, text). nullopt = another form.
std::optional<UnixTime> ParseTime(std::string_view text);

}  // namespace narthex::go
