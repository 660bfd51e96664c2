// SPDX-License-Identifier: Apache-2.0
//
// What the system says of the process's memory.
#pragma once

#include <cstdint>

namespace narthex {

/// Resident bytes by kind; they add up to the RSS.
struct ResidentBytes {
  std::uint64_t anonymous = 0;  // Heap, arenas, stacks.
  std::uint64_t files = 0;      // Pages of mapped files: program, libraries, blocks, head chunks.
};

/// Zeros where the system does not tell.
ResidentBytes ReadResidentBytes();

}  // namespace narthex
