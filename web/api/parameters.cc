// SPDX-License-Identifier: Apache-2.0
#include "web/api/parameters.h"

#include <charconv>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/base/go_int.h"
#include "narthex/net/url.h"
#include "narthex/promql/parser.h"

namespace narthex::web {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::size_t kMaxFormBytes = 10 << 20;  // As Go's net/http.

/// strconv.ParseFloat: unlike go::ParseFloat, what is out of range fails.
std::optional<double> ParseFiniteText(const std::string& text) {
  const std::optional<double> value = go::ParseFloat(text);
  if (value && std::isinf(*value) && text.find_first_of("nN") == std::string::npos) return {};
  return value;
}

/// time.Unix(seconds, ns); seconds wrap, as there.
ApiTime FromUnix(std::int64_t seconds, std::int64_t ns) {
  std::int64_t carry = ns / kNsPerSecond;
  ns -= carry * kNsPerSecond;
  if (ns < 0) {
    ns += kNsPerSecond;
    --carry;
  }
  const std::uint64_t sum = static_cast<std::uint64_t>(seconds) + static_cast<std::uint64_t>(carry);
  return {static_cast<std::int64_t>(sum), ns};
}

}  // namespace

std::string QueryProblem(std::string_view query) {
  std::string problem;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair.find(';') != pair.npos) {
      problem = "invalid semicolon separator in query";  // Also in place of an earlier problem.
    } else if (const std::string bad = net::BadEscape(pair); !bad.empty() && problem.empty()) {
      problem = "invalid URL escape " + bad;
    }
  }
  return problem;
}

Status CheckForm(const net::ServerRequest& request) {
  const std::string_view body = request.FormBody();
  std::string problem = body.size() > kMaxFormBytes ? "http: POST too large" : QueryProblem(body);
  if (problem.empty()) problem = QueryProblem(request.raw_query);
  if (problem.empty()) return {};
  return Fail(Code::kInvalidArgument, "error parsing form values: " + problem);
}

Error BadParameter(std::string_view name, std::string_view cause) {
  return Error(Code::kInvalidArgument, fmt::format("invalid parameter \"{}\": {}", name, cause));
}

model::TimestampMs ApiTime::Ms() const {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(seconds) * 1000 +
                                   static_cast<std::uint64_t>(nanoseconds / 1'000'000));
}

model::TimestampMs ApiTime::EngineMs() const {
  const std::uint64_t unix_ns =
      static_cast<std::uint64_t>(seconds) * kNsPerSecond + static_cast<std::uint64_t>(nanoseconds);
  return static_cast<std::int64_t>(unix_ns) / 1'000'000;
}

Result<ApiTime> ParseTime(const std::string& text) {
  if (const std::optional<double> number = ParseFiniteText(text)) {
    double whole = 0;
    double fraction = std::modf(*number, &whole);
    // Go's Modf of an infinity has a NaN fraction, C's a zero.
    if (std::isinf(*number)) fraction = std::nan("");
    fraction = std::round(fraction * 1000) / 1000;
    return FromUnix(go::ToInt64(whole), go::ToInt64(fraction * 1e9));
  }
  if (const auto time = go::ParseTime(text)) return ApiTime{time->seconds, time->nanoseconds};
  if (text == "-292273086-05-16T16:47:06Z") return kApiMinTime;
  if (text == "292277025-08-18T07:12:54.999999999Z") return kApiMaxTime;
  return Fail(Code::kInvalidArgument,
              fmt::format("cannot parse {} to a valid timestamp", go::Quote(text)));
}

Result<std::int64_t> ParseDurationNs(const std::string& text) {
  if (const std::optional<double> seconds = ParseFiniteText(text)) {
    const double ns = *seconds * 1e9;
    if (ns > 9223372036854775807.0 || ns < -9223372036854775808.0) {
      return Fail(
          Code::kInvalidArgument,
          fmt::format("cannot parse {} to a valid duration. It overflows int64", go::Quote(text)));
    }
    return go::ToInt64(ns);
  }
  if (const auto ms = model::ParseDuration(text)) return *ms * 1'000'000;
  return Fail(Code::kInvalidArgument,
              fmt::format("cannot parse {} to a valid duration", go::Quote(text)));
}

Result<ApiTime> TimeParameter(const net::Params& form, std::string_view name, ApiTime otherwise) {
  const std::string& text = form.Get(name);
  if (text.empty()) return otherwise;
  auto time = ParseTime(text);
  if (!time) {
    return Fail(BadParameter(
        name, fmt::format("invalid time value for '{}': {}", name, time.error().message())));
  }
  return time;
}

Result<std::size_t> LimitParameter(const net::Params& form) {
  const std::string& text = form.Get("limit");
  if (text.empty()) return std::size_t{0};
  const auto limit = ParseInt(text);
  if (!limit) return Fail(BadParameter("limit", ParseIntFailure("Atoi", text)));
  if (*limit < 0) return Fail(BadParameter("limit", "limit must be non-negative"));
  return static_cast<std::size_t>(*limit);
}

Result<TimeRange> RangeParameters(const net::Params& form) {
  TimeRange range;
  NX_ASSIGN_OR_RETURN(const ApiTime start, TimeParameter(form, "start", kApiMinTime));
  NX_ASSIGN_OR_RETURN(const ApiTime end, TimeParameter(form, "end", kApiMaxTime));
  range.start = start.Ms();
  range.end = end.Ms();
  return range;
}

std::optional<std::int64_t> ParseInt(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return {};
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

std::string ParseIntFailure(std::string_view function, std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with('+') || digits.starts_with('-')) digits.remove_prefix(1);
  const bool number = !digits.empty() && std::all_of(digits.begin(), digits.end(),
                                                     [](char c) { return c >= '0' && c <= '9'; });
  return fmt::format("strconv.{}: parsing {}: {}", function, go::Quote(text),
                     number ? "value out of range" : "invalid syntax");
}

std::optional<bool> ParseBool(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) return false;
  }
  return {};
}

Result<std::vector<MatcherSet>> ParseMatcherSets(const std::vector<std::string>& texts) {
  std::vector<MatcherSet> sets;
  for (const std::string& text : texts) {
    NX_ASSIGN_OR_RETURN(MatcherSet set, promql::ParseMetricSelector(text));
    const bool selects = std::any_of(set.begin(), set.end(),
                                     [](const model::Matcher& m) { return !m.MatchesEmpty(); });
    if (!selects) {
      return Fail(Code::kInvalidArgument, "match[] must contain at least one non-empty matcher");
    }
    sets.push_back(std::move(set));
  }
  return sets;
}

}  // namespace narthex::web
