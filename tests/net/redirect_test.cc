// SPDX-License-Identifier: Apache-2.0
#include "src/net/redirect.h"

#include "narthex/net/http_client.h"
#include "tests/net/client_session.h"
#include "tests/net/raw_server.h"

namespace narthex::net {
namespace {

TEST(RedirectTest, FollowsRedirects) {
  std::vector<std::string> seen;
  RawServer other([&](RawSocket& socket, int) {
    seen.push_back(socket.ReadHead());
    socket.Send(Answer("other"));
  });
  RawServer server([&](RawSocket& socket, int) {
    for (std::string head; !(head = socket.ReadHead()).empty();) {
      seen.push_back(head);
      const std::string path = head.substr(0, head.find(" HTTP"));
      if (path == "GET /relative") {
        socket.Send("HTTP/1.1 302 Found\r\nLocation: end\r\nContent-Length: 3\r\n\r\nxyz");
      } else if (path == "GET /other-port") {
        socket.Send("HTTP/1.1 301 Moved\r\nLocation: " + other.Url("/o") +
                    "\r\nContent-Length: 0\r\n\r\n");
      } else if (path == "GET /other-host") {
        socket.Send("HTTP/1.1 301 Moved\r\nLocation: http://localhost:" +
                    std::to_string(other.port()) + "/o\r\nContent-Length: 0\r\n\r\n");
      } else if (path == "POST /keep") {
        socket.ReadBytes(4);
        socket.Send("HTTP/1.1 307 Temporary\r\nLocation: /kept\r\nContent-Length: 0\r\n\r\n");
      } else if (path == "POST /drop") {
        socket.ReadBytes(4);
        socket.Send("HTTP/1.1 303 See Other\r\nLocation: /end\r\nContent-Length: 0\r\n\r\n");
      } else if (path == "GET /loop") {
        socket.Send("HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n");
      } else {
        if (path == "POST /kept") socket.ReadBytes(4);
        socket.Send(Answer(path));
      }
    }
  });
  HttpClientOptions options;
  options.authorization_credentials = "token";
  auto session = std::make_unique<ClientSession>(options);
  ASSERT_TRUE(session->Do(Get(server.Url("/relative"))));
  EXPECT_EQ("GET /end", session->body);
  EXPECT_NE(std::string::npos, seen.back().find("Bearer token"));

  ASSERT_TRUE(session->Do(Get(server.Url("/other-port"))));
  EXPECT_EQ("other", session->body);
  EXPECT_NE(std::string::npos, seen.back().find("Bearer token")) << "the same host, as in Go";
  ASSERT_TRUE(session->Do(Get(server.Url("/other-host"))));
  EXPECT_EQ("other", session->body);
  EXPECT_EQ(std::string::npos, seen.back().find("token")) << "credentials went to another host";

  ClientRequest post = Get(server.Url("/keep"));
  post.method = "POST";
  post.body = "data";
  ASSERT_TRUE(session->Do(post));
  EXPECT_EQ("POST /kept", session->body);
  post.url = *ParseUrl(server.Url("/drop"));
  ASSERT_TRUE(session->Do(post));
  EXPECT_EQ("GET /end", session->body);

  const auto loop = session->Do(Get(server.Url("/loop")));
  ASSERT_FALSE(loop);
  EXPECT_EQ("Get \"/loop\": stopped after 10 redirects", loop.error().message());

  session.reset();  // The server takes one connection at a time.
  options.follow_redirects = false;
  ClientSession still(options);
  const auto found = still.Do(Get(server.Url("/relative")));
  ASSERT_TRUE(found);
  EXPECT_EQ(302, found->status);
  EXPECT_EQ("xyz", still.body);
}

/// The value of a header, "none" when it is not there; several joined by "|".
std::string ValueOf(const std::string& head, const std::string& name) {
  std::string out;
  const std::string mark = "\r\n" + name + ": ";
  for (std::size_t at = 0; (at = head.find(mark, at)) != std::string::npos; ++at) {
    const std::size_t from = at + mark.size();
    out += (out.empty() ? "" : "|") + head.substr(from, head.find("\r\n", from) - from);
  }
  return out.empty() ? "none" : out;
}

// What goes along with a redirect: as Go's client and Prometheus's round trippers do it.
TEST(RedirectTest, WhatARedirectTakesAlong) {
  std::vector<std::string> seen;
  std::uint16_t port = 0;
  RawServer server([&](RawSocket& socket, int) {
    for (std::string head; !(head = socket.ReadHead()).empty();) {
      seen.push_back(head);
      const std::string path = head.substr(0, head.find(" HTTP"));
      const std::string there = "http://localhost:" + std::to_string(port);
      std::string location = there + "/back";
      if (path == "GET /back") location = "http://127.0.0.1:" + std::to_string(port) + "/end";
      if (path == "GET /login") {
        location = "http://me:pw@localhost:" + std::to_string(port) + "/relative";
      }
      if (path == "GET /relative") location = "end";
      socket.Send(path == "GET /end" ? Answer("x")
                                     : "HTTP/1.1 302 Found\r\nLocation: " + location +
                                           "\r\nConnection: close\r\n\r\n");
      if (path != "GET /end") return;
    }
  });
  port = server.port();
  HttpClientOptions options;
  options.authorization_credentials = "token";
  options.extra_headers = {{"x-scope-ORGID", "a"}, {"cookie", "secret"}, {"X-Scope-orgid", "b"}};
  auto session = std::make_unique<ClientSession>(options);
  ClientRequest request = Get(server.Url("/start"));
  request.headers = {{"Accept", "text/plain"}, {"X-Auth-Token", "secret"}};
  ASSERT_TRUE(session->Do(request));
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(ValueOf(seen[0], "Referer"), "none");
  EXPECT_EQ(ValueOf(seen[0], "Cookie"), "secret");
  EXPECT_EQ(ValueOf(seen[1], "Referer"), server.Url("/start"));
  EXPECT_EQ(ValueOf(seen[2], "Referer"), "http://localhost:" + std::to_string(port) + "/back");
  for (const std::string& head : seen) {
    EXPECT_EQ(ValueOf(head, "X-Scope-Orgid"), "a|b") << head;
    EXPECT_EQ(ValueOf(head, "Accept"), "text/plain") << head;
    if (&head == &seen[0]) continue;
    // Also on the way back: what another host says may not use them.
    EXPECT_EQ(head.find("token"), std::string::npos) << head;
    EXPECT_EQ(head.find("secret"), std::string::npos) << head;
  }

  // What the location itself says is for its host, but where headers are configured.
  seen.clear();
  ASSERT_TRUE(session->Do(Get(server.Url("/login"))));
  EXPECT_EQ(ValueOf(seen[1], "Authorization"), "none");
  seen.clear();
  session.reset();  // The server takes one connection at a time.
  ASSERT_TRUE(ClientSession().Do(Get(server.Url("/login"))));
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(ValueOf(seen[1], "Authorization"), "Basic bWU6cHc=");
  EXPECT_EQ(ValueOf(seen[2], "Authorization"), "Basic bWU6cHc=");
  EXPECT_EQ(ValueOf(seen[2], "Referer"), "http://localhost:" + std::to_string(port) + "/relative");
}

TEST(RedirectTest, RedirectsThatCantBeFollowed) {
  const struct {
    const char* location;
    const char* want;
  } cases[] = {
      {"ftp://x/y", "Get \"ftp://x/y\": unsupported protocol scheme \"ftp\""},
      {"FTP://me:secret@x/y", "Get \"ftp://me:xxxxx@x/y\": unsupported protocol scheme \"ftp\""},
      {"mailto:x@y", "Get \"mailto:x@y\": unsupported protocol scheme \"mailto\""},
  };
  for (const auto& c : cases) {
    RawServer server([&](RawSocket& socket, int) {
      socket.ReadHead();
      socket.Send("HTTP/1.1 302 Found\r\nLocation: " + std::string(c.location) + "\r\n\r\n");
    });
    ClientSession session;
    const auto response = session.Do(Get(server.Url()));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().message(), c.want);
  }
}

// What stands beside a redirect is nobody's business.
TEST(RedirectTest, PassesOverTheBodyOfARedirect) {
  for (const std::string& body :
       {std::string("Content-Length: 1000\r\n\r\ntorn"),
        "Content-Length: 1000000\r\n\r\n" + std::string(1000000, 'x'),
        std::string("Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\ntorn")}) {
    RawServer server([&](RawSocket& socket, int) {
      const std::string head = socket.ReadHead();
      const bool end = head.starts_with("GET /end");
      socket.Send(end ? Answer("x") : "HTTP/1.1 302 Found\r\nLocation: /end\r\n" + body);
    });
    ClientSession session;
    const auto response = session.Do(Get(server.Url()));
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(session.body, "x");
  }
}

TEST(RedirectTest, NothingIsNoGzipForAScrape) {
  RawServer server([&](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send(Answer("", "Content-Encoding: gzip\r\n"));
  });
  ClientSession session;
  ClientRequest request = Get(server.Url());
  request.only_ok_body = true;
  const auto response = session.Do(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().message(), "EOF");
}

// For a scrape "503" is the reason, whatever comes behind it.
TEST(RedirectTest, AnErrorsBodyIsNotReadWhereNobodyWantsIt) {
  for (const std::string& body :
       {std::string("Content-Length: 1000\r\n\r\ntorn"),
        "Content-Length: 1000000\r\n\r\n" + std::string(1000000, 'x'),
        std::string("Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        std::string("Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\ntorn")}) {
    RawServer server([&](RawSocket& socket, int) {
      socket.ReadHead();
      socket.Send("HTTP/1.1 503 Busy\r\n" + body);
    });
    ClientSession session;
    ClientRequest request = Get(server.Url());
    request.only_ok_body = true;
    const auto response = session.Do(request);
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->status, 503);
    EXPECT_LE(session.body.capacity(), 1U << 20);
  }
}

}  // namespace
}  // namespace narthex::net
