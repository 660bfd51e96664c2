// SPDX-License-Identifier: Apache-2.0
//
// A binary heap whose order of equal members is that of Go's container/heap: where a dump has to
// choose between samples of the same time, this decides.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace narthex::tsdb::inspect {

/// `less(a, b)` orders members; the least is on top.
template <typename T, typename Less>
class GoHeap {
 public:
  explicit GoHeap(Less less) : less_(std::move(less)) {}

  bool empty() const { return items_.empty(); }
  const T& top() const { return items_.front(); }
  void clear() { items_.clear(); }

  void Push(T item) {
    items_.push_back(std::move(item));
    for (std::size_t child = items_.size() - 1; child > 0;) {
      const std::size_t parent = (child - 1) / 2;
      if (!less_(items_[child], items_[parent])) break;
      std::swap(items_[child], items_[parent]);
      child = parent;
    }
  }

  T Pop() {
    std::swap(items_.front(), items_.back());
    T least = std::move(items_.back());
    items_.pop_back();
    const std::size_t n = items_.size();
    for (std::size_t parent = 0, child; (child = 2 * parent + 1) < n; parent = child) {
      if (child + 1 < n && less_(items_[child + 1], items_[child])) ++child;
      if (!less_(items_[child], items_[parent])) break;
      std::swap(items_[child], items_[parent]);
    }
    return least;
  }

 private:
  Less less_;
  std::vector<T> items_;
};

}  // namespace narthex::tsdb::inspect
