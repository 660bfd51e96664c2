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

Error UnexpectedStatus(const std::string& what, const ApiAnswer& answer) {
  constexpr std::size_t kMaxShown = 256;
  std::string text =
      fmt::format("{}: server returned HTTP status {}", what, answer.response.status);
  if (!answer.response.reason.empty()) text += " " + answer.response.reason;
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
  NX_ASSIGN_OR_RETURN(const ApiAnswer answer, Get(url, std::move(headers)));
  if (answer.response.status / 100 != 2) return Fail(UnexpectedStatus("Get " + url, answer));
  auto document = JsonDocument::Parse(answer.body);
  if (!document) return Fail(std::move(document).error().Wrap("Get " + url));
  return document;
}

void ApiClient::Cancel() noexcept {
  try {
    client_.Cancel();
  } catch (const std::exception& e) {
    log::Error("A request can't be cancelled", {{"err", e.what()}});
  }
}

}  // namespace narthex::scrape
