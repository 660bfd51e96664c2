// SPDX-License-Identifier: Apache-2.0
//
// CRC-32C (Castagnoli), which guards every record and chunk in Prometheus's files.
#pragma once

#include <cstdint>
#include <span>

namespace narthex {

/// The checksum of the bytes; continue over pieces with the previous value as `seed`.
std::uint32_t Crc32c(std::span<const std::uint8_t> bytes, std::uint32_t seed = 0);

}  // namespace narthex
