// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tests/net/identity.h"
#include "tests/net/raw_server.h"

namespace narthex::net {

/// A client on one connection that says what it offers.
class TlsClient {
 public:
  struct Offer {
    int min_version = 0, max_version = 0;
    const char* ciphers = nullptr;  // Of TLS 1.2 and before.
    const char* groups = nullptr;
    std::string protocols = {};  // As on the wire.
    const Identity* identity = nullptr;
  };
  TlsClient(std::uint16_t port, const Offer& offer)
      : context_(SSL_CTX_new(TLS_client_method())), socket_(RawSocket::Dial(port)) {
    SSL_CTX_set_security_level(context_, 0);
    SSL_CTX_set_min_proto_version(context_, offer.min_version);
    SSL_CTX_set_max_proto_version(context_, offer.max_version);
    if (offer.ciphers != nullptr) SSL_CTX_set_cipher_list(context_, offer.ciphers);
    if (offer.groups != nullptr) SSL_CTX_set1_groups_list(context_, offer.groups);
    if (offer.identity != nullptr) {
      SSL_CTX_use_certificate(context_, offer.identity->certificate);
      SSL_CTX_use_PrivateKey(context_, offer.identity->key);
    }
    ssl_ = SSL_new(context_);
    SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(offer.protocols.data()),
                        static_cast<unsigned>(offer.protocols.size()));
    SSL_set_fd(ssl_, socket_.fd());
  }
  ~TlsClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  /// "" or why it failed: the server's alert.
  std::string Connect() {
    ERR_clear_error();
    return SSL_connect(ssl_) == 1 ? "" : Why();
  }
  void Send(std::string_view text) { SSL_write(ssl_, text.data(), static_cast<int>(text.size())); }
  /// Up to the end, which is to be in order; else the reason stands at the end.
  std::string ReadAll() {
    std::string text;
    char buffer[4096];
    ERR_clear_error();
    for (;;) {
      const int n = SSL_read(ssl_, buffer, sizeof(buffer));
      if (n <= 0) return SSL_get_error(ssl_, n) == SSL_ERROR_ZERO_RETURN ? text : text + Why();
      text.append(buffer, static_cast<std::size_t>(n));
    }
  }
  std::string ReadUntil(std::string_view mark) {
    std::string text;
    char c = 0;
    while (text.find(mark) == std::string::npos && SSL_read(ssl_, &c, 1) == 1) text += c;
    return text;
  }
  /// Says farewell and closes.
  void Leave() {
    SSL_shutdown(ssl_);
    socket_.Close();
  }
  SSL* ssl() { return ssl_; }

 private:
  static std::string Why() {
    const char* reason = ERR_reason_error_string(ERR_get_error());
    return std::string("<") + (reason == nullptr ? "connection lost" : reason) + ">";
  }
  SSL_CTX* context_;
  SSL* ssl_;
  RawSocket socket_;
};

}  // namespace narthex::net
