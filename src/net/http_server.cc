// SPDX-License-Identifier: Apache-2.0
#include "narthex/net/http_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/core.h>

#include "narthex/base/clock.h"
#include "narthex/base/log.h"
#include "narthex/base/metrics.h"
#include "narthex/base/mutex.h"
#include "narthex/net/io_pool.h"
#include "src/net/error_text.h"
#include "src/net/gate.h"
#include "src/net/lane.h"
#include "src/net/session.h"

namespace narthex::net {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

/// Splits "host:port", "[v6]:port", ":port". An empty host stands for all addresses.
Result<tcp::endpoint> ParseListenAddress(const std::string& text) {
  const auto bad = [&](std::string_view why) {
    return Fail(Code::kInvalidArgument, fmt::format("listen tcp: address {}: {}", text, why));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return bad("missing port in address");
  std::string host = text.substr(0, colon);
  const std::string port_text = text.substr(colon + 1);
  unsigned port = 0;
  for (const char c : port_text) {
    if (c < '0' || c > '9' || port > 65535) return bad("unknown port");
    port = port * 10 + static_cast<unsigned>(c - '0');
  }
  if (port > 65535) return bad("invalid port");
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    return bad("too many colons in address");
  }
  if (host.empty()) return tcp::endpoint(tcp::v6(), static_cast<std::uint16_t>(port));
  if (host == "localhost") host = "127.0.0.1";
  error_code ec;
  const asio::ip::address address = asio::ip::make_address(host, ec);
  if (!ec) return tcp::endpoint(address, static_cast<std::uint16_t>(port));
  asio::io_context context;
  const auto found = tcp::resolver(context).resolve(host, port_text, ec);
  if (ec || found.empty()) {
    return Fail(Code::kIo, fmt::format("listen tcp: lookup {}: no such host", host));
  }
  return found.begin()->endpoint();
}

template <typename T>
bool ReadOption(int fd, int level, int name, T& value) {
  socklen_t size = sizeof(value);
  return getsockopt(fd, level, name, &value, &size) == 0;
}

/// Connections that a listener accepts have its options. With those of Go's net/http a client whose
/// machine is gone is noticed after two and a half minutes.
void KeepAlive(int listener) {
  constexpr std::pair<int, int> kOptions[] = {
      {TCP_KEEPIDLE, 15}, {TCP_KEEPINTVL, 15}, {TCP_KEEPCNT, 9}};
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  for (const auto& [name, value] : kOptions) {
    setsockopt(listener, IPPROTO_TCP, name, &value, sizeof(value));
  }
}

}  // namespace

struct HttpServer::Impl {
  struct Listener {
    explicit Listener(Lane& its_lane)
        : lane(its_lane), acceptor(lane.context()), pause(lane.context()) {}
    Lane& lane;
    tcp::acceptor acceptor;
    asio::steady_timer pause;
  };

  Impl(ServerOptions opts, IoPool& io_pool, ThreadPool& pool, const Router& routes)
      : options(std::move(opts)), io(io_pool), workers(pool), router(routes) {
    if (options.access != nullptr) gate = std::make_unique<Gate>(*options.access, SystemClock());
  }

  /// One for each address or socket of the options. Errors: as Start.
  Status OpenListeners();
  Status Open(Listener& listener, const std::string& address);
  static Status Adopt(Listener& listener, int fd);
  asio::awaitable<void> Accept(std::shared_ptr<Listener> listener);
  void StartSession(tcp::socket socket, Lane& lane);
  void SessionEnded(const std::shared_ptr<Session>& session);
  void ForEachSession(void (Session::*action)());
  bool WaitForSessions(std::int64_t timeout_ms);

