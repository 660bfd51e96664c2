// SPDX-License-Identifier: Apache-2.0
//
// A TCP server whose behaviour a test writes down byte by byte.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>

namespace narthex::net {

/// One accepted or connected socket; blocking, with a time limit so that no test hangs.
class RawSocket {
 public:
  explicit RawSocket(int fd) : fd_(fd) {
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  }
  ~RawSocket() { Close(); }
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  static int Dial(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(0, connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)));
    return fd;
  }

  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  /// Reads until `mark` was seen (all up to then and what came with it), or the end.
  std::string ReadUntil(std::string_view mark) {
    while (pending_.find(mark) == std::string::npos && Fill()) {
    }
    const std::size_t at = pending_.find(mark);
    const std::size_t n = at == std::string::npos ? pending_.size() : at + mark.size();
    std::string out = pending_.substr(0, n);
    pending_.erase(0, n);
    return out;
  }
  std::string ReadHead() { return ReadUntil("\r\n\r\n"); }
  std::string ReadBytes(std::size_t n) {
    while (pending_.size() < n && Fill()) {
    }
    std::string out = pending_.substr(0, n);
    pending_.erase(0, out.size());
    return out;
  }
  std::string ReadAll() {
    while (Fill()) {
    }
    return std::exchange(pending_, {});
  }
  void Reset() {  // Closes with RST.
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    Close();
  }
  void ShutdownSend() { shutdown(fd_, SHUT_WR); }
  void Close() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }
  int fd() const { return fd_; }

 private:
  bool Fill() {
    char buffer[16384];
    const ssize_t n = recv(fd_, buffer, sizeof(buffer), 0);
    if (n <= 0) return false;
    pending_.append(buffer, static_cast<std::size_t>(n));
    return true;
  }
  int fd_;
  std::string pending_;
};

/// Runs `serve` for each connection, one after the other, numbered from 0.
class RawServer {
 public:
  explicit RawServer(std::function<void(RawSocket&, int)> serve) : serve_(std::move(serve)) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(0, bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof(at)));
    EXPECT_EQ(0, listen(fd_, 16));
    socklen_t size = sizeof(at);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    Accept();
  }
  /// On a socket in the file system.
  RawServer(const std::string& path, std::function<void(RawSocket&, int)> serve)
      : serve_(std::move(serve)) {
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    path.copy(at.sun_path, sizeof(at.sun_path) - 1);
    EXPECT_EQ(0, bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof(at)));
    EXPECT_EQ(0, listen(fd_, 16));
    Accept();
  }
  ~RawServer() {
    stopping_ = true;
    shutdown(fd_, SHUT_RDWR);
    thread_.join();
    close(fd_);
  }
  std::uint16_t port() const { return port_; }
  std::string Url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }

 private:
  void Accept() {
    thread_ = std::thread([this] {
      for (int i = 0;; ++i) {
        const int peer = accept(fd_, nullptr, nullptr);
        if (peer < 0 || stopping_) {
          if (peer >= 0) close(peer);
          return;
        }
        RawSocket socket(peer);
        serve_(socket, i);
      }
    });
  }

  std::function<void(RawSocket&, int)> serve_;
  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace narthex::net
