// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace narthex::tsdb {

/// A column of plain entries that only grows. Room that is reserved is not filled beforehand, and
/// adding to it is a store. Thread safety: one thread at a time.
template <typename T>
class Rows {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Rows() = default;
  Rows(Rows&& other) noexcept { *this = std::move(other); }
  Rows& operator=(Rows&& other) noexcept {
    rows_ = std::move(other.rows_);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
  }

  /// Makes room for `more` entries; by doubling, for there may be many calls.
  void Reserve(std::size_t more) {
    if (more > capacity_ - size_) Grow(more);
  }
  void push_back(const T& row) {
    if (size_ == capacity_) [[unlikely]]
      Grow(1);
    rows_[size_++] = row;
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const T* data() const { return rows_.get(); }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }
  const T& operator[](std::size_t i) const { return rows_[i]; }

 private:
  void Grow(std::size_t more) {
    const std::size_t capacity = std::max({size_ + more, 2 * capacity_, std::size_t{8}});
    auto larger = std::make_unique_for_overwrite<T[]>(capacity);
    std::copy_n(rows_.get(), size_, larger.get());
    rows_ = std::move(larger);
    capacity_ = capacity;
  }

  std::unique_ptr<T[]> rows_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace narthex::tsdb