  const ServerOptions options;
  IoPool& io;
  ThreadPool& workers;
  const Router& router;
  std::unique_ptr<Gate> gate;  // Null = open.
  const std::shared_ptr<std::atomic<std::size_t>> all_bodies =
      std::make_shared<std::atomic<std::size_t>>(0);
  std::vector<std::shared_ptr<Listener>> listeners;
  std::vector<std::uint16_t> ports;
  Mutex mutex;
  CondVar changed;
  std::set<std::shared_ptr<Session>> sessions NX_GUARDED_BY(mutex);
  std::size_t num_accepting NX_GUARDED_BY(mutex) = 0;
  bool stopping NX_GUARDED_BY(mutex) = false;
};

Status HttpServer::Impl::Open(Listener& listener, const std::string& address) {
  NX_ASSIGN_OR_RETURN(const tcp::endpoint parsed, ParseListenAddress(address));
  tcp::endpoint endpoint = parsed;
  error_code ec;
  listener.acceptor.open(endpoint.protocol(), ec);
  if (ec && endpoint.address().is_v6() && endpoint.address().is_unspecified()) {
    endpoint = tcp::endpoint(tcp::v4(), endpoint.port());  // A machine without IPv6.
    listener.acceptor.open(endpoint.protocol(), ec);
  }
  const char* step = "socket";
  if (!ec) listener.acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec && endpoint.address().is_v6()) {
    listener.acceptor.set_option(asio::ip::v6_only(!endpoint.address().is_unspecified()), ec);
  }
  if (!ec) {
    step = "bind";
    listener.acceptor.bind(endpoint, ec);
  }
  if (!ec) {
    step = "listen";
    listener.acceptor.listen(1024, ec);
  }
  if (ec) {
    return Fail(Code::kIo,
                fmt::format("listen tcp {}: {}: {}", address, step, ErrnoText(ec.value())));
  }
  return {};
}

Status HttpServer::Impl::Adopt(Listener& listener, int fd) {
  int family = 0, protocol = 0, listens = 0;
  const bool tcp_listener =
      ReadOption(fd, SOL_SOCKET, SO_DOMAIN, family) && (family == AF_INET || family == AF_INET6) &&
      ReadOption(fd, SOL_SOCKET, SO_PROTOCOL, protocol) && protocol == IPPROTO_TCP &&
      ReadOption(fd, SOL_SOCKET, SO_ACCEPTCONN, listens) && listens != 0;
  if (!tcp_listener) {
    return Fail(Code::kInvalidArgument,
                fmt::format("file descriptor {} is no TCP socket that listens", fd));
  }
  error_code ec;
  listener.acceptor.assign(family == AF_INET6 ? tcp::v6() : tcp::v4(), fd, ec);
  if (ec) {
    return Fail(Code::kIo, fmt::format("file descriptor {}: {}", fd, ErrnoText(ec.value())));
  }
  return {};
}

Status HttpServer::Impl::OpenListeners() {
  const auto add = [this](const auto& open) -> Status {
    auto listener = std::make_shared<Listener>(io.NextLane());
    NX_RETURN_IF_ERROR(open(*listener));
    KeepAlive(listener->acceptor.native_handle());
    ports.push_back(listener->acceptor.local_endpoint().port());
    listeners.push_back(std::move(listener));
    return {};
  };
  for (const int fd : options.listen_sockets) {
    NX_RETURN_IF_ERROR(add([&](Listener& listener) { return Adopt(listener, fd); }));
  }
  if (!options.listen_sockets.empty()) return {};
  for (const std::string& address : options.listen_addresses) {
    NX_RETURN_IF_ERROR(add([&](Listener& listener) { return Open(listener, address); }));
  }
  return {};
}

asio::awaitable<void> HttpServer::Impl::Accept(std::shared_ptr<Listener> listener) {
  for (;;) {
    bool full = false;
    {
      MutexLock lock(mutex);
      if (stopping) break;
      full = sessions.size() >= options.max_connections;
    }
    if (full) {
      // New clients wait in the listen queue, as with Prometheus.
      listener->pause.expires_after(std::chrono::milliseconds(20));
      co_await listener->pause.async_wait(kAwait);
      continue;
    }
    Lane& lane = io.NextLane();
    auto [ec, socket] = co_await listener->acceptor.async_accept(lane.context(), kAwait);
    if (!listener->acceptor.is_open()) break;
    if (!ec) {
      StartSession(std::move(socket), lane);
    } else if (ec != asio::error::connection_aborted) {
      log::Warn("Accepting a connection failed", {{"err", ErrnoText(ec.value())}});
      listener->pause.expires_after(std::chrono::milliseconds(100));  // No descriptors left.
      co_await listener->pause.async_wait(kAwait);
    }
  }
  MutexLock lock(mutex);
  --num_accepting;
  changed.NotifyAll();
}

