// SPDX-License-Identifier: Apache-2.0
//
// Targets by TLS behind a proxy that is spoken to by TLS: one within the other.
#include <poll.h>

#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "narthex/net/http_client.h"
#include "tests/net/tls_server.h"

namespace narthex::net {
namespace {

/// Leads every CONNECT to one port, whatever it asks for.
class TlsProxy {
 public:
  /// @param leads_to  0 = answers with 403
  TlsProxy(const Identity& identity, std::uint16_t leads_to)
      : leads_to_(leads_to),
        context_(SSL_CTX_new(TLS_server_method())),
        server_([this](RawSocket& socket, int) { Serve(socket); }) {
    SSL_CTX_use_certificate(context_, identity.certificate);
    SSL_CTX_use_PrivateKey(context_, identity.key);
  }
  ~TlsProxy() { SSL_CTX_free(context_); }
  TlsProxy(const TlsProxy&) = delete;
  TlsProxy& operator=(const TlsProxy&) = delete;

  std::string url() const { return "https://me:key@127.0.0.1:" + std::to_string(server_.port()); }
  const std::string& request() const { return request_; }

 private:
  void Serve(RawSocket& socket) {
    SSL* ssl = SSL_new(context_);
    SSL_set_fd(ssl, socket.fd());
    char buffer[4096];
    if (SSL_accept(ssl) == 1) {
      const int n = SSL_read(ssl, buffer, sizeof(buffer));
      if (n > 0) request_.assign(buffer, static_cast<std::size_t>(n));
      if (n > 0 && leads_to_ == 0) Say(ssl, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
      if (n > 0 && leads_to_ != 0) {
        Say(ssl, "HTTP/1.1 200 Connection established\r\n\r\n");
        RawSocket target(RawSocket::Dial(leads_to_));
        Relay(ssl, socket.fd(), target);
      }
    }
    SSL_free(ssl);
  }

  static void Say(SSL* ssl, std::string_view text) {
    SSL_write(ssl, text.data(), static_cast<int>(text.size()));
  }

  /// Until one side ends.
  static void Relay(SSL* ssl, int client, RawSocket& target) {
    char buffer[16384];
    for (;;) {
      pollfd fds[] = {{client, POLLIN, 0}, {target.fd(), POLLIN, 0}};
      if (SSL_pending(ssl) == 0 && poll(fds, 2, 20'000) <= 0) return;
      if (SSL_pending(ssl) > 0 || fds[0].revents != 0) {
        const int n = SSL_read(ssl, buffer, sizeof(buffer));
        if (n <= 0 || !target.Send({buffer, static_cast<std::size_t>(n)})) return;
      }
      if (fds[1].revents != 0) {
        const ssize_t n = recv(target.fd(), buffer, sizeof(buffer), 0);
        if (n <= 0 || SSL_write(ssl, buffer, static_cast<int>(n)) <= 0) return;
      }
    }
  }

  const std::uint16_t leads_to_;
  SSL_CTX* const context_;
  std::string request_;
  RawServer server_;  // Last: its thread uses the others.
};

class TlsProxyTest : public ::testing::Test {
 protected:
  /// The error's text, or the body of several requests over one client, all the same.
  std::string Ask(const HttpClientOptions& options, int times = 1) {
    boost::asio::io_context context;
    HttpClient client(context.get_executor(), options);
    std::string body, error;
    for (int i = 0; i < times && error.empty(); ++i) {
      ClientRequest request;
      request.url = *ParseUrl("https://target.invalid:444/metrics");
      request.timeout = std::chrono::seconds(20);
      boost::asio::co_spawn(context, client.Do(request, body),
                            [&](const std::exception_ptr&, Result<ClientResponse> result) {
                              if (!result) error = result.error().message();
                            });
      context.restart();
      context.run();
    }
    return error.empty() ? body : error;
  }

  const Identity proxy_identity_{"IP:127.0.0.1", 3600, "proxy"};
  const Identity target_identity_{"DNS:target.invalid", 3600, "target"};
  const std::string failed_ = "Get \"https://target.invalid:444/metrics\": ";
  const std::string unknown_ =
      "tls: failed to verify certificate: x509: certificate signed by unknown authority";
};

TEST_F(TlsProxyTest, ReachesTheTarget) {
  std::string page;  // More than a record of TLS has room for, both ways through both layers.
  while (page.size() < 300'000) page += std::to_string(page.size());
  TlsServer target(target_identity_, nullptr, page);
  TlsProxy proxy(proxy_identity_, target.port());
  HttpClientOptions options;
  options.tls.ca = proxy_identity_.cert_pem + target_identity_.cert_pem;
  options.proxy.url = proxy.url();
  options.proxy.connect_headers = {{"X-Way", "one"}};
  const std::string answer = Ask(options, 3);
  EXPECT_TRUE(answer == page) << answer.substr(0, 200);
  EXPECT_EQ(target.connections(), 1);  // The tunnel is kept.
  EXPECT_EQ(proxy.request(),
            "CONNECT target.invalid:444 HTTP/1.1\r\nHost: target.invalid:444\r\nX-Way: one\r\n"
            "Proxy-Authorization: Basic bWU6a2V5\r\n\r\n");
}

TEST_F(TlsProxyTest, ChecksBoth) {
  TlsServer target(target_identity_);
  TlsProxy proxy(proxy_identity_, target.port());
  HttpClientOptions options;
  options.proxy.url = proxy.url();
  options.tls.ca = target_identity_.cert_pem;
  EXPECT_EQ(Ask(options), failed_ + "proxyconnect tcp: " + unknown_);
  options.tls.ca = proxy_identity_.cert_pem;
  EXPECT_EQ(Ask(options), failed_ + unknown_);
  options.tls.ca = "";
  options.tls.insecure_skip_verify = true;
  EXPECT_EQ(Ask(options), "hello");
  // One name for both, as Prometheus has it.
  options.tls = {};
  options.tls.ca = proxy_identity_.cert_pem + target_identity_.cert_pem;
  options.tls.server_name = "target.invalid";
  EXPECT_EQ(Ask(options),
            failed_ +
                "proxyconnect tcp: tls: failed to verify certificate: x509: certificate is "
                "not valid for any names, but wanted to match target.invalid");
}

TEST_F(TlsProxyTest, SaysWhyNot) {
  HttpClientOptions options;
  options.tls.insecure_skip_verify = true;
  {
    TlsProxy proxy(proxy_identity_, 0);
    options.proxy.url = proxy.url();
    EXPECT_EQ(Ask(options), failed_ + "Forbidden");
  }
  const RawServer silent([](RawSocket& socket, int) { socket.Send("HTTP/1.1 400 No\r\n\r\n"); });
  const std::string port = std::to_string(silent.port());
  options.proxy.url = "https://127.0.0.1:" + port;
  EXPECT_EQ(Ask(options),
            failed_ + "proxyconnect tcp: http: server gave HTTP response to HTTPS client");
  std::uint16_t refused = 0;
  {
    const RawServer gone([](RawSocket&, int) {});
    refused = gone.port();
  }
  for (const char* scheme : {"https", "http", "socks5"}) {
    options.proxy.url = std::string(scheme) + "://127.0.0.1:" + std::to_string(refused);
    EXPECT_EQ(Ask(options), failed_ + "proxyconnect tcp: dial tcp 127.0.0.1:" +
                                std::to_string(refused) + ": connect: connection refused");
  }
}

}  // namespace
}  // namespace narthex::net
