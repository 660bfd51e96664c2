// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace narthex::tsdb {

/// Tells the time since it was made.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace narthex::tsdb
