// SPDX-License-Identifier: Apache-2.0
//
// HTTP over a socket in the file system, as Docker's daemon speaks it.
#include "narthex/net/http_client.h"
#include "tests/net/raw_server.h"
#include "tests/support/temp_dir.h"

namespace narthex::net {
namespace {

ClientRequest Get(const std::string& url) {
  ClientRequest request;
  request.url = *ParseUrl(url);
  request.timeout = std::chrono::seconds(20);
  return request;
}

HttpClientOptions Through(const std::string& path) {
  HttpClientOptions options;
  options.unix_socket = path;
  return options;
}

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST(UnixSocketTest, UrlTellsHostAndPathAndTheConnectionIsKept) {
  testing::TempDir dir;
  const std::string path = dir.path() + "/d.sock";
  std::vector<std::string> heads;
  std::atomic<int> connections{0};
  {
    RawServer server(path, [&](RawSocket& peer, int) {
      ++connections;
      for (std::string head = peer.ReadHead(); !head.empty(); head = peer.ReadHead()) {
        heads.push_back(head);
        peer.Send(kOk);
      }
    });
    BlockingClient client(Through(path));
    std::string body;
    for (const char* target : {"/_ping", "/v1.55/networks?a=b"}) {
      auto response = client.Do(Get(std::string("http://api.moby.localhost") + target), body);
      ASSERT_TRUE(response) << response.error().message();
      EXPECT_EQ(body, "ok");
    }
  }
  EXPECT_EQ(connections, 1);
  ASSERT_EQ(heads.size(), 2U);
  EXPECT_TRUE(heads[0].starts_with("GET /_ping HTTP/1.1\r\nHost: api.moby.localhost\r\n"));
  EXPECT_TRUE(heads[1].starts_with("GET /v1.55/networks?a=b HTTP/1.1\r\n"));
}

TEST(UnixSocketTest, NoProxyIsAsked) {
  testing::TempDir dir;
  const std::string path = dir.path() + "/d.sock";
  RawServer server(path, [&](RawSocket& peer, int) {
    EXPECT_TRUE(peer.ReadHead().starts_with("GET / HTTP/1.1\r\n"));
    peer.Send(kOk);
  });
  HttpClientOptions options = Through(path);
  options.proxy.url = "http://127.0.0.1:1";
  std::string body;
  auto response = DoBlocking(options, Get("http://x/"), body);
  EXPECT_TRUE(response) << response.error().message();
}

TEST(UnixSocketTest, ErrorsNameTheSocket) {
  testing::TempDir dir;
  std::string body;
  const std::string missing = dir.path() + "/missing";
  auto response = DoBlocking(Through(missing), Get("http://x/"), body);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), Code::kUnavailable);
  EXPECT_EQ(response.error().message(),
            "Get \"http://x/\": dial unix " + missing + ": connect: no such file or directory");

  const std::string too_long = "/" + std::string(200, 'x');
  response = DoBlocking(Through(too_long), Get("http://x/"), body);
  ASSERT_FALSE(response);
  EXPECT_NE(response.error().message().find("file name too long"), std::string::npos);

  const std::string path = dir.path() + "/d.sock";
  RawServer server(path, [](RawSocket& peer, int) {
    peer.ReadHead();
    peer.Close();
  });
  response = DoBlocking(Through(path), Get("http://x/"), body);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), Code::kUnavailable);
}

TEST(UnixSocketTest, TimeLimitHolds) {
  testing::TempDir dir;
  const std::string path = dir.path() + "/d.sock";
  RawServer server(path, [](RawSocket& peer, int) { peer.ReadAll(); });
  ClientRequest request = Get("http://x/");
  request.timeout = std::chrono::milliseconds(50);
  std::string body;
  auto response = DoBlocking(Through(path), request, body);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), Code::kTimeout);
}

TEST(UnixSocketTest, CancelEndsAWait) {
  testing::TempDir dir;
  const std::string path = dir.path() + "/d.sock";
  BlockingClient client(Through(path));
  RawServer server(path, [&](RawSocket& peer, int) {
    peer.ReadHead();
    client.Cancel();
    peer.ReadAll();
  });
  std::string body;
  auto response = client.Do(Get("http://x/"), body);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), Code::kCancelled);
}

}  // namespace
}  // namespace narthex::net
