// SPDX-License-Identifier: Apache-2.0
//
// An endpoint of remote write: how a request to it looks, and what its answers mean.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "narthex/base/result.h"
#include "narthex/config/remote_config.h"
#include "narthex/model/timestamp.h"
#include "narthex/net/http_client.h"
#include "narthex/proto/write_request.h"
#include "narthex/remote/request_authorizer.h"

namespace narthex::remote {

/// Shared by all who send to it; nothing in it changes. Thread safety: any thread.
struct Endpoint {
  config::RemoteWriteConfig config;
  net::Url url;
  net::HttpClientOptions client;
  std::shared_ptr<RequestAuthorizer> authorizer;  // Null: none.
  std::string name;                               // The label remote_name.
  std::string shown_url;                          // As in the file, without a password.

  proto::WriteVersion version() const {
    return config.message == config::RemoteWriteMessage::kV2 ? proto::WriteVersion::kV2
                                                             : proto::WriteVersion::kV1;
  }
};

/// A password in a URL replaced by "xxxxx", the rest as it is.
std::string WithoutPassword(std::string_view url);

/// @param attempt  0 = the first
net::ClientRequest MakeRequest(const Endpoint& endpoint, int attempt);

/// What an answer's headers say was taken. Source: remote write 2.0.
struct Written {
  std::uint64_t samples = 0, histograms = 0, exemplars = 0;
  bool confirmed = false;  // At least one header is there.
};
Written ReadWritten(const net::Headers& headers);

enum class Outcome : std::uint8_t {
  kTaken,
  kTryAgain,
  kRefused,  // For good.
  kCancelled,
};

struct Answer {
  Outcome outcome = Outcome::kTaken;
  model::DurationMs retry_after_ms = 0;  // 0 = the endpoint does not say.
  bool unauthorized = false;             // 401 or 403.
  Written written;
  std::string error;
};

/// @param body    the beginning of the answer's text
/// @param now_ms  for dates
Answer ReadAnswer(const Endpoint& endpoint, const net::ClientResponse& response,
                  std::string_view body, model::TimestampMs now_ms);

/// "120" or "Fri, 27 Nov 2026 18:00:00 GMT"; 0 for what is neither, or in the past.
model::DurationMs ReadRetryAfter(std::string_view text, model::TimestampMs now_ms);

/// How long to wait before the next attempt, and how long the wait after that is.
struct Backoff {
  model::DurationMs wait_ms, next_ms;
};
/// @param current_ms  what the one before said is next; at first min_backoff
Backoff NextBackoff(model::DurationMs current_ms, model::DurationMs retry_after_ms,
                    model::DurationMs max_ms);

/// One connection. Thread safety: one request at a time; Cancel any thread.
class EndpointClient final {
 public:
  EndpointClient(std::shared_ptr<const Endpoint> endpoint, const Clock& clock);

  /// Posts `body`, a compressed message, which is there again afterwards.
  Answer Post(std::string& body, int attempt);
  /// A running Post and all later ones end with kCancelled.
  void Cancel() { client_.Cancel(); }

 private:
  const std::shared_ptr<const Endpoint> endpoint_;
  const Clock& clock_;
  net::BlockingClient client_;
  std::string answer_;
};

}  // namespace narthex::remote
