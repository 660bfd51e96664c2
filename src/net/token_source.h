// SPDX-License-Identifier: Apache-2.0
//
// Where an HTTP client takes its OAuth2 tokens from.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "src/net/oauth2.h"

namespace narthex::net {

/// All clients with equal settings ask for one token at a time: one asks the server, the others
/// wait for its answer. Thread safety: one Get at a time, on the executor's thread, as Cancel.
class TokenSource {
 public:
  TokenSource(boost::asio::any_io_executor executor, std::shared_ptr<const Oauth2Options> options,
              std::string user_agent);

  /// The token at hand, or a new one, before `deadline`.
  /// Errors: kTimeout; kCancelled; kIo (the secret's file); kUnavailable (what the server says).
  boost::asio::awaitable<Result<AccessToken>> Get(TokenCache::Clock::time_point deadline);

  /// Makes a running Get return kCancelled.
  void Cancel();

 private:
  struct Wait;

  boost::asio::awaitable<Result<AccessToken>> Ask(const std::string& secret,
                                                  TokenCache::Clock::time_point deadline);
  boost::asio::awaitable<Result<AccessToken>> AskInOneWay(const std::string& secret, bool in_body,
                                                          TokenCache::Clock::time_point deadline,
                                                          bool& answered);

  const boost::asio::any_io_executor executor_;
  const std::shared_ptr<const Oauth2Options> options_;
  const std::string user_agent_;
  const std::shared_ptr<TokenCache> cache_;
  HttpClient* asking_ = nullptr;  // Of the request under way.
  Wait* waiting_ = nullptr;       // For another client's request.
  bool cancelled_ = false;
};

}  // namespace narthex::net
