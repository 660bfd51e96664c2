// SPDX-License-Identifier: Apache-2.0
//
// Bodies of requests that came compressed. No memory is spent on what a small input claims to
// expand to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::net {

/// kBadHeader: does not begin as the format does. kBadSum: decoded, but checksum or length are not
/// those that the sender gave.
enum class DecodeOutcome : std::uint8_t {
  kOk,
  kTooLarge,
  kCorrupt,
  kTruncated,
  kBadHeader,
  kBadSum
};

/// Decodes a whole gzip body (also of several members), appended to `out`, which never grows past
/// `max_bytes` (0 = no limit). Thread safety: any thread.
DecodeOutcome Gunzip(std::string_view in, std::size_t max_bytes, std::string& out);

}  // namespace narthex::net
