// SPDX-License-Identifier: Apache-2.0
//
// Whether files are still as they were when they were read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace narthex::web {

/// What a stat says of some files, one after the other.
struct FileState {
  std::vector<std::int64_t> numbers;
  std::int64_t changed_ns = 0;  // Unix time of the last change of any of them.

  bool operator==(const FileState& other) const { return numbers == other.numbers; }
};

/// Empty paths count as nothing, missing files as a state of their own.
FileState StateOf(const std::vector<std::string>& paths);

/// Whether a later change would show. The file system's clock ticks in milliseconds: what was read
/// in the tick of its last change may have changed again without a trace.
bool IsSettled(const FileState& state, std::int64_t now_ns);

}  // namespace narthex::web
