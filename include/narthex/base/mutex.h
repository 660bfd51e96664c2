// SPDX-License-Identifier: Apache-2.0
//
// Standard mutexes with Clang's thread-safety annotations, so that -Wthread-safety checks them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>

#if defined(__clang__)
#define NX_ATTRIBUTE(x) __attribute__((x))
#else
#define NX_ATTRIBUTE(x)
#endif

#define NX_CAPABILITY(x) NX_ATTRIBUTE(capability(x))
#define NX_SCOPED_CAPABILITY NX_ATTRIBUTE(scoped_lockable)
#define NX_GUARDED_BY(x) NX_ATTRIBUTE(guarded_by(x))
#define NX_PT_GUARDED_BY(x) NX_ATTRIBUTE(pt_guarded_by(x))
#define NX_REQUIRES(...) NX_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define NX_REQUIRES_SHARED(...) NX_ATTRIBUTE(requires_shared_capability(__VA_ARGS__))
#define NX_ACQUIRE(...) NX_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define NX_ACQUIRE_SHARED(...) NX_ATTRIBUTE(acquire_shared_capability(__VA_ARGS__))
#define NX_RELEASE(...) NX_ATTRIBUTE(release_capability(__VA_ARGS__))
#define NX_RELEASE_SHARED(...) NX_ATTRIBUTE(release_shared_capability(__VA_ARGS__))
#define NX_RELEASE_GENERIC(...) NX_ATTRIBUTE(release_generic_capability(__VA_ARGS__))
#define NX_TRY_ACQUIRE(...) NX_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define NX_EXCLUDES(...) NX_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define NX_NO_THREAD_SAFETY_ANALYSIS NX_ATTRIBUTE(no_thread_safety_analysis)

namespace narthex {

class NX_CAPABILITY("mutex") Mutex {
 public:
  void Lock() NX_ACQUIRE() { mutex_.lock(); }
  void Unlock() NX_RELEASE() { mutex_.unlock(); }
  bool TryLock() NX_TRY_ACQUIRE(true) { return mutex_.try_lock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class NX_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) NX_ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() NX_RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

class CondVar {
 public:
  /// Waits until notified; spurious wake-ups happen, so call it in a loop over the condition.
  void Wait(Mutex& mutex) NX_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    cv_.wait(lock);
    lock.release();
  }
  /// As Wait, for at most `timeout`. @return false when the time is over
  bool WaitFor(Mutex& mutex, std::chrono::nanoseconds timeout) NX_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const auto status = cv_.wait_for(lock, timeout);
    lock.release();
    return status == std::cv_status::no_timeout;
  }
  void NotifyOne() { cv_.notify_one(); }
  void NotifyAll() { cv_.notify_all(); }

 private:
  std::condition_variable cv_;
};

class NX_CAPABILITY("mutex") SharedMutex {
 public:
  void Lock() NX_ACQUIRE() { mutex_.lock(); }
  void Unlock() NX_RELEASE() { mutex_.unlock(); }
  void LockShared() NX_ACQUIRE_SHARED() { mutex_.lock_shared(); }
  void UnlockShared() NX_RELEASE_SHARED() { mutex_.unlock_shared(); }

 private:
  std::shared_mutex mutex_;
};

class NX_SCOPED_CAPABILITY WriterLock {
 public:
  explicit WriterLock(SharedMutex& mutex) NX_ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~WriterLock() NX_RELEASE() { mutex_.Unlock(); }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  SharedMutex& mutex_;
};

class NX_SCOPED_CAPABILITY ReaderLock {
 public:
  explicit ReaderLock(SharedMutex& mutex) NX_ACQUIRE_SHARED(mutex) : mutex_(mutex) {
    mutex_.LockShared();
  }
  ~ReaderLock() NX_RELEASE_GENERIC() { mutex_.UnlockShared(); }
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

 private:
  SharedMutex& mutex_;
};

}  // namespace narthex
