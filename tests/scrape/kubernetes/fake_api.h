// SPDX-License-Identifier: Apache-2.0
//
// An API server whose answers a test writes down: a script for each path, a thread for each
// connection.
#pragma once

#include <poll.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/net/raw_server.h"

namespace narthex::scrape::kubernetes {

class FakeApi {
 public:
  FakeApi() {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(0, bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof(at)));
    EXPECT_EQ(0, listen(fd_, 16));
    socklen_t size = sizeof(at);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    acceptor_ = std::thread([this] {
      for (;;) {
        const int peer = accept(fd_, nullptr, nullptr);
        const std::lock_guard lock(mutex_);
        if (peer < 0 || stopping_) {
          if (peer >= 0) close(peer);
          return;
        }
        peers_.insert(peer);
        sessions_.emplace_back([this, peer] { Serve(peer); });
      }
    });
  }
  ~FakeApi() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      for (const int peer : peers_) shutdown(peer, SHUT_RDWR);
      changed_.notify_all();
    }
    shutdown(fd_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& session : sessions_) session.join();
    close(fd_);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  /// What the next request for the path gets, whole: status and body. The path without its query.
  void Answer(const std::string& path, int status, std::string body) {
    const std::lock_guard lock(mutex_);
    scripts_[path].answers.push_back({status, Json(std::move(body))});
    changed_.notify_all();
  }
  /// Sends a line to the watch of the path that is open or comes next.
  void Send(const std::string& path, std::string line) {
    const std::lock_guard lock(mutex_);
    scripts_[path].lines.push_back(Json(std::move(line)) + "\n");
    changed_.notify_all();
  }
  /// Cuts that watch's connection when its lines are sent.
  void Cut(const std::string& path) {
    const std::lock_guard lock(mutex_);
    scripts_[path].lines.emplace_back();
    changed_.notify_all();
  }

  /// The n-th request of all, path with query.
  std::string Request(std::size_t n) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(
        changed_.wait_for(lock, std::chrono::seconds(20), [&] { return requests_.size() > n; }));
    return requests_.size() > n ? requests_[n] : "";
  }

  /// ' stands for ".
  static std::string Json(std::string text) {
    std::replace(text.begin(), text.end(), '\'', '"');
    return text;
  }

 private:
  struct Script {
    std::deque<std::pair<int, std::string>> answers;
    std::deque<std::string> lines;  // "" = the end of a watch.
  };

  /// Waits for what a test adds; a client that is gone must not take it.
  template <typename Condition>
  bool Await(std::unique_lock<std::mutex>& lock, const net::RawSocket& socket,
             const Condition& condition) {
    for (;;) {
      pollfd ended{.fd = socket.fd(), .events = POLLRDHUP, .revents = 0};
      if (stopping_ || poll(&ended, 1, 0) != 0) return false;
      if (condition()) return true;
      changed_.wait_for(lock, std::chrono::milliseconds(5));
    }
  }

  void Serve(int peer) {
    net::RawSocket socket(peer);
    for (std::string head; !(head = socket.ReadHead()).empty();) {
      const std::size_t from = head.find(' ') + 1;
      const std::string target = head.substr(from, head.find(' ', from) - from);
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(target);
        changed_.notify_all();
      }
      const std::string path = target.substr(0, target.find('?'));
      const bool watch = target.find("watch=true") != std::string::npos;
      if (!(watch ? Watch(socket, path) : Whole(socket, path))) break;
    }
    const std::lock_guard lock(mutex_);
    peers_.erase(peer);
  }

  bool Whole(net::RawSocket& socket, const std::string& path) {
    std::pair<int, std::string> answer;
    {
      std::unique_lock lock(mutex_);
      std::deque<std::pair<int, std::string>>& answers = scripts_[path].answers;
      if (!Await(lock, socket, [&] { return !answers.empty(); })) return false;
      answer = answers.front();
      answers.pop_front();
    }
    return socket.Send("HTTP/1.1 " + std::to_string(answer.first) +
                       " Reason\r\nContent-Type: application/json\r\nContent-Length: " +
                       std::to_string(answer.second.size()) + "\r\n\r\n" + answer.second);
  }

  /// Without a line that waits, an answer that does is what the watch gets: it may be refused.
  bool Watch(net::RawSocket& socket, const std::string& path) {
    {
      std::unique_lock lock(mutex_);
      Script& script = scripts_[path];
      const bool there =
          Await(lock, socket, [&] { return !script.answers.empty() || !script.lines.empty(); });
      if (!there) return false;
      if (script.lines.empty()) {
        lock.unlock();
        return Whole(socket, path);
      }
    }
    if (!socket.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")) return false;
    for (;;) {
      std::string line;
      {
        std::unique_lock lock(mutex_);
        std::deque<std::string>& lines = scripts_[path].lines;
        if (!Await(lock, socket, [&] { return !lines.empty(); })) return false;
        line = lines.front();
        lines.pop_front();
      }
      if (line.empty()) return false;  // In the middle of the chunked body.
      char size[20];
      std::snprintf(size, sizeof size, "%zx\r\n", line.size());
      if (!socket.Send(size + line + "\r\n")) return false;
    }
  }

  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::map<std::string, Script> scripts_;
  std::vector<std::string> requests_;
  std::set<int> peers_;
  std::vector<std::thread> sessions_;
  std::thread acceptor_;
};

}  // namespace narthex::scrape::kubernetes
