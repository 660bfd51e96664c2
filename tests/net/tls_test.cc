// SPDX-License-Identifier: Apache-2.0
//
// The client against TLS servers whose certificates are made here.
#include <filesystem>
#include <fstream>

#include "narthex/net/http_client.h"
#include "tests/net/tls_server.h"
#include "tests/support/temp_dir.h"

namespace narthex::net {
namespace {

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
  TlsOptions trust_named = trust_good;
  trust_named.server_name = "other.example";
  const Identity nameless("", 3600, "localhost");
  TlsOptions trust_nameless;
  trust_nameless.ca = nameless.cert_pem;
  trust_nameless.server_name = "localhost";
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
       failed + "cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs"},
      {"another name of several", good, "127.0.0.1", trust_named,
       failed + "certificate is valid for localhost, not other.example"},
      {"named by the subject alone", nameless, "127.0.0.1", trust_nameless,
       failed + "certificate relies on legacy Common Name field, use SANs instead"},
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

TEST(TlsTest, SpeaksItToProxiesAsWell) {
  TlsServer proxy(Identity("DNS:localhost,IP:127.0.0.1"));
  HttpClientOptions options;
  options.proxy.url = "https://127.0.0.1:" + std::to_string(proxy.port());
  ClientRequest request;
  request.url = *ParseUrl("http://target.invalid/");
  std::string body;
  auto response = DoBlocking(options, request, body);
  ASSERT_FALSE(response);
  EXPECT_NE(response.error().message().find("certificate signed by unknown authority"),
            std::string::npos)
      << response.error().message();
  options.tls.insecure_skip_verify = true;
  response = DoBlocking(options, request, body);
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(body, "hello");
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

TEST(TlsTest, AChangedFileEndsTheKeptConnection) {
  const Identity server_identity("IP:127.0.0.1");
  const Identity other("IP:127.0.0.1");
  TlsServer server(server_identity);
  testing::TempDir dir;
  HttpClientOptions options;
  options.tls.ca_file = dir.path() + "/ca.pem";
  BlockingClient client(options);
  ClientRequest request;
  request.url = *ParseUrl("https://127.0.0.1:" + std::to_string(server.port()) + "/");
  request.timeout = std::chrono::seconds(20);
  std::string body;
  const auto write = [&](const std::string& pem) { std::ofstream(options.tls.ca_file) << pem; };
  write(server_identity.cert_pem);
  EXPECT_TRUE(client.Do(request, body));
  EXPECT_TRUE(client.Do(request, body));
  EXPECT_EQ(1, server.connections());
  write(other.cert_pem + "\n");  // Of another size, whatever the clock of the file system says.
  EXPECT_FALSE(client.Do(request, body));
  write(server_identity.cert_pem);
  EXPECT_TRUE(client.Do(request, body));
  std::filesystem::remove(options.tls.ca_file);
  EXPECT_FALSE(client.Do(request, body));
}

TEST(TlsTest, KeepsToItsVersions) {
  const Identity identity("IP:127.0.0.1");
  TlsServer server(identity);
  TlsOptions old, recent;
  old.ca = recent.ca = identity.cert_pem;
  old.max_version = "TLS11";  // With the default minimum nothing is left.
  recent.min_version = recent.max_version = "TLS12";
  const std::string url = "https://127.0.0.1:" + std::to_string(server.port()) + "/";
  EXPECT_EQ("hello", Ask(url, recent));
  EXPECT_NE("hello", Ask(url, old));
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
       "unable to read CA cert: unable to read file /nosuch: open /nosuch: no such file or "
       "directory"},
      {"key file", no_key,
       "unable to read specified client key: unable to read file /nosuch: open /nosuch: no such "
       "file or "
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
