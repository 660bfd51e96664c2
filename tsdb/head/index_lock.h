// SPDX-License-Identifier: Apache-2.0
//
// A readers-writer lock in which a waiting writer holds off new readers. The system's lock prefers
// readers, and a stream of queries would then keep new series out for good.
#pragma once

#include "narthex/base/mutex.h"

namespace narthex::tsdb {

class NX_CAPABILITY("mutex") IndexLock {
 public:
  void Lock() NX_ACQUIRE() NX_NO_THREAD_SAFETY_ANALYSIS {
    gate_.Lock();
    mutex_.Lock();
    gate_.Unlock();
  }
  void Unlock() NX_RELEASE() NX_NO_THREAD_SAFETY_ANALYSIS { mutex_.Unlock(); }
  void LockShared() NX_ACQUIRE_SHARED() NX_NO_THREAD_SAFETY_ANALYSIS {
    gate_.Lock();
    mutex_.LockShared();
    gate_.Unlock();
  }
  void UnlockShared() NX_RELEASE_SHARED() NX_NO_THREAD_SAFETY_ANALYSIS { mutex_.UnlockShared(); }

 private:
  Mutex gate_;
  SharedMutex mutex_;
};

class NX_SCOPED_CAPABILITY IndexWriterLock {
 public:
  explicit IndexWriterLock(IndexLock& lock) NX_ACQUIRE(lock) : lock_(lock) { lock_.Lock(); }
  ~IndexWriterLock() NX_RELEASE() { lock_.Unlock(); }
  IndexWriterLock(const IndexWriterLock&) = delete;
  IndexWriterLock& operator=(const IndexWriterLock&) = delete;

 private:
  IndexLock& lock_;
};

class NX_SCOPED_CAPABILITY IndexReaderLock {
 public:
  explicit IndexReaderLock(IndexLock& lock) NX_ACQUIRE_SHARED(lock) : lock_(lock) {
    lock_.LockShared();
  }
  ~IndexReaderLock() NX_RELEASE_GENERIC() { lock_.UnlockShared(); }
  IndexReaderLock(const IndexReaderLock&) = delete;
  IndexReaderLock& operator=(const IndexReaderLock&) = delete;

 private:
  IndexLock& lock_;
};

}  // namespace narthex::tsdb
