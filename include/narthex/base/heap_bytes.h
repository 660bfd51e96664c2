// SPDX-License-Identifier: Apache-2.0
//
// What containers take of the heap: the allocator's blocks, which are larger than what was asked
// for. For ledgers of memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include <malloc.h>

namespace narthex {

/// Of the array alone, not of what its entries hold. The pages of a large block behind the array
/// are never touched, so they take no memory.
template <typename T, typename Allocator>
std::size_t HeapBytes(const std::vector<T, Allocator>& entries) {
  constexpr std::size_t kPageBytes = 4096;
  const std::size_t array = entries.capacity() * sizeof(T);
  // The function reads what the allocator knows of the block, not the block.
  return std::min(malloc_usable_size(const_cast<T*>(entries.data())),
                  (array + kPageBytes - 1) / kPageBytes * kPageBytes);
}

/// Nothing for a text that has its place within the object.
inline std::size_t HeapBytes(const std::string& text) {
  static const std::size_t inside = std::string().capacity();
  if (text.capacity() <= inside) return 0;
  return malloc_usable_size(const_cast<char*>(text.data()));
}

/// Of an object that was allocated alone.
template <typename T>
std::size_t HeapBytesOf(const T& object) {
  return malloc_usable_size(const_cast<T*>(&object));
}

}  // namespace narthex
