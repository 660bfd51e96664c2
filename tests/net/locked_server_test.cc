// SPDX-License-Identifier: Apache-2.0
//
// The server behind passwords and limits.
#include <future>
#include <optional>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <crypt.h>

#include "tests/net/tls_server_fixture.h"

namespace narthex::net {
namespace {

class LockedServerTest : public TlsServerTest {
 protected:
  LockedServerTest() {
    rules_.tls = false;
    crypt_data data{};
    rules_.rules.users["alice"] = crypt_r("secret", "$2b$04$abcdefghijklmnopqrstuu", &data);
    rules_.rules.headers = {{"X-Frame-Options", "deny"}};
  }
};

TEST_F(LockedServerTest, AsksForThePassword) {
  Start();
  const std::string denied = Plain(kLastGet);
  EXPECT_TRUE(denied.starts_with(
      "HTTP/1.1 401 Unauthorized\r\nX-Frame-Options: deny\r\nWww-Authenticate: Basic\r\n"
      "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nDate: "))
      << denied;
  EXPECT_TRUE(denied.ends_with("\r\nContent-Length: 13\r\nConnection: close\r\n\r\nUnauthorized\n"))
      << denied;
  HttpClientOptions wrong, right;
  wrong.basic_username = right.basic_username = "alice";
  wrong.basic_password = "guess";
  right.basic_password = "secret";
  EXPECT_EQ("Unauthorized\n", Ask(wrong, port_, 401));
  EXPECT_EQ("hello 0", Ask(right, port_));
  EXPECT_EQ("hello 5", Ask(right, port_, 200, "12345"));
  const std::string let_in = Plain(
      "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
      "Authorization: Basic YWxpY2U6c2VjcmV0\r\n\r\n");
  EXPECT_NE(std::string::npos, let_in.find("\r\nX-Frame-Options: deny\r\n")) << let_in;
}

TEST_F(LockedServerTest, ADeniedConnectionStaysOpen) {
  Start();
  RawSocket socket(RawSocket::Dial(port_));
  socket.Send(kGet);
  EXPECT_NE(std::string::npos, socket.ReadUntil("Unauthorized\n").find("Content-Length: 13"));
  socket.Send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(socket.ReadHead().ends_with("Content-Length: 13\r\n\r\n"));
  socket.Send("GET /hello HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWxpY2U6c2VjcmV0\r\n\r\n");
  EXPECT_TRUE(socket.ReadUntil("hello 0").ends_with("hello 0"));
}

TEST_F(LockedServerTest, ReadsNoBodyOfADeniedRequest) {
  Start();
  RawSocket socket(RawSocket::Dial(port_));
  socket.Send("POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\nabc");
  const std::string denied = socket.ReadAll();
  EXPECT_TRUE(denied.starts_with("HTTP/1.1 401 Unauthorized\r\n")) << denied;
  EXPECT_TRUE(denied.ends_with("Connection: close\r\n\r\nUnauthorized\n")) << denied;
  // No invitation to send it either.
  EXPECT_TRUE(Plain("POST /hello HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                    "Content-Length: 5\r\n\r\n")
                  .starts_with("HTTP/1.1 401 Unauthorized\r\n"));
}

TEST_F(LockedServerTest, ABrokenFileIsAnErrorOfTheServer) {
  rules_.broken = true;
  Start();
  EXPECT_TRUE(Plain(kLastGet).ends_with("\r\n\r\nInternal Server Error\n"));
}

TEST_F(LockedServerTest, LimitsTheRate) {
  rules_.limit = {.interval_ns = std::int64_t{3600} * 1'000'000'000, .burst = 2};
  Start();
  EXPECT_TRUE(Plain(kLastGet).starts_with("HTTP/1.1 401 "));
  EXPECT_TRUE(Plain(kLastGet).starts_with("HTTP/1.1 401 "));
  const std::string answer = Plain(kLastGet);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 429 Too Many Requests\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nToo Many Requests\n")) << answer;
}

/// All workers are taken, so that a password waits until somebody lets it go on.
class WaitingPasswordTest : public LockedServerTest {
 protected:
  // Comparing with it would take hours.
  static constexpr const char* kEndless =
      "$2b$31$abcdefghijklmnopqrstuuIS3lXZIPhHDSQNFPpdDHNsu0DEVuB3W";
  static constexpr std::string_view kLogin =
      "GET /hello HTTP/1.1\r\nHost: a\r\nAuthorization: Basic Ym9iOmd1ZXNz\r\n\r\n";

  WaitingPasswordTest() {
    rules_.rules.users["bob"] = kEndless;
    const std::shared_future<void> go = go_on_.get_future().share();
    for (std::size_t i = 0; i < workers_.num_threads(); ++i) {
      workers_.Submit([go] { go.wait(); });
    }
  }
  /// Returns when the request is past the rules and waits for a worker.
  void Send(RawSocket& socket) {
    std::promise<void> asked;
    Change([&] { rules_.asked = &asked; });
    socket.Send(kLogin);
    asked.get_future().wait();
  }

  std::promise<void> go_on_;
};

TEST_F(WaitingPasswordTest, TheServerDoesNotWaitForItAtItsEnd) {
  Start();
  RawSocket socket(RawSocket::Dial(port_));
  Send(socket);
  const auto stopped = std::async(std::launch::async, [&] { server_->Stop(0); });
  EXPECT_EQ("", socket.ReadAll());  // Cut, so that the comparison is called off by now.
  go_on_.set_value();
  stopped.wait();
}

TEST_F(WaitingPasswordTest, NobodyComparesItWhenItsClientIsGone) {
  Start();
  RawSocket socket(RawSocket::Dial(port_));
  Send(socket);
  socket.ShutdownSend();
  // Timers of one thread end in order: this one after the session's next look at its client.
  for (std::size_t i = 0; i < io_.size(); ++i) {
    boost::asio::io_context& context = io_.context(i);
    std::promise<void> looked;
    std::optional<boost::asio::steady_timer> timer;
    boost::asio::post(context, [&] {
      timer.emplace(context, std::chrono::milliseconds(500));
      timer->async_wait([&](const auto&) { looked.set_value(); });
    });
    looked.get_future().wait();
  }
  go_on_.set_value();
  EXPECT_TRUE(socket.ReadAll().starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
}

}  // namespace
}  // namespace narthex::net
