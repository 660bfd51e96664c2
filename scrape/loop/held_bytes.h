// SPDX-License-Identifier: Apache-2.0
//
// The ledger of what scraping holds in memory: totals, and the shares that make them up.
#pragma once

#include <atomic>
#include <cstddef>

namespace narthex::scrape {

/// A sum of shares. Thread safety: any thread.
class HeldTotal {
 public:
  std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  friend class HeldShare;
  std::atomic<std::size_t> bytes_{0};
};

/// What one owner holds of a total, which outlives it; nothing once it is gone. Thread safety: one
/// thread at a time.
class HeldShare {
 public:
  explicit HeldShare(HeldTotal& total) : total_(total) {}
  ~HeldShare() { Set(0); }
  HeldShare(const HeldShare&) = delete;
  HeldShare& operator=(const HeldShare&) = delete;

  void Set(std::size_t bytes) {
    if (bytes == bytes_) return;
    total_.bytes_.fetch_add(bytes - bytes_, std::memory_order_relaxed);  // Modulo 2^64.
    bytes_ = bytes;
  }

 private:
  HeldTotal& total_;
  std::size_t bytes_ = 0;
};

/// The totals of one manager.
struct ScrapeHeld {
  HeldTotal series_caches;
  HeldTotal metadata;
  HeldTotal targets;
};

}  // namespace narthex::scrape
