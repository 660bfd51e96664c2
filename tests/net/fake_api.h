// SPDX-License-Identifier: Apache-2.0
//
// The HTTP API that a discovery asks, on a port or a socket of its own. Answers by what the request
// begins with; remembers what it was asked.
#pragma once

#include <charconv>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/net/raw_server.h"

namespace narthex::net {

/// Thread safety: any thread.
class FakeApi {
 public:
  struct Answer {
    std::string body;
    int status = 200;
    std::string headers = "";  // Lines, each with its end.
  };

  FakeApi() : server_([this](RawSocket& peer, int) { Serve(peer); }) {}
  explicit FakeApi(const std::string& socket_path)
      : server_(socket_path, [this](RawSocket& peer, int) { Serve(peer); }) {}

  /// Requests that begin so ("GET /v1/x?") are answered so. The last one that fits counts.
  void On(const std::string& start, Answer answer) {
    const std::lock_guard lock(mutex_);
    answers_.emplace_back(start, std::move(answer));
  }
  /// The first such request gets no answer, but `then` is called.
  /// @return ready when that call is over; what it uses must live so long
  [[nodiscard]] std::future<void> HangOn(const std::string& start, std::function<void()> then) {
    const std::lock_guard lock(mutex_);
    hang_ = start;
    then_ = std::packaged_task<void()>(std::move(then));
    return then_.get_future();
  }
  std::string Url(const std::string& path = "") const { return server_.Url(path); }
  std::uint16_t port() const { return server_.port(); }

  /// Whole requests, in their order.
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  /// "GET /path?query" of each.
  std::vector<std::string> targets() const {
    std::vector<std::string> targets;
    for (const std::string& request : requests()) {
      targets.push_back(request.substr(0, request.find(" HTTP/1.1")));
    }
    return targets;
  }

 private:
  /// One request: connections are served one after the other, and a discovery may have several
  /// clients.
  void Serve(RawSocket& peer) {
    const std::string head = peer.ReadHead();
    if (head.empty()) return;
    const std::string body = peer.ReadBytes(LengthOf(head));
    Answer answer{"", 404};
    std::packaged_task<void()> hang;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(head + body);
      for (const auto& [start, given] : answers_) {
        if (head.starts_with(start)) answer = given;
      }
      if (then_.valid() && head.starts_with(hang_)) hang = std::move(then_);
    }
    if (hang.valid()) {
      hang();
      peer.ReadAll();
      return;
    }
    peer.Send(fmt::format("HTTP/1.1 {} X\r\nConnection: close\r\n{}Content-Length: {}\r\n\r\n{}",
                          answer.status, answer.headers, answer.body.size(),
                          head.starts_with("HEAD ") ? "" : answer.body));
  }

  static std::size_t LengthOf(const std::string& head) {
    const std::size_t at = head.find("Content-Length: ");
    std::size_t length = 0;
    if (at != std::string::npos) {
      std::from_chars(head.data() + at + 16, head.data() + head.size(), length);
    }
    return length;
  }

  mutable std::mutex mutex_;
  std::vector<std::pair<std::string, Answer>> answers_;
  std::vector<std::string> requests_;
  std::string hang_;
  std::packaged_task<void()> then_;
  RawServer server_;  // Last: its thread uses the others.
};

}  // namespace narthex::net
