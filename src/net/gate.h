// SPDX-License-Identifier: Apache-2.0
//
// Applies the access rules to one request after another.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

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
  Gate(AccessRules& rules, Clock& clock)
      : rules_(rules), clock_(clock), limiter_(rules.rate_limit()) {}

  AccessRules& rules() { return rules_; }

  struct Decision {
    int status = 200;                           // Else what the request is answered with.
    std::shared_ptr<const RequestRules> rules;  // Their headers go with the answer; may be null.
    /// Whether status is only known after CheckPassword.
    bool check_password = false;
    Credentials credentials;
  };
  /// Takes no time.
  Decision Decide(const HeaderList& request_headers);
  /// Sets the status of a decision that waits for it. Takes long: not for an I/O thread.
  void CheckPassword(Decision& decision);

 private:
  AccessRules& rules_;
  Clock& clock_;
  RateLimiter limiter_;
  PasswordChecker passwords_;
};

}  // namespace narthex::net
