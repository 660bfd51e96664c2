// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/api_client.h"

#include <strings.h>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/base/log.h"

namespace narthex::scrape {

std::string ApiAnswer::Header(std::string_view name) const {
  for (const auto& [key, value] : response.headers) {
    if (key.size() == name.size() && strncasecmp(key.data(), name.data(), name.size()) == 0) {
      return value;
    }
  }
  return "";
}

std::string UrlText(const std::string& url) {
  const auto parsed = net::ParseUrl(url);
  return parsed ? net::FormatUrl(*parsed) : "a URL that is none";
}

Error UnexpectedStatus(const std::string& what, const ApiAnswer& answer) {
  constexpr std::size_t kMaxShown = 256;
  std::string text =
      fmt::format("{}: server returned HTTP status {}", what, answer.response.status);
  if (!answer.response.reason.empty()) text += " " + ShortText(answer.response.reason);
  if (!answer.body.empty()) text += ": " + go::Quote(answer.body.substr(0, kMaxShown));
  return {Code::kUnavailable, std::move(text)};
}

Result<ApiAnswer> ApiClient::Do(net::ClientRequest request) {
  request.timeout = timeout_;
  request.max_body_bytes = kMaxApiAnswerBytes;
  ApiAnswer answer;
  NX_ASSIGN_OR_RETURN(answer.response, client_.Do(request, answer.body));
  if (answer.response.body_too_large) {
    return Fail(Code::kResourceExhausted,
                fmt::format("{}: the answer has more than {} bytes", net::FormatUrl(request.url),
                            kMaxApiAnswerBytes));
  }
  return answer;
}

Result<ApiAnswer> ApiClient::Get(const std::string& url, net::Headers headers) {
  net::ClientRequest request;
  NX_ASSIGN_OR_RETURN(request.url, net::ParseUrl(url));
  request.headers = std::move(headers);
  return Do(std::move(request));
}

Result<std::unique_ptr<JsonDocument>> ApiClient::GetJson(const std::string& url,
                                                         net::Headers headers) {
  ApiAnswer answer;
  return GetJson(url, std::move(headers), answer);
}

Result<std::unique_ptr<JsonDocument>> ApiClient::GetJson(const std::string& url,
                                                         net::Headers headers, ApiAnswer& answer) {
  NX_ASSIGN_OR_RETURN(answer, Get(url, std::move(headers)));
  if (answer.response.status / 100 != 2) {
    return Fail(UnexpectedStatus("Get " + UrlText(url), answer));
  }
  auto document = JsonDocument::Parse(answer.body);
  if (!document) return Fail(std::move(document).error().Wrap("Get " + UrlText(url)));
  return document;
}

Status ApiClient::Keep(const ApiAnswer& answer) {
  if (answer.body.size() > left_bytes_) {
    left_bytes_ = 0;
    return Fail(Code::kResourceExhausted, "the answers of one refresh are too large together");
  }
  left_bytes_ -= answer.body.size();
  return {};
}

void ApiClient::Cancel() noexcept {
  try {
    client_.Cancel();
  } catch (const std::exception& e) {
    log::Error("A request can't be cancelled", {{"err", e.what()}});
  }
}

}  // namespace narthex::scrape
