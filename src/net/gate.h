// SPDX-License-Identifier: Apache-2.0
//
// Applies the access rules to one request after another.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "narthex/net/access.h"
#include "src/net/http1.h"
#include "src/net/password.h"
#include "src/net/rate_limiter.h"

namespace narthex {
class Clock;
}

namespace narthex::net {

struct Credentials {
  std::string user, password;
};

/// Of an Authorization header "Basic …". nullopt = another scheme, or malformed.
std::optional<Credentials> ParseBasicAuth(std::string_view header);

/// Thread safety: any thread.
class Gate final {
 public:
  /// @param rules  not owned; outlives the gate
  Gate(AccessRules& rules, Clock& clock, PasswordChecker::Compare compare = MatchesBcrypt)
      : rules_(rules),
        clock_(clock),
        limiter_(rules.rate_limit()),
        passwords_(std::move(compare)) {}

  AccessRules& rules() { return rules_; }

  /// Passwords that are compared or wait for it. Three seconds' worth at cost 10: who comes later
  /// is told so at once, instead of keeping a thread for longer.
  static constexpr int kMaxWaiting = 64;

  /// A place among them, given back when it ends.
  struct Leave {
    void operator()(std::atomic<int>* waiting) const { --*waiting; }
  };
  using Place = std::unique_ptr<std::atomic<int>, Leave>;

  struct Decision {
    int status = 200;                           // Else what the request is answered with.
    std::shared_ptr<const RequestRules> rules;  // Their headers go with the answer; may be null.
    /// Whether status is only known after CheckPassword.
    bool check_password = false;
    Credentials credentials;
    Place place;
  };
  /// Takes no time.
  Decision Decide(const HeaderList& request_headers);
  /// Sets the status of a decision that waits for it. Takes long: not for an I/O thread. Throws
  /// nothing.
  /// @param stop  requested = nobody waits for the outcome; then it is 503, and soon
  void CheckPassword(Decision& decision, const std::stop_token& stop = {});

 private:
  /// Null when all are taken.
  Place TakePlace();
  /// The status.
  int Compare(const Decision& decision, const std::stop_token& stop);

  AccessRules& rules_;
  Clock& clock_;
  RateLimiter limiter_;
  PasswordChecker passwords_;
  std::atomic<int> waiting_{0};
};

}  // namespace narthex::net
