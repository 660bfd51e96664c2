// SPDX-License-Identifier: Apache-2.0
#include "src/net/connection.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/core.h>

#include "src/net/error_text.h"
#include "src/net/lookup.h"
#include "src/net/tls.h"

namespace narthex::net {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
// So many operations may follow one another without a turn of the executor, which other connections
// and the deadline wait for.
constexpr int kMostDirect = 8;
using TlsStream = asio::ssl::stream<tcp::socket&>;
using InnerTlsStream = asio::ssl::stream<TlsStream&>;

std::string EndpointText(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  const bool v6 = endpoint.address().is_v6();
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", host, v6 ? "]" : "", endpoint.port());
}

std::string ErrorText(const error_code& ec) {
  if (ec == asio::error::eof || ec == asio::ssl::error::stream_truncated) return "EOF";
  if (ec.category() == boost::system::system_category() ||
      ec.category() == boost::system::generic_category()) {
    return ErrnoText(ec.value());
  }
  return ec.message();
}

/// Names the server that a handshake is to be made with.
void ExpectServer(SSL* handle, const std::string& server_name, bool verify) {
  error_code not_literal;
  asio::ip::make_address(server_name, not_literal);
  X509_VERIFY_PARAM* const wanted = SSL_get0_param(handle);
  if (not_literal) SSL_set_tlsext_host_name(handle, server_name.c_str());
  // Who is named by the subject alone is nobody, as for Go.
  if (verify) X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (verify && not_literal) X509_VERIFY_PARAM_set1_host(wanted, server_name.c_str(), 0);
  if (verify && !not_literal) X509_VERIFY_PARAM_set1_ip_asc(wanted, server_name.c_str());
}

}  // namespace

struct Connection::State {
  explicit State(const asio::any_io_executor& executor) : socket(executor), timer(executor) {}
  explicit State(tcp::socket accepted)
      : socket(std::move(accepted)), timer(socket.get_executor()) {}

  Error Failure(const error_code& ec, std::string_view operation) const {
    if (timed_out) return Error(Code::kTimeout, "context deadline exceeded");
    if (cancelled || ec == asio::error::operation_aborted) {
      return Error(Code::kCancelled, "context canceled");
    }
    if (ec.category() == asio::error::get_ssl_category()) {
      const int reason = ERR_GET_REASON(static_cast<unsigned long>(ec.value()));
      if (const std::string_view alert = AlertText(reason); !alert.empty()) {
        return Error(Code::kUnavailable, fmt::format("remote error: tls: {}", alert));
      }
    }
    if (!unix_path.empty()) {
      return Error(Code::kUnavailable,
                   fmt::format("{0} unix @->{1}: {0}: {2}", operation, unix_path, ErrorText(ec)));
    }
    return Error(Code::kUnavailable,
                 fmt::format("{} tcp {}->{}: {}: {}", operation, EndpointText(local),
                             EndpointText(remote), operation, ErrorText(ec)));
  }

  void Close() {
    error_code ignored;
    socket.close(ignored);
    inner_tls.reset();
    tls.reset();
  }

