// SPDX-License-Identifier: Apache-2.0
#include "src/net/token_source.h"

#include <optional>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace narthex::net {
namespace asio = boost::asio;

using TimePoint = TokenCache::Clock::time_point;

namespace {

/// Tells those who wait for a request how it ended, in any case.
class Flight {
 public:
  Flight(TokenCache& cache, std::string secret) : cache_(cache), secret_(std::move(secret)) {}
  ~Flight() { cache_.Land(outcome_, secret_); }
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;

  void Land(Result<AccessToken> outcome) { outcome_ = std::move(outcome); }

 private:
  TokenCache& cache_;
  const std::string secret_;
  Result<AccessToken> outcome_ = Fail(Code::kCancelled, "context canceled");
};

}  // namespace

/// One client's wait for the request of another one.
struct TokenSource::Wait {
  Wait(const asio::any_io_executor& executor, TimePoint deadline) : timer(executor, deadline) {}

  asio::steady_timer timer;
  std::optional<TokenCache::Outcome> outcome;
};

TokenSource::TokenSource(asio::any_io_executor executor,  // NOLINT: a handle, as Asio takes it.
                         std::shared_ptr<const Oauth2Options> options, std::string user_agent)
    : executor_(std::move(executor)),
      options_(std::move(options)),
      user_agent_(std::move(user_agent)),
      cache_(TokensFor(*options_)) {}

asio::awaitable<Result<AccessToken>> TokenSource::Get(TimePoint deadline) {
  cancelled_ = false;
  for (;;) {
    Result<std::string> secret = ClientSecret(*options_);
    if (!secret) co_return Fail(std::move(secret).error());
    if (std::optional<AccessToken> token = cache_->Get(*secret)) co_return *token;

    const auto wait = std::make_shared<Wait>(executor_, deadline);
    const auto place = cache_->Await([wait, executor = executor_](TokenCache::Outcome outcome) {
      asio::post(executor, [wait, outcome = std::move(outcome)]() mutable {
        wait->outcome = std::move(outcome);
        wait->timer.cancel();
      });
    });
    if (!place) {
      Flight flight(*cache_, *secret);
      // Another one's request may have ended since the look above.
      const std::optional<AccessToken> landed = cache_->Get(*secret);
      Result<AccessToken> token = Fail(Code::kInternal, "");
      if (landed) {
        token = *landed;
      } else {
        token = co_await Ask(*secret, deadline);
      }
      flight.Land(token);
      co_return token;
    }
    waiting_ = wait.get();
    // It ends early when it is cancelled: then there is an outcome.
    co_await wait->timer.async_wait(asio::as_tuple(asio::use_awaitable));
    waiting_ = nullptr;
    if (cancelled_) co_return Fail(Code::kCancelled, "context canceled");
    if (!wait->outcome) co_return Fail(Code::kTimeout, "context deadline exceeded");
    const TokenCache::Outcome& outcome = *wait->outcome;
    // Who asked may have been told to stop, have had less time, or have read the secret before it
    // changed.
    const bool other = !outcome.token && (outcome.token.error().code() == Code::kCancelled ||
                                          outcome.token.error().code() == Code::kTimeout);
    if (!other && outcome.secret == *secret) co_return outcome.token;
  }
}

asio::awaitable<Result<AccessToken>> TokenSource::AskInOneWay(const std::string& secret,
                                                              bool in_body, TimePoint deadline,
                                                              bool& answered) {
  answered = false;
  Result<ClientRequest> request = TokenRequest(*options_, secret, in_body);
  if (!request) co_return Fail(std::move(request).error());
  request->timeout = std::chrono::ceil<std::chrono::milliseconds>(
      std::max(deadline - TokenCache::Clock::now(), TokenCache::Clock::duration::zero()));
  HttpClientOptions own;
  own.tls = options_->tls;
  own.proxy = options_->proxy;
  own.user_agent = user_agent_;
  HttpClient client(executor_, std::move(own));
  struct Asking {
    ~Asking() { place = nullptr; }
    HttpClient*& place;
  };
  asking_ = &client;
  const Asking asking{asking_};
  std::string answer;
  Result<ClientResponse> response = co_await client.Do(*request, answer);
  if (!response) co_return Fail(std::move(response).error());
  answered = true;
  co_return ReadToken(*response, answer, TokenCache::Clock::now());
}

// Asks in one of the two ways, and in the other one when the server does not like it.
asio::awaitable<Result<AccessToken>> TokenSource::Ask(const std::string& secret,
                                                      TimePoint deadline) {
  const std::optional<bool> known = cache_->secret_in_body();
  const bool in_body = known.value_or(false);
  bool answered = false;
  Result<AccessToken> token = co_await AskInOneWay(secret, in_body, deadline, answered);
  if (token) cache_->SetSecretInBody(in_body);
  // Only an answer tells that the server does not like the way.
  if (token || cancelled_ || known || !answered) co_return token;
  token = co_await AskInOneWay(secret, !in_body, deadline, answered);
  if (token) cache_->SetSecretInBody(!in_body);
  co_return token;
}

void TokenSource::Cancel() {
  cancelled_ = true;
  if (asking_ != nullptr) asking_->Cancel();
  if (waiting_ != nullptr) waiting_->timer.cancel();
}

}  // namespace narthex::net
