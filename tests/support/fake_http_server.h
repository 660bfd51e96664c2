// SPDX-License-Identifier: Apache-2.0
//
// An HTTP server on the loopback interface whose answers a test makes up; any number of
// connections at the same time, each kept alive.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace narthex::testing {

class FakeHttpServer final {
 public:
  struct Request {
    std::string method, target, head, body;
    /// A header's value, "" when there is none. @param name  as it is sent
    std::string Header(const std::string& name) const;
  };
  struct Response {
    std::string body = {};
    std::string status = "200 OK";
    std::string content_type = "application/json";
    std::string headers = {};  // More of them, each with "\r\n".
    bool hang = false;         // No answer; the connection stays open until the client closes it.
    bool cut = false;          // Half of the body, then the end.
    std::optional<std::string> raw = {};  // These bytes in the place of an answer, then the end.
  };
  using Handler = std::function<Response(const Request&)>;

  /// @param handler  called on threads of the connections
  explicit FakeHttpServer(Handler handler);
  ~FakeHttpServer();
  FakeHttpServer(const FakeHttpServer&) = delete;
  FakeHttpServer& operator=(const FakeHttpServer&) = delete;

  std::string Address() const;  // "127.0.0.1:PORT"
  std::string Url(const std::string& path = "") const { return "http://" + Address() + path; }

 private:
  void Accept();
  void Serve(int fd);
  /// @return false when the client or the test has gone
  static bool ReadRequest(int fd, std::string& pending, Request& request);
  static bool Send(int fd, const std::string& bytes);

  const Handler handler_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::vector<int> open_;  // Connections.
  std::vector<std::thread> threads_;
  std::atomic<bool> stopping_{false};
  std::thread acceptor_;
};

}  // namespace narthex::testing
