// SPDX-License-Identifier: Apache-2.0
//
// Asks the HTTP API that a discovery is about.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "narthex/base/result.h"
#include "narthex/net/http_client.h"
#include "scrape/discovery/json_view.h"

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

  void Cancel() noexcept;

 private:
  net::BlockingClient client_;
  const std::chrono::milliseconds timeout_;
};

/// kUnavailable with the status and the beginning of what the answer says.
Error UnexpectedStatus(const std::string& what, const ApiAnswer& answer);

}  // namespace narthex::scrape
