// SPDX-License-Identifier: Apache-2.0
#include "scrape/loop/timetable.h"

#include <algorithm>

namespace narthex::scrape {
namespace {

// Some scrapes of a usual load come together, and those of a second are still spread over it.
constexpr std::int64_t kLongestBeatNs = 50'000'000;
constexpr std::int64_t kBeatsOfShortInterval = 20;
constexpr std::int64_t kMaxCounts = 4096;  // 16 KiB for each interval.

// With so many, beats differ by one or two targets, where those of a single hash differ by several
// times the square root of what they have.
constexpr int kChoices = 4;

// A crowded beat is begun in parts, so that none of its scrapes waits long for the others.
constexpr std::uint32_t kTogether = 16;
constexpr std::int64_t kPartsOfBeat = 8;

std::int64_t BeatNs(std::int64_t interval_ns) {
  return std::clamp<std::int64_t>(interval_ns / kBeatsOfShortInterval, 1, kLongestBeatNs);
}

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
  --CountAt(timetable->by_interval_.at(interval_ns_), interval_ns_, offset_ns_);
}

std::uint32_t& Timetable::CountAt(Beats& beats, std::int64_t interval_ns, std::int64_t offset_ns) {
  const std::int64_t beat_ns = BeatNs(interval_ns);
  const std::int64_t beat = offset_ns / beat_ns;
  return beats[static_cast<std::size_t>(beat) * beats.size() /
               static_cast<std::size_t>(interval_ns / beat_ns)];
}

Timetable::Place Timetable::Take(std::int64_t interval_ns, std::uint64_t hash, std::uint64_t seed) {
  const std::int64_t beat_ns = BeatNs(interval_ns);
  const std::int64_t num_beats = interval_ns / beat_ns;
  const auto begin_of_beat = [&](std::uint64_t of_hash) {
    const auto place = static_cast<std::int64_t>(of_hash % static_cast<std::uint64_t>(interval_ns));
    return std::min(place / beat_ns, num_beats - 1) * beat_ns;
  };
  hash ^= seed;
  MutexLock lock(mutex_);
  Beats& beats = by_interval_[interval_ns];
  beats.resize(static_cast<std::size_t>(std::min(num_beats, kMaxCounts)));
  std::int64_t best = begin_of_beat(hash);
  for (int choice = 1; choice < kChoices; ++choice) {
    hash = NextHash(hash);
    const std::int64_t other = begin_of_beat(hash);
    if (CountAt(beats, interval_ns, other) < CountAt(beats, interval_ns, best)) best = other;
  }
  const std::uint32_t before = CountAt(beats, interval_ns, best)++;
  const auto phase = static_cast<std::int64_t>(seed % static_cast<std::uint64_t>(beat_ns));
  const std::int64_t part = before / kTogether % kPartsOfBeat;
  return {shared_from_this(), interval_ns,
          best + (phase + part * beat_ns / kPartsOfBeat) % beat_ns};
}

}  // namespace narthex::scrape
