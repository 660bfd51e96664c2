// SPDX-License-Identifier: Apache-2.0
#include "scrape/loop/timetable.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace narthex::scrape {
namespace {

constexpr std::int64_t kInterval = 15'000'000'000;

/// Hashes as different as those of targets.
std::vector<std::uint64_t> Hashes(std::size_t n) {
  std::vector<std::uint64_t> hashes;
  std::uint64_t hash = 17;
  for (std::size_t i = 0; i < n; ++i) {
    hash = hash * 6364136223846793005U + 1442695040888963407U;
    hashes.push_back(hash ^ hash >> 33);
  }
  return hashes;
}

std::vector<Timetable::Place> TakeAll(const std::shared_ptr<Timetable>& timetable,
                                      std::size_t targets) {
  std::vector<Timetable::Place> places;
  for (const std::uint64_t hash : Hashes(targets)) {
    places.push_back(timetable->Take(kInterval, hash));
  }
  return places;
}

/// The most places that lie in one of `parts` equal parts of the interval.
std::size_t Fullest(const std::vector<Timetable::Place>& places, std::int64_t parts) {
  std::vector<std::size_t> counts(static_cast<std::size_t>(parts));
  for (const auto& place : places) {
    ++counts[static_cast<std::size_t>(place.offset_ns() * parts / kInterval)];
  }
  return *std::max_element(counts.begin(), counts.end());
}

TEST(TimetableTest, ALoneTargetIsScrapedWhereItsHashSays) {
  const auto timetable = std::make_shared<Timetable>();
  for (const std::uint64_t hash : Hashes(100)) {
    EXPECT_EQ(timetable->Take(kInterval, hash).offset_ns(), hash % kInterval);
  }
}

TEST(TimetableTest, NoPartOfTheIntervalHasMuchMoreThanOthers) {
  const auto timetable = std::make_shared<Timetable>();
  // By one hash alone, the fullest of 128 parts has about 17 of 1,000 and 105 of 10,000.
  EXPECT_LE(Fullest(TakeAll(timetable, 1000), 128), 9U);
  EXPECT_LE(Fullest(TakeAll(timetable, 10'000), 128), 81U);
  // Parts that do not begin where those of the timetable do.
  EXPECT_LE(Fullest(TakeAll(timetable, 1000), 150), 13U);
  EXPECT_LE(Fullest(TakeAll(timetable, 100), 150), 3U);
}

TEST(TimetableTest, IntervalsAreSpreadEachForItself) {
  const auto timetable = std::make_shared<Timetable>();
  const auto place = timetable->Take(kInterval, 5);
  EXPECT_EQ(timetable->Take(kInterval / 3, 5).offset_ns(), 5);
  EXPECT_NE(timetable->Take(kInterval, 5).offset_ns(), 5);
}

TEST(TimetableTest, TheSameOrderGivesTheSamePlaces) {
  const auto first = TakeAll(std::make_shared<Timetable>(), 1000);
  const auto second = TakeAll(std::make_shared<Timetable>(), 1000);
  for (std::size_t i = 0; i < first.size(); ++i) {
    ASSERT_EQ(first[i].offset_ns(), second[i].offset_ns());
  }
}

TEST(TimetableTest, APlaceIsFreeWhenItsTargetIsGone) {
  const auto timetable = std::make_shared<Timetable>();
  auto place = timetable->Take(kInterval, 5);
  auto other = timetable->Take(kInterval, 5);
  EXPECT_NE(other.offset_ns(), 5);
  other = std::move(place);  // What it had is free, and what it has now is not.
  EXPECT_EQ(other.offset_ns(), 5);
  EXPECT_NE(timetable->Take(kInterval, 5).offset_ns(), 5);
  other = {};
  EXPECT_EQ(timetable->Take(kInterval, 5).offset_ns(), 5);
}

}  // namespace
}  // namespace narthex::scrape
