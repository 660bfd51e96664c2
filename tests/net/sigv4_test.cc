// SPDX-License-Identifier: Apache-2.0
//
// The signatures are those that AWS published in its test suite for Signature Version 4, and in the
// examples of its documentation.
#include "narthex/net/sigv4.h"

#include <gtest/gtest.h>

#include "tests/net/raw_server.h"

namespace narthex::net {
namespace {

constexpr std::int64_t kNow = 1'440'938'160;  // 2015-08-30T12:36:00Z

ClientRequest Request(const std::string& method, const std::string& target, Headers headers = {},
                      std::string body = {}) {
  ClientRequest request;
  request.method = method;
  request.url.scheme = "https";
  request.url.host = "example.amazonaws.com";
  request.url.port = 443;
  request.url.target = target;
  request.headers = std::move(headers);
  request.body = std::move(body);
  return request;
}

std::string Header(const ClientRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (key == name) return value;
  }
  return "";
}

const AwsCredentials kCredentials{.access_key = "AKIDEXAMPLE",
                                  .secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                                  .session_token = ""};

TEST(SigV4Test, PublishedSignatures) {
  const std::string token =
      "AQoDYXdzEPT//////////"
      "wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPf"
      "IeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/"
      "kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7W"
      "Z0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+"
      "scqKmlzm8F"
      "DrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
  const struct {
    const char* name;
    ClientRequest request;
    const char* signed_headers;
    const char* signature;
  } cases[] = {
      {"get-vanilla", Request("GET", "/"), "host;x-amz-date",
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"get-vanilla-query-order-key-case", Request("GET", "/?Param2=value2&Param1=value1"),
       "host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"get-vanilla-empty-query-key", Request("GET", "/?Param1=value1"), "host;x-amz-date",
       "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
      {"get-unreserved",
       Request("GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
       "host;x-amz-date", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
      {"get-relative", Request("GET", "/example/.."), "host;x-amz-date",
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"get-slash-dot-slash", Request("GET", "/./"), "host;x-amz-date",
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"get-slashes", Request("GET", "//example//"), "host;x-amz-date",
       "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
      {"get-header-value-trim",
       Request("GET", "/", {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}}),
       "host;my-header1;my-header2;x-amz-date",
       "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
      {"post-vanilla", Request("POST", "/"), "host;x-amz-date",
       "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"post-sts-header-before", Request("POST", "/", {{"X-Amz-Security-Token", token}}),
       "host;x-amz-date;x-amz-security-token",
       "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
      {"post-x-www-form-urlencoded",
       Request("POST", "/", {{"Content-Type", "application/x-www-form-urlencoded"}},
               "Param1=value1"),
       "content-type;host;x-amz-date",
       "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    ClientRequest request = c.request;
    SignV4(request, kCredentials, "us-east-1", "service", kNow);
    EXPECT_EQ(Header(request, "X-Amz-Date"), "20150830T123600Z");
    EXPECT_EQ(Header(request, "Authorization"),
              std::string("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/"
                          "aws4_request, SignedHeaders=") +
                  c.signed_headers + ", Signature=" + c.signature);
  }
}

/// The ListUsers example of AWS's documentation.
TEST(SigV4Test, DocumentedExample) {
  ClientRequest request =
      Request("GET", "/?Action=ListUsers&Version=2010-05-08",
              {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}});
  request.url.host = "iam.amazonaws.com";
  SignV4(request, kCredentials, "us-east-1", "iam", kNow);
  EXPECT_NE(Header(request, "Authorization")
                .find("5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"),
            std::string::npos);
}

TEST(SigV4Test, TokenOfASessionIsSentAndSigned) {
  ClientRequest request = Request("GET", "/");
  AwsCredentials session = kCredentials;
  session.session_token = "token";
  SignV4(request, session, "us-east-1", "service", kNow);
  EXPECT_EQ(Header(request, "X-Amz-Security-Token"), "token");
  EXPECT_NE(Header(request, "Authorization").find("host;x-amz-date;x-amz-security-token,"),
            std::string::npos);
}

/// A request that is sent again has one set of the headers, of the last time.
TEST(SigV4Test, SigningAgainReplaces) {
  ClientRequest request = Request("GET", "/");
  SignV4(request, kCredentials, "us-east-1", "service", kNow - 100);
  SignV4(request, kCredentials, "us-east-1", "service", kNow);
  EXPECT_EQ(request.headers.size(), 2U);
  EXPECT_NE(Header(request, "Authorization")
                .find("5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            std::string::npos);
}

/// What is signed is what is on the wire, and a client signs that: a port other than the scheme's
/// own, what is escaped in a path, a plus in a query.
TEST(SigV4Test, FollowsTheRequest) {
  const auto sign = [](ClientRequest request) {
    SignV4(request, kCredentials, "us-east-1", "service", kNow);
    return Header(request, "Authorization");
  };
  ClientRequest port = Request("GET", "/");
  port.url.port = 8443;
  EXPECT_NE(sign(port), sign(Request("GET", "/")));
  EXPECT_NE(sign(Request("GET", "/a%20b")), sign(Request("GET", "/a%2520b")));
  EXPECT_EQ(sign(Request("GET", "/?a=x+y")), sign(Request("GET", "/?a=x%20y")));
  EXPECT_NE(sign(Request("GET", "/?a=x%2By")), sign(Request("GET", "/?a=x+y")));
}

/// What a session is known by is for the host that the user named.
TEST(SigV4Test, RedirectToAnotherHostGetsNoToken) {
  std::string seen;
  RawServer other([&](RawSocket& peer, int) {
    seen = peer.ReadHead();
    peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  RawServer server([&](RawSocket& peer, int) {
    peer.ReadHead();
    peer.Send("HTTP/1.1 307 Moved\r\nLocation: http://localhost:" + std::to_string(other.port()) +
              "/\r\nContent-Length: 0\r\n\r\n");
  });
  ClientRequest request;
  request.url = *ParseUrl(server.Url());
  request.timeout = std::chrono::seconds(20);
  AwsCredentials session = kCredentials;
  session.session_token = "token";
  SignV4(request, session, "us-east-1", "service", kNow);
  std::string body;
  const auto response = DoBlocking({}, request, body);
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(seen.find("Token"), std::string::npos) << seen;
  EXPECT_EQ(seen.find("Authorization"), std::string::npos) << seen;
}

}  // namespace
}  // namespace narthex::net
