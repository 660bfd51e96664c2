// SPDX-License-Identifier: Apache-2.0
//
// The client against TLS servers whose certificates are made here.
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "narthex/net/http_client.h"
#include "tests/net/raw_server.h"

namespace narthex::net {
namespace {

std::string PemOf(const std::function<int(BIO*)>& write) {
  BIO* bio = BIO_new(BIO_s_mem());
  EXPECT_EQ(1, write(bio));
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string out(text, static_cast<std::size_t>(size));
  BIO_free(bio);
  return out;
}

/// A key and a certificate that vouches for itself.
struct Identity {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  std::string cert_pem, key_pem;

  /// @param names      subject alternative names: "DNS:localhost,IP:127.0.0.1"
  /// @param valid_for  seconds from now; negative = expired
  explicit Identity(const std::string& names, long valid_for = 3600) {
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
    X509_gmtime_adj(X509_getm_notAfter(certificate), valid_for);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    AddExtension(NID_basic_constraints, "critical,CA:TRUE");
    AddExtension(NID_subject_alt_name, names);
    X509_sign(certificate, key, EVP_sha256());
    cert_pem = PemOf([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
    key_pem = PemOf([&](BIO* bio) {
      return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
    });
  }
  ~Identity() {
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;

 private:
  void AddExtension(int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    ASSERT_NE(nullptr, extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
};

/// Answers one request per connection with "hello"; asks for a client certificate when told.
class TlsServer {
 public:
  explicit TlsServer(const Identity& identity, const Identity* client = nullptr)
      : context_(SSL_CTX_new(TLS_server_method())),
        server_([this](RawSocket& socket, int) { Serve(socket); }) {
    SSL_CTX_use_certificate(context_, identity.certificate);
    SSL_CTX_use_PrivateKey(context_, identity.key);
    if (client != nullptr) {
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), client->certificate);
      SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
  }
  ~TlsServer() { SSL_CTX_free(context_); }
  std::uint16_t port() const { return server_.port(); }

 private:
  void Serve(RawSocket& socket) {
    SSL* ssl = SSL_new(context_);
    SSL_set_fd(ssl, socket.fd());
    char buffer[4096];
    if (SSL_accept(ssl) == 1 && SSL_read(ssl, buffer, sizeof(buffer)) > 0) {
      const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
      SSL_write(ssl, answer.data(), static_cast<int>(answer.size()));
      SSL_shutdown(ssl);
    }
    SSL_free(ssl);
  }

  SSL_CTX* context_;
  RawServer server_;
};

/// The body, or the error after `Get "URL": `.
std::string Ask(const std::string& url, const TlsOptions& tls) {
  HttpClientOptions options;
  options.tls = tls;
  ClientRequest request;
  request.url = *ParseUrl(url);
  request.timeout = std::chrono::seconds(20);
  std::string body;
  const auto response = DoBlocking(options, request, body);
  if (response) return body;
  const std::string prefix = "Get \"" + url + "\": ";
  EXPECT_TRUE(response.error().message().starts_with(prefix)) << response.error().message();
  return response.error().message().substr(
      std::min(prefix.size(), response.error().message().size()));
}

TEST(TlsTest, ChecksTheServer) {
  const Identity good("DNS:localhost,IP:127.0.0.1");
  const Identity elsewhere("DNS:elsewhere.example");
  const Identity expired("DNS:localhost,IP:127.0.0.1", -3600);
  const std::string failed = "tls: failed to verify certificate: x509: ";
  TlsOptions trust_good, trust_elsewhere, trust_expired, insecure, renamed;
  trust_good.ca = good.cert_pem;
  trust_elsewhere.ca = elsewhere.cert_pem;
  trust_expired.ca = expired.cert_pem;
  insecure.insecure_skip_verify = true;
  renamed.ca = elsewhere.cert_pem;
  renamed.server_name = "elsewhere.example";
  const struct {
    const char* name;
    const Identity& server;
    const char* host;
    TlsOptions options;
    std::string want;
  } cases[] = {
      {"trusted address", good, "127.0.0.1", trust_good, "hello"},
      {"trusted name", good, "localhost", trust_good, "hello"},
      {"unknown authority", good, "127.0.0.1", trust_elsewhere,
       failed + "certificate signed by unknown authority"},
      {"system's authorities",
       good,
       "127.0.0.1",
       {},
       failed + "certificate signed by unknown authority"},
      {"not checked", good, "127.0.0.1", insecure, "hello"},
      {"another name", elsewhere, "127.0.0.1", trust_elsewhere,
       failed + "certificate is not valid for 127.0.0.1"},
      {"another name, named", elsewhere, "127.0.0.1", renamed, "hello"},
      {"expired", expired, "127.0.0.1", trust_expired,
       failed + "certificate has expired or is not yet valid"},
      {"expired, not checked", expired, "127.0.0.1", insecure, "hello"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    TlsServer server(c.server);
    EXPECT_EQ(c.want,
              Ask("https://" + std::string(c.host) + ":" + std::to_string(server.port()) + "/",
                  c.options));
  }
}

TEST(TlsTest, ShowsItsCertificate) {
  const Identity server_identity("IP:127.0.0.1");
  const Identity client_identity("DNS:client");
  TlsServer server(server_identity, &client_identity);
  TlsOptions options;
  options.ca = server_identity.cert_pem;
  const std::string url = "https://127.0.0.1:" + std::to_string(server.port()) + "/";
  EXPECT_NE("hello", Ask(url, options));
  options.cert = client_identity.cert_pem;
  options.key = client_identity.key_pem;
  EXPECT_EQ("hello", Ask(url, options));
}

TEST(TlsTest, NamesBadSettings) {
  TlsOptions no_ca, no_key;
  no_ca.ca_file = "/nosuch";
  no_key.cert = "x";
  no_key.key_file = "/nosuch";
  const struct {
    const char* name;
    TlsOptions options;
    const char* want;
  } cases[] = {
      {"CA file", no_ca,
       "unable to load specified CA cert (\"/nosuch\"): open /nosuch: no such file or directory"},
      {"key file", no_key,
       "unable to load specified client key (\"/nosuch\"): open /nosuch: no such file or "
       "directory"},
  };
  RawServer server([](RawSocket& socket, int) { socket.ReadAll(); });
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(c.want, Ask("https://127.0.0.1:" + std::to_string(server.port()) + "/", c.options));
  }
}

TEST(TlsTest, KnowsAPlainServer) {
  RawServer server([](RawSocket& socket, int) {
    socket.ReadBytes(1);
    socket.Send("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  EXPECT_EQ("http: server gave HTTP response to HTTPS client",
            Ask("https://127.0.0.1:" + std::to_string(server.port()) + "/", {}));
}

}  // namespace
}  // namespace narthex::net
