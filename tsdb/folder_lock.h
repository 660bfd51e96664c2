// SPDX-License-Identifier: Apache-2.0
//
// The lock that keeps two processes from one data folder.
#pragma once

#include <memory>
#include <string>

#include "narthex/base/fs.h"
#include "narthex/base/metrics.h"
#include "narthex/base/result.h"

namespace narthex::tsdb {

/// Takes the lock of a folder that exists; it is held until the result is destroyed.
/// @param without      take none: the result is null
/// @param clean_start  set to -1 without a lock, 0 when one was left over from a process that did
///                     not end cleanly, else 1
/// Errors: kUnavailable when another process has it; kIo.
Result<std::unique_ptr<FileLock>> LockFolder(Fs& fs, const std::string& dir, bool without,
                                             metrics::Gauge& clean_start);

}  // namespace narthex::tsdb
