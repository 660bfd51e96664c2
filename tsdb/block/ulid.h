// SPDX-License-Identifier: Apache-2.0
//
// ULIDs, which name blocks: 48 bits of Unix milliseconds and 80 random ones in 26 characters of
// Crockford's base 32, so that names sort by age. Source: https://github.com/ulid/spec
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "narthex/base/clock.h"

namespace narthex::tsdb {

/// A new one for the clock's time. Thread safety: any thread.
std::string NewUlid(const Clock& clock);

/// Whether the text is a ULID (26 characters of the alphabet, in capitals or not, time in range).
bool IsUlid(std::string_view text);

/// The milliseconds in it; the text must be a ULID.
std::int64_t UlidTimeMs(std::string_view text);

}  // namespace narthex::tsdb
