// SPDX-License-Identifier: Apache-2.0
#include "narthex/net/io_pool.h"

#include <exception>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>

#include "narthex/base/check.h"
#include "narthex/base/log.h"
#include "narthex/base/thread_pool.h"

namespace narthex::net {
namespace asio = boost::asio;

struct IoPool::Impl {
  struct Lane {
    asio::io_context context{1};  // Hint: one thread runs it.
    asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
    std::thread thread;
  };

  std::string name;
  std::vector<std::unique_ptr<Lane>> lanes;
  std::atomic<std::size_t> next{0};
};

namespace {

void RunContext(asio::io_context& context) {
  // A handler that throws ends only itself.
  for (;;) {
    try {
      context.run();
      return;
    } catch (const std::exception& e) {
      log::Error("Uncaught exception on an I/O thread", {{"err", e.what()}});
    }
  }
}

}  // namespace

IoPool::IoPool(std::string name, std::size_t num_threads) : impl_(std::make_unique<Impl>()) {
  NX_CHECK(num_threads > 0, "an I/O pool needs a thread");
  impl_->name = std::move(name);
  for (std::size_t i = 0; i < num_threads; ++i) {
    impl_->lanes.push_back(std::make_unique<Impl::Lane>());
  }
}

IoPool::~IoPool() { Stop(); }

void IoPool::Start() {
  for (std::size_t i = 0; i < impl_->lanes.size(); ++i) {
    Impl::Lane& lane = *impl_->lanes[i];
    lane.thread = std::thread([&lane, name = impl_->name + "-" + std::to_string(i)] {
      SetThreadName(name);
      RunContext(lane.context);
    });
  }
}

void IoPool::Stop() {
  for (const auto& lane : impl_->lanes) lane->context.stop();
  for (const auto& lane : impl_->lanes) {
    if (lane->thread.joinable()) lane->thread.join();
  }
}

std::size_t IoPool::size() const { return impl_->lanes.size(); }

asio::io_context& IoPool::context(std::size_t i) { return impl_->lanes[i]->context; }

asio::io_context& IoPool::Next() {
  const std::size_t n = impl_->next.fetch_add(1, std::memory_order_relaxed);
  return impl_->lanes[n % impl_->lanes.size()]->context;
}

}  // namespace narthex::net
