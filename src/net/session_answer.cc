// SPDX-License-Identifier: Apache-2.0
//
// The half of a session that answers; session.cc has the one that reads.
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/core.h>

#include "narthex/base/log.h"
#include "narthex/base/thread_pool.h"
#include "src/net/lane.h"
#include "src/net/session.h"

namespace narthex::net {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kWriteBytes = 64 << 10;
constexpr auto kWatchInterval = std::chrono::milliseconds(250);

/// Its failures end only this answer.
void RunHandler(const Router& router, Lane& lane, ServerRequest& request, ResponseStream& stream) {
  try {
    router.Dispatch(request, stream);
    lane.KeepLoop();
    stream.Finish();
  } catch (const std::exception& e) {
    log::Error("Uncaught exception in an HTTP handler",
               {{"path", request.path}, {"err", e.what()}});
    stream.Fail();
  } catch (...) {
    log::Error("Uncaught exception in an HTTP handler", {{"path", request.path}});
    stream.Fail();
  }
}

}  // namespace

asio::awaitable<void> Session::Deny(int status, bool head_only) {
  ResponseStream stream(
      {.head_only = head_only, .minor_version = minor_version_, .keep_alive = keep_alive_}, [] {});
  stream.SetStatus(status);
  AddHeaders(stream);
  if (status == 401) stream.SetHeader("Www-Authenticate", "Basic");
  stream.SetHeader("Content-Type", "text/plain; charset=utf-8");
  stream.SetHeader("X-Content-Type-Options", "nosniff");
  stream.Write(fmt::format("{}\n", ReasonPhrase(status)));
  stream.Finish();
  const ResponseStream::Batch answer = stream.Take();
  const bool sent = co_await Send(answer.bytes);
  keep_alive_ = sent && answer.keep_alive;
  if (sent && !keep_alive_) {
    co_await FinishAndDrain();
  }
}

void Session::AddHeaders(ResponseStream& stream) const {
  if (rules_ == nullptr) return;
  for (const auto& [name, value] : rules_->headers) stream.SetHeader(name, value);
}

/// While the handler runs nobody reads. The socket becomes readable when the client goes away, or
/// when it sends its next request early; then we can't tell any more and stop watching.
void Session::WatchForDisconnect(std::shared_ptr<std::stop_source> source) {
  connection_.socket().async_wait(
      tcp::socket::wait_read,
      [self = shared_from_this(), source = std::move(source)](const error_code& ec) {
        if (ec || self->stop_ != source) return;  // That handler has ended.
        char byte = 0;
        const int fd = self->connection_.socket().native_handle();
        const ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        const bool nothing = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        if (nothing) {
          self->WatchForDisconnect(source);  // The news was of bytes that have been read at once.
        } else if (n <= 0) {
          source->request_stop();
        } else if (self->connection_.is_tls()) {
          self->LookAgainForDisconnect(source);
        }
      });
}

/// A client of TLS says farewell before it goes, so that there is something to read. The same with
/// a body that has not been read.
void Session::LookAgainForDisconnect(std::shared_ptr<std::stop_source> source) {
  watch_.expires_after(kWatchInterval);
  watch_.async_wait([self = shared_from_this(), source = std::move(source)](const error_code& ec) {
    if (ec || self->stop_ != source) return;  // That handler has ended.
    if (!self->connection_.is_open() || self->connection_.PeerHasEnded()) {
      source->request_stop();
    } else {
      self->LookAgainForDisconnect(source);
    }
  });
}

/// Writes with the time limit for each piece that the client has to take.
asio::awaitable<bool> Session::Send(std::string_view bytes) {
  bool sent = true;
  while (sent && !bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kWriteBytes);
    bytes.remove_prefix(piece.size());
    connection_.SetDeadline(Connection::Clock::now() +
                            std::chrono::milliseconds(options_.write_timeout_ms));
    const Status status = co_await connection_.Write(piece);
    sent = status.has_value();
  }
  // The handler may take its time until the next piece.
  connection_.SuspendDeadline();
  co_return sent;
}

/// For the handler's thread, while Answer waits and so leaves the socket open. Not with TLS, whose
/// state is this thread's.
ResponseStream::SendNow Session::SendNow() {
  if (connection_.is_tls()) return {};
  return [this, fd = connection_.socket().native_handle()](std::string_view bytes) {
    ReleaseBody();  // Whoever has the answer may send the next body.
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return static_cast<std::size_t>(std::max<ssize_t>(n, 0));
  };
}

/// @return whether the connection may serve another request
asio::awaitable<bool> Session::Answer(ServerRequest& request) {
  answering_ = true;
  stop_ = std::make_shared<std::stop_source>();
  request.stop = stop_->get_token();
  ResponseStream::Traits traits;
  traits.head_only = request.method == "HEAD";
  traits.minor_version = minor_version_;
  traits.keep_alive = keep_alive_ && !closing_;
  traits.compression = ChooseCompression(request.headers);

  const auto ready =
      std::make_shared<asio::steady_timer>(executor(), asio::steady_timer::time_point::max());
  const auto stream = std::make_shared<ResponseStream>(
      traits, [this, ready] { lane_.Post([ready] { ready->cancel(); }); }, SendNow());
  stream_ = stream;
  AddHeaders(*stream);
  connection_.SuspendDeadline();
  WatchForDisconnect(stop_);
  std::function<void()> task = [this, self = shared_from_this(), stream, &request] {
    RunHandler(router_, lane_, request, *stream);
  };
  if (!lane_.Defer(task)) workers_.Submit(std::move(task));

  bool connected = true;
  ResponseStream::Batch batch;
  do {
    batch = stream->Take();
    if (batch.bytes.empty() && !batch.finished) {
      co_await ready->async_wait(kAwait);
      continue;
    }
    if (batch.finished) ReleaseBody();  // The handler has ended.
    if (batch.bytes.empty() || !connected) continue;
    const bool sent = co_await Send(batch.bytes);
    if (sent) continue;
    // The handler still uses the request, so wait for its end, but hurry it.
    connected = false;
    stop_->request_stop();
    stream->Disconnect();
  } while (!batch.finished);
  stop_ = nullptr;
  stream_ = nullptr;
  watch_.cancel();
  answering_ = false;
  connected = connected && connection_.is_open();
  keep_alive_ = connected && batch.keep_alive && !closing_;
  if (keep_alive_) {
    error_code ignored;
    connection_.socket().cancel(ignored);  // Ends the watch.
  } else if (connected) {
    co_await connection_.Finish();
  }
  co_return connected;
}

asio::awaitable<void> Session::Refuse(const Refusal& refusal) {
  connection_.SetDeadline(Connection::Clock::now() + std::chrono::seconds(1));
  const std::string answer = fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n{}",
      refusal.status, ReasonPhrase(refusal.status), refusal.text);
  const Status sent = co_await connection_.Write(answer);
  if (sent) {
    co_await FinishAndDrain();
  }
}

asio::awaitable<void> Session::FinishAndDrain() {
  co_await connection_.Finish();
  // Closing with unread input would reset the connection and lose the answer: read for a moment.
  connection_.SetDeadline(Connection::Clock::now() + std::chrono::seconds(1));
  for (std::size_t drained = 0; drained < (std::size_t{1} << 20); drained += unread_.size()) {
    unread_.clear();
    const bool more = co_await Fill();
    if (!more) break;
  }
}

}  // namespace narthex::net
