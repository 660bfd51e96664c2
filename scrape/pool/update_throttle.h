// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

namespace narthex::scrape {

/// Says when changes are passed on: soon after a quiet time, more and more seldom while they keep
/// coming. Times are monotonic nanoseconds. Source: the back-off of Prometheus discovery.Manager.
class UpdateThrottle final {
 public:
  struct Delays {
    std::int64_t first_ns = 100'000'000;  // For what changes together, and after a quiet time.
    std::int64_t most_ns = 5'000'000'000;
  };
  explicit UpdateThrottle(Delays delays) : delays_(delays), delay_ns_(delays.first_ns) {}

  /// Something has changed.
  void Change(std::int64_t now_ns);
  /// When to pass it on; nothing = no change waits.
  std::optional<std::int64_t> due_ns() const { return due_ns_; }
  /// It has been passed on.
  void Sent(std::int64_t now_ns);

 private:
  const Delays delays_;
  std::int64_t delay_ns_;
  std::optional<std::int64_t> due_ns_;
  std::optional<std::int64_t> sent_ns_;
};

}  // namespace narthex::scrape
