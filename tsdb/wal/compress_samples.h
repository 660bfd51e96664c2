// SPDX-License-Identifier: Apache-2.0
//
// Compression of the records of scrapes into snappy's format, by what is known of their layout:
// values repeat as a whole, and whole numbers end in zero bytes. It looks for nothing else, which
// takes less time than to look for everything everywhere. Any reader of snappy undoes it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "narthex/base/fs.h"

namespace narthex::tsdb::wal {

/// Records beyond this are not for CompressSamples.
inline constexpr std::size_t kMaxCompressSamplesBytes = 0xffff;
/// Bytes that CompressSamples may write for a record of `n`.
constexpr std::size_t CompressSamplesBound(std::size_t n) { return 32 + n + n / 6; }

/// Compresses a record of type kSamples into `out`. @return the bytes written; 0 when the record is
/// too long, or is not what EncodeSampleRuns writes for series with neighbouring numbers and one
/// time
std::size_t CompressSamples(ByteSpan record, std::uint8_t* out);

}  // namespace narthex::tsdb::wal