  /// What is there to read, without waiting and without a turn of the executor. Nothing: wait for
  /// it, or learn that way what is wrong.
  std::size_t ReadNow(std::span<char> into) {
    // An answer is not there yet when the question has just been sent.
    if (tls != nullptr || has_written || direct >= kMostDirect) return 0;
    const ssize_t n = ::recv(socket.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
    if (n <= 0) return 0;
    ++direct;
    return static_cast<std::size_t>(n);
  }

  /// The same for what the socket takes of `bytes`.
  std::size_t WriteNow(std::string_view bytes) {
    if (tls != nullptr || direct >= kMostDirect) return 0;
    const ssize_t n =
        ::send(socket.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n <= 0) return 0;
    ++direct;
    return static_cast<std::size_t>(n);
  }

  /// Ends running operations. The TLS stream stays: they still use it.
  void Abort() {
    error_code ignored;
    socket.close(ignored);
    if (lookup != nullptr) lookup->cancel();
  }

  tcp::socket socket;
  asio::steady_timer timer;  // Of the deadline.
  std::unique_ptr<TlsStream> tls;
  std::unique_ptr<InnerTlsStream> inner_tls;             // Through `tls`, or null.
  std::shared_ptr<asio::ssl::context> tls_context;       // Used by both.
  std::shared_ptr<asio::steady_timer> lookup;            // Ends the wait for a name lookup.
  Clock::time_point expires = Clock::time_point::max();  // The deadline.
  Clock::time_point armed = Clock::time_point::max();    // When the timer ends.
  tcp::endpoint local, remote;
  std::string unix_path;     // Connected to that; "" = by TCP.
  int direct = 0;            // Operations since the executor last had its turn.
  bool has_written = false;  // Since the last read.
  bool timed_out = false;
  bool cancelled = false;
};

Connection::Connection(const asio::any_io_executor& executor)
    : state_(std::make_shared<State>(executor)) {}

Connection::Connection(tcp::socket socket) : state_(std::make_shared<State>(std::move(socket))) {
  error_code ignored;
  state_->local = state_->socket.local_endpoint(ignored);
  state_->remote = state_->socket.remote_endpoint(ignored);
}

std::size_t Connection::held_bytes() const { return sizeof(State); }

Connection::~Connection() {
  ClearDeadline();
  state_->Close();
}

asio::awaitable<Status> Connection::Connect(std::string host, std::uint16_t port,
                                            bool random_order) {
  State& s = *state_;
  s.unix_path.clear();
  std::vector<tcp::endpoint> endpoints;
  error_code ec;
  const asio::ip::address literal = asio::ip::make_address(host, ec);
  if (!ec) {
    endpoints.emplace_back(literal, port);
  } else {
    auto addresses = co_await LookUp(host, s.expires, s.lookup);
    if (!addresses) {
      if (addresses.error().code() == Code::kTimeout) {
        s.timed_out = s.timed_out || !s.cancelled;
        co_return Fail(s.Failure(asio::error::timed_out, "dial"));
      }
      co_return Fail(std::move(addresses).error().Wrap("dial tcp"));
    }
    for (const asio::ip::address& address : *addresses) endpoints.emplace_back(address, port);
    if (random_order) {
      thread_local std::minstd_rand random{std::random_device{}()};
      std::shuffle(endpoints.begin(), endpoints.end(), random);
    }
  }

  error_code first_error = asio::error::host_not_found;
  tcp::endpoint first;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    if (s.timed_out || s.cancelled) co_return Fail(s.Failure(asio::error::timed_out, "dial"));
    s.Close();
    // One address that swallows packets must not use up the time of the others.
    const auto now = Clock::now();
    asio::steady_timer attempt(s.socket.get_executor());
    const auto connecting = std::make_shared<bool>(true);
    if (i + 1 < endpoints.size() && s.expires != Clock::time_point::max() && s.expires > now) {
      attempt.expires_after((s.expires - now) / static_cast<int>(endpoints.size() - i));
      attempt.async_wait([connecting, weak = std::weak_ptr<State>(state_)](const error_code& late) {
        const auto state = weak.lock();
        if (late || !state || !*connecting) return;
        error_code ignored;
        state->socket.cancel(ignored);
      });
    }
    auto [error] = co_await s.socket.async_connect(endpoints[i], kAwait);
    *connecting = false;
    attempt.cancel();
    if (!error) {
      error_code ignored;
      s.socket.set_option(tcp::no_delay(true), ignored);
      s.local = s.socket.local_endpoint(ignored);
      s.remote = endpoints[i];
      co_return Status{};
    }
    if (s.timed_out || s.cancelled) co_return Fail(s.Failure(error, "dial"));
    if (i == 0) {
      first_error = error == asio::error::operation_aborted ? asio::error::timed_out : error;
      first = endpoints[i];
    }
  }
  s.Close();
  co_return Fail(Code::kUnavailable, fmt::format("dial tcp {}: connect: {}", EndpointText(first),
                                                 ErrorText(first_error)));
}

