// SPDX-License-Identifier: Apache-2.0
//
// The cases are those that Go's httpproxy decides the same way.
#include "src/net/proxy.h"

#include <map>

#include <gtest/gtest.h>

#include "narthex/net/http_client.h"
#include "tests/net/raw_server.h"

namespace narthex::net {
namespace {

TEST(NoProxyListTest, Matches) {
  struct Case {
    const char* list;
    const char* host;
    std::uint16_t port;
    bool contained;
  };
  const Case cases[] = {
      {"", "a.com", 80, false},
      {"", "localhost", 80, true},
      {"", "127.0.0.1", 80, true},
      {"", "::1", 80, true},
      {"*", "a.com", 80, true},
      {"b.com, *", "a.com", 80, true},
      {"a.com", "a.com", 80, true},
      {"a.com", "x.a.com", 80, true},
      {"a.com", "xa.com", 80, false},
      {" A.com ,", "a.COM", 80, true},
      {".a.com", "a.com", 80, false},
      {".a.com", "x.a.com", 80, true},
      {"*.a.com", "a.com", 80, false},
      {"*.a.com", "x.a.com", 80, true},
      {"a.com:81", "a.com", 81, true},
      {"a.com:81", "a.com", 80, false},
      {":81", "a.com", 81, false},
      {"10.0.0.0/8", "10.1.2.3", 80, true},
      {"10.0.0.0/8", "11.1.2.3", 80, false},
      {"10.0.0.0/33", "10.1.2.3", 80, false},
      {"10.0.0.0/0", "1.1.1.1", 80, true},
      {"10.0.0.0/0", "fe80::1", 80, false},
      {"10.1.2.3/31", "10.1.2.2", 80, true},
      {"10.1.2.3/31", "10.1.2.4", 80, false},
      {"fe80::/10", "febf::1", 80, true},
      {"fe80::/10", "fec0::1", 80, false},
      {"10.1.2.3", "10.1.2.3", 80, true},
      {"10.1.2.3:81", "10.1.2.3", 80, false},
      {"10.1.2.3:81", "10.1.2.3", 81, true},
      {"[fe80::1]:81", "fe80::1", 81, true},
      {"fe80::1", "fe80:0::1", 81, true},
      {"::ffff:10.1.2.3", "10.1.2.3", 81, true},
      {"2.3", "10.1.2.3", 80, false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.list) + " " + c.host);
    EXPECT_EQ(c.contained, NoProxyList(c.list).Contains(c.host, c.port));
  }
}

std::string ProxyOf(const ProxyOptions& options, std::map<std::string, std::string> environment,
                    const std::string& url) {
  const ProxyRules rules(options, [&](const char* name) { return environment[name]; });
  const auto proxy = rules.For(*ParseUrl(url));
  if (!proxy) return "error: " + proxy.error().message();
  return *proxy ? FormatUrl(**proxy) : "none";
}

TEST(ProxyRulesTest, OfTheSettings) {
  EXPECT_EQ("http://p:1/", ProxyOf({.url = "http://p:1"}, {}, "http://localhost"));
  EXPECT_EQ("http://p:1/", ProxyOf({.url = "http://p:1"}, {}, "https://a"));
  EXPECT_EQ("none", ProxyOf({.url = "http://p:1", .no_proxy = "a"}, {}, "https://a"));
  EXPECT_EQ("none", ProxyOf({.url = "http://p:1", .no_proxy = "a"}, {}, "http://localhost"));
  EXPECT_EQ("http://p:1/", ProxyOf({.url = "http://p:1", .no_proxy = "a"}, {}, "https://b"));
  EXPECT_EQ("none", ProxyOf({.url = "http://p:1", .no_proxy = "b:443"}, {}, "https://b"));
  EXPECT_EQ("none", ProxyOf({}, {{"HTTP_PROXY", "http://p"}}, "http://a"));
}

TEST(ProxyRulesTest, OfTheEnvironment) {
  const ProxyOptions options{.from_environment = true};
  EXPECT_EQ("none", ProxyOf(options, {}, "http://a"));
  EXPECT_EQ("http://p/", ProxyOf(options, {{"HTTP_PROXY", "p"}}, "http://a"));
  EXPECT_EQ("none", ProxyOf(options, {{"HTTP_PROXY", "p"}}, "https://a"));
  EXPECT_EQ("http://q:3/", ProxyOf(options, {{"https_proxy", "q:3"}}, "https://a"));
  EXPECT_EQ("none", ProxyOf(options, {{"HTTP_PROXY", "p"}, {"no_proxy", ".b,a"}}, "http://a"));
  EXPECT_EQ("none", ProxyOf(options, {{"HTTP_PROXY", "p"}}, "http://localhost"));
  EXPECT_EQ(
      "error: refusing to use HTTP_PROXY value in CGI environment; see golang.org/s/cgihttpproxy",
      ProxyOf(options, {{"HTTP_PROXY", "p"}, {"REQUEST_METHOD", "GET"}}, "http://a"));
}

TEST(ProxyRulesTest, ConnectHeadersGoToTheProxyAlone) {
  std::string seen;
  RawServer proxy([&](RawSocket& socket, int) {
    seen = socket.ReadHead();
    socket.Send("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
  });
  HttpClientOptions options;
  options.proxy.url = "http://u:p@127.0.0.1:" + std::to_string(proxy.port());
  options.proxy.connect_headers = {{"X-Way", "one"}, {"Proxy-Authorization", "Mine"}};
  ClientRequest request;
  request.url = *ParseUrl("https://target.invalid/metrics");
  std::string body;
  const auto response = DoBlocking(options, request, body);
  ASSERT_FALSE(response);
  EXPECT_EQ("Get \"https://target.invalid/metrics\": Proxy Authentication Required",
            response.error().message());
  EXPECT_EQ(
      "CONNECT target.invalid:443 HTTP/1.1\r\nHost: target.invalid:443\r\nX-Way: one\r\n"
      "Proxy-Authorization: Mine\r\n\r\n",
      seen);
}

}  // namespace
}  // namespace narthex::net
