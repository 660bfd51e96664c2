// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

namespace narthex::tsdb {

/// A number that one thread writes, under a lock, while others look at it without: they see some
/// value that it had. For hints, such as what to prefetch. Costs what a plain number costs.
template <typename T>
class Relaxed {
 public:
  constexpr Relaxed(T value = T()) : value_(value) {}  // NOLINT(google-explicit-constructor)
  Relaxed(const Relaxed& other) : value_(other.load()) {}
  Relaxed& operator=(const Relaxed& other) { return *this = other.load(); }
  Relaxed& operator=(T value) {
    value_.store(value, std::memory_order_relaxed);
    return *this;
  }
  operator T() const { return load(); }  // NOLINT(google-explicit-constructor)

 private:
  T load() const { return value_.load(std::memory_order_relaxed); }

  std::atomic<T> value_;
};

}  // namespace narthex::tsdb
