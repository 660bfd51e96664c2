// SPDX-License-Identifier: Apache-2.0
#include "web/api/search_parameters.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "narthex/base/go_format.h"
#include "narthex/web/search.h"

namespace narthex::web {
namespace {

constexpr std::size_t kDefaultLimit = 100;
constexpr std::size_t kDefaultBatchSize = 100;
/// Each costs time for every value there is.
constexpr std::size_t kMaxTerms = 32;
constexpr std::int64_t kDefaultWindowSeconds = 3600;

/// In the order of FuzzyAlgorithm.
constexpr std::array<std::string_view, 2> kAlgorithms = {"subsequence", "jarowinkler"};

auto Bad(std::string text) { return Fail(Code::kInvalidArgument, std::move(text)); }

/// Unlike those of other endpoints, the errors here don't begin with "invalid parameter".
Result<ApiTime> ReadTime(const net::Params& form, std::string_view name, ApiTime otherwise) {
  const std::string& text = form.Get(name);
  if (text.empty()) return otherwise;
  auto time = ParseTime(text);
  if (!time) {
    return Bad(fmt::format("invalid time value for '{}': {}", name, time.error().message()));
  }
  return time;
}

Result<TimeRange> ReadRange(const net::Params& form, model::TimestampMs now_ms) {
  ApiTime now{now_ms / 1000, now_ms % 1000 * 1'000'000};
  ApiTime hour_ago = now;
  hour_ago.seconds -= kDefaultWindowSeconds;
  NX_ASSIGN_OR_RETURN(const ApiTime start, ReadTime(form, "start", hour_ago));
  NX_ASSIGN_OR_RETURN(const ApiTime end, ReadTime(form, "end", now));
  if (end < start) return Bad("end timestamp must not be before start timestamp");
  return TimeRange{start.Ms(), end.Ms()};
}

Status ReadMatching(const net::Params& form, SearchParameters& out) {
  NX_ASSIGN_OR_RETURN(out.matcher_sets, ParseMatcherSets(form.All("match[]")));
  out.terms = form.All("search[]");
  if (out.terms.size() > kMaxTerms) {
    return Bad(
        fmt::format("too many search[] terms: got {}, maximum is {}", out.terms.size(), kMaxTerms));
  }
  if (const std::string& text = form.Get("fuzz_threshold"); !text.empty()) {
    const auto percent = ParseInt(text);
    if (!percent || *percent < 0 || *percent > 100) {
      return Bad(fmt::format("invalid fuzz_threshold {}: must be 0-100", go::Quote(text)));
    }
    out.threshold = static_cast<double>(*percent) / 100.0;
  }
  if (const std::string& text = form.Get("fuzz_alg"); !text.empty()) {
    const auto* const it = std::find(kAlgorithms.begin(), kAlgorithms.end(), text);
    if (it == kAlgorithms.end()) {
      return Bad(fmt::format("unsupported fuzz_alg {}: must be one of [{}]", go::Quote(text),
                             fmt::join(kAlgorithms, " ")));
    }
    out.algorithm = static_cast<FuzzyAlgorithm>(it - kAlgorithms.begin());
  }
  NX_ASSIGN_OR_RETURN(out.case_sensitive, BoolParameter(form, "case_sensitive", true));
  NX_ASSIGN_OR_RETURN(out.include_score, BoolParameter(form, "include_score", false));
  return {};
}

/// All but whether sort_by is a word that the endpoint knows.
Status ReadOrder(const net::Params& form, SearchParameters& out) {
  const std::string& by = form.Get("sort_by");
  const std::string& direction = form.Get("sort_dir");
  if (!direction.empty()) {
    if (by.empty()) return Bad("sort_dir is only valid when sort_by is set");
    if (by == "score") return Bad("sort_dir is not supported for sort_by=score");
    if (direction != "asc" && direction != "dsc") {
      return Bad(
          fmt::format("invalid sort_dir {}: must be \"asc\" or \"dsc\"", go::Quote(direction)));
    }
  }
  if (by == "score") {
    if (out.terms.empty()) return Bad("sort_by=score requires search[] to be set");
    out.order = SearchOrder::kBestFirst;
  } else if (direction == "dsc") {
    out.order = SearchOrder::kDescending;
  }
  return {};
}

/// A number above zero, `otherwise` when it is not given.
Result<std::size_t> ReadCount(const net::Params& form, std::string_view name,
                              std::size_t otherwise) {
  const std::string& text = form.Get(name);
  if (text.empty()) return otherwise;
  const auto count = ParseInt(text);
  if (!count || *count <= 0) {
    return Bad(fmt::format("invalid {} {}: must be a positive integer", name, go::Quote(text)));
  }
  return static_cast<std::size_t>(*count);
}

Status ReadLimits(const net::Params& form, std::size_t max_limit, SearchParameters& out) {
  const std::size_t most = max_limit == 0 ? SIZE_MAX : max_limit;
  NX_ASSIGN_OR_RETURN(out.limit, ReadCount(form, "limit", std::min(kDefaultLimit, most)));
  if (out.limit > most) {
    return Bad(
        fmt::format("limit {} exceeds the configured maximum ({}, see --web.search.max-limit)",
                    out.limit, most));
  }
  NX_ASSIGN_OR_RETURN(out.batch_size, ReadCount(form, "batch_size", kDefaultBatchSize));
  return {};
}

}  // namespace

std::span<const std::string_view> FuzzyAlgorithmNames() { return kAlgorithms; }

Result<bool> BoolParameter(const net::Params& form, std::string_view name, bool otherwise) {
  const std::string& text = form.Get(name);
  if (text.empty()) return otherwise;
  const auto value = ParseBool(text);
  if (!value) return Bad(fmt::format("invalid {} {}: must be boolean", name, go::Quote(text)));
  return *value;
}

Result<SearchParameters> ReadSearchParameters(const net::Params& form, std::string_view endpoint,
                                              model::TimestampMs now_ms, std::size_t max_limit) {
  SearchParameters out;
  NX_ASSIGN_OR_RETURN(out.range, ReadRange(form, now_ms));
  NX_RETURN_IF_ERROR(ReadMatching(form, out));
  NX_RETURN_IF_ERROR(ReadOrder(form, out));
  NX_RETURN_IF_ERROR(ReadLimits(form, max_limit, out));
  const std::string& by = form.Get("sort_by");
  if (!by.empty() && by != "alpha" && by != "score") {
    return Bad(fmt::format("invalid sort_by {} for {}: must be \"alpha\" or \"score\"",
                           go::Quote(by), endpoint));
  }
  return out;
}

}  // namespace narthex::web
