// SPDX-License-Identifier: Apache-2.0
#include "narthex/net/io_pool.h"

#include <atomic>
#include <vector>

#include "narthex/base/check.h"
#include "src/net/lane.h"

namespace narthex::net {
namespace asio = boost::asio;

struct IoPool::Impl {
  std::vector<std::unique_ptr<Lane>> lanes;
  std::atomic<std::size_t> next{0};
};

IoPool::IoPool(const std::string& name, std::size_t num_threads) : impl_(std::make_unique<Impl>()) {
  NX_CHECK(num_threads > 0, "an I/O pool needs a thread");
  for (std::size_t i = 0; i < num_threads; ++i) {
    impl_->lanes.push_back(std::make_unique<Lane>(name + "-" + std::to_string(i)));
  }
}

IoPool::~IoPool() { Stop(); }

void IoPool::Start() {
  for (const auto& lane : impl_->lanes) lane->Start();
}

void IoPool::Stop() {
  for (const auto& lane : impl_->lanes) lane->RequestStop();
  for (const auto& lane : impl_->lanes) lane->Join();
}

std::size_t IoPool::size() const { return impl_->lanes.size(); }

asio::io_context& IoPool::context(std::size_t i) { return impl_->lanes[i]->context(); }

asio::io_context& IoPool::Next() { return NextLane().context(); }

Lane& IoPool::NextLane() {
  const std::size_t n = impl_->next.fetch_add(1, std::memory_order_relaxed);
  return *impl_->lanes[n % impl_->lanes.size()];
}

}  // namespace narthex::net
