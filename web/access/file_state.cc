// SPDX-License-Identifier: Apache-2.0
#include "web/access/file_state.h"

#include <sys/stat.h>

#include <algorithm>

namespace narthex::web {
namespace {

std::int64_t Nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

FileState StateOf(const std::vector<std::string>& paths) {
  FileState state;
  for (const std::string& path : paths) {
    struct stat info {};
    if (path.empty() || stat(path.c_str(), &info) != 0) {
      state.numbers.push_back(-1);
      continue;
    }
    // A changed file that was given its old times back still has another ctime.
    const std::int64_t changed_ns = Nanoseconds(info.st_ctim);
    state.changed_ns = std::max(state.changed_ns, changed_ns);
    for (const std::int64_t number :
         {static_cast<std::int64_t>(info.st_dev), static_cast<std::int64_t>(info.st_ino),
          static_cast<std::int64_t>(info.st_size), Nanoseconds(info.st_mtim), changed_ns}) {
      state.numbers.push_back(number);
    }
  }
  return state;
}

bool IsSettled(const FileState& state, std::int64_t now_ns) {
  constexpr std::int64_t kTickNs = 100'000'000;  // Some file systems tick more coarsely than 10 ms.
  // Ahead of the clock by more than clocks differ: the clock was set back since. The next change is
  // one of now, which is another time.
  constexpr std::int64_t kAheadNs = 5'000'000'000;
  return now_ns - state.changed_ns > kTickNs || state.changed_ns - now_ns > kAheadNs;
}

}  // namespace narthex::web
