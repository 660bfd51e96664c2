// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "narthex/base/clock.h"

namespace narthex::testing {

/// A clock that the test moves. Thread safety: any thread.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(std::int64_t now_ms = 1'700'000'000'000) : ns_(now_ms * 1'000'000) {}
  std::int64_t NowMs() const override { return ns_.load() / 1'000'000; }
  std::int64_t NowNs() const override { return ns_.load(); }
  std::int64_t MonotonicNs() const override { return ns_.load(); }
  void SetMs(std::int64_t now_ms) { ns_ = now_ms * 1'000'000; }
  void AdvanceMs(std::int64_t ms) { ns_ += ms * 1'000'000; }

 private:
  std::atomic<std::int64_t> ns_;
};

}  // namespace narthex::testing
