// SPDX-License-Identifier: Apache-2.0
//
// Who may come in: what the server asks before it serves a connection and a request.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/net/server_tls.h"

namespace narthex::net {

/// Immutable once it is given out.
struct RequestRules {
  std::vector<std::pair<std::string, std::string>> headers;  // Of every answer.
  /// Names and bcrypt hashes. Empty = everybody may.
  std::map<std::string, std::string, std::less<>> users;
};

/// A token bucket over all requests of a server.
struct RateLimit {
  std::int64_t interval_ns = 0;  // A request more in this time; 0 or less = no limit.
  std::int64_t burst = 0;        // So many at once.
};

/// Why somebody was not let in.
enum class Refused : std::uint8_t {
  kPassword,  // A wrong one, or none.
  kRate,
  kConfig,     // The rules can't be had.
  kBusy,       // Too many passwords to compare.
  kError,      // Comparing the password failed.
  kHandshake,  // Of TLS: the connection was refused before any request.
};

/// Asked for each connection and each request, so cheap as long as nothing has changed.
/// Thread safety: any thread.
class AccessRules {
 public:
  virtual ~AccessRules() = default;
  /// Whether connections speak TLS. Never changes.
  virtual bool uses_tls() const = 0;
  /// Never changes.
  virtual RateLimit rate_limit() const = 0;
  /// For the next connection. Errors: those of the file; then the connection is refused.
  virtual Result<TlsContext> Tls() = 0;
  /// For the next request. Errors: those of the file; then the request is answered with 500.
  virtual Result<std::shared_ptr<const RequestRules>> Requests() = 0;
  /// Told of each request and each handshake that was refused, for statistics.
  virtual void CountRefused(Refused /*why*/) {}
};

}  // namespace narthex::net
