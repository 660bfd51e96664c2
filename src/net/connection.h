// SPDX-License-Identifier: Apache-2.0
//
// A TCP, TLS or Unix byte stream with one deadline for everything that runs on it.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "narthex/base/result.h"

namespace boost::asio::ssl {
class context;
}

namespace narthex::net {

/// Thread safety: the executor's thread; at most one read and one write at a time.
class Connection final {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Connection(const boost::asio::any_io_executor& executor);
  /// Takes an accepted socket.
  explicit Connection(boost::asio::ip::tcp::socket socket);
  ~Connection();  // Closes.
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Connects to one of the host's addresses; on failure the first address' error counts.
  /// Errors: kTimeout, kCancelled, kUnavailable "dial tcp 127.0.0.1:1: connect: connection
  /// refused".
  /// @param random_order  in which the addresses are tried; else as the name server has them
  boost::asio::awaitable<Status> Connect(std::string host, std::uint16_t port,
                                         bool random_order = false);

  /// Connects to a socket in the file system, at once.
  /// Errors: kUnavailable "dial unix /run/x.sock: connect: no such file or directory".
  Status ConnectUnix(const std::string& path);

  /// Client handshake. `server_name` is sent and, unless `verify` is off, checked. Called again, it
  /// begins TLS within TLS, with who is behind the peer.
  boost::asio::awaitable<Status> StartTls(std::shared_ptr<boost::asio::ssl::context> context,
                                          std::string server_name, bool verify);

  /// Server handshake. `first` is what was already read of it.
  /// Errors: kTimeout, kCancelled, kUnavailable with OpenSSL's reason.
  boost::asio::awaitable<Status> AcceptTls(std::shared_ptr<boost::asio::ssl::context> context,
                                           std::string first);
  bool is_tls() const;

  /// Reads at least one byte; 0 = the peer has ended the stream.
  /// Errors: kTimeout, kCancelled, kUnavailable "read tcp A->B: read: connection reset by peer".
  boost::asio::awaitable<Result<std::size_t>> Read(std::span<char> into);
  /// Writes everything.
  boost::asio::awaitable<Status> Write(std::string_view bytes);

  /// When the deadline passes, running and later operations fail with kTimeout.
  void SetDeadline(Clock::time_point when);
  void ClearDeadline();
  /// The same for a connection that gets its next deadline soon: the timer may stay, which costs
  /// less, but keeps the executor's context at work.
  void SuspendDeadline();
  /// Asks the peer's system every 30 s of silence whether the connection is still there: without,
  /// a read from a machine that has vanished waits until the deadline. Until the socket is closed.
  void ProbePeer();
  /// Running operations fail with kCancelled.
  void Cancel();
  /// Ends the stream in order: no more is written, what the peer still sends is not waited for.
  void ShutdownSend();
  /// The same for TLS, too, where the end is a message of its own. What is read after it is as the
  /// socket gives it.
  boost::asio::awaitable<void> Finish();
  void Close();

  bool is_open() const;
  /// Whether an idle connection is still usable: open, and the peer has neither closed nor sent.
  bool IsIdleUsable();
  /// Whether the peer has ended its stream; data of it may still be unread.
  bool PeerHasEnded();
  boost::asio::ip::tcp::socket& socket();
  /// Memory of the object behind this one.
  std::size_t held_bytes() const;

 private:
  struct State;
  static void Arm(const std::shared_ptr<State>& state, Clock::time_point when);
  std::shared_ptr<State> state_;  // Shared with the deadline's callback.
};

}  // namespace narthex::net
