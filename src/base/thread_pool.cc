// SPDX-License-Identifier: Apache-2.0
#include "narthex/base/thread_pool.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>

#include "narthex/base/log.h"
#include "narthex/base/mutex.h"

namespace narthex {

struct ThreadPool::Impl {
  Impl(std::string pool_name, std::size_t most)
      : name(std::move(pool_name)), max_threads(std::max<std::size_t>(most, 1)) {}

  struct Waiter {
    CondVar ready;
    bool called = false;  // Guarded by mutex.
  };

  void AddThread() NX_REQUIRES(mutex) {
    Waiter& waiter = waiters.emplace_back();
    try {
      threads.emplace_back([this, &waiter] { Work(waiter); });
    } catch (...) {
      waiters.pop_back();
      throw;
    }
  }
  void Work(Waiter& self);
  /// The idle thread to be notified; null when there is none.
  Waiter* CallIdle() NX_REQUIRES(mutex);

  const std::string name;
  const std::size_t max_threads;
  Mutex mutex;
  std::deque<std::function<void()>> queue NX_GUARDED_BY(mutex);
  std::deque<Waiter> waiters;                      // One per thread, as long as this.
  std::vector<Waiter*> idle NX_GUARDED_BY(mutex);  // Of threads that wait for a task.
  bool stopping NX_GUARDED_BY(mutex) = false;
  std::vector<std::thread> threads;  // Guarded by mutex until stopping.
};

namespace {

/// Tasks should not throw; but one that runs out of memory must not end the server.
void RunTask(const std::function<void()>& task) {
  try {
    task();
  } catch (const std::exception& e) {
    log::Error("Uncaught exception on a worker thread", {{"err", e.what()}});
  } catch (...) {
    log::Error("Uncaught exception on a worker thread");
  }
}

}  // namespace

// The one that has worked last: its stack, its heap and what it looked at are still in the caches,
// while the heaps of threads that are seldom needed stay untouched.
ThreadPool::Impl::Waiter* ThreadPool::Impl::CallIdle() {
  if (idle.empty()) return nullptr;
  Waiter* const waiter = idle.back();
  idle.pop_back();
  waiter->called = true;
  return waiter;
}

void ThreadPool::Impl::Work(Waiter& self) {
  SetThreadName(name);
  while (true) {
    std::function<void()> task;
    {
      MutexLock lock(mutex);
      while (queue.empty() && !stopping) {
        self.called = false;
        idle.push_back(&self);
        while (!self.called) self.ready.Wait(mutex);
      }
      if (queue.empty()) return;
      task = std::move(queue.front());
      queue.pop_front();
    }
    RunTask(task);
  }
}

ThreadPool::ThreadPool(std::string name, std::size_t max_threads)
    : impl_(std::make_unique<Impl>(std::move(name), max_threads)) {
  MutexLock lock(impl_->mutex);
  impl_->AddThread();  // The first one at once, so that a failure is one of the start.
}

ThreadPool::~ThreadPool() { Stop(); }

void ThreadPool::Submit(std::function<void()> task) {
  Impl::Waiter* called = nullptr;
  {
    MutexLock lock(impl_->mutex);
    if (impl_->stopping) return;
    impl_->queue.push_back(std::move(task));
    called = impl_->CallIdle();
    if (called == nullptr && impl_->threads.size() < impl_->max_threads) {
      try {
        impl_->AddThread();
      } catch (const std::system_error& e) {
        log::Warn("Starting a worker thread failed", {{"pool", impl_->name}, {"err", e.what()}});
      }
    }
  }
  if (called != nullptr) called->ready.NotifyOne();
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
    std::exception_ptr failure NX_GUARDED_BY(mutex);  // The first.
  };
  if (count == 0) return;
  auto shared = std::make_shared<Shared>();
  shared->count = count;
  shared->fn = &fn;
  const auto run = [](Shared& s) {
    std::size_t finished = 0;
    for (std::size_t i; (i = s.next.fetch_add(1)) < s.count;) {
      try {
        (*s.fn)(i);
      } catch (...) {
        MutexLock lock(s.mutex);
        if (!s.failure) s.failure = std::current_exception();
      }
      ++finished;
    }
    if (finished == 0) return;
    MutexLock lock(s.mutex);
    s.done += finished;
    if (s.done == s.count) s.all_done.NotifyAll();
  };
  // The caller works too: with one helper less than there are threads, none is one too many.
  const std::size_t helpers = std::min(count - 1, std::max<std::size_t>(impl_->max_threads - 1, 1));
  for (std::size_t i = 0; i < helpers; ++i) Submit([shared, run] { run(*shared); });
  run(*shared);
  MutexLock lock(shared->mutex);
  while (shared->done < count) shared->all_done.Wait(shared->mutex);
  if (shared->failure) std::rethrow_exception(shared->failure);
}

void ThreadPool::Stop() {
  {
    MutexLock lock(impl_->mutex);
    impl_->stopping = true;
    while (Impl::Waiter* waiter = impl_->CallIdle()) waiter->ready.NotifyOne();
  }
  for (auto& thread : impl_->threads) {
    if (thread.joinable()) thread.join();
  }
}

std::size_t ThreadPool::num_threads() const { return impl_->max_threads; }

void SetThreadName(const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

}  // namespace narthex
