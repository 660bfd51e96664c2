// SPDX-License-Identifier: Apache-2.0
//
// Listening: sockets that are handed over, options of what is accepted, the end of requests while
// the listener goes on.
#include <fcntl.h>
#include <netinet/tcp.h>

#include <future>

#include "narthex/base/metrics.h"
#include "narthex/base/thread_pool.h"
#include "narthex/net/http_server.h"
#include "narthex/net/io_pool.h"
#include "tests/net/raw_server.h"

namespace narthex::net {
namespace {

std::uint16_t PortOf(int fd, decltype(getsockname)* name) {
  sockaddr_in at{};
  socklen_t size = sizeof(at);
  if (name(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0 || at.sin_family != AF_INET) return 0;
  return ntohs(at.sin_port);
}

/// A socket on a loopback port.
int Bound(int type = SOCK_STREAM) {
  const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(0, bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof(at)));
  return fd;
}

class ListenerTest : public ::testing::Test {
 protected:
  ListenerTest() {
    options_.listen_addresses = {"127.0.0.1:0"};
    router_.Handle("GET", "/", [](const ServerRequest&, ResponseWriter& w) { w.Write("ok"); });
  }
  void Start() {
    io_.Start();
    server_ = std::make_unique<HttpServer>(options_, io_, workers_, router_);
    const Status status = server_->Start();
    ASSERT_TRUE(status) << status.error().message();
    port_ = server_->ports().at(0);
  }
  void TearDown() override {
    if (server_) server_->Stop(0);
    io_.Stop();
    workers_.Stop();
  }
  static void Ask(RawSocket& socket, const std::string& path) {
    socket.Send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
  }

  ServerOptions options_;
  Router router_;
  IoPool io_{"io", 1};
  ThreadPool workers_{"http", 4};
  std::unique_ptr<HttpServer> server_;
  std::uint16_t port_ = 0;
};

TEST_F(ListenerTest, TakesASocketThatListensAlready) {
  const int fd = Bound();
  ASSERT_EQ(0, listen(fd, 16));
  const std::uint16_t port = PortOf(fd, getsockname);
  RawSocket early(RawSocket::Dial(port));  // Waits in the socket's queue, as at a restart.
  Ask(early, "/");
  options_.listen_sockets = {fd};
  options_.listen_addresses = {"no address"};  // Which does not count then.
  Start();
  EXPECT_EQ(port, port_);
  EXPECT_TRUE(early.ReadUntil("ok").ends_with("ok"));
  server_->Stop(0);
  EXPECT_EQ(-1, fcntl(fd, F_GETFD)) << "it is the server's";
}

TEST_F(ListenerTest, RefusesWhatDoesNotListen) {
  RawSocket idle(Bound()), datagrams(Bound(SOCK_DGRAM)), local(socket(AF_UNIX, SOCK_STREAM, 0));
  const int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
  for (const int fd : {idle.fd(), datagrams.fd(), local.fd(), file, 1'000'000}) {
    SCOPED_TRACE(fd);
    options_.listen_sockets = {fd};
    HttpServer server(options_, io_, workers_, router_);
    const Status status = server.Start();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().message(),
              "file descriptor " + std::to_string(fd) + " is no TCP socket that listens");
  }
  close(file);
}

// Source: Go's net.KeepAliveConfig, whose defaults net/http leaves.
TEST_F(ListenerTest, LooksAfterConnectionsThatAreQuiet) {
  Start();
  RawSocket client(RawSocket::Dial(port_));
  Ask(client, "/");
  ASSERT_TRUE(client.ReadUntil("ok").ends_with("ok"));
  const std::uint16_t client_port = PortOf(client.fd(), getsockname);
  int accepted = -1;  // The other end, which is in this process, too.
  for (int fd = 0; fd < 1024 && accepted < 0; ++fd) {
    if (PortOf(fd, getsockname) == port_ && PortOf(fd, getpeername) == client_port) accepted = fd;
  }
  ASSERT_GE(accepted, 0);
  const auto option = [accepted](int level, int name) {
    int value = -1;
    socklen_t size = sizeof(value);
    EXPECT_EQ(0, getsockopt(accepted, level, name, &value, &size));
    return value;
  };
  EXPECT_EQ(1, option(SOL_SOCKET, SO_KEEPALIVE));
  EXPECT_EQ(15, option(IPPROTO_TCP, TCP_KEEPIDLE));
  EXPECT_EQ(15, option(IPPROTO_TCP, TCP_KEEPINTVL));
  EXPECT_EQ(9, option(IPPROTO_TCP, TCP_KEEPCNT));
}

TEST_F(ListenerTest, CountsConnections) {
  metrics::Counter accepted, closed;
  options_.accepted = &accepted;
  options_.closed = &closed;
  Start();
  {
    RawSocket first(RawSocket::Dial(port_)), second(RawSocket::Dial(port_));
    for (RawSocket* socket : {&first, &second}) {
      Ask(*socket, "/");
      ASSERT_TRUE(socket->ReadUntil("ok").ends_with("ok"));
    }
    EXPECT_EQ(2u, accepted.value());
    EXPECT_EQ(0u, closed.value());
  }
  server_->Stop(0);
  EXPECT_EQ(2u, closed.value());
}

TEST_F(ListenerTest, EndsRequestsAndGoesOn) {
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
  Ask(busy, "/wait");
  running.get_future().wait();
  server_->CancelRequests();
  EXPECT_TRUE(busy.ReadUntil("stopped").ends_with("stopped"));
  Ask(busy, "/");  // On the same connection.
  EXPECT_TRUE(busy.ReadUntil("ok").ends_with("ok"));
  RawSocket next(RawSocket::Dial(port_));
  Ask(next, "/");
  EXPECT_TRUE(next.ReadUntil("ok").ends_with("ok"));
}

TEST_F(ListenerTest, CutsRequestsThatDoNotEnd) {
  std::promise<void> running, ended;
  router_.Handle("GET", "/endless", [&](const ServerRequest&, ResponseWriter& w) {
    const std::string piece(100'000, 'x');
    running.set_value();
    while (w.Write(piece)) {  // To a client that does not read.
    }
    ended.set_value();
  });
  Start();
  RawSocket idle(RawSocket::Dial(port_));
  Ask(idle, "/");
  ASSERT_TRUE(idle.ReadUntil("ok").ends_with("ok"));
  RawSocket busy(RawSocket::Dial(port_));
  Ask(busy, "/endless");
  running.get_future().wait();
  server_->CutRequests();
  ended.get_future().wait();
  Ask(idle, "/");
  EXPECT_TRUE(idle.ReadUntil("ok").ends_with("ok")) << "nothing ran for it";
}

}  // namespace
}  // namespace narthex::net
