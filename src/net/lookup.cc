// SPDX-License-Identifier: Apache-2.0
#include "src/net/lookup.h"

#include <netdb.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/core.h>

#include "narthex/base/mutex.h"
#include "narthex/base/thread_pool.h"

namespace narthex::net {
namespace asio = boost::asio;

namespace {

constexpr std::size_t kMaxThreads = 8;

ThreadPool& LookupThreads() {
  // Never destroyed: the process must not wait for silent name servers when it ends.
  static ThreadPool& threads = *new ThreadPool("dns", kMaxThreads);
  return threads;
}

struct Outcome {
  std::vector<asio::ip::address> addresses;
  std::string failure;
};

std::string FailureText(int code) {
  switch (code) {
    case EAI_NONAME:
    case EAI_NODATA:
      return "no such host";
    case EAI_AGAIN:
      return "server misbehaving";
    default:
      return gai_strerror(code);
  }
}

/// Blocks.
Outcome Resolve(const std::string& host) {
  Outcome out;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  const int code = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (code != 0) {
    out.failure = FailureText(code);
    return out;
  }
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family == AF_INET) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(entry->ai_addr);
      out.addresses.emplace_back(asio::ip::address_v4(ntohl(v4->sin_addr.s_addr)));
    } else if (entry->ai_family == AF_INET6) {
      const auto* v6 = reinterpret_cast<const sockaddr_in6*>(entry->ai_addr);
      asio::ip::address_v6::bytes_type bytes;
      std::memcpy(bytes.data(), v6->sin6_addr.s6_addr, bytes.size());
      out.addresses.emplace_back(asio::ip::address_v6(bytes, v6->sin6_scope_id));
    }
  }
  freeaddrinfo(list);
  if (out.addresses.empty()) out.failure = "no such host";
  return out;
}

/// Between the waiting coroutine and the lookup's thread.
struct Shared {
  explicit Shared(const asio::any_io_executor& waiting) : executor(waiting) {}
  Mutex mutex;
  asio::any_io_executor executor;
  bool abandoned NX_GUARDED_BY(mutex) = false;  // The coroutine, perhaps its context, is gone.
  bool finished NX_GUARDED_BY(mutex) = false;
  Outcome outcome NX_GUARDED_BY(mutex);
};

/// In the coroutine's frame: whatever ends it, the thread learns that nobody waits.
struct Abandon {
  ~Abandon() {
    MutexLock lock(shared->mutex);
    shared->abandoned = true;
  }
  std::shared_ptr<Shared> shared;
};

void RunLookup(const std::shared_ptr<Shared>& shared, const std::string& host,
               const std::weak_ptr<asio::steady_timer>& timer) {
  {
    // While name servers are silent, more lookups come than end: those nobody waits for any more
    // must not hold up the others.
    MutexLock lock(shared->mutex);
    if (shared->abandoned) return;
  }
  Outcome outcome = Resolve(host);
  MutexLock lock(shared->mutex);
  if (shared->abandoned) return;
  shared->outcome = std::move(outcome);
  shared->finished = true;
  asio::post(shared->executor, [timer] {
    if (const auto waiting = timer.lock()) waiting->cancel();
  });
}

}  // namespace

asio::awaitable<Result<std::vector<asio::ip::address>>> LookUp(
    std::string host, std::chrono::steady_clock::time_point deadline,
    std::shared_ptr<asio::steady_timer>& wait) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto shared = std::make_shared<Shared>(executor);
  const Abandon abandon{shared};
  wait = std::make_shared<asio::steady_timer>(executor, deadline);
  LookupThreads().Submit([shared, host, timer = std::weak_ptr<asio::steady_timer>(wait)] {
    RunLookup(shared, host, timer);
  });
  co_await wait->async_wait(asio::as_tuple(asio::use_awaitable));
  wait = nullptr;
  MutexLock lock(shared->mutex);
  if (!shared->finished) co_return Fail(Code::kTimeout, "context deadline exceeded");
  if (shared->outcome.addresses.empty()) {
    co_return Fail(Code::kUnavailable, fmt::format("lookup {}: {}", host, shared->outcome.failure));
  }
  co_return shared->outcome.addresses;
}

}  // namespace narthex::net
