// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "narthex/base/shared_recent_map.h"
#include "narthex/storage/appender.h"

namespace narthex::web {

/// Which series labels became when they were written last, by what stands for them as they were
/// sent, so that they need not be read, checked and looked up again. Storage says when a series is
/// gone. What was not sent for half an hour to an hour is forgotten. Thread safety: any thread.
using WriteCache = SharedRecentMap<storage::SeriesRef>;

/// Of which each takes 29 to 57 bytes. Every one is a series in storage, which takes ten times as
/// much, so this only bounds a storm of new series.
inline constexpr std::size_t kMaxWriteCacheEntries = std::size_t{16} << 20;

}  // namespace narthex::web
