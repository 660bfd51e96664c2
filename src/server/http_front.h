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

/// Made after the parts that the API asks, so that it ends before them.
class HttpFront final {
 public:
  explicit HttpFront(Frame& frame);

  /// Registers the API and listens; until the status says ready it answers 503. Errors: kIo.
  Status Start(const web::ApiDependencies& dependencies);
  /// Ends all requests. Idempotent.
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
