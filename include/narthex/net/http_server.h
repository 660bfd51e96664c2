// SPDX-License-Identifier: Apache-2.0
//
// HTTP/1.1 server. Sessions are coroutines on I/O threads; handlers are plain functions that write
// their answer as a stream with back-pressure. A handler that comes alone runs on its session's
// thread, whose other work goes on elsewhere if need be, all others on a worker pool. No Asio in
// this header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "narthex/base/result.h"

namespace narthex {
class ThreadPool;
namespace metrics {
class Counter;
}
}  // namespace narthex

namespace narthex::net {

class AccessRules;
class IoPool;

/// Query or form parameters in order; keys may repeat.
class Params {
 public:
  void Add(std::string key, std::string value) {
    pairs_.emplace_back(std::move(key), std::move(value));
  }
  /// Decodes "a=1&b=%20"; false on a bad escape (what was good is kept).
  bool AddEncoded(std::string_view text);
  /// The first value, "" when there is none.
  const std::string& Get(std::string_view key) const;
  bool Has(std::string_view key) const;
  std::vector<std::string> All(std::string_view key) const;
  const std::vector<std::pair<std::string, std::string>>& pairs() const { return pairs_; }

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

/// Valid during the handler's call.
struct ServerRequest {
  std::string method;
  std::string path;       // Decoded, without query.
  std::string raw_query;  // As sent, without '?'.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string remote_address;  // "127.0.0.1:34567"
  std::stop_token stop;        // Requested when the client is gone or the server stops.
  std::string path_value;      // What a pattern's {name} matched, decoded.

  /// Case-insensitive; "" when there is none.
  std::string_view Header(std::string_view name) const;
  /// Form values of the body first, then those of the query string, as Go's Request.Form. What is
  /// badly written is left out.
  Params Form() const;
  /// The body when it is a form in the spelling of a query string; "" when it is something else.
  std::string_view FormBody() const;
};

/// Writes one answer. Nothing is sent before the first Write or the end of the handler.
/// Thread safety: the handler's thread only.
class ResponseWriter {
 public:
  virtual ~ResponseWriter() = default;
  virtual void SetStatus(int status) = 0;
  /// Replaces a header of the same name. Content-Encoding turns the server's compression off;
  /// "identity" does only that and is not sent.
  virtual void SetHeader(std::string_view name, std::string_view value) = 0;
  /// Adds a line to those of the same name.
  virtual void AddHeader(std::string_view name, std::string_view value) = 0;
  /// Sends a piece; blocks while the client is slow. Pieces past the first buffer go out chunked.
  /// Compressed when the client asks for it and a header Vary says that it may.
  /// @return false when the client is gone
  virtual bool Write(std::string_view piece) = 0;
  /// The answer can't be brought to its end: once the handler returns the connection is cut, so
  /// that nobody takes the part for the whole; 500 when nothing was sent yet.
  virtual void Abort() {}
  /// Sends what was written so far, at least the head; for answers that go on slowly.
  /// @return false when the client is gone
  virtual bool Flush() { return true; }
};

using Handler = std::function<void(const ServerRequest&, ResponseWriter&)>;

/// Exact paths, "/prefix/*" and one "{name}" segment: "/api/v1/label/{name}/values". Longer
/// patterns win. A known path with another method answers 405 with Allow. Not thread-safe; filled
/// before the server starts.
class Router final {
 public:
  Router();
  ~Router();
  /// @param method   "GET", "POST", …, or "*"
  /// @param pattern  also the `handler` label of the request metrics
  void Handle(std::string_view method, const std::string& pattern, Handler handler);
  /// Wraps every handler: (pattern, request, writer, next). For metrics and CORS.
  using Middleware = std::function<void(std::string_view pattern, const ServerRequest&,
                                        ResponseWriter&, const Handler& next)>;
  void Use(Middleware middleware);
  /// Paths below `prefix` belong to an inner router: a redirect to a path that differs only in a
  /// slash at the end or in case leaves the prefix out, as upstream does.
  void Mount(std::string prefix);
  void Dispatch(ServerRequest& request, ResponseWriter& writer) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct ServerOptions {
  std::vector<std::string> listen_addresses;  // "0.0.0.0:9090", ":9090", "[::1]:9090"
  // When there are any, these instead: descriptors of TCP sockets that listen already. Start makes
  // them the server's.
  std::vector<int> listen_sockets = {};
  std::size_t max_connections = 512;
  std::int64_t read_timeout_ms = 300'000;  // Whole request, and idle between requests.
  std::int64_t write_timeout_ms = 60'000;  // For each 64 KiB that the client does not take.
  std::size_t max_header_bytes = 1 << 20;
  std::size_t max_header_lines = 1000;  // Each takes ten times its bytes once it is parsed.
  std::size_t max_body_bytes = std::size_t{64} << 20;
  std::size_t max_bodies_bytes = std::size_t{512} << 20;  // Of all requests at the same time.
  AccessRules* access = nullptr;  // Not owned, outlives the server; null = plain HTTP for all.
  // Of connections; not owned, outlive the server; null = not counted.
  metrics::Counter* accepted = nullptr;
  metrics::Counter* closed = nullptr;
};

class HttpServer final {
 public:
  /// @param io, workers, router  not owned; outlive the server
  HttpServer(ServerOptions options, IoPool& io, ThreadPool& workers, const Router& router);
  ~HttpServer();  // Calls Stop().
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Binds and listens. Errors: kIo "listen tcp 0.0.0.0:9090: bind: address already in use";
  /// kInvalidArgument for a listen_socket that is none.
  Status Start();
  /// Requests stop of the handlers that run now, and goes on serving.
  void CancelRequests();
  /// Cuts the connections whose handlers still run, and goes on serving.
  void CutRequests();
  /// Accepts no more, requests stop of running handlers after `grace_ms`, waits for all sessions.
  void Stop(std::int64_t grace_ms = 5'000);
  /// The bound ports, in order of listen_addresses (for port 0) or listen_sockets.
  std::vector<std::uint16_t> ports() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::net
