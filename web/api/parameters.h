// SPDX-License-Identifier: Apache-2.0
//
// Request parameters as Prometheus's API reads them.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/matcher.h"
#include "narthex/model/timestamp.h"
#include "narthex/net/http_server.h"

namespace narthex::web {

/// `invalid parameter "name": cause`
Error BadParameter(std::string_view name, std::string_view cause);

/// A time as Go holds it; the seconds may be anything.
struct ApiTime {
  std::int64_t seconds = 0;
  std::int64_t nanoseconds = 0;  // 0 … 999,999,999.

  /// What labels and series endpoints use; wraps around where it overflows, as upstream.
  model::TimestampMs Ms() const;
  /// What the query engine uses: by way of nanoseconds, which overflow past the years 1677…2262.
  model::TimestampMs EngineMs() const;
  auto operator<=>(const ApiTime&) const = default;
};

/// "1749970800.123", RFC 3339, or the texts of the two bounds.
/// Errors: kInvalidArgument `cannot parse "x" to a valid timestamp`.
Result<ApiTime> ParseTime(const std::string& text);

/// Seconds ("1.5") or a model duration ("5m"). @return nanoseconds
/// Errors: kInvalidArgument `cannot parse "x" to a valid duration`.
Result<std::int64_t> ParseDurationNs(const std::string& text);

/// Bounds that the API uses when a time is not given. Source: Prometheus web/api/v1 MinTime.
inline constexpr ApiTime kApiMinTime{INT64_MIN / 1000 + 62135596801, 0};
inline constexpr ApiTime kApiMaxTime{INT64_MAX / 1000 - 62135596801, 999'999'999};

/// As above, of a parameter; `otherwise` when it is not given.
/// Errors: kInvalidArgument, complete for the user.
Result<ApiTime> TimeParameter(const net::Params& form, std::string_view name, ApiTime otherwise);
/// `limit`: 0 = none. Errors as above.
Result<std::size_t> LimitParameter(const net::Params& form);

struct TimeRange {
  model::TimestampMs start = 0, end = 0;
};
/// `start` and `end` with the bounds as defaults.
Result<TimeRange> RangeParameters(const net::Params& form);

/// strconv.Atoi. nullopt = not an int.
std::optional<std::int64_t> ParseInt(std::string_view text);
/// The error text that strconv.<function> has for this text.
std::string ParseIntFailure(std::string_view function, std::string_view text);
/// strconv.ParseBool.
std::optional<bool> ParseBool(std::string_view text);

/// What is wrong with a query string or form, in the words of Go's url.ParseQuery; "" = nothing.
std::string QueryProblem(std::string_view query);

/// For endpoints that must not go on with half of what they were asked: request.Form() leaves out
/// a pair that can't be decoded. Source: Go net/http ParseForm.
/// Errors: kInvalidArgument `error parsing form values: …`.
Status CheckForm(const net::ServerRequest& request);

using MatcherSet = std::vector<model::Matcher>;
/// All match[]; each set needs a matcher that does not match the empty string.
/// Errors: kInvalidArgument, the parser's text.
Result<std::vector<MatcherSet>> ParseMatcherSets(const std::vector<std::string>& texts);

}  // namespace narthex::web
