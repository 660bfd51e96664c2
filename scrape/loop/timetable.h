// SPDX-License-Identifier: Apache-2.0
//
// Where in their interval targets are scraped.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "narthex/base/mutex.h"

namespace narthex::scrape {

/// Spreads scrapes over their interval, so that no moment has much more to do than another, in
/// beats: what is due about the same time is begun together, because a thread that wakes for one
/// scrape finds its caches cold and spends as much on waking as on parsing. Each target has a few
/// beats by its hash, and gets the emptiest; the first, among equals, is the one with Prometheus's
/// place. Targets that come in the same order as before a restart get the places they had. Thread
/// safety: any thread.
class Timetable : public std::enable_shared_from_this<Timetable> {
 public:
  /// A place that is taken, until the object is gone.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept { *this = std::move(other); }
    Place& operator=(Place&& other) noexcept;
    ~Place() { Leave(); }

    /// Nanoseconds from the beginning of the interval.
    std::int64_t offset_ns() const { return offset_ns_; }

   private:
    friend class Timetable;
    Place(std::shared_ptr<Timetable> timetable, std::int64_t interval_ns, std::int64_t offset_ns)
        : timetable_(std::move(timetable)), interval_ns_(interval_ns), offset_ns_(offset_ns) {}
    void Leave();

    std::shared_ptr<Timetable> timetable_;  // Null: no place.
    std::int64_t interval_ns_ = 0;
    std::int64_t offset_ns_ = 0;
  };

  /// @param hash  of the target
  /// @param seed  what sets this server apart from others with the same targets, which are to
  /// scrape
  ///              them at other moments
  Place Take(std::int64_t interval_ns, std::uint64_t hash, std::uint64_t seed);

 private:
  /// Places taken in each beat of an interval. Of very long intervals several beats share a count.
  using Beats = std::vector<std::uint32_t>;

  static std::uint32_t& CountAt(Beats& beats, std::int64_t interval_ns, std::int64_t offset_ns);

  Mutex mutex_;
  std::map<std::int64_t, Beats> by_interval_ NX_GUARDED_BY(mutex_);
};

}  // namespace narthex::scrape
