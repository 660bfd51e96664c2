// SPDX-License-Identifier: Apache-2.0
//
// Numbers of the index format that writer and reader share.
#pragma once

#include <cstddef>
#include <cstdint>

namespace narthex::tsdb::index_format {

inline constexpr std::uint32_t kMagic = 0xBAAAD700;
inline constexpr std::uint8_t kVersion2 = 2;
inline constexpr std::size_t kHeaderBytes = 5;
inline constexpr std::size_t kSeriesAlignment = 16;
inline constexpr std::size_t kPostingsAlignment = 4;
inline constexpr std::size_t kCrcBytes = 4;
inline constexpr std::size_t kTocBytes = 6 * 8 + kCrcBytes;
inline constexpr std::uint64_t kMaxFileBytes = 64ULL << 30;
inline constexpr std::uint64_t kMaxTableBytes = 0xffffffff;

/// Offsets of the sections, as the last bytes of the file tell them.
struct Toc {
  std::uint64_t symbols = 0;
  std::uint64_t series = 0;
  std::uint64_t label_indices = 0;
  std::uint64_t label_indices_table = 0;
  std::uint64_t postings = 0;
  std::uint64_t postings_table = 0;
};

}  // namespace narthex::tsdb::index_format
