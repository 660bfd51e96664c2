// SPDX-License-Identifier: Apache-2.0
#include "tsdb/folder_lock.h"

#include "narthex/base/log.h"

namespace narthex::tsdb {

Result<std::unique_ptr<FileLock>> LockFolder(Fs& fs, const std::string& dir, bool without,
                                             metrics::Gauge& clean_start) {
  if (without) {
    clean_start.Set(-1);
    return std::unique_ptr<FileLock>();
  }
  bool existed = false;
  auto lock = fs.Lock(JoinPath(dir, "lock"), existed);
  if (!lock) return Fail(std::move(lock).error().Wrap("lock DB directory"));
  clean_start.Set(existed ? 0 : 1);
  if (existed) log::Warn("A lockfile from a previous execution already existed. It was replaced");
  return lock;
}

}  // namespace narthex::tsdb
