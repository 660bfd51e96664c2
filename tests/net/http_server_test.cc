// SPDX-License-Identifier: Apache-2.0
#include "narthex/net/http_server.h"

#include <future>

#include <zlib.h>

#include "narthex/base/thread_pool.h"
#include "narthex/net/http_client.h"
#include "narthex/net/io_pool.h"
#include "tests/net/raw_server.h"

namespace narthex::net {
namespace {

/// Cuts what changes with time.
std::string WithoutDate(std::string text) {
  for (std::size_t at = 0; (at = text.find("Date: ", at)) != std::string::npos;) {
    text.erase(at, text.find("\r\n", at) + 2 - at);
  }
  return text;
}

class HttpServerTest : public ::testing::Test {
 protected:
  void Start(ServerOptions options = {}) {
    options.listen_addresses = {"127.0.0.1:0"};
    io_.Start();
    server_ = std::make_unique<HttpServer>(options, io_, workers_, router_);
    const Status status = server_->Start();
    ASSERT_TRUE(status) << status.error().message();
    port_ = server_->ports().at(0);
  }
  void TearDown() override {
    if (server_) server_->Stop(0);
    io_.Stop();
    workers_.Stop();
  }
  /// Sends bytes on a new connection; all that comes back until the server closes.
  std::string Talk(std::string_view bytes, bool shutdown = false) {
    RawSocket socket(RawSocket::Dial(port_));
    socket.Send(bytes);
    if (shutdown) socket.ShutdownSend();
    return WithoutDate(socket.ReadAll());
  }
  std::string Url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }

