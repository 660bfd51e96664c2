// SPDX-License-Identifier: Apache-2.0
//
// What happens around every handler: request metrics, CORS, readiness.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "narthex/base/clock.h"
#include "narthex/base/metrics.h"
#include "narthex/model/matcher.h"
#include "narthex/net/http_server.h"
#include "narthex/web/status.h"

namespace narthex::web {

/// prometheus_http_requests_total, _request_duration_seconds, _response_size_bytes.
/// Thread safety: any thread.
class RequestMetrics final {
 public:
  /// @param route_prefix  cut from the patterns that become the `handler` label
  RequestMetrics(metrics::Registry& registry, Clock& clock, std::string route_prefix);

  /// Makes the metrics of a handler appear before its first request.
  void Declare(std::string_view pattern);
  void Run(std::string_view pattern, const net::ServerRequest& request, net::ResponseWriter& writer,
           const net::Handler& next);

 private:
  std::string HandlerLabel(std::string_view pattern) const;

  metrics::Registry& registry_;
  Clock& clock_;
  const std::string route_prefix_;
};

/// Adds the Access-Control headers to the answer to a request from another origin.
void SetCorsHeaders(const model::Regex& allowed, const net::ServerRequest& request,
                    net::ResponseWriter& writer);

/// What a handler holds while it uses storage, rules, targets, …: as long as it is there, the
/// server does not close them. False, and 503 is answered, while the server starts or stops.
class [[nodiscard]] Admission final {
 public:
  Admission(const StatusSource& status, net::ResponseWriter& writer);
  ~Admission() {
    if (admitted_) status_.Leave();
  }
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  explicit operator bool() const { return admitted_; }

 private:
  const StatusSource& status_;
  const bool admitted_;
};

/// Text with "nosniff", as Go's http.Error.
void PlainError(int status, std::string_view text, net::ResponseWriter& writer);

}  // namespace narthex::web