Status Connection::ConnectUnix(const std::string& path) {
  State& s = *state_;
  s.Close();
  s.unix_path = path;
  const auto failure = [&](int number) {
    return Fail(Code::kUnavailable,
                fmt::format("dial unix {}: connect: {}", path, ErrnoText(number)));
  };
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (path.size() >= sizeof(to.sun_path)) return failure(ENAMETOOLONG);
  path.copy(to.sun_path, path.size());
  // There is no network to wait for: the kernel connects at once, or refuses when too many wait.
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return failure(errno);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) {
    const int number = errno;
    ::close(descriptor);
    return failure(number);
  }
  // What reads and writes needs a descriptor, of whatever family it is.
  error_code ec;
  s.socket.assign(tcp::v4(), descriptor, ec);
  if (!ec) return {};
  ::close(descriptor);
  return failure(ec.value());
}

asio::awaitable<Status> Connection::StartTls(std::shared_ptr<asio::ssl::context> context,
                                             std::string server_name, bool verify) {
  State& s = *state_;
  s.tls_context = std::move(context);
  const bool inner = s.tls != nullptr;
  if (inner) {
    s.inner_tls = std::make_unique<InnerTlsStream>(*s.tls, *s.tls_context);
  } else {
    s.tls = std::make_unique<TlsStream>(s.socket, *s.tls_context);
  }
  SSL* const handle = inner ? s.inner_tls->native_handle() : s.tls->native_handle();
  ExpectServer(handle, server_name, verify);
  error_code ec;
  if (inner) {
    auto [error] = co_await s.inner_tls->async_handshake(asio::ssl::stream_base::client, kAwait);
    ec = error;
  } else {
    auto [error] = co_await s.tls->async_handshake(asio::ssl::stream_base::client, kAwait);
    ec = error;
  }
  if (!ec) co_return Status{};
  if (s.timed_out || s.cancelled) co_return Fail(s.Failure(ec, "read"));
  const bool is_cut = ec.category() == boost::system::system_category();
  std::string why =
      is_cut ? s.Failure(ec, "read").message() : DescribeTlsFailure(handle, ec, server_name);
  s.Close();
  co_return Fail(Code::kUnavailable, std::move(why));
}

asio::awaitable<Status> Connection::AcceptTls(std::shared_ptr<asio::ssl::context> context,
                                              std::string first) {
  State& s = *state_;
  s.tls_context = std::move(context);
  s.tls = std::make_unique<TlsStream>(s.socket, *s.tls_context);
  auto [error, used] =
      co_await s.tls->async_handshake(asio::ssl::stream_base::server, asio::buffer(first), kAwait);
  if (!error) co_return Status{};
  s.tls.reset();
  co_return Fail(s.Failure(error, "handshake"));
}

bool Connection::is_tls() const { return state_->tls != nullptr; }

asio::awaitable<Result<std::size_t>> Connection::Read(std::span<char> into) {
  State& s = *state_;
  if (const std::size_t now = s.ReadNow(into); now > 0) co_return now;
  s.direct = 0;
  s.has_written = false;
  const asio::mutable_buffer buffer = asio::buffer(into.data(), into.size());
  error_code ec;
  std::size_t n = 0;
  if (s.inner_tls) {
    auto [error, count] = co_await s.inner_tls->async_read_some(buffer, kAwait);
    ec = error;
    n = count;
  } else if (s.tls) {
    auto [error, count] = co_await s.tls->async_read_some(buffer, kAwait);
    ec = error;
    n = count;
  } else {
    auto [error, count] = co_await s.socket.async_read_some(buffer, kAwait);
    ec = error;
    n = count;
  }
  if (n > 0) co_return n;
  const bool ended = ec == asio::error::eof || ec == asio::ssl::error::stream_truncated;
  if (!ec || (ended && !s.timed_out && !s.cancelled)) co_return std::size_t{0};
  co_return Fail(s.Failure(ec, "read"));
}

