// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <string>
#include <utility>

#include <openssl/ssl.h>

#include "tests/net/identity.h"
#include "tests/net/raw_server.h"

namespace narthex::net {

/// Answers each request with one body; asks for a client certificate when told.
class TlsServer {
 public:
  explicit TlsServer(const Identity& identity, const Identity* client = nullptr,
                     std::string body = "hello")
      : body_(std::move(body)),
        context_(SSL_CTX_new(TLS_server_method())),
        server_([this](RawSocket& socket, int) { Serve(socket); }) {
    SSL_CTX_use_certificate(context_, identity.certificate);
    SSL_CTX_use_PrivateKey(context_, identity.key);
    if (client != nullptr) {
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), client->certificate);
      SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
  }
  ~TlsServer() { SSL_CTX_free(context_); }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  std::uint16_t port() const { return server_.port(); }
  int connections() const { return connections_; }

 private:
  void Serve(RawSocket& socket) {
    ++connections_;
    SSL* ssl = SSL_new(context_);
    SSL_set_fd(ssl, socket.fd());
    char buffer[4096];
    if (SSL_accept(ssl) == 1) {
      while (SSL_read(ssl, buffer, sizeof(buffer)) > 0) {
        const std::string answer =
            "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body_.size()) + "\r\n\r\n" +
            body_;
        SSL_write(ssl, answer.data(), static_cast<int>(answer.size()));
      }
      SSL_shutdown(ssl);
    }
    SSL_free(ssl);
  }

  const std::string body_;
  std::atomic<int> connections_{0};
  SSL_CTX* const context_;
  RawServer server_;  // Last: its thread uses the others.
};

}  // namespace narthex::net
