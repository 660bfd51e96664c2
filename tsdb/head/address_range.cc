// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/address_range.h"

#include <sys/mman.h>

#include <algorithm>

#include "narthex/base/check.h"

namespace narthex::tsdb {
namespace {

constexpr std::size_t kStepBytes = std::size_t{1} << 20;
constexpr std::size_t kLeastBytes = std::size_t{1} << 26;
// A large head is walked in no order that its memory has, so each touch would miss the TLB with
// small pages. A small head keeps those: it would not fill a large one.
constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;
constexpr std::size_t kHugeFromBytes = std::size_t{4} << 20;

std::size_t RoundUp(std::size_t bytes, std::size_t step) {
  return (bytes + step - 1) / step * step;
}

}  // namespace

AddressRange::AddressRange(std::size_t max_bytes) : capacity_(max_bytes) {
  for (;; capacity_ /= 2) {
    // No access yet: costs address space only, also where the system does not overcommit.
    void* p = mmap(nullptr, capacity_ + kHugePageBytes, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p != MAP_FAILED) {
      mapped_ = static_cast<std::byte*>(p);
      const auto address = reinterpret_cast<std::uintptr_t>(p);
      base_ = mapped_ + (RoundUp(address, kHugePageBytes) - address);
      return;
    }
    NX_CHECK(capacity_ > kLeastBytes, "no address space for the head");
  }
}

AddressRange::~AddressRange() { munmap(mapped_, capacity_ + kHugePageBytes); }

void AddressRange::EnsureCommitted(std::size_t bytes) {
  const std::size_t have = committed();
  if (bytes <= have) return;
  NX_CHECK(bytes <= capacity_, "the head has outgrown its address space");
  const bool huge = bytes > kHugeFromBytes;
  const std::size_t want = std::min(capacity_, RoundUp(bytes, huge ? kHugePageBytes : kStepBytes));
  NX_CHECK(mprotect(base_ + have, want - have, PROT_READ | PROT_WRITE) == 0, "out of memory");
  // What became large keeps its small pages, until the kernel finds time to join them. A kernel
  // without large pages refuses, and nothing is lost.
  if (huge) madvise(base_, want, MADV_HUGEPAGE);
  committed_.store(want, std::memory_order_relaxed);
}

void AddressRange::Release(std::size_t offset, std::size_t bytes) {
  madvise(base_ + offset, bytes, MADV_DONTNEED);
}

}  // namespace narthex::tsdb
