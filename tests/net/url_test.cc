// SPDX-License-Identifier: Apache-2.0
#include "src/net/url.h"

namespace narthex::net {
namespace {

TEST(UrlTest, Parses) {
  const struct {
    const char* text;
    const char* host;
    int port;
    const char* target;
    const char* userinfo;
    const char* printed;
  } cases[] = {
      {"http://a", "a", 80, "/", "", "http://a/"},
      {"HTTPS://a.b:8443/x?y=z#frag", "a.b", 8443, "/x?y=z", "", "https://a.b:8443/x?y=z"},
      {"https://a", "a", 443, "/", "", "https://a/"},
      {"http://a:80/", "a", 80, "/", "", "http://a:80/"},
      {"http://a:/", "a", 80, "/", "", "http://a/"},
      {"http://[::1]:9090/m", "::1", 9090, "/m", "", "http://[::1]:9090/m"},
      {"http://a?q", "a", 80, "/?q", "", "http://a/?q"},
      {"http://u:p%40@a/", "a", 80, "/", "u:p@", "http://u:xxxxx@a/"},
      {"http://a/b c", "a", 80, "/b%20c", "", "http://a/b%20c"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto url = ParseUrl(c.text);
    ASSERT_TRUE(url) << url.error().message();
    EXPECT_EQ(c.host, url->host);
    EXPECT_EQ(c.port, url->port);
    EXPECT_EQ(c.target, url->target);
    EXPECT_EQ(c.userinfo, url->userinfo);
    EXPECT_EQ(c.printed, FormatUrl(*url));
  }
}

TEST(UrlTest, RefusesWhatIsNoHttpUrl) {
  for (const char* text : {"", "a", "a:80", "ftp://a/", "http://", "http:///x", "http://a:x/",
                           "http://a:65536/", "http://a:999999/", "http://[::1/", "http://[::1]x/",
                           "http://a b/", "http://a/\n", "http://%zz@a/"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(ParseUrl(text));
  }
}

TEST(UrlTest, ErrorsShowNoPassword) {
  const struct {
    const char* text;
    const char* error;
  } cases[] = {
      {"http://u:secret@a:x/", "parse \"http://u:xxxxx@a:x/\": invalid port \":x\" after host"},
      {"u:secret@a", "parse \"u:xxxxx@a\": unsupported protocol scheme"},
      {"ftp://u:secret@a/", "parse \"ftp://u:xxxxx@a/\": unsupported protocol scheme \"ftp\""},
      {"http://u:%zzsecret@a/", "parse \"http://u:xxxxx@a/\": net/url: invalid userinfo"},
      {"http://u:sec/ret@a/", "parse \"http://u:xxxxx@a/\": invalid port … after host"},
      {"http://a%20b/", "parse \"http://a%20b/\": invalid URL escape \"%20\""},
      {"http://a%zz/", "parse \"http://a%zz/\": invalid URL escape \"%zz\""},
      {"http://a b/", "parse \"http://a b/\": invalid character \" \" in host name"},
      {"http://[::1/", "parse \"http://[::1/\": missing ']' in host"},
      {"http://::1/", "parse \"http://::1/\": too many colons in address"},
      {"http://a:65536/", "dial tcp: address 65536: invalid port"},
      {"http://u@a:x", "parse \"http://u@a:x\": invalid port \":x\" after host"},
  };
  for (const auto& c : cases) {
    const auto url = ParseUrl(c.text);
    ASSERT_FALSE(url.has_value()) << c.text;
    EXPECT_EQ(c.error, url.error().message());
  }
}

TEST(UrlTest, HostsAsGoReadsThem) {
  EXPECT_EQ(ParseUrl("http://%C3%A4%25b/")->host, "ä%b");
  const auto empty_port = ParseUrl("https://a:/x");
  EXPECT_EQ(FormatUrl(*empty_port), "https://a/x");
  EXPECT_EQ(empty_port->port, 443);
  EXPECT_EQ(ParseUrl("http://[::1]:2/")->host, "::1");
}

TEST(UrlTest, ErrorsOfRequests) {
  const auto error = [](const char* text) {
    return ParseRequestUrl("POST", text).error().message();
  };
  EXPECT_EQ(error("FTP://u:secret@a/"),
            "Post \"FTP://u:xxxxx@a/\": unsupported protocol scheme \"ftp\"");
  EXPECT_EQ(error("//a/b"), "Post \"//a/b\": unsupported protocol scheme \"\"");
  EXPECT_EQ(error("http://a:99999/"),
            "Post \"http://a:99999/\": dial tcp: address 99999: invalid port");
  EXPECT_EQ(error("http://a:b/"), "parse \"http://a:b/\": invalid port \":b\" after host");
}

TEST(UrlTest, ResolvesReferences) {
  const Url base = *ParseUrl("http://h:1/a/b?c");
  const struct {
    const char* reference;
    const char* want;
  } cases[] = {
      {"/x", "http://h:1/x"},
      {"x", "http://h:1/a/x"},
      {"../x", "http://h:1/x"},
      {"../../../x", "http://h:1/x"},
      {"./", "http://h:1/a/"},
      {"?q", "http://h:1/a/b?q"},
      {"//o/x", "http://o/x"},
      {"https://o:2/x", "https://o:2/x"},
      {"", "http://h:1/a/b?c"},
      {"/r?u=http://z", "http://h:1/r?u=http://z"},
      {"/a/./b/../c/..", "http://h:1/a/"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.reference);
    const auto url = ResolveReference(base, c.reference);
    ASSERT_TRUE(url);
    EXPECT_EQ(c.want, FormatUrl(*url));
  }
  EXPECT_FALSE(ResolveReference(base, "ftp://x/"));
  const Url named = *ParseUrl("http://me:pw@h:1/a/b");
  EXPECT_EQ(ResolveReference(named, "c")->userinfo, "me:pw");
  EXPECT_EQ(ResolveReference(named, "//h:1/c")->userinfo, "");
}

}  // namespace
}  // namespace narthex::net
