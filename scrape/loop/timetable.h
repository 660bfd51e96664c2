// SPDX-License-Identifier: Apache-2.0
//
// Where in their interval targets are scraped.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "narthex/base/mutex.h"

namespace narthex::scrape {

/// Spreads scrapes, so that no moment of an interval has much more to do than another. Each target
/// has a few places by its hash, and gets the one in the emptiest part of the interval; the first
/// one, among equals, is Prometheus's. Targets that come in the same order as before a restart get
/// the places they had. Thread safety: any thread.
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

  /// @param hash  of the target, with what sets this server apart from others with the same targets
  Place Take(std::int64_t interval_ns, std::uint64_t hash);

 private:
  static constexpr std::size_t kParts = 128;
  /// Places taken in each part of an interval.
  using Parts = std::array<std::uint32_t, kParts>;

  static std::size_t PartOf(std::int64_t interval_ns, std::int64_t offset_ns);

  Mutex mutex_;
  std::map<std::int64_t, Parts> by_interval_ NX_GUARDED_BY(mutex_);
};

}  // namespace narthex::scrape
