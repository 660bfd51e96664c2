// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/cloud/token.h"

#include <algorithm>
#include <charconv>

#include <fmt/core.h>

namespace narthex::scrape {

namespace {

/// Tokens are not used in their last minute, as a refresh takes time, too.
constexpr std::int64_t kSpareSeconds = 60;
constexpr std::int64_t kMaxSeconds = 86'400;  // Whatever the server says.
constexpr std::chrono::milliseconds kTimeout{30'000};

/// A number that some servers write as a text.
std::int64_t Seconds(const std::string& body) {
  const auto document = JsonDocument::Parse(body);
  if (!document) return 0;
  const JsonView value = (*document)->root()["expires_in"];
  const std::int64_t number = value.Int();
  if ((*document)->status()) return number;
  const std::string text = value.Text();
  std::int64_t seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return seconds;
}

}  // namespace

Result<net::ClientRequest> FormRequest(const std::string& url, const net::Headers& fields) {
  net::ClientRequest request;
  NX_ASSIGN_OR_RETURN(request.url, net::ParseUrl(url));
  request.method = "POST";
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
  for (const auto& [name, value] : fields) {
    if (!request.body.empty()) request.body += '&';
    request.body += name + "=" + net::EscapeQuery(value);
  }
  return request;
}

CloudToken::CloudToken(Clock& clock, MakeRequest make)
    : clock_(clock), make_(std::move(make)), client_(net::HttpClientOptions(), kTimeout) {}

Result<std::string> CloudToken::Authorization() {
  const std::int64_t now = clock_.NowMs() / 1000;
  if (value_.empty() || now + kSpareSeconds >= expires_seconds_) {
    value_.clear();
    NX_ASSIGN_OR_RETURN(net::ClientRequest request, make_());
    const std::string url = net::FormatUrl(request.url);
    NX_ASSIGN_OR_RETURN(const ApiAnswer answer, client_.Do(std::move(request)));
    if (answer.response.status != 200) {
      return Fail(UnexpectedStatus("asking for a token: " + url, answer));
    }
    NX_ASSIGN_OR_RETURN(const auto document, JsonDocument::Parse(answer.body));
    value_ = document->root()["access_token"].Text();
    if (value_.empty()) {
      return Fail(Code::kUnavailable, fmt::format("{}: the answer has no access_token", url));
    }
    expires_seconds_ = now + std::clamp<std::int64_t>(Seconds(answer.body), 0, kMaxSeconds);
  }
  return "Bearer " + value_;
}

}  // namespace narthex::scrape
