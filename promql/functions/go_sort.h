// SPDX-License-Identifier: Apache-2.0
//
// The sort of Go's standard library: pattern-defeating quicksort with fixed choices. Prometheus's
// results show how it orders equal elements, and what it makes of comparisons that contradict
// each other (sort_by_label); std::sort would do something else, or worse.
// Source: https://go.dev/src/sort (zsortfunc.go); Orson Peters, "Pattern-defeating Quicksort".
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace narthex::promql {

template <typename T, typename Less>
class GoSorter {
 public:
  GoSorter(std::vector<T>& data, Less less) : data_(data), less_(std::move(less)) {}

  void Run() {
    const auto n = static_cast<int>(data_.size());
    Sort(0, n, static_cast<int>(std::bit_width(static_cast<unsigned>(n))));
  }

 private:
  enum class Hint { kUnknown, kIncreasing, kDecreasing };

  bool Before(int i, int j) { return less_(data_[i], data_[j]); }
  void Swap(int i, int j) { std::swap(data_[i], data_[j]); }

  void Sort(int a, int b, int limit) {
    constexpr int kMaxInsertion = 12;
    bool balanced = true, partitioned = true;
    while (true) {
      const int length = b - a;
      if (length <= kMaxInsertion) return InsertionSort(a, b);
      if (limit == 0) return HeapSort(a, b);
      if (!balanced) {
        BreakPatterns(a, b);
        --limit;
      }
      auto [pivot, hint] = ChoosePivot(a, b);
      if (hint == Hint::kDecreasing) {
        for (int i = a, j = b - 1; i < j; ++i, --j) Swap(i, j);
        pivot = (b - 1) - (pivot - a);
        hint = Hint::kIncreasing;
      }
      if (balanced && partitioned && hint == Hint::kIncreasing && PartialInsertionSort(a, b)) {
        return;
      }
      if (a > 0 && !Before(a - 1, pivot)) {
        a = PartitionEqual(a, b, pivot);
        continue;
      }
      const auto [mid, already] = Partition(a, b, pivot);
      partitioned = already;
      const int left = mid - a, right = b - mid;
      if (left < right) {
        balanced = left >= length / 8;
        Sort(a, mid, limit);
        a = mid + 1;
      } else {
        balanced = right >= length / 8;
        Sort(mid + 1, b, limit);
        b = mid;
      }
    }
  }

  void InsertionSort(int a, int b) {
    for (int i = a + 1; i < b; ++i) {
      for (int j = i; j > a && Before(j, j - 1); --j) Swap(j, j - 1);
    }
  }

  void SiftDown(int low, int high, int first) {
    int root = low;
    while (true) {
      int child = 2 * root + 1;
      if (child >= high) return;
      if (child + 1 < high && Before(first + child, first + child + 1)) ++child;
      if (!Before(first + root, first + child)) return;
      Swap(first + root, first + child);
      root = child;
    }
  }
  void HeapSort(int a, int b) {
    const int n = b - a;
    for (int i = (n - 1) / 2; i >= 0; --i) SiftDown(i, n, a);
    for (int i = n - 1; i >= 0; --i) {
      Swap(a, a + i);
      SiftDown(0, i, a);
    }
  }

  std::pair<int, bool> Partition(int a, int b, int pivot) {
    Swap(a, pivot);
    int i = a + 1, j = b - 1;
    const auto skip = [&] {
      while (i <= j && Before(i, a)) ++i;
      while (i <= j && !Before(j, a)) --j;
    };
    skip();
    const bool already = i > j;
    while (i <= j) {
      Swap(i++, j--);
      skip();
    }
    Swap(j, a);
    return {j, already};
  }
  int PartitionEqual(int a, int b, int pivot) {
    Swap(a, pivot);
    int i = a + 1, j = b - 1;
    while (true) {
      while (i <= j && !Before(a, i)) ++i;
      while (i <= j && Before(a, j)) --j;
      if (i > j) return i;
      Swap(i++, j--);
    }
  }

  bool PartialInsertionSort(int a, int b) {
    constexpr int kMaxSteps = 5, kShortestShifting = 50;
    int i = a + 1;
    for (int step = 0; step < kMaxSteps; ++step) {
      while (i < b && !Before(i, i - 1)) ++i;
      if (i == b) return true;
      if (b - a < kShortestShifting) return false;
      Swap(i, i - 1);
      if (i - a >= 2) {
        for (int j = i - 1; j >= 1 && Before(j, j - 1); --j) Swap(j, j - 1);
      }
      if (b - i >= 2) {
        for (int j = i + 1; j < b && Before(j, j - 1); ++j) Swap(j, j - 1);
      }
    }
    return false;
  }

  void BreakPatterns(int a, int b) {
    const int length = b - a;
    if (length < 8) return;
    auto random = static_cast<std::uint64_t>(length);
    const std::uint64_t mask =
        (std::uint64_t{1} << std::bit_width(static_cast<unsigned>(length))) - 1;
    const int middle = a + (length / 4) * 2 - 1;
    for (int i = 0; i < 3; ++i) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      auto other = static_cast<int>(random & mask);
      if (other >= length) other -= length;
      Swap(middle - 1 + i, a + other);
    }
  }

  std::pair<int, Hint> ChoosePivot(int a, int b) {
    constexpr int kShortestNinther = 50, kMaxSwaps = 4 * 3;
    const int l = b - a;
    int swaps = 0, i = a + l / 4, j = a + l / 4 * 2, k = a + l / 4 * 3;
    if (l >= 8) {
      if (l >= kShortestNinther) {
        i = Median(i - 1, i, i + 1, swaps);
        j = Median(j - 1, j, j + 1, swaps);
        k = Median(k - 1, k, k + 1, swaps);
      }
      j = Median(i, j, k, swaps);
    }
    if (swaps == 0) return {j, Hint::kIncreasing};
    return {j, swaps == kMaxSwaps ? Hint::kDecreasing : Hint::kUnknown};
  }
  int Median(int a, int b, int c, int& swaps) {
    const auto order = [&](int& x, int& y) {
      if (!Before(y, x)) return;
      ++swaps;
      std::swap(x, y);
    };
    order(a, b);
    order(b, c);
    order(a, b);
    return b;
  }

  std::vector<T>& data_;
  Less less_;
};

/// Sorts as sort.Sort and slices.SortFunc of Go do. `less` may contradict itself.
template <typename T, typename Less>
void GoSort(std::vector<T>& data, Less less) {
  GoSorter<T, Less>(data, std::move(less)).Run();
}

}  // namespace narthex::promql
