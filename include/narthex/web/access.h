// SPDX-License-Identifier: Apache-2.0
//
// The lock on the listeners: the file of --web.config.file, read again whenever it has changed.
#pragma once

#include <memory>
#include <string>

#include "narthex/base/result.h"
#include "narthex/net/access.h"

namespace narthex {
class Clock;
namespace metrics {
class Registry;
}
}  // namespace narthex

namespace narthex::web {

/// Looks at the files' state for each connection and request, so that new certificates, users and
/// headers count at once and without a reload. A file that has become bad lets nobody in, and the
/// log says why; so does one that no longer has what kept people out (users, client certificates)
/// unless it says so. Whether there is TLS, and the rate limit, stay as they were at the start.
/// Thread safety: any thread.
class WebAccess final : public net::AccessRules {
 public:
  /// Errors: as CheckFile.
  static Result<std::unique_ptr<WebAccess>> Open(const std::string& path, Clock& clock);

  /// All of the file and what it names. Errors: kNotFound, kIo, kInvalidArgument with the line or
  /// the file that is wrong; never with a secret.
  static Status CheckFile(const std::string& path);

  ~WebAccess() override;
  bool uses_tls() const override;
  net::RateLimit rate_limit() const override;
  Result<net::TlsContext> Tls() override;
  Result<std::shared_ptr<const net::RequestRules>> Requests() override;
  void CountRefused(net::Refused why) override;

  /// Whether the file is good, and how much was refused. This must outlive the registry.
  void AddMetrics(metrics::Registry& registry);

 private:
  struct Impl;
  explicit WebAccess(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::web
