// SPDX-License-Identifier: Apache-2.0
//
// Requests through SOCKS5 proxies and through proxies that are spoken to by TLS.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "narthex/net/http_client.h"
#include "tests/net/raw_server.h"

namespace narthex::net {
namespace {

using std::string_literals::operator""s;

/// What the proxy answers, step by step, and what it was told.
struct Script {
  std::vector<std::string> answers;
  std::vector<std::size_t> lengths;  // Of what comes before each answer.
};

class SocksTest : public ::testing::Test {
 protected:
  /// @return what a request through such a proxy gave: its body, or the error
  std::string Ask(const Script& script, const std::string& url, const std::string& user = "") {
    told_.clear();
    RawServer proxy([&](RawSocket& socket, int) {
      for (std::size_t i = 0; i < script.answers.size(); ++i) {
        told_.push_back(socket.ReadBytes(script.lengths[i]));
        socket.Send(script.answers[i]);
      }
      request_ = socket.ReadHead();
      socket.Send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere");
    });
    proxy_ = std::to_string(proxy.port());
    HttpClientOptions options;
    options.proxy.url = "socks5://" + user + "127.0.0.1:" + proxy_;
    ClientRequest request;
    request.url = *ParseUrl(url);
    std::string body;
    const auto response = DoBlocking(options, request, body);
    return response ? body : response.error().message();
  }

  std::vector<std::string> told_;
  std::string request_, proxy_;
};

const std::string kGranted = "\5\0\0\1\x7f\0\0\1\x1f\x90"s;

TEST_F(SocksTest, LeadsToTheTargetByName) {
  EXPECT_EQ(Ask({{"\5\0"s, kGranted}, {3, 21}}, "http://target.invalid:258/metrics"), "here");
  EXPECT_EQ(told_[0], "\5\1\0"s);
  EXPECT_EQ(told_[1], "\5\1\0\3\x0etarget.invalid\1\2"s);
  // As if there were no proxy.
  EXPECT_TRUE(request_.starts_with("GET /metrics HTTP/1.1\r\nHost: target.invalid:258\r\n"))
      << request_;
}

TEST_F(SocksTest, LeadsToAddresses) {
  EXPECT_EQ(Ask({{"\5\0"s, "\5\0\0\3\2abzz"s}, {3, 10}}, "http://10.1.2.3/"), "here");
  EXPECT_EQ(told_[1], "\5\1\0\1\x0a\1\2\3\0\x50"s);
  const std::string v6 = "\5\0\0\4"s + std::string(18, 'x');
  EXPECT_EQ(Ask({{"\5\0"s, v6}, {3, 22}}, "http://[2001:db8::1]:80/"), "here");
  EXPECT_EQ(told_[1], "\5\1\0\4\x20\1\x0d\xb8"s + std::string(11, '\0') + "\1\0\x50"s);
}

TEST_F(SocksTest, SendsThePassword) {
  const Script script{{"\5\2"s, "\1\0"s, kGranted}, {4, 8, 21}};
  EXPECT_EQ(Ask(script, "http://target.invalid:258/", "me:key@"), "here");
  EXPECT_EQ(told_[0], "\5\2\0\2"s);
  EXPECT_EQ(told_[1], "\1\2me\3key"s);
}

TEST_F(SocksTest, SaysWhyNot) {
  const struct {
    const char* name;
    Script script;
    std::string user, want;
  } cases[] = {
      {"no SOCKS", {{"HT"}, {3}}, "", "unexpected protocol version 72"},
      {"wants a password", {{"\5\2"s}, {3}}, "", "no acceptable authentication methods"},
      {"another password",
       {{"\5\2"s, "\1\1"s}, {4, 8}},
       "me:key@",
       "username/password authentication failed"},
      {"no name", {{"\5\2"s}, {4}}, ":key@", "invalid username/password"},
      {"unreachable", {{"\5\0"s, "\5\4\0\1\0\0"s}, {3, 21}}, "", "unknown error host unreachable"},
      {"an address of no kind",
       {{"\5\0"s, "\5\0\0\7\0\0"s}, {3, 21}},
       "",
       "unknown address type 7"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string got = Ask(c.script, "http://target.invalid:258/", c.user);
    EXPECT_EQ(got, "Get \"http://target.invalid:258/\": socks connect tcp 127.0.0.1:" + proxy_ +
                       "->target.invalid:258: " + c.want);
  }
}

}  // namespace
}  // namespace narthex::net
