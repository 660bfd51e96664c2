// SPDX-License-Identifier: Apache-2.0
//
// The HTTP side of discoveries: a client whose answers are bounded.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "narthex/base/result.h"
#include "narthex/config/http_config.h"
#include "narthex/net/http_client.h"

namespace narthex::scrape {

/// Longest answer of a discovery, after decompression. A list of 100,000 targets has a third of it.
inline constexpr std::size_t kMaxSdBodyBytes = std::size_t{64} << 20;

struct SdResponse {
  int status = 0;
  std::string status_text;  // "404 Not Found"
  std::string content_type;
  std::string body;
};

/// Thread safety: one request at a time; Cancel any thread.
class SdClient final {
 public:
  /// @param timeout  for everything from connecting to the last byte of one request
  /// Errors: as MakeClientOptions.
  static Result<std::unique_ptr<SdClient>> Make(const config::HttpConfig& http,
                                                std::chrono::milliseconds timeout);
  explicit SdClient(net::HttpClientOptions options, std::chrono::milliseconds timeout)
      : client_(std::move(options)), timeout_(timeout) {}

  Result<SdResponse> Get(const std::string& url, net::Headers headers = {});
  Result<SdResponse> Post(const std::string& url, net::Headers headers, std::string body);
  /// A running request and all later ones fail.
  void Cancel() noexcept;

 private:
  Result<SdResponse> Do(net::ClientRequest request);

  net::BlockingClient client_;
  const std::chrono::milliseconds timeout_;
};

/// The URL without its password, for messages.
std::string RedactedUrl(const std::string& url);

/// `application/json`, with `; charset=utf-8` or without, in any case.
/// Source: matchContentType of Prometheus discovery/http.
bool IsJsonContentType(std::string_view content_type);

}  // namespace narthex::scrape
