// SPDX-License-Identifier: Apache-2.0
//
// Which threads a server's handlers run on, and that none of them holds up another connection.
#include <latch>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "narthex/base/mutex.h"
#include "narthex/base/thread_pool.h"
#include "narthex/net/http_server.h"
#include "narthex/net/io_pool.h"
#include "tests/net/raw_server.h"

namespace narthex::net {
namespace {

constexpr const char* kHead = "HTTP/1.1 200 OK\r\n";

class HandlerThreadsTest : public ::testing::Test {
 protected:
  void Start() {
    ServerOptions options;
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
  static void Ask(RawSocket& socket, const std::string& path) {
    socket.Send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  /// Notes which thread it runs on.
  void HandleNoting(const std::string& path) {
    router_.Handle("GET", path, [this](const ServerRequest&, ResponseWriter&) {
      MutexLock lock(mutex_);
      threads_.insert(std::this_thread::get_id());
    });
  }
  /// Waits for /free, which answers when it has told.
  void HandleWaitingAndFree() {
    router_.Handle("GET", "/waits", [this](const ServerRequest&, ResponseWriter&) {
      waiting_.count_down();
      free_.wait();
    });
    router_.Handle("GET", "/free",
                   [this](const ServerRequest&, ResponseWriter&) { free_.count_down(); });
  }

  Router router_;
  IoPool io_{"io", 1};
  ThreadPool workers_{"http", 2};
  std::unique_ptr<HttpServer> server_;
  std::uint16_t port_ = 0;
  std::latch waiting_{1}, free_{1};
  Mutex mutex_;
  std::set<std::thread::id> threads_ NX_GUARDED_BY(mutex_);
};

TEST_F(HandlerThreadsTest, ALongHandlerHoldsUpNoOtherConnection) {
  HandleWaitingAndFree();
  Start();
  RawSocket first(RawSocket::Dial(port_)), second(RawSocket::Dial(port_));
  Ask(first, "/waits");
  waiting_.wait();
  Ask(second, "/free");
  EXPECT_TRUE(second.ReadHead().starts_with(kHead));
  EXPECT_TRUE(first.ReadHead().starts_with(kHead));
}

TEST_F(HandlerThreadsTest, ALongHandlerDoesNotHoldUpNewConnectionsEither) {
  HandleWaitingAndFree();
  Start();
  RawSocket first(RawSocket::Dial(port_));
  Ask(first, "/waits");
  waiting_.wait();
  RawSocket second(RawSocket::Dial(port_));
  Ask(second, "/free");
  EXPECT_TRUE(second.ReadHead().starts_with(kHead));
  EXPECT_TRUE(first.ReadHead().starts_with(kHead));
}

TEST_F(HandlerThreadsTest, WhatIsFlushedArrivesBeforeTheHandlersEnd) {
  router_.Handle("GET", "/waits", [this](const ServerRequest&, ResponseWriter& w) {
    w.Write("begun");
    w.Flush();
    free_.wait();
  });
  Start();
  RawSocket socket(RawSocket::Dial(port_));
  Ask(socket, "/waits");
  EXPECT_TRUE(socket.ReadUntil("begun").ends_with("begun"));
  free_.count_down();
  EXPECT_TRUE(socket.ReadUntil("0\r\n\r\n").ends_with("0\r\n\r\n"));
}

TEST_F(HandlerThreadsTest, TheLoopsThreadRunsShortHandlers) {
  HandleNoting("/");
  Start();
  for (int i = 0; i < 50; ++i) {
    // The end of the connection says that the handler has ended. An answer would not: whoever asks
    // again while the handler's last lines run may get another thread.
    RawSocket socket(RawSocket::Dial(port_));
    socket.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    ASSERT_TRUE(socket.ReadAll().starts_with(kHead));
  }
  MutexLock lock(mutex_);
  EXPECT_EQ(1, threads_.size());
}

TEST_F(HandlerThreadsTest, WorkersRunWhatComesDuringALongHandler) {
  HandleWaitingAndFree();
  HandleNoting("/");
  Start();
  RawSocket first(RawSocket::Dial(port_)), second(RawSocket::Dial(port_));
  Ask(first, "/waits");
  waiting_.wait();
  for (int i = 0; i < 20; ++i) {
    Ask(second, "/");
    ASSERT_TRUE(second.ReadHead().starts_with(kHead));
  }
  Ask(second, "/free");
  EXPECT_TRUE(second.ReadHead().starts_with(kHead));
  EXPECT_TRUE(first.ReadHead().starts_with(kHead));
}

TEST_F(HandlerThreadsTest, StopsTheLongHandlerOfAClientThatIsGone) {
  std::latch stopped(1);
  router_.Handle("GET", "/long", [&](const ServerRequest& r, ResponseWriter&) {
    waiting_.count_down();
    const std::stop_callback on_stop(r.stop, [this] { free_.count_down(); });
    free_.wait();
    stopped.count_down();
  });
  Start();
  RawSocket socket(RawSocket::Dial(port_));
  Ask(socket, "/long");
  waiting_.wait();
  socket.Close();
  stopped.wait();
}

TEST_F(HandlerThreadsTest, StopEndsALongHandler) {
  router_.Handle("GET", "/long", [&](const ServerRequest& r, ResponseWriter&) {
    waiting_.count_down();
    const std::stop_callback on_stop(r.stop, [this] { free_.count_down(); });
    free_.wait();
  });
  Start();
  RawSocket socket(RawSocket::Dial(port_));
  Ask(socket, "/long");
  waiting_.wait();
  server_->Stop(0);
  io_.Stop();
}

}  // namespace
}  // namespace narthex::net
