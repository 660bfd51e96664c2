// SPDX-License-Identifier: Apache-2.0
//
// Log numbers of series → slots, during replay.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "tsdb/head/mem_series.h"

namespace narthex::tsdb {

/// Numbers count up from 1, so pages of an array hold them; those that lie far apart go to a table.
/// Thread safety: one thread at a time, but for Get.
class RefMap {
 public:
  /// @param slot  not 0
  void Set(wal::WalRef ref, SeriesSlot slot) {
    ++num_set_;
    SeriesSlot* const place = PlaceOf(ref);
    if (place == nullptr) {
      wild_[ref] = slot;
      return;
    }
    *place = slot;
  }
  /// 0 when there is none.
  SeriesSlot Get(wal::WalRef ref) const {
    const std::uint64_t page = ref >> kPageBits;
    if (page < pages_.size() && pages_[page] != nullptr) [[likely]] {
      const SeriesSlot slot = (*pages_[page])[ref & kMask];
      if (slot != 0) return slot;
    }
    if (wild_.empty()) return 0;
    const auto it = wild_.find(ref);
    return it == wild_.end() ? 0 : it->second;
  }

  std::size_t held_bytes() const {
    return pages_.capacity() * sizeof(pages_[0]) + num_pages_ * sizeof(Page) +
           wild_.capacity() * (sizeof(std::pair<wal::WalRef, SeriesSlot>) + 1);
  }

 private:
  // In a page; null when there is none and there may be no more. A log can name few series whose
  // numbers lie far apart, by age or by malice: pages may cost each series 64 bytes.
  SeriesSlot* PlaceOf(wal::WalRef ref) {
    const std::uint64_t page = ref >> kPageBits;
    if (page >= kMaxPages) return nullptr;
    if (page >= pages_.size() || pages_[page] == nullptr) {
      if (num_pages_ >= kFreePages + num_set_ / kLeastInPage) return nullptr;
      if (page >= pages_.size()) pages_.resize(page + 1);
      pages_[page] = std::make_unique<Page>();
      ++num_pages_;
    }
    return &(*pages_[page])[ref & kMask];
  }

  static constexpr unsigned kPageBits = 12;
  static constexpr std::size_t kFreePages = 64;
  static constexpr std::size_t kLeastInPage = 256;
  static constexpr std::uint64_t kMask = (1U << kPageBits) - 1;
  static constexpr std::uint64_t kMaxPages = 1U << 22;
  using Page = std::array<SeriesSlot, 1U << kPageBits>;
  std::vector<std::unique_ptr<Page>> pages_;
  std::size_t num_pages_ = 0;
  std::size_t num_set_ = 0;
  absl::flat_hash_map<wal::WalRef, SeriesSlot> wild_;
};

}  // namespace narthex::tsdb
