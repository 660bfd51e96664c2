// SPDX-License-Identifier: Apache-2.0
//
// Tokens of clouds that hand them out for an hour.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "narthex/base/clock.h"
#include "narthex/base/result.h"
#include "narthex/net/http_client.h"
#include "scrape/discovery/api_client.h"

namespace narthex::scrape {

/// Asks for a token, and keeps it until shortly before it ends. The settings of the discovery's
/// HTTP client are not for the server of tokens: it has a client of its own. Thread safety: one
/// thread at a time; Cancel any thread.
class CloudToken {
 public:
  /// What to send for a new token.
  using MakeRequest = std::function<Result<net::ClientRequest>()>;

  CloudToken(Clock& clock, MakeRequest make);

  /// The value of an Authorization header. Errors: those of the request, and what the server said.
  Result<std::string> Authorization();
  void Cancel() noexcept { client_.Cancel(); }

 private:
  Clock& clock_;
  const MakeRequest make_;
  ApiClient client_;
  std::string value_;
  std::int64_t expires_seconds_ = 0;
};

/// A request with a form as its body.
Result<net::ClientRequest> FormRequest(const std::string& url, const net::Headers& fields);

}  // namespace narthex::scrape