asio::awaitable<Status> Connection::Write(std::string_view bytes) {
  State& s = *state_;
  s.has_written = true;
  bytes.remove_prefix(s.WriteNow(bytes));
  if (bytes.empty()) co_return Status{};
  s.direct = 0;
  const asio::const_buffer buffer = asio::buffer(bytes.data(), bytes.size());
  error_code ec;
  if (s.inner_tls) {
    auto [error, count] = co_await asio::async_write(*s.inner_tls, buffer, kAwait);
    ec = error;
  } else if (s.tls) {
    auto [error, count] = co_await asio::async_write(*s.tls, buffer, kAwait);
    ec = error;
  } else {
    auto [error, count] = co_await asio::async_write(s.socket, buffer, kAwait);
    ec = error;
  }
  if (!ec) co_return Status{};
  co_return Fail(s.Failure(ec, "write"));
}

void Connection::SetDeadline(Clock::time_point when) {
  State& s = *state_;
  s.timed_out = false;
  s.cancelled = false;
  s.expires = when;
  // The timer is moved only when it would come too late: deadlines change several times in a
  // request, and each change of a timer is a system call and a callback.
  if (when < s.armed) Arm(state_, when);
}

void Connection::SuspendDeadline() { state_->expires = Clock::time_point::max(); }

void Connection::ClearDeadline() {
  SuspendDeadline();
  state_->armed = Clock::time_point::max();
  state_->timer.cancel();
}

void Connection::Arm(const std::shared_ptr<State>& state, Clock::time_point when) {
  state->armed = when;
  state->timer.expires_at(when);
  state->timer.async_wait([weak = std::weak_ptr<State>(state)](const error_code& error) {
    const auto self = weak.lock();
    // A timer that was set anew while its callback was under way is not due.
    if (error || !self || self->armed > Clock::now()) return;
    self->armed = Clock::time_point::max();
    if (self->expires > Clock::now()) {
      if (self->expires != Clock::time_point::max()) Arm(self, self->expires);
      return;
    }
    self->timed_out = true;
    self->Abort();
  });
}

void Connection::ProbePeer() {
  const int socket = state_->socket.native_handle();
  const auto set = [&](int level, int name, int value) {
    setsockopt(socket, level, name, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 60'000);  // The same, in ms, for what was sent.
}

void Connection::Cancel() {
  state_->cancelled = true;
  state_->Abort();
}

void Connection::ShutdownSend() {
  error_code ignored;
  state_->socket.shutdown(tcp::socket::shutdown_send, ignored);
}

asio::awaitable<void> Connection::Finish() {
  if (state_->tls != nullptr && state_->socket.is_open()) {
    // As if the peer's end had been seen: otherwise OpenSSL waits for it.
    SSL_set_shutdown(state_->tls->native_handle(), SSL_RECEIVED_SHUTDOWN);
    SetDeadline(Clock::now() + std::chrono::seconds(1));
    co_await state_->tls->async_shutdown(kAwait);
    state_->tls.reset();
  }
  ShutdownSend();
}

void Connection::Close() { state_->Close(); }

bool Connection::is_open() const { return state_->socket.is_open(); }

bool Connection::PeerHasEnded() {
  pollfd ended{.fd = state_->socket.native_handle(), .events = POLLRDHUP, .revents = 0};
  return poll(&ended, 1, 0) != 0;
}

bool Connection::IsIdleUsable() {
  State& s = *state_;
  if (!s.socket.is_open() || PeerHasEnded()) return false;
  // TLS 1.3 session tickets may wait unread, so there only the end of the stream counts.
  char byte = 0;
  const ssize_t n = recv(s.socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (n > 0) return s.tls != nullptr;
  return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

tcp::socket& Connection::socket() { return state_->socket; }

}  // namespace narthex::net
