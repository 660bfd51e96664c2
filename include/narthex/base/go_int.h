// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace narthex::go {

/// int64(v) as Go has it on amd64: towards zero; the least number when v does not fit or is NaN.
inline std::int64_t ToInt64(double v) {
  const bool fits = v >= -9223372036854775808.0 && v < 9223372036854775808.0;
  return fits ? static_cast<std::int64_t>(v) : INT64_MIN;
}

}  // namespace narthex::go