void HttpServer::Impl::StartSession(tcp::socket socket, Lane& lane) {
  const auto session = std::make_shared<Session>(std::move(socket), lane, options, workers, router,
                                                 gate.get(), all_bodies);
  {
    MutexLock lock(mutex);
    if (stopping) return;
    sessions.insert(session);
  }
  if (options.accepted != nullptr) options.accepted->Add();
  // Begun there, so that it ends on its own loop, which need not be the acceptor's.
  lane.Post([this, session] {
    asio::co_spawn(session->lane().context(), session->Run(),
                   [this, session](const std::exception_ptr& failure) {
                     if (failure) log::Error("An HTTP session ended by an exception");
                     SessionEnded(session);
                   });
  });
}

void HttpServer::Impl::SessionEnded(const std::shared_ptr<Session>& session) {
  if (options.closed != nullptr) options.closed->Add();
  MutexLock lock(mutex);
  sessions.erase(session);
  changed.NotifyAll();
}

void HttpServer::Impl::ForEachSession(void (Session::*action)()) {
  MutexLock lock(mutex);
  for (const auto& session : sessions) {
    session->lane().Post([session, action] { (session.get()->*action)(); });
  }
}

bool HttpServer::Impl::WaitForSessions(std::int64_t timeout_ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  MutexLock lock(mutex);
  while (!sessions.empty()) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= left.zero()) return false;
    changed.WaitFor(mutex, left);
  }
  return true;
}

HttpServer::HttpServer(ServerOptions options, IoPool& io, ThreadPool& workers, const Router& router)
    : impl_(std::make_unique<Impl>(std::move(options), io, workers, router)) {}

HttpServer::~HttpServer() { Stop(); }

Status HttpServer::Start() {
  Impl& s = *impl_;
  if (Status status = s.OpenListeners(); !status) {
    s.listeners.clear();
    s.ports.clear();
    return status;
  }
  {
    MutexLock lock(s.mutex);
    s.num_accepting = s.listeners.size();
  }
  for (const auto& listener : s.listeners) {
    listener->lane.Post([&s, listener] {
      asio::co_spawn(listener->lane.context(), s.Accept(listener), asio::detached);
    });
  }
  return {};
}

void HttpServer::CancelRequests() { impl_->ForEachSession(&Session::RequestStop); }

void HttpServer::CutRequests() { impl_->ForEachSession(&Session::AbortAnswer); }

void HttpServer::Stop(std::int64_t grace_ms) {
  Impl& s = *impl_;
  {
    MutexLock lock(s.mutex);
    s.stopping = true;
  }
  for (const auto& listener : s.listeners) {
    listener->lane.Post([listener] {
      error_code ignored;
      listener->acceptor.close(ignored);
      listener->pause.cancel();
    });
  }
  {
    MutexLock lock(s.mutex);
    while (s.num_accepting > 0) s.changed.Wait(s.mutex);
  }
  s.ForEachSession(&Session::CloseWhenIdle);
  if (!s.WaitForSessions(grace_ms)) {
    s.ForEachSession(&Session::RequestStop);
    if (!s.WaitForSessions(2'000)) s.ForEachSession(&Session::Abort);
    while (!s.WaitForSessions(60'000)) {
      log::Warn("An HTTP handler does not end");
    }
  }
  s.listeners.clear();
}

std::vector<std::uint16_t> HttpServer::ports() const { return impl_->ports; }

}  // namespace narthex::net
