// SPDX-License-Identifier: Apache-2.0
#include "narthex/base/thread_pool.h"

#include <pthread.h>

#include <atomic>
#include <deque>
#include <thread>
#include <vector>

#include "narthex/base/mutex.h"

namespace narthex {

struct ThreadPool::Impl {
  void Work(const std::string& name) {
    SetThreadName(name);
    while (true) {
      std::function<void()> task;
      {
        MutexLock lock(mutex);
        while (queue.empty() && !stopping) ready.Wait(mutex);
        if (queue.empty()) return;
        task = std::move(queue.front());
        queue.pop_front();
      }
      task();
    }
  }

  Mutex mutex;
  CondVar ready;
  std::deque<std::function<void()>> queue NX_GUARDED_BY(mutex);
  bool stopping NX_GUARDED_BY(mutex) = false;
  std::vector<std::thread> threads;
};

ThreadPool::ThreadPool(std::string name, std::size_t num_threads)
    : impl_(std::make_unique<Impl>()) {
  for (std::size_t i = 0; i < num_threads; ++i) {
    impl_->threads.emplace_back([this, name] { impl_->Work(name); });
  }
}

ThreadPool::~ThreadPool() { Stop(); }

void ThreadPool::Submit(std::function<void()> task) {
  {
    MutexLock lock(impl_->mutex);
    if (impl_->stopping) return;
    impl_->queue.push_back(std::move(task));
  }
  impl_->ready.NotifyOne();
}

void ThreadPool::ParallelFor(std::size_t count, const std::function<void(std::size_t)>& fn) {
  // Helpers may start after the caller has returned (the queue was long): they then find no index
  // left and touch nothing but this shared state.
  struct Shared {
    std::atomic<std::size_t> next{0};
    std::size_t count;
    const std::function<void(std::size_t)>* fn;
    Mutex mutex;
    CondVar all_done;
    std::size_t done NX_GUARDED_BY(mutex) = 0;
  };
  if (count == 0) return;
  auto shared = std::make_shared<Shared>();
  shared->count = count;
  shared->fn = &fn;
  const auto run = [](Shared& s) {
    std::size_t finished = 0;
    for (std::size_t i; (i = s.next.fetch_add(1)) < s.count;) {
      (*s.fn)(i);
      ++finished;
    }
    if (finished == 0) return;
    MutexLock lock(s.mutex);
    s.done += finished;
    if (s.done == s.count) s.all_done.NotifyAll();
  };
  const std::size_t helpers = std::min(count - 1, impl_->threads.size());
  for (std::size_t i = 0; i < helpers; ++i) Submit([shared, run] { run(*shared); });
  run(*shared);
  MutexLock lock(shared->mutex);
  while (shared->done < count) shared->all_done.Wait(shared->mutex);
}

void ThreadPool::Stop() {
  {
    MutexLock lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->ready.NotifyAll();
  for (auto& thread : impl_->threads) {
    if (thread.joinable()) thread.join();
  }
}

std::size_t ThreadPool::num_threads() const { return impl_->threads.size(); }

void SetThreadName(const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

}  // namespace narthex
