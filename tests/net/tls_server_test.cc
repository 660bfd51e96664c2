// SPDX-License-Identifier: Apache-2.0
//
// The server behind TLS, asked by our own client and by OpenSSL.
#include <future>
#include <optional>

#include "tests/net/tls_server_fixture.h"

namespace narthex::net {
namespace {

TEST_F(TlsServerTest, ServesAllListeners) {
  Start();
  EXPECT_EQ("hello 0", Ask({}, server_->ports().at(0)));
  EXPECT_EQ("hello 0", Ask({}, server_->ports().at(1)));
  const std::string large(3'000'000, 'x');
  EXPECT_EQ("hello 3000000", Ask({}, port_, 200, large));
}

TEST_F(TlsServerTest, KeepsConnectionsAliveAndEndsThemInOrder) {
  Start();
  TlsClient client(port_, {});
  ASSERT_EQ("", client.Connect());
  client.Send(std::string(kGet) + std::string(kGet));  // Two in one record.
  EXPECT_TRUE(client.ReadUntil("hello 0").starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(client.ReadUntil("hello 0").starts_with("HTTP/1.1 200 OK\r\n"));
  client.Send(kLastGet);
  EXPECT_TRUE(client.ReadAll().ends_with("Connection: close\r\n\r\nhello 0"));
}

TEST_F(TlsServerTest, TellsPlainClientsWhatIsWrong) {
  Start();
  for (const char* request :
       {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD / HTTP/1.1\r\n\r\n", "POST /x HTTP/1.1\r\n\r\n",
        "PUT /x HTTP/1.1\r\n\r\n", "OPTIONS * HTTP/1.1\r\n\r\n"}) {
    EXPECT_EQ("HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
              Plain(request));
  }
  // An alert, no text: this may be anything.
  EXPECT_EQ(std::string::npos, Plain("DELETE / HTTP/1.1\r\n\r\n").find("HTTP/1"));
  EXPECT_EQ(6, rules_.refused);
}

TEST_F(TlsServerTest, RefusesOldVersions) {
  Start();
  EXPECT_EQ("hello", Try({.max_version = TLS1_2_VERSION}));
  EXPECT_EQ("hello", Try({.min_version = TLS1_3_VERSION}));
  EXPECT_EQ("<tlsv1 alert protocol version>", Try({.max_version = TLS1_1_VERSION}));
  EXPECT_EQ("<tlsv1 alert protocol version>", Try({.max_version = TLS1_VERSION}));
}

TEST_F(TlsServerTest, OldVersionsCanBeAllowed) {
  rules_.options.min_version = 10;
  rules_.options.max_version = 12;
  Start();
  EXPECT_EQ("hello", Try({.max_version = TLS1_VERSION}));
  EXPECT_EQ("hello", Try({.max_version = TLS1_1_VERSION}));
  EXPECT_EQ("hello", Try({}));
  EXPECT_EQ("<tlsv1 alert protocol version>", Try({.min_version = TLS1_3_VERSION}));
}

TEST_F(TlsServerTest, RefusesOtherCiphersAndCurves) {
  rules_.options.cipher_suites = {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
                                  "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                                  "TLS_AES_128_GCM_SHA256"};
  rules_.options.curves = {"CurveP384"};
  Start();
  const auto old = [](const char* ciphers, const char* groups = nullptr) {
    return TlsClient::Offer{.max_version = TLS1_2_VERSION, .ciphers = ciphers, .groups = groups};
  };
  const std::string refused = "<sslv3 alert handshake failure>";
  EXPECT_EQ("hello", Try(old("ECDHE-ECDSA-AES128-GCM-SHA256")));
  EXPECT_EQ(refused, Try(old("ECDHE-ECDSA-CHACHA20-POLY1305")));
  EXPECT_EQ(refused, Try(old("ECDHE-ECDSA-AES128-GCM-SHA256", "P-256")));
  EXPECT_EQ("hello", Try({.groups = "P-384"}));
  EXPECT_EQ(refused, Try({.min_version = TLS1_3_VERSION, .groups = "X25519"}));
  // The server's order counts.
  TlsClient client(port_, old("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"));
  ASSERT_EQ("", client.Connect());
  EXPECT_STREQ("ECDHE-ECDSA-AES256-GCM-SHA384", SSL_get_cipher_name(client.ssl()));
}

TEST_F(TlsServerTest, TheClientsOrderCountsWhenAsked) {
  rules_.options.cipher_suites = {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
                                  "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"};
  rules_.options.prefer_server_ciphers = false;
  Start();
  TlsClient client(port_,
                   {.max_version = TLS1_2_VERSION,
                    .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"});
  ASSERT_EQ("", client.Connect());
  EXPECT_STREQ("ECDHE-ECDSA-AES128-GCM-SHA256", SSL_get_cipher_name(client.ssl()));
}

TEST_F(TlsServerTest, SpeaksHttp11Only) {
  Start();
  EXPECT_EQ("hello", Try({.protocols = "\x02h2\x08http/1.1"}));
  EXPECT_EQ("<tlsv1 alert no application protocol>", Try({.protocols = "\x02h2"}));
  TlsClient client(port_, {.protocols = "\x02h2\x08http/1.1"});
  ASSERT_EQ("", client.Connect());
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(client.ssl(), &chosen, &size);
  EXPECT_EQ("http/1.1", std::string(reinterpret_cast<const char*>(chosen), size));
}

TEST_F(TlsServerTest, AsksForClientCertificates) {
  const Identity good("DNS:scraper.example,email:a@b.c,URI:spiffe://x/y,IP:10.0.0.7,IP:::1");
  const Identity stranger("DNS:stranger");
  const Identity expired("DNS:scraper.example", -3600);
  const std::string needed = "<tlsv13 alert certificate required>";
  const std::string unknown = "<tlsv1 alert unknown ca>";
  const std::string rejected = "<sslv3 alert bad certificate>";
  const struct {
    const char* name;
    bool request, require, verify;
    std::optional<std::vector<std::string>> sans;
    std::string none, of_good, of_stranger;
  } cases[] = {
      {"no", false, false, false, {}, "hello", "hello", "hello"},
      {"no, with names", false, false, false, {{"x"}}, "hello", "hello", "hello"},
      {"request", true, false, false, {}, "hello", "hello", "hello"},
      {"require any", true, true, false, {}, needed, "hello", "hello"},
      {"verify if given", true, false, true, {}, "hello", "hello", unknown},
      {"require and verify", true, true, true, {}, needed, "hello", unknown},
      {"DNS", true, true, true, {{"x", "scraper.example"}}, needed, "hello", unknown},
      {"email", true, true, true, {{"a@b.c"}}, needed, "hello", unknown},
      {"URI", true, true, true, {{"spiffe://x/y"}}, needed, "hello", unknown},
      {"address", true, true, true, {{"10.0.0.7"}}, needed, "hello", unknown},
      {"IPv6", true, true, true, {{"::1"}}, needed, "hello", unknown},
      {"other name", true, true, true, {{"scraper", "10.0.0.8"}}, needed, rejected, unknown},
      {"no name", true, true, true, {std::vector<std::string>()}, needed, rejected, unknown},
      {"name without check", true, false, false, {{"stranger"}}, needed, rejected, "hello"},
      {"if given, with names", true, false, true, {{"10.0.0.7"}}, needed, "hello", unknown},
  };
  rules_.options.client_ca = good.cert_pem + expired.cert_pem;
  Start();
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    Change([&] {
      rules_.options.request_client_cert = c.request;
      rules_.options.require_client_cert = c.require;
      rules_.options.verify_client_cert = c.verify;
      rules_.options.check_client_sans = c.sans.has_value();
      rules_.options.client_allowed_sans = c.sans.value_or(std::vector<std::string>());
    });
    EXPECT_EQ(c.none, Try({}));
    EXPECT_EQ(c.of_good, Try({.identity = &good}));
    EXPECT_EQ(c.of_stranger, Try({.identity = &stranger}));
    EXPECT_FALSE(c.verify && Try({.identity = &expired}) == "hello");
  }
  HttpClientOptions client;
  client.tls.cert = good.cert_pem;
  client.tls.key = good.key_pem;
  EXPECT_EQ("hello 0", Ask(client, port_));
}

TEST_F(TlsServerTest, ResumesNoSession) {
  Start();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(port_, {.min_version = version, .max_version = version});
    ASSERT_EQ("", client.Connect());
    client.Send(kLastGet);
    EXPECT_TRUE(client.ReadAll().ends_with("hello 0"));
    EXPECT_EQ(0, SSL_SESSION_is_resumable(SSL_get_session(client.ssl()))) << version;
  }
}

TEST_F(TlsServerTest, NamesBadKeyPairs) {
  const Identity other("DNS:other");
  const auto load = [](const ServerTlsOptions& options) {
    const auto context = LoadServerTls(options);
    return context ? "good" : context.error().message();
  };
  const std::string failed = "failed to load X509KeyPair: ";
  ServerTlsOptions options = rules_.options;
  EXPECT_EQ("good", load(options));
  options.key = other.key_pem;
  EXPECT_EQ(failed + "tls: private key does not match public key", load(options));
  EVP_PKEY* const rsa = EVP_RSA_gen(2048);
  options.key = PemOf([&](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, rsa, nullptr, nullptr, 0, nullptr, nullptr);
  });
  EVP_PKEY_free(rsa);
  EXPECT_EQ(failed + "tls: private key type does not match public key type", load(options));
  // With a passphrase, which nobody is asked for.
  options.key = PemOf([&](BIO* bio) {
    const unsigned char passphrase[] = "secret";
    return PEM_write_bio_PrivateKey(bio, identity_.key, EVP_aes_128_cbc(), passphrase, 6, nullptr,
                                    nullptr);
  });
  EXPECT_TRUE(load(options).starts_with(failed)) << load(options);
  options.key = identity_.cert_pem;
  EXPECT_EQ(failed + "tls: found a certificate rather than a key in the PEM for the private key",
            load(options));
  options.key = "junk";
  EXPECT_EQ(failed + "tls: failed to find any PEM data in key input", load(options));
  options.cert = identity_.key_pem;
  EXPECT_EQ(failed +
                "tls: failed to find certificate PEM data in certificate input, but did find a "
                "private key; PEM inputs may have been switched",
            load(options));
  options.cert = "junk";
  EXPECT_EQ(failed + "tls: failed to find any PEM data in certificate input", load(options));
  options.cert_file = "/nosuch";
  EXPECT_EQ("failed to read cert_file (/nosuch): open /nosuch: no such file or directory",
            load(options));
  options = rules_.options;
  options.client_ca_file = "/dev/null";
  EXPECT_TRUE(load(options).starts_with("no certificate in client_ca_file (/dev/null)"))
      << load(options);
}

TEST_F(TlsServerTest, ABrokenFileLetsNobodyIn) {
  Start();
  ASSERT_EQ("hello", Try({}));
  TlsClient earlier(port_, {});
  ASSERT_EQ("", earlier.Connect());
  EXPECT_EQ(0, rules_.refused);
  Change([&] { rules_.options.key = "junk"; });
  EXPECT_EQ("<tlsv1 alert internal error>", Try({}));
  EXPECT_EQ(1, rules_.refused);
  Change([&] { rules_.broken = true; });
  earlier.Send(kLastGet);
  EXPECT_TRUE(earlier.ReadAll().starts_with("HTTP/1.1 500 Internal Server Error\r\n"));
  Change([&] {
    rules_.broken = false;
    rules_.options.key = identity_.key_pem;
  });
  EXPECT_EQ("hello", Try({}));
}

TEST_F(TlsServerTest, BoundsTheHandshake) {
  ServerOptions options;
  options.read_timeout_ms = 100;
  Start(options);
  EXPECT_EQ("", Plain(""));                          // Says nothing.
  EXPECT_EQ("", Plain("\x16\x03"));                  // Stops within the first record's head,
  EXPECT_EQ("", Plain("\x16\x03\x01\x02\x00\x01"));  // … and within the first record.
  EXPECT_EQ("hello", Try({}));
}

TEST_F(TlsServerTest, CountsConnectionsThatAreNotThroughTheHandshake) {
  ServerOptions options;
  options.max_connections = 1;
  Start(options);
  auto silent = std::make_unique<RawSocket>(RawSocket::Dial(port_));
  silent->Send("\x16");
  RawSocket waiting(RawSocket::Dial(port_));
  waiting.Send("GET / HTTP/1.1\r\n\r\n");
  char byte = 0;
  // Nobody looks at it as long as the other has the only place; it is first in once that is free.
  EXPECT_EQ(-1, recv(waiting.fd(), &byte, 1, MSG_DONTWAIT));
  silent = nullptr;
  EXPECT_TRUE(waiting.ReadAll().starts_with("HTTP/1.0 400"));
}

TEST_F(TlsServerTest, StopsAHandlerWhoseClientIsGone) {
  std::promise<void> entered, stopped;
  router_.Handle("GET", "/wait", [&](const ServerRequest& r, ResponseWriter&) {
    entered.set_value();
    std::promise<void> asked;
    const std::stop_callback on_stop(r.stop, [&] { asked.set_value(); });
    asked.get_future().wait();
    stopped.set_value();
  });
  Start();
  TlsClient client(port_, {});
  ASSERT_EQ("", client.Connect());
  client.Send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  entered.get_future().wait();
  client.Leave();
  EXPECT_EQ(std::future_status::ready, stopped.get_future().wait_for(std::chrono::seconds(60)));
}

}  // namespace
}  // namespace narthex::net
