// SPDX-License-Identifier: Apache-2.0
//
// A stretch of address space that memory is put under as it is needed, so that what lives in it
// never moves and 32-bit offsets stand for pointers.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace narthex::tsdb {

/// Thread safety: base() and committed() any thread; the rest one thread at a time.
class AddressRange {
 public:
  /// Reserves up to `max_bytes` (less when the system has a lower limit).
  explicit AddressRange(std::size_t max_bytes);
  ~AddressRange();
  AddressRange(const AddressRange&) = delete;
  AddressRange& operator=(const AddressRange&) = delete;

  std::byte* base() const { return base_; }
  /// Bytes from the start that can be used.
  std::size_t committed() const { return committed_.load(std::memory_order_relaxed); }
  std::size_t capacity() const { return capacity_; }

  /// Makes the first `bytes` usable, zero-filled. Aborts when there is no memory, as new does.
  void EnsureCommitted(std::size_t bytes);
  /// Gives the memory of a page-aligned stretch back; it reads as zeros afterwards.
  void Release(std::size_t offset, std::size_t bytes);

 private:
  std::byte* mapped_ = nullptr;  // What the system gave; the rest begins at a large page.
  std::byte* base_ = nullptr;
  std::size_t capacity_ = 0;
  std::atomic<std::size_t> committed_{0};
};

}  // namespace narthex::tsdb
