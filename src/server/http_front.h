// SPDX-License-Identifier: Apache-2.0
//
// The HTTP listener with the threads that it needs.
#pragma once

#include <memory>

#include "narthex/base/result.h"
#include "narthex/base/thread_pool.h"
#include "narthex/net/http_server.h"
#include "narthex/net/io_pool.h"
#include "narthex/web/api.h"

namespace narthex::server {

class Frame;
struct ServerFlags;

/// The API's options, as far as the flags say them.
web::ApiOptions MakeApiOptions(const ServerFlags& flags);

/// Made after the parts that the API asks, so that it ends before them. At the server's end:
/// state kStopping, EndRequests, the parts are stopped and the storage is closed, Stop. Between the
/// two, requests that use the parts get 503 (web::Admission), and health, metrics, pages and
/// notifications are served: they touch nothing that is closed, and all parts are still there.
class HttpFront final {
 public:
  explicit HttpFront(Frame& frame);

  /// Registers the API and listens; until the status says ready it answers 503. Errors: kIo.
  Status Start(const web::ApiDependencies& dependencies);
  /// Returns when no request uses the parts any more; those that run are given a moment, then
  /// cancelled, then cut. The state is kStopping, so that no other one begins.
  void EndRequests();
  /// Ends the listener and all connections. Idempotent.
  void Stop();

 private:
  void LogListeners() const;

  Frame& frame_;
  ThreadPool workers_;
  net::IoPool io_;
  net::Router router_;
  std::unique_ptr<net::HttpServer> http_;
};

}  // namespace narthex::server
