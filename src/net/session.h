// SPDX-License-Identifier: Apache-2.0
//
// One accepted connection: reads requests, has a thread answer them, sends the answers in order.
#pragma once

#include <atomic>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "narthex/net/http_server.h"
#include "src/net/connection.h"
#include "src/net/gate.h"
#include "src/net/http1.h"
#include "src/net/response_stream.h"

namespace narthex::net {

class Lane;

/// Thread safety: the lane's loop, where not said otherwise.
class Session final : public std::enable_shared_from_this<Session> {
 public:
  /// @param socket      of the lane's context
  /// @param gate        null = everybody may come in, without TLS
  /// @param all_bodies  bytes of request bodies that all sessions of the server hold
  Session(boost::asio::ip::tcp::socket socket, Lane& lane, const ServerOptions& options,
          ThreadPool& workers, const Router& router, Gate* gate,
          std::shared_ptr<std::atomic<std::size_t>> all_bodies);
  ~Session();

  /// Runs until the connection ends. Keeps itself alive meanwhile.
  boost::asio::awaitable<void> Run();

  /// Ends the connection once the current answer is sent; at once when there is none.
  void CloseWhenIdle();
  /// Requests stop of the handler, or of the comparison of a password.
  void RequestStop();
  /// Cuts the connection.
  void Abort();
  /// The same if a handler runs for it.
  void AbortAnswer() {
    if (answering_) Abort();
  }

  /// Any thread.
  Lane& lane() { return lane_; }

 private:
  struct Refusal {
    int status = 400;
    std::string text;
    bool denied = false;  // By the gate, and answered already.
  };
  /// Why no (further) request is answered. status 0 = just close.
  using ReadOutcome = tl::expected<void, Refusal>;

  static Refusal TooManyBodies() {
    return {503, "503 Service Unavailable: too much memory is taken by other requests' bodies"};
  }

  boost::asio::any_io_executor executor() { return connection_.socket().get_executor(); }
  /// @return whether the connection may be used
  boost::asio::awaitable<bool> StartTls();
  boost::asio::awaitable<tl::expected<RequestHead, Refusal>> ReadHead();
  /// @return whether the request is let in; if not, that was answered
  boost::asio::awaitable<bool> Admit(const RequestHead& head);
  boost::asio::awaitable<void> CheckPassword(Gate::Decision& decision);
  boost::asio::awaitable<void> Deny(int status, bool head_only);
  void AddHeaders(ResponseStream& stream) const;
  boost::asio::awaitable<ReadOutcome> ReadRequest(ServerRequest& request);
  boost::asio::awaitable<ReadOutcome> ReadBody(BodyFraming framing, std::string& body);
  ResponseStream::SendNow SendNow();
  boost::asio::awaitable<bool> Answer(ServerRequest& request);
  boost::asio::awaitable<bool> Send(std::string_view bytes);
  boost::asio::awaitable<void> Refuse(const Refusal& refusal);
  /// Ends the connection so that what was sent arrives.
  boost::asio::awaitable<void> FinishAndDrain();
  boost::asio::awaitable<bool> Fill();
  /// Sets how much this session holds. @return whether all together are within the limit
  bool HoldBody(std::size_t bytes);
  void ReleaseBody();
  ReadOutcome TakeHead(const RequestHead& head, ServerRequest& request) const;
  void WatchForDisconnect(std::shared_ptr<std::stop_source> source);
  void LookAgainForDisconnect(std::shared_ptr<std::stop_source> source);

  Lane& lane_;
  const ServerOptions& options_;
  ThreadPool& workers_;
  const Router& router_;
  Gate* const gate_;
  const std::shared_ptr<std::atomic<std::size_t>> all_bodies_;
  std::size_t body_bytes_ = 0;  // Our part of it.
  Connection connection_;
  boost::asio::steady_timer watch_;  // Of LookAgainForDisconnect.
  const std::string remote_;
  std::string unread_;
  std::unique_ptr<char[]> chunk_;              // Where reads go.
  int minor_version_ = 1;                      // Of the current request, as the next.
  std::shared_ptr<const RequestRules> rules_;  // Whose headers its answer has; may be null.
  bool keep_alive_ = true;
  bool answering_ = false;
  bool closing_ = false;
  std::shared_ptr<ResponseStream> stream_;  // Of the running handler.
  std::shared_ptr<std::stop_source> stop_;  // Of the running handler, or comparison of a password.
};

}  // namespace narthex::net
