// SPDX-License-Identifier: Apache-2.0
//
// Takes alerts as an Alertmanager does, and lets the test say what it answers and when.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "narthex/base/mutex.h"
#include "narthex/base/thread_pool.h"
#include "narthex/net/http_server.h"
#include "narthex/net/io_pool.h"

namespace narthex::testing {

/// Thread safety: any thread.
class FakeAlertmanager {
 public:
  struct Post {
    std::string path, content_type, user_agent, authorization, body;
  };

  /// @param access  for TLS; not owned, null = plain HTTP
  explicit FakeAlertmanager(net::AccessRules* access = nullptr)
      : workers_("am", 4), io_("am-io", 1) {
    router_.Handle("POST", "/*",
                   [this](const auto& request, auto& writer) { Take(request, writer); });
    net::ServerOptions options;
    options.listen_addresses = {"127.0.0.1:0"};
    options.access = access;
    server_ = std::make_unique<net::HttpServer>(options, io_, workers_, router_);
    io_.Start();
    EXPECT_TRUE(server_->Start());
  }
  ~FakeAlertmanager() {
    Release();
    server_->Stop();
    io_.Stop();
    workers_.Stop();
  }

  std::string address() const { return fmt::format("127.0.0.1:{}", server_->ports()[0]); }

  /// Answers with this from now on.
  void SetStatus(int status) {
    MutexLock lock(mutex_);
    status_ = status;
  }
  /// Answers with this after the requests that are held.
  void SetHeldStatus(int status) {
    MutexLock lock(mutex_);
    after_held_ = status;
  }
  /// Requests are taken, but not answered until Release.
  void Hold() {
    MutexLock lock(mutex_);
    held_ = true;
  }
  void Release() {
    MutexLock lock(mutex_);
    held_ = false;
    changed_.NotifyAll();
  }
  /// Waits until that many requests have come, answered or not.
  std::vector<Post> WaitFor(std::size_t count) {
    MutexLock lock(mutex_);
    for (int rounds = 0; posts_.size() < count && rounds < 300; ++rounds) {
      changed_.WaitFor(mutex_, std::chrono::milliseconds(100));
    }
    EXPECT_GE(posts_.size(), count);
    return posts_;
  }
  std::size_t num_posts() {
    MutexLock lock(mutex_);
    return posts_.size();
  }

 private:
  void Take(const net::ServerRequest& request, net::ResponseWriter& writer) {
    int status = 0;
    {
      MutexLock lock(mutex_);
      posts_.push_back({request.path, std::string(request.Header("Content-Type")),
                        std::string(request.Header("User-Agent")),
                        std::string(request.Header("Authorization")), request.body});
      changed_.NotifyAll();
      const bool was_held = held_;
      while (held_) changed_.Wait(mutex_);
      status = status_;
      if (was_held && after_held_ != 0) status_ = std::exchange(after_held_, 0);
    }
    writer.SetStatus(status);
    writer.Write("whatever");
  }

  Mutex mutex_;
  CondVar changed_;
  std::vector<Post> posts_ NX_GUARDED_BY(mutex_);
  int status_ NX_GUARDED_BY(mutex_) = 200;
  int after_held_ NX_GUARDED_BY(mutex_) = 0;  // 0 = as before.
  bool held_ NX_GUARDED_BY(mutex_) = false;
  ThreadPool workers_;
  net::IoPool io_;
  net::Router router_;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace narthex::testing
