// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/address_range.h"

#include <sys/mman.h>

#include <algorithm>

#include "narthex/base/check.h"

namespace narthex::tsdb {
namespace {

constexpr std::size_t kStepBytes = std::size_t{1} << 20;
constexpr std::size_t kLeastBytes = std::size_t{1} << 26;

}  // namespace

AddressRange::AddressRange(std::size_t max_bytes) : capacity_(max_bytes) {
  for (;; capacity_ /= 2) {
    // No access yet: costs address space only, also where the system does not overcommit.
    void* p =
        mmap(nullptr, capacity_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p != MAP_FAILED) {
      base_ = static_cast<std::byte*>(p);
      return;
    }
    NX_CHECK(capacity_ > kLeastBytes, "no address space for the head");
  }
}

AddressRange::~AddressRange() { munmap(base_, capacity_); }

void AddressRange::EnsureCommitted(std::size_t bytes) {
  const std::size_t have = committed();
  if (bytes <= have) return;
  NX_CHECK(bytes <= capacity_, "the head has outgrown its address space");
  const std::size_t want = std::min(capacity_, (bytes + kStepBytes - 1) / kStepBytes * kStepBytes);
  NX_CHECK(mprotect(base_ + have, want - have, PROT_READ | PROT_WRITE) == 0, "out of memory");
  committed_.store(want, std::memory_order_relaxed);
}

void AddressRange::Release(std::size_t offset, std::size_t bytes) {
  madvise(base_ + offset, bytes, MADV_DONTNEED);
}

}  // namespace narthex::tsdb
