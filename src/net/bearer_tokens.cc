// SPDX-License-Identifier: Apache-2.0
#include "narthex/net/bearer_tokens.h"

#include <algorithm>
#include <optional>

#include <fmt/core.h>

#include "narthex/base/clock.h"
#include "narthex/base/log.h"
#include "narthex/base/mutex.h"
#include "src/net/oauth2.h"

namespace narthex::net {
namespace {

/// Tokens are not used in their last minute, as a request takes time, too.
constexpr std::int64_t kSpareSeconds = 60;
constexpr std::int64_t kMaxSeconds = 86'400;     // Whatever the server says.
constexpr std::int64_t kUntoldSeconds = 5 * 60;  // When it says nothing.
/// After a failure, while the old token is good still.
constexpr std::int64_t kRetrySeconds = 60;
constexpr std::chrono::milliseconds kTimeout{30'000};
constexpr std::size_t kMaxAnswerBytes = 1 << 20;

/// Servers of tokens are asked as the clouds' own programs do it; a redirect would get the secret.
HttpClientOptions Options(bool through_proxy) {
  HttpClientOptions options;
  options.proxy.from_environment = through_proxy;
  options.follow_redirects = false;
  return options;
}

/// What the machine's own metadata service is asked, which no proxy reaches.
bool IsForTheMachine(const ClientRequest& request) {
  return std::any_of(request.headers.begin(), request.headers.end(), [](const auto& header) {
    return header.first == "Metadata" || header.first == "Metadata-Flavor";
  });
}

/// A refusal without the body that a server may have repeated our request in.
Error WithoutBody(const Error& error) {
  return {error.code(), error.message().substr(0, error.message().find("\nResponse: "))};
}

struct Issued {
  std::string token;
  std::int64_t seconds = 0;  // That it is good for.
};

}  // namespace

struct BearerTokens::Impl {
  Impl(MakeTokenRequest request, Clock& c, Renewal r)
      : make(std::move(request)),
        clock(c),
        renewal(r),
        direct(Options(false)),
        out(Options(true)) {}

  std::int64_t Now() const { return clock.NowMs() / 1000; }
  Result<Issued> Ask();
  /// Takes over what was asked for. Under the lock.
  Result<std::string> Land(Result<Issued> issued) NX_REQUIRES(mutex);
  bool IsGood() const NX_REQUIRES(mutex) {
    return !token.empty() && Now() + kSpareSeconds < expires_at;
  }

  const MakeTokenRequest make;
  Clock& clock;
  const Renewal renewal;
  BlockingClient direct, out;  // Of the thread that asks.

  Mutex mutex;
  CondVar landed;
  bool asking NX_GUARDED_BY(mutex) = false;
  std::uint64_t landings NX_GUARDED_BY(mutex) = 0;
  std::optional<Result<std::string>> outcome NX_GUARDED_BY(mutex);  // Of the last landing.
  std::string token NX_GUARDED_BY(mutex);
  std::int64_t renew_at NX_GUARDED_BY(mutex) = 0;  // Unix seconds, as the next.
  std::int64_t expires_at NX_GUARDED_BY(mutex) = 0;
};

Result<Issued> BearerTokens::Impl::Ask() {
  NX_ASSIGN_OR_RETURN(ClientRequest request, make());
  request.timeout = kTimeout;
  request.max_body_bytes = kMaxAnswerBytes;
  std::string body;
  BlockingClient& client = IsForTheMachine(request) ? direct : out;
  NX_ASSIGN_OR_RETURN(const ClientResponse response, client.Do(request, body));
  constexpr TokenCache::Clock::time_point kStart{};
  auto read = ReadToken(response, body, kStart);
  if (!read) {
    return Fail(WithoutBody(read.error()).Wrap("asking for a token: " + FormatUrl(request.url)));
  }
  Issued issued{.token = read->value, .seconds = kUntoldSeconds};
  if (read->expires != TokenCache::Clock::time_point::max()) {
    issued.seconds =
        std::chrono::duration_cast<std::chrono::seconds>(read->expires - kStart).count();
  }
  return issued;
}

Result<std::string> BearerTokens::Impl::Land(Result<Issued> issued) {
  const std::int64_t now = Now();
  if (issued) {
    const std::int64_t seconds = std::clamp<std::int64_t>(issued->seconds, 0, kMaxSeconds);
    token = std::move(issued->token);
    expires_at = now + seconds;
    renew_at =
        renewal == Renewal::kAtHalfOfItsTime ? now + seconds / 2 : expires_at - kSpareSeconds;
    return token;  // Also one that ends at once: it is good for what it was asked for.
  }
  if (!IsGood()) {
    token.clear();
    return Fail(std::move(issued).error());
  }
  log::Warn("A new token could not be got; the old one is used on",
            {{"err", issued.error().message()}});
  renew_at = now + kRetrySeconds;
  return token;
}

BearerTokens::BearerTokens(MakeTokenRequest make, Clock& clock, Renewal renewal)
    : impl_(std::make_unique<Impl>(std::move(make), clock, renewal)) {}

BearerTokens::~BearerTokens() = default;

Result<std::string> BearerTokens::Token() {
  Impl& impl = *impl_;
  {
    MutexLock lock(impl.mutex);
    if (!impl.token.empty() && impl.Now() < impl.renew_at) return impl.token;
    if (impl.asking) {
      if (impl.IsGood()) return impl.token;
      const std::uint64_t before = impl.landings;
      while (impl.landings == before) impl.landed.Wait(impl.mutex);
      return *impl.outcome;
    }
    impl.asking = true;
  }
  Result<Issued> issued = Fail(Code::kInternal, "no answer");
  try {
    issued = impl.Ask();
  } catch (const std::exception& e) {
    issued = Fail(Code::kInternal, e.what());
  }
  MutexLock lock(impl.mutex);
  impl.asking = false;
  ++impl.landings;
  impl.outcome = impl.Land(std::move(issued));
  impl.landed.NotifyAll();
  return *impl.outcome;
}

void BearerTokens::Cancel() noexcept {
  try {
    impl_->direct.Cancel();
    impl_->out.Cancel();
  } catch (const std::exception& e) {
    log::Error("A request can't be cancelled", {{"err", e.what()}});
  }
}

}  // namespace narthex::net
