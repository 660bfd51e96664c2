// SPDX-License-Identifier: Apache-2.0
#include "src/cli/range_query.h"

#include <chrono>
#include <cmath>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "narthex/base/go_format.h"
#include "narthex/net/http_client.h"
#include "narthex/net/url.h"

namespace narthex::cli {
namespace {

namespace json = boost::json;

constexpr auto kTimeout = std::chrono::minutes(2);

// application/x-www-form-urlencoded.
std::string Encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

// Seconds as client_golang writes them.
std::string Seconds(std::int64_t ns) {
  constexpr std::int64_t kNs = 1'000'000'000;
  const std::int64_t rest = ns % kNs < 0 ? ns % kNs + kNs : ns % kNs;
  const std::int64_t whole = (ns - rest) / kNs;
  return go::FormatFloatF(static_cast<double>(whole) + static_cast<double>(rest) / 1e9);
}

tl::unexpected<Error> BadAnswer(std::string_view what) {
  return Fail(Code::kExecution, fmt::format("bad_response: {}", what));
}

const json::value* Member(const json::value& value, std::string_view key) {
  const json::object* object = value.if_object();
  return object == nullptr ? nullptr : object->if_contains(key);
}

std::string_view TextOf(const json::value* value) {
  const json::string* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string_view() : std::string_view(text->data(), text->size());
}

Result<model::Sample> ParseSample(const json::value& value) {
  const json::array* pair = value.if_array();
  if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_number()) {
    return BadAnswer("a sample is no pair of time and value");
  }
  const auto v = go::ParseFloat(TextOf(&(*pair)[1]));
  if (!v) return BadAnswer(fmt::format("{} is no sample value", go::Quote(TextOf(&(*pair)[1]))));
  return model::Sample{std::llround((*pair)[0].to_number<double>() * 1000), *v};
}

Result<RangeSeries> ParseSeries(const json::value& value) {
  RangeSeries series;
  std::vector<std::pair<std::string_view, std::string_view>> labels;
  const json::value* metric = Member(value, "metric");
  if (metric == nullptr || !metric->is_object()) return BadAnswer("a series has no metric");
  for (const auto& entry : metric->get_object()) {
    labels.emplace_back(std::string_view(entry.key().data(), entry.key().size()),
                        TextOf(&entry.value()));
  }
  series.labels = model::Labels::FromPairs(std::move(labels));
  if (const json::value* values = Member(value, "values"); values != nullptr) {
    if (!values->is_array()) return BadAnswer("the values of a series are no list");
    for (const auto& item : values->get_array()) {
      NX_ASSIGN_OR_RETURN(const model::Sample sample, ParseSample(item));
      series.samples.push_back(sample);
    }
  }
  return series;
}

}  // namespace

Result<RangeResult> ParseRangeAnswer(int status, std::string_view body) {
  boost::system::error_code error;
  const json::value answer = json::parse({body.data(), body.size()}, error);
  if (error) {
    if (status / 100 == 2) return BadAnswer(error.message());
    const char* kind =
        status / 100 == 4 ? "client_error: client error" : "server_error: server error";
    return Fail(Code::kExecution, fmt::format("{}: {}", kind, status));
  }
  if (TextOf(Member(answer, "status")) != "success") {
    return Fail(Code::kExecution, fmt::format("{}: {}", TextOf(Member(answer, "errorType")),
                                              TextOf(Member(answer, "error"))));
  }
  RangeResult result;
  const json::value* data = Member(answer, "data");
  if (data == nullptr) return BadAnswer("no data");
  if (const auto type = TextOf(Member(*data, "resultType")); type != "matrix") {
    return Fail(Code::kExecution, fmt::format("rule result is wrong type {}", type));
  }
  const json::value* list = Member(*data, "result");
  if (list == nullptr || !list->is_array()) return BadAnswer("the result is no list");
  for (const auto& item : list->get_array()) {
    NX_ASSIGN_OR_RETURN(auto series, ParseSeries(item));
    result.series.push_back(std::move(series));
  }
  if (const json::value* warnings = Member(answer, "warnings");
      warnings != nullptr && warnings->is_array()) {
    for (const auto& warning : warnings->get_array())
      result.warnings.emplace_back(TextOf(&warning));
  }
  return result;
}

Result<RangeResult> QueryRange(const std::string& url, const RangeQuery& query) {
  net::ClientRequest request;
  NX_ASSIGN_OR_RETURN(request.url, net::ParseUrl(url));
  std::string& target = request.url.target;
  target = target.substr(0, target.find('?'));
  while (target.ends_with('/')) target.pop_back();
  target += "/api/v1/query_range";
  request.method = "POST";
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
  request.body = fmt::format("end={}&query={}&start={}&step={}", Encoded(Seconds(query.end_ns)),
                             Encoded(query.query), Encoded(Seconds(query.start_ns)),
                             Encoded(Seconds(query.step_ns)));
  request.timeout = kTimeout;
  std::string body;
  NX_ASSIGN_OR_RETURN(const auto response, net::DoBlocking({}, request, body));
  return ParseRangeAnswer(response.status, body);
}

}  // namespace narthex::cli
