// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "narthex/base/go_format.h"
#include "narthex/base/json_writer.h"

namespace narthex::web {

/// A time as Go's time.Time in JSON; 0 stands for "never", which Go prints as year 1.
inline void WriteTime(std::int64_t unix_ns, JsonWriter& out) {
  out.String(unix_ns == 0 ? "0001-01-01T00:00:00Z" : go::FormatTime(unix_ns));
}

}  // namespace narthex::web
