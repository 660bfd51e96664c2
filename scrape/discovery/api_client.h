// SPDX-License-Identifier: Apache-2.0
//
// Asks the HTTP API that a discovery is about.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "narthex/base/result.h"
#include "narthex/base/short_text.h"
#include "narthex/net/http_client.h"
#include "scrape/answers/json_view.h"

namespace narthex::scrape {

/// No answer may be larger: one that has no end must not take the server's memory.
inline constexpr std::size_t kMaxApiAnswerBytes = std::size_t{64} << 20;

struct ApiAnswer {
  net::ClientResponse response;
  std::string body;

  /// The value of a header, "" when there is none.
  std::string Header(std::string_view name) const;
};

/// Thread safety: one request at a time; Cancel any thread.
class ApiClient final {
 public:
  /// @param timeout  of each request
  ApiClient(net::HttpClientOptions options, std::chrono::milliseconds timeout)
      : client_(std::move(options)), timeout_(timeout) {}

  /// An answer of any status. Errors: those of the client; kResourceExhausted for one that is too
  /// large.
  Result<ApiAnswer> Do(net::ClientRequest request);
  Result<ApiAnswer> Get(const std::string& url, net::Headers headers = {});

  /// The JSON of an answer with a status of 2xx. Errors name the URL.
  Result<std::unique_ptr<JsonDocument>> GetJson(const std::string& url, net::Headers headers = {});
  /// The same with the answer that the JSON is of, for its headers.
  Result<std::unique_ptr<JsonDocument>> GetJson(const std::string& url, net::Headers headers,
                                                ApiAnswer& answer);

  /// From here on answers that are kept at the same time may have as many bytes.
  void BeginKeeping(std::size_t max_bytes = kMaxApiAnswerBytes) { left_bytes_ = max_bytes; }
  /// Before an answer is kept together with others. Errors: kResourceExhausted.
  Status Keep(const ApiAnswer& answer);

  void Cancel() noexcept;

 private:
  net::BlockingClient client_;
  const std::chrono::milliseconds timeout_;
  std::size_t left_bytes_ = kMaxApiAnswerBytes;
};

/// A URL as it may stand in a message: without its password.
std::string UrlText(const std::string& url);

/// kUnavailable with the status and the beginning of what the answer says.
Error UnexpectedStatus(const std::string& what, const ApiAnswer& answer);

}  // namespace narthex::scrape
