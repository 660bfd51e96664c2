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

/// Numbers count up from 1, so pages of an array hold them; wild ones go to a table.
class RefMap {
 public:
  void Set(wal::WalRef ref, SeriesSlot slot) {
    const std::uint64_t page = ref >> kPageBits;
    if (page >= kMaxPages) {
      wild_[ref] = slot;
      return;
    }
    if (page >= pages_.size()) pages_.resize(page + 1);
    if (pages_[page] == nullptr) pages_[page] = std::make_unique<Page>();
    (*pages_[page])[ref & kMask] = slot;
  }
  /// 0 when there is none.
  SeriesSlot Get(wal::WalRef ref) const {
    const std::uint64_t page = ref >> kPageBits;
    if (page < pages_.size()) return pages_[page] == nullptr ? 0 : (*pages_[page])[ref & kMask];
    if (wild_.empty()) return 0;
    const auto it = wild_.find(ref);
    return it == wild_.end() ? 0 : it->second;
  }

 private:
  static constexpr unsigned kPageBits = 12;
  static constexpr std::uint64_t kMask = (1U << kPageBits) - 1;
  static constexpr std::uint64_t kMaxPages = 1U << 22;
  using Page = std::array<SeriesSlot, 1U << kPageBits>;
  std::vector<std::unique_ptr<Page>> pages_;
  absl::flat_hash_map<wal::WalRef, SeriesSlot> wild_;
};

}  // namespace narthex::tsdb
