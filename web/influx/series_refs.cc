// SPDX-License-Identifier: Apache-2.0
#include "web/influx/series_refs.h"

#include <utility>

namespace narthex::web {
namespace {

constexpr std::int64_t kPeriodNs = 3'600'000'000'000;

}  // namespace

void SeriesRefs::Turn(std::int64_t now_ns) {
  if (period_end_ns_ == 0) period_end_ns_ = now_ns + kPeriodNs;
  if (now_ns < period_end_ns_) return;
  period_end_ns_ = now_ns + kPeriodNs;
  previous_ = std::exchange(current_, Table());
}

storage::SeriesRef* SeriesRefs::Find(const Hash128& series) {
  if (const auto it = current_.find(series); it != current_.end()) return &it->second;
  storage::SeriesRef ref{0};
  if (const auto it = previous_.find(series); it != previous_.end()) {
    ref = it->second;
    previous_.erase(it);
  } else if (size() >= max_series_) {
    return nullptr;
  }
  return &current_.emplace(series, ref).first->second;
}

}  // namespace narthex::web
