// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "narthex/base/thread_pool.h"
#include "narthex/net/access.h"
#include "narthex/net/http_client.h"
#include "narthex/net/http_server.h"
#include "narthex/net/io_pool.h"
#include "tests/net/identity.h"
#include "tests/net/raw_server.h"
#include "tests/net/tls_client.h"

namespace narthex::net {

inline constexpr std::string_view kGet = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
inline constexpr std::string_view kLastGet =
    "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// Rules that change while the server runs.
class FakeRules final : public AccessRules {
 public:
  bool uses_tls() const override { return tls; }
  RateLimit rate_limit() const override { return limit; }
  Result<TlsContext> Tls() override {
    const std::lock_guard lock(mutex);
    return LoadServerTls(options);
  }
  Result<std::shared_ptr<const RequestRules>> Requests() override {
    const std::lock_guard lock(mutex);
    if (asked != nullptr) std::exchange(asked, nullptr)->set_value();
    if (broken) return Fail(Code::kInvalidArgument, "broken");
    return std::make_shared<const RequestRules>(rules);
  }
  void CountRefused(Refused why) override { refused += why == Refused::kHandshake ? 1 : 0; }
  std::atomic<int> refused{0};  // Handshakes.
  std::promise<void>* asked = nullptr;
  bool tls = true;
  RateLimit limit;
  ServerTlsOptions options;
  RequestRules rules;
  bool broken = false;
  std::mutex mutex;  // For changes while the server runs.
};

/// A server on two ports that says hello.
class TlsServerTest : public ::testing::Test {
 protected:
  TlsServerTest() {
    rules_.options.cert = identity_.cert_pem;
    rules_.options.key = identity_.key_pem;
    router_.Handle("*", "/hello", [](const ServerRequest& r, ResponseWriter& w) {
      w.Write("hello " + std::to_string(r.body.size()));
    });
  }
  void Start(ServerOptions options = {}) {
    options.listen_addresses = {"127.0.0.1:0", "127.0.0.1:0"};
    options.access = &rules_;
    io_.Start();
    server_ = std::make_unique<HttpServer>(options, io_, workers_, router_);
    const Status status = server_->Start();
    ASSERT_TRUE(status) << status.error().message();
    port_ = server_->ports().at(0);
  }
  template <typename F>
  void Change(const F& change) {
    const std::lock_guard lock(rules_.mutex);
    change();
  }
  void TearDown() override {
    if (server_) server_->Stop(0);
    io_.Stop();
    workers_.Stop();
  }
  /// The body, or the error.
  std::string Ask(HttpClientOptions options, std::uint16_t port, int want_status = 200,
                  const std::string& request_body = "") const {
    if (options.tls.ca.empty()) options.tls.ca = identity_.cert_pem;
    ClientRequest request;
    request.url = *ParseUrl((rules_.tls ? "https://127.0.0.1:" : "http://127.0.0.1:") +
                            std::to_string(port) + "/hello");
    request.method = request_body.empty() ? "GET" : "POST";
    request.body = request_body;
    request.timeout = std::chrono::seconds(20);
    std::string body;
    const auto response = DoBlocking(options, request, body);
    if (!response) return response.error().message();
    EXPECT_EQ(want_status, response->status);
    return body;
  }
  /// What became of a connection with this offer.
  std::string Try(const TlsClient::Offer& offer) const {
    TlsClient client(port_, offer);
    if (const std::string why = client.Connect(); !why.empty()) return why;
    client.Send(kLastGet);
    const std::string answer = client.ReadAll();
    return answer.ends_with("\r\n\r\nhello 0") ? "hello" : answer;
  }
  std::string Plain(std::string_view bytes) const {
    RawSocket socket(RawSocket::Dial(port_));
    socket.Send(bytes);
    return socket.ReadAll();
  }

  const Identity identity_{"IP:127.0.0.1"};
  FakeRules rules_;
  Router router_;
  IoPool io_{"io", 2};
  ThreadPool workers_{"http", 4};
  std::unique_ptr<HttpServer> server_;
  std::uint16_t port_ = 0;
};

}  // namespace narthex::net