  Router router_;
  IoPool io_{"io", 2};
  ThreadPool workers_{"http", 4};
  std::unique_ptr<HttpServer> server_;
  std::uint16_t port_ = 0;
};

TEST_F(HttpServerTest, AnswersSmallAndLarge) {
  const std::string large(1'000'000, 'y');
  router_.Handle("GET", "/small", [](const ServerRequest&, ResponseWriter& w) {
    w.SetHeader("Content-Type", "application/json");
    w.Write("{}");
  });
  router_.Handle("GET", "/large", [&](const ServerRequest&, ResponseWriter& w) { w.Write(large); });
  router_.Handle("GET", "/varies", [&](const ServerRequest&, ResponseWriter& w) {
    w.AddHeader("Vary", "Accept-Encoding");
    w.AddHeader("Vary", "Origin");
    w.Write(large);
  });
  router_.Handle("GET", "/nothing",
                 [](const ServerRequest&, ResponseWriter& w) { w.SetStatus(204); });
  router_.Handle("GET", "/empty", [](const ServerRequest&, ResponseWriter&) {});
  router_.Handle("HEAD", "/small", [](const ServerRequest&, ResponseWriter& w) { w.Write("{}"); });
  Start();
  EXPECT_EQ(
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
      "Connection: close\r\n\r\n{}",
      Talk("GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  EXPECT_EQ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n",
            Talk("HEAD /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  EXPECT_EQ("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
            Talk("GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  EXPECT_EQ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            Talk("GET /empty HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  // HTTP/1.0 has no chunks: the end of the connection is the end of the body.
  EXPECT_EQ(
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" +
          large,
      Talk("GET /large HTTP/1.0\r\n\r\n"));
  for (const char* encoding : {"", "gzip", "deflate, gzip"}) {
    SCOPED_TRACE(encoding);
    ClientRequest request;
    request.url = *ParseUrl(Url("/varies"));
    request.headers = {{"Accept-Encoding", encoding}};
    std::string body;
    const auto response = DoBlocking({}, request, body);
    ASSERT_TRUE(response) << response.error().message();
    if (encoding[0] == 'd') {  // The client leaves zlib streams to its user.
      std::string plain(large.size(), '\0');
      uLongf size = plain.size();
      ASSERT_EQ(Z_OK, uncompress(reinterpret_cast<Bytef*>(plain.data()), &size,
                                 reinterpret_cast<const Bytef*>(body.data()), body.size()));
      body = plain;
    }
    EXPECT_EQ(large, body);
    EXPECT_EQ(encoding[0] == '\0', response->compressed_bytes == large.size());
    // Only what says so is compressed.
    request.url = *ParseUrl(Url("/large"));
    body.clear();
    ASSERT_TRUE(DoBlocking({}, request, body));
    EXPECT_EQ(large, body);
  }
}

TEST_F(HttpServerTest, KeepsOrderOnAPipelinedConnection) {
  router_.Handle("*", "/echo", [](const ServerRequest& r, ResponseWriter& w) {
    w.Write(r.method + " " + r.raw_query + " " + r.body);
  });
  Start();
  std::string requests, want;
  for (int i = 0; i < 50; ++i) {
    const std::string n = std::to_string(i);
    requests += "POST /echo?" + n +
                " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(n.size()) + "\r\n\r\n" +
                n;
    const std::string body = "POST " + n + " " + n;
    want += "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " +
            std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  requests +=
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
      "\r\n3\r\nabc\r\n0\r\n\r\n";
  want +=
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 9\r\n"
      "Connection: close\r\n\r\nPOST  abc";
  EXPECT_EQ(want, Talk(requests));
}

TEST_F(HttpServerTest, RefusesMalformedRequests) {
  int calls = 0;
  router_.Handle("*", "/", [&](const ServerRequest&, ResponseWriter&) { ++calls; });
  ServerOptions options;
  options.max_header_bytes = 4096;
  options.max_body_bytes = 1000;
  Start(options);
  const struct {
    const char* name;
    std::string request;
    int status;
  } cases[] = {
      {"garbage", "hello\r\n\r\n", 400},
      {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"http 2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
      {"relative target", "GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"bad escape", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"two lengths",
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
      {"length and chunks",
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: "
       "chunked\r\n\r\n0\r\n\r\n",
       400},
      {"unknown coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
      {"bad chunk", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
      {"long head", "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(10'000, 'x') + "\r\n\r\n",
       431},
      {"endless head", "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(10'000, 'x'), 431},
      {"large body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", 413},
      {"large chunks",
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" +
           std::string(1001, 'x'),
       413},
      {"expectation", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: x\r\n\r\n", 417},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string answer = Talk(c.request, true);
    EXPECT_EQ("HTTP/1.1 " + std::to_string(c.status), answer.substr(0, 12)) << answer;
    EXPECT_NE(std::string::npos, answer.find("Connection: close\r\n")) << answer;
  }
  EXPECT_EQ(0, calls);
  EXPECT_EQ("", Talk("GET / HT", true));  // A torn request gets no answer.
  EXPECT_EQ("", Talk("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", true));
  EXPECT_EQ(0, calls);
}

// RFC 9112, 2.2: clients of old add a line break behind the body of a POST.
TEST_F(HttpServerTest, ToleratesEmptyLinesBeforeARequest) {
  router_.Handle("*", "/", [](const ServerRequest& r, ResponseWriter& w) { w.Write(r.body); });
  Start();
  const std::string post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
  const std::string get = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  EXPECT_TRUE(Talk("\r\n" + get).starts_with("HTTP/1.1 200 OK\r\n"));
  for (const char* lines : {"\r\n", "\n", "\r\n\r\n"}) {
    SCOPED_TRACE(lines);
    const std::string all = Talk(post + lines + get);
    EXPECT_EQ(std::string::npos, all.find("400 Bad Request")) << all;
    EXPECT_NE(std::string::npos, all.find("hiHTTP/1.1 200 OK\r\n")) << all;
    // The same when the line comes with the body and the next request on its own.
    RawSocket socket(RawSocket::Dial(port_));
    socket.Send(post + lines);
    EXPECT_TRUE(socket.ReadUntil("hi").ends_with("hi"));
    socket.Send(get);
    EXPECT_TRUE(socket.ReadAll().starts_with("HTTP/1.1 200 OK\r\n"));
  }
}

TEST_F(HttpServerTest, LimitsTheBodiesOfAllRequestsTogether) {
  std::promise<void> running, release;
  const auto released = release.get_future().share();
  router_.Handle("POST", "/wait", [&](const ServerRequest&, ResponseWriter&) {
    running.set_value();
    released.wait();
  });
  router_.Handle("POST", "/", [](const ServerRequest& r, ResponseWriter& w) { w.Write(r.body); });
  ServerOptions options;
  options.max_bodies_bytes = 1000;
  Start(options);
  const std::string head = " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
  const std::string small = "POST /" + head + "Content-Length: 300\r\n\r\n" + std::string(300, 'x');
  const std::string chunked = "POST /" + head + "Transfer-Encoding: chunked\r\n\r\n12c\r\n" +
                              std::string(300, 'x') + "\r\n0\r\n\r\n";
  EXPECT_TRUE(Talk(small).starts_with("HTTP/1.1 200 OK\r\n"));
  RawSocket large(RawSocket::Dial(port_));
  large.Send(
      "POST /wait HTTP/1.1\r\nHost: a\r\n"
      "Content-Length: 800\r\n\r\n" +
      std::string(800, 'x'));
  running.get_future().wait();
  EXPECT_TRUE(Talk(small).starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_TRUE(Talk(chunked).starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  release.set_value();
  EXPECT_TRUE(large.ReadHead().starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(Talk(small).starts_with("HTTP/1.1 200 OK\r\n")) << "what was held is given back";
  EXPECT_TRUE(Talk(chunked).starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpServerTest, AnswersExpectContinue) {
  router_.Handle("POST", "/", [](const ServerRequest& r, ResponseWriter& w) { w.Write(r.body); });
  Start();
  RawSocket socket(RawSocket::Dial(port_));
  socket.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ("HTTP/1.1 100 Continue\r\n\r\n", socket.ReadHead());
  socket.Send("hi");
  EXPECT_TRUE(socket.ReadHead().starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ("hi", socket.ReadBytes(2));
}

TEST_F(HttpServerTest, CutsASlowRequest) {
  router_.Handle("GET", "/", [](const ServerRequest&, ResponseWriter&) {});
  ServerOptions options;
  options.read_timeout_ms = 50;
  Start(options);
  RawSocket socket(RawSocket::Dial(port_));
  socket.Send("GET / HTTP/1.1\r\nHo");
  EXPECT_EQ("", socket.ReadAll());  // Ends although we never finish the head.
}

TEST_F(HttpServerTest, CutsASlowBody) {
  router_.Handle("POST", "/", [](const ServerRequest&, ResponseWriter&) {});
  ServerOptions options;
  options.read_timeout_ms = 50;
  Start(options);
  for (const char* framing :
       {"Content-Length: 100\r\n\r\nab", "Transfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
    SCOPED_TRACE(framing);
    RawSocket socket(RawSocket::Dial(port_));
    socket.Send(std::string("POST / HTTP/1.1\r\nHost: a\r\n") + framing);
    EXPECT_EQ("", socket.ReadAll());  // Ends although we never finish the body.
  }
}

TEST_F(HttpServerTest, LimitsTheNumberOfHeaders) {
  router_.Handle("GET", "/", [](const ServerRequest&, ResponseWriter&) {});
  Start();
  const auto status = [&](int num_headers) {
    std::string request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    for (int i = 0; i < num_headers; ++i) request += "a:\r\n";
    return Talk(request + "\r\n").substr(9, 3);
  };
  EXPECT_EQ("200", status(900));
  EXPECT_EQ("431", status(1100));
}

TEST_F(HttpServerTest, StopsAHandlerWhoseClientIsGone) {
  std::promise<bool> stopped;
  std::promise<void> running;
  router_.Handle("GET", "/wait", [&](const ServerRequest& r, ResponseWriter&) {
    std::promise<void> stop;
    std::stop_callback on_stop(r.stop, [&] { stop.set_value(); });
    running.set_value();
    stopped.set_value(stop.get_future().wait_for(std::chrono::seconds(20)) ==
                      std::future_status::ready);
  });
  Start();
  {
    RawSocket socket(RawSocket::Dial(port_));
    socket.Send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    running.get_future().wait();
  }
  EXPECT_TRUE(stopped.get_future().get());
}

TEST_F(HttpServerTest, HoldsBackAHandlerWhoseClientIsSlow) {
  std::atomic<std::size_t> written{0};
  std::promise<void> done;
  router_.Handle("GET", "/endless", [&](const ServerRequest&, ResponseWriter& w) {
    const std::string piece(100'000, 'z');
    while (w.Write(piece)) written += piece.size();
    done.set_value();
  });
  ServerOptions options;
  options.write_timeout_ms = 100;
  Start(options);
  RawSocket socket(RawSocket::Dial(port_));
  socket.Send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
  done.get_future().wait();  // The client reads nothing, so the handler is told that it is gone.
  EXPECT_LT(written, 64u << 20) << "more than any socket buffer holds";
}

TEST_F(HttpServerTest, WaitsForAHandlerThatPausesInItsAnswer) {
  // The time limit is for a client that does not take what is sent, not for the handler's thinking.
  std::promise<void> first_piece_read;
  const auto was_read = first_piece_read.get_future().share();
  std::atomic<bool> stopped{false};
  router_.Handle("GET", "/stream", [&](const ServerRequest& r, ResponseWriter& w) {
    w.Write(std::string(100'000, 'a'));
    was_read.wait();
    std::promise<void> stop;
    std::stop_callback on_stop(r.stop, [&] { stop.set_value(); });
    stopped = stop.get_future().wait_for(std::chrono::milliseconds(600)) ==
              std::future_status::ready;  // Nobody asks for a stop within several time limits.
    w.Write("the end");
  });
  ServerOptions options;
  options.write_timeout_ms = 200;
  Start(options);
  RawSocket socket(RawSocket::Dial(port_));
  socket.Send("GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  socket.ReadHead();
  socket.ReadBytes(60'000);
  first_piece_read.set_value();
  EXPECT_TRUE(socket.ReadAll().ends_with("the end\r\n0\r\n\r\n"));
  EXPECT_FALSE(stopped);
}

TEST_F(HttpServerTest, SurvivesAHandlerThatThrows) {
  router_.Handle("GET", "/early",
                 [](const ServerRequest&, ResponseWriter&) { throw std::runtime_error("x"); });
  router_.Handle("GET", "/late", [](const ServerRequest&, ResponseWriter& w) {
    w.Write(std::string(200'000, 'x'));
    throw std::runtime_error("x");
  });
  Start();
  EXPECT_TRUE(Talk("GET /early HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                  .starts_with("HTTP/1.1 500 Internal Server Error\r\n"));
  const std::string late = Talk("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_FALSE(late.ends_with("0\r\n\r\n")) << "a broken answer looks complete";
}

TEST_F(HttpServerTest, AnAbortedAnswerDoesNotLookComplete) {
  router_.Handle("GET", "/early", [](const ServerRequest&, ResponseWriter& w) {
    w.Write("a part");
    w.Abort();
  });
  router_.Handle("GET", "/late", [](const ServerRequest&, ResponseWriter& w) {
    w.Write(std::string(200'000, 'x'));
    w.Abort();
  });
  Start();
  const std::string early = Talk("GET /early HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(early.starts_with("HTTP/1.1 500 Internal Server Error\r\n"));
  EXPECT_EQ(early.find("a part"), std::string::npos);
  const std::string late = Talk("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_FALSE(late.ends_with("0\r\n\r\n"));
}

TEST_F(HttpServerTest, LimitsConnections) {
  router_.Handle("GET", "/", [](const ServerRequest&, ResponseWriter& w) { w.Write("ok"); });
  ServerOptions options;
  options.max_connections = 1;
  Start(options);
  auto first = std::make_unique<RawSocket>(RawSocket::Dial(port_));
  first->Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  first->ReadHead();
  RawSocket second(RawSocket::Dial(port_));
  second.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  char byte = 0;
  EXPECT_EQ(-1, recv(second.fd(), &byte, 1, MSG_DONTWAIT));
  first.reset();
  EXPECT_TRUE(second.ReadAll().ends_with("ok"));
}

TEST_F(HttpServerTest, StopsInOrder) {
  std::promise<void> running, release;
  const auto released = release.get_future().share();
  router_.Handle("GET", "/wait", [&](const ServerRequest&, ResponseWriter& w) {
    running.set_value();
    released.wait();
    w.Write("finished");
  });
  Start();
  RawSocket idle(RawSocket::Dial(port_));
  RawSocket busy(RawSocket::Dial(port_));
  busy.Send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  running.get_future().wait();
  std::thread stopper([&] { server_->Stop(60'000); });
  EXPECT_EQ("", idle.ReadAll());
  release.set_value();
  EXPECT_TRUE(busy.ReadAll().ends_with("finished"));
  stopper.join();
}

TEST_F(HttpServerTest, StopRequestsStopOfHandlers) {
  std::promise<void> running;
  router_.Handle("GET", "/wait", [&](const ServerRequest& r, ResponseWriter& w) {
    std::promise<void> stop;
    std::stop_callback on_stop(r.stop, [&] { stop.set_value(); });
    running.set_value();
    stop.get_future().wait();
    w.Write("stopped");
  });
  Start();
  RawSocket busy(RawSocket::Dial(port_));
  busy.Send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  running.get_future().wait();
  server_->Stop(0);
  EXPECT_TRUE(busy.ReadAll().ends_with("stopped"));
}

TEST_F(HttpServerTest, NamesAddressesItCannotListenOn) {
  Start();
  const std::string taken = "127.0.0.1:" + std::to_string(port_);
  const struct {
    std::string address;
    std::string want;
  } cases[] = {
      {taken, "listen tcp " + taken + ": bind: address already in use"},
      {"127.0.0.1", "listen tcp: address 127.0.0.1: missing port in address"},
      {"127.0.0.1:x", "listen tcp: address 127.0.0.1:x: unknown port"},
      {"127.0.0.1:70000", "listen tcp: address 127.0.0.1:70000: invalid port"},
      {"::1:80", "listen tcp: address ::1:80: too many colons in address"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.address);
    ServerOptions options;
    options.listen_addresses = {c.address};
    HttpServer other(options, io_, workers_, router_);
    const Status status = other.Start();
    ASSERT_FALSE(status);
    EXPECT_EQ(c.want, status.error().message());
  }
}

TEST_F(HttpServerTest, ListensOnSeveralAddresses) {
  router_.Handle("GET", "/",
                 [](const ServerRequest& r, ResponseWriter& w) { w.Write(r.remote_address); });
  Start();
  ServerOptions options;
  options.listen_addresses = {"127.0.0.1:0", "[::1]:0"};
  HttpServer other(options, io_, workers_, router_);
  if (const Status status = other.Start(); !status) GTEST_SKIP() << status.error().message();
  ASSERT_EQ(2u, other.ports().size());
  for (const auto& [host, port] :
       {std::pair{"127.0.0.1", other.ports()[0]}, {"[::1]", other.ports()[1]}}) {
    ClientRequest request;
    request.url = *ParseUrl(std::string("http://") + host + ":" + std::to_string(port) + "/");
    std::string body;
    ASSERT_TRUE(DoBlocking({}, request, body));
    EXPECT_TRUE(body.starts_with(std::string(host) + ":")) << body;
  }
}

}  // namespace
}  // namespace narthex::net
