// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/sd_client.h"

#include <fmt/core.h>

#include "narthex/scrape/client_options.h"
#include "narthex/scrape/scrape_manager.h"

namespace narthex::scrape {

namespace {

constexpr std::string_view kSpace = " \t\n\f\r";

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return lower;
}

}  // namespace

Result<std::unique_ptr<SdClient>> SdClient::Make(const config::HttpConfig& http,
                                                 std::chrono::milliseconds timeout) {
  NX_ASSIGN_OR_RETURN(net::HttpClientOptions options,
                      MakeClientOptions(http, ScrapeOptions().user_agent));
  return std::make_unique<SdClient>(std::move(options), timeout);
}

Result<SdResponse> SdClient::Get(const std::string& url, net::Headers headers) {
  net::ClientRequest request;
  NX_ASSIGN_OR_RETURN(request.url, net::ParseUrl(url));
  request.headers = std::move(headers);
  return Do(std::move(request));
}

Result<SdResponse> SdClient::Post(const std::string& url, net::Headers headers, std::string body) {
  net::ClientRequest request;
  request.method = "POST";
  NX_ASSIGN_OR_RETURN(request.url, net::ParseUrl(url));
  request.headers = std::move(headers);
  request.body = std::move(body);
  return Do(std::move(request));
}

Result<SdResponse> SdClient::Do(net::ClientRequest request) {
  request.timeout = timeout_;
  request.max_body_bytes = kMaxSdBodyBytes;
  SdResponse response;
  NX_ASSIGN_OR_RETURN(const net::ClientResponse answer, client_.Do(request, response.body));
  if (answer.body_too_large) {
    return Fail(Code::kResourceExhausted,
                fmt::format("{}: the answer is longer than {} bytes", net::FormatUrl(request.url),
                            kMaxSdBodyBytes));
  }
  response.status = answer.status;
  response.status_text = fmt::format("{} {}", answer.status, answer.reason);
  response.content_type = answer.content_type;
  return response;
}

void SdClient::Cancel() noexcept { client_.Cancel(); }

std::string RedactedUrl(const std::string& url) {
  const auto parsed = net::ParseUrl(url);
  return parsed ? net::FormatUrl(*parsed) : "the URL";
}

bool IsJsonContentType(std::string_view content_type) {
  std::string type = LowerCase(content_type);
  constexpr std::string_view kJson = "application/json";
  if (!type.starts_with(kJson)) return false;
  type.erase(0, kJson.size());
  if (type.empty()) return true;
  if (type[0] != ';') return false;
  type.erase(0, std::min(type.find_first_not_of(kSpace, 1), type.size()));
  return type == "charset=utf-8" || type == "charset=\"utf-8\"";
}

}  // namespace narthex::scrape
