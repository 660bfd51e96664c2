// SPDX-License-Identifier: Apache-2.0
//
// OAuth2 client credentials: the request for a token, and tokens kept until they expire.
// Source: RFC 6749 section 4.4; golang.org/x/oauth2/clientcredentials for what Prometheus sends.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "narthex/base/mutex.h"
#include "narthex/base/result.h"
#include "narthex/net/http_client.h"

namespace narthex::net {

struct AccessToken {
  std::string type;  // "Bearer"
  std::string value;
  std::chrono::steady_clock::time_point expires = std::chrono::steady_clock::time_point::max();
};

/// The token that all clients with equal settings use, and who waits for the next one.
/// Thread safety: any thread.
class TokenCache {
 public:
  using Clock = std::chrono::steady_clock;

  /// How a request for a token ended, and the secret that it was made with.
  struct Outcome {
    Result<AccessToken> token;
    std::string secret;
  };
  using Landed = std::function<void(Outcome)>;

  /// The token when it is good for some seconds more and was got with this secret.
  std::optional<AccessToken> Get(const std::string& secret) const;

  /// A place among those who wait; gives it up when destroyed.
  class Place {
   public:
    Place(TokenCache& cache, std::uint64_t number) : cache_(cache), number_(number) {}
    ~Place() { cache_.Leave(number_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    TokenCache& cache_;
    const std::uint64_t number_;
  };

  /// While the place is held, `landed` is called once with the outcome of the request that is under
  /// way, on any thread, under a lock. Null when no request is under way: then it is on the caller
  /// to make one and to call Land.
  std::unique_ptr<Place> Await(Landed landed);
  void Land(const Result<AccessToken>& token, const std::string& secret);

  /// Whether the server wants id and secret in the body, once that was found out by trying.
  std::optional<bool> secret_in_body() const;
  void SetSecretInBody(bool in_body);

 private:
  void Leave(std::uint64_t place);

  mutable Mutex mutex_;
  AccessToken token_ NX_GUARDED_BY(mutex_);
  std::string secret_ NX_GUARDED_BY(mutex_);
  std::optional<bool> in_body_ NX_GUARDED_BY(mutex_);
  bool under_way_ NX_GUARDED_BY(mutex_) = false;
  std::uint64_t last_place_ NX_GUARDED_BY(mutex_) = 0;
  std::map<std::uint64_t, Landed> waiting_ NX_GUARDED_BY(mutex_);
};

/// One for all users of equal settings, while one of them holds it. Thread safety: any thread.
std::shared_ptr<TokenCache> TokensFor(const Oauth2Options& options);

/// The secret, from its file when it is in one. Errors: kIo naming the file.
Result<std::string> ClientSecret(const Oauth2Options& options);

/// @param secret_in_body  else it goes as basic authentication
Result<ClientRequest> TokenRequest(const Oauth2Options& options, const std::string& secret,
                                   bool secret_in_body);

/// Reads the answer. Errors: kUnavailable in the wording of golang.org/x/oauth2.
Result<AccessToken> ReadToken(const ClientResponse& response, const std::string& body,
                              TokenCache::Clock::time_point now);

}  // namespace narthex::net
