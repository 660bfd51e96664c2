// SPDX-License-Identifier: Apache-2.0
#include "scrape/loop/timetable.h"

#include <algorithm>

namespace narthex::scrape {
namespace {

// With so many, parts differ by one or two targets, where those of a single hash differ by several
// times the square root of what they have.
constexpr int kChoices = 4;

/// Another hash, as good as the one before (the increment and finalizer of SplitMix64).
std::uint64_t NextHash(std::uint64_t hash) {
  hash += 0x9e3779b97f4a7c15U;
  hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9U;
  hash = (hash ^ hash >> 27) * 0x94d049bb133111ebU;
  return hash ^ hash >> 31;
}

}  // namespace

Timetable::Place& Timetable::Place::operator=(Place&& other) noexcept {
  if (this == &other) return *this;
  Leave();
  timetable_ = std::exchange(other.timetable_, nullptr);
  interval_ns_ = other.interval_ns_;
  offset_ns_ = other.offset_ns_;
  return *this;
}

void Timetable::Place::Leave() {
  const std::shared_ptr<Timetable> timetable = std::exchange(timetable_, nullptr);
  if (timetable == nullptr) return;
  MutexLock lock(timetable->mutex_);
  const auto parts = timetable->by_interval_.find(interval_ns_);
  --parts->second[PartOf(interval_ns_, offset_ns_)];
}

std::size_t Timetable::PartOf(std::int64_t interval_ns, std::int64_t offset_ns) {
  const double part = static_cast<double>(offset_ns) / static_cast<double>(interval_ns) * kParts;
  return std::min(static_cast<std::size_t>(part), kParts - 1);
}

Timetable::Place Timetable::Take(std::int64_t interval_ns, std::uint64_t hash) {
  MutexLock lock(mutex_);
  Parts& parts = by_interval_[interval_ns];
  std::int64_t best = 0;
  for (int choice = 0; choice < kChoices; ++choice, hash = NextHash(hash)) {
    const auto offset = static_cast<std::int64_t>(hash % static_cast<std::uint64_t>(interval_ns));
    const bool emptier = parts[PartOf(interval_ns, offset)] < parts[PartOf(interval_ns, best)];
    if (choice == 0 || emptier) best = offset;
  }
  ++parts[PartOf(interval_ns, best)];
  return {shared_from_this(), interval_ns, best};
}

}  // namespace narthex::scrape
