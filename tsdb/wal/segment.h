// SPDX-License-Identifier: Apache-2.0
//
// Names and folders of the write-ahead log: NNNNNNNN segments and checkpoint.NNNNNNNN folders.
// Format: docs/formats/wal.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/fs.h"
#include "narthex/base/result.h"

namespace narthex::tsdb::wal {

inline constexpr std::size_t kPageBytes = 32 * 1024;
inline constexpr std::size_t kHeaderBytes = 7;
inline constexpr std::size_t kMaxFragmentBytes = kPageBytes - kHeaderBytes;

/// Bits 0-2 of a fragment's first byte.
enum class FragmentType : std::uint8_t {
  kPadding = 0,
  kFull = 1,
  kFirst = 2,
  kMiddle = 3,
  kLast = 4
};
inline constexpr std::uint8_t kTypeMask = 0x07;
inline constexpr std::uint8_t kSnappyFlag = 0x08;
inline constexpr std::uint8_t kZstdFlag = 0x10;

/// Eight decimal digits.
std::string SegmentName(int number);
std::string SegmentPath(std::string_view dir, int number);
std::string CheckpointPath(std::string_view wal_dir, int number);

/// The segments of a log folder, rising. Errors: kCorruption "segments are not sequential" when a
/// number is missing; kIo.
Result<std::vector<int>> ListSegments(Fs& fs, const std::string& dir);

/// The numbers of finished checkpoints, rising.
Result<std::vector<int>> ListCheckpoints(Fs& fs, const std::string& wal_dir);

/// Where a corrupt file is moved aside to: its path with ".corrupt", or ".corrupt.2", ….
std::string AsidePath(Fs& fs, const std::string& path);

/// Sum of the sizes of all files in a folder and below; 0 when it does not exist.
std::uint64_t FolderBytes(Fs& fs, const std::string& dir);

/// Where reading stopped on bytes that are not what the format says.
struct Corruption {
  std::string dir;
  int segment = 0;
  std::uint64_t offset = 0;  // Just past the bad bytes.
  std::string reason;

  /// "corruption in segment DIR/00000002 at 123: reason".
  std::string ToString() const;
};

}  // namespace narthex::tsdb::wal
