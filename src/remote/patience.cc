// SPDX-License-Identifier: Apache-2.0
#include "src/remote/patience.h"

#include <algorithm>

namespace narthex::remote {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr int kMaxDoublings = 6;  // About a minute.

}  // namespace

std::optional<Error> Patience::Refusal(std::int64_t now_ns, bool& probe) {
  probe = false;
  MutexLock lock(mutex_);
  if (failures_ == 0) return std::nullopt;
  if (now_ns >= until_ns_ && !probing_) {
    probe = probing_ = true;
    return std::nullopt;
  }
  return Error(error_->code(), error_->message() + " (not asked again before it answers)");
}

void Patience::Answered() {
  MutexLock lock(mutex_);
  failures_ = 0;
}

void Patience::EndProbe() {
  MutexLock lock(mutex_);
  probing_ = false;
}

void Patience::WaitedInVain(std::int64_t now_ns, Error error) {
  MutexLock lock(mutex_);
  // Those that were asked at the same time count once.
  if (failures_ == 0 || probing_) {
    until_ns_ = now_ns + (kNsPerSecond << std::min(failures_, kMaxDoublings));
    ++failures_;
  }
  error_ = std::move(error);
}

}  // namespace narthex::remote
