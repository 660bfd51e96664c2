// SPDX-License-Identifier: Apache-2.0
//
// Tokens of clouds, which hand them out for an hour or so.
//
//   BearerTokens tokens(AzureSecretTokens(…), SystemClock());
//   NX_ASSIGN_OR_RETURN(const std::string token, tokens.Token());
//   request.headers.emplace_back("Authorization", "Bearer " + token);
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "narthex/base/result.h"
#include "narthex/net/http_client.h"

namespace narthex {
class Clock;
}

namespace narthex::net {

/// What to send for a new token: asked each time, because files that are part of it may change.
using MakeTokenRequest = std::function<Result<ClientRequest>()>;

/// Asks for a token, keeps it, and asks for the next one ahead of its end: one thread does, and the
/// others take the old one as long as it is good, or wait. While the server of tokens can't be
/// reached, too, the old one is used to its end. Its HTTP client has no settings, as those of other
/// servers are not for it, but for the proxy of the environment. Thread safety: any thread.
class BearerTokens final {
 public:
  enum class Renewal : std::uint8_t {
    kShortlyBeforeItsEnd,
    kAtHalfOfItsTime,
  };

  /// @param clock  not owned, outlives this
  BearerTokens(MakeTokenRequest make, Clock& clock,
               Renewal renewal = Renewal::kShortlyBeforeItsEnd);
  ~BearerTokens();
  BearerTokens(const BearerTokens&) = delete;
  BearerTokens& operator=(const BearerTokens&) = delete;

  /// May wait for the network, up to 30 s. Errors: kCancelled; those of the request; what the
  /// server said, in the words of golang.org/x/oauth2. No error has a secret in it.
  Result<std::string> Token();

  /// A running Token and all later ones that need the network fail with kCancelled.
  void Cancel() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::net
