// SPDX-License-Identifier: Apache-2.0
#include "scrape/loop/timetable.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace narthex::scrape {
namespace {

constexpr std::int64_t kInterval = 15'000'000'000;
constexpr std::int64_t kBeat = 50'000'000;
constexpr std::uint64_t kSeed = 7'000'000'123;

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
    places.push_back(timetable->Take(kInterval, hash, kSeed));
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

TEST(TimetableTest, ALoneTargetIsScrapedInTheBeatWhereItsHashIs) {
  const auto timetable = std::make_shared<Timetable>();
  for (const std::uint64_t hash : Hashes(100)) {
    const auto place = static_cast<std::int64_t>((hash ^ kSeed) % kInterval);
    EXPECT_EQ(timetable->Take(kInterval, hash, kSeed).offset_ns(),
              place / kBeat * kBeat + static_cast<std::int64_t>(kSeed % kBeat));
  }
}

TEST(TimetableTest, NoPartOfTheIntervalHasMuchMoreThanOthers) {
  const auto timetable = std::make_shared<Timetable>();
  // By one hash alone, the fullest of 128 parts has about 17 of 1,000 and 105 of 10,000.
  EXPECT_LE(Fullest(TakeAll(timetable, 1000), 128), 13U);
  EXPECT_LE(Fullest(TakeAll(timetable, 10'000), 128), 107U);
  // Parts of two beats.
  EXPECT_LE(Fullest(TakeAll(timetable, 1000), 150), 9U);
  EXPECT_LE(Fullest(TakeAll(timetable, 10'000), 150), 70U);
  EXPECT_LE(Fullest(TakeAll(timetable, 100), 150), 2U);
}

TEST(TimetableTest, TargetsOfOneBeatAreScrapedTogether) {
  std::map<std::int64_t, int> moments;
  const auto places = TakeAll(std::make_shared<Timetable>(), 1000);
  for (const auto& place : places) ++moments[place.offset_ns()];
  EXPECT_LE(moments.size(), 300U);
}

TEST(TimetableTest, ACrowdedBeatIsBegunInParts) {
  std::map<std::int64_t, int> moments;
  const auto places = TakeAll(std::make_shared<Timetable>(), 20'000);
  for (const auto& place : places) ++moments[place.offset_ns()];
  for (const auto& [offset, targets] : moments) ASSERT_LE(targets, 16) << offset;
}

TEST(TimetableTest, ShortIntervalsHaveBeatsAsWell) {
  for (const std::int64_t interval : {1, 7, 100'000'000, 1'000'000'000}) {
    const auto timetable = std::make_shared<Timetable>();
    std::set<std::int64_t> moments;
    std::vector<Timetable::Place> places;
    for (const std::uint64_t hash : Hashes(200)) {
      places.push_back(timetable->Take(interval, hash, kSeed));
      ASSERT_GE(places.back().offset_ns(), 0);
      ASSERT_LT(places.back().offset_ns(), interval);
      moments.insert(places.back().offset_ns());
    }
    EXPECT_EQ(moments.size(), std::min<std::int64_t>(interval, 20)) << interval;
  }
}

TEST(TimetableTest, LongIntervalsAreSpread) {
  constexpr std::int64_t kDay = 86'400'000'000'000;
  const auto timetable = std::make_shared<Timetable>();
  std::vector<Timetable::Place> places;
  std::vector<int> hours(24);
  for (const std::uint64_t hash : Hashes(2400)) {
    places.push_back(timetable->Take(kDay, hash, kSeed));
    ++hours[static_cast<std::size_t>(places.back().offset_ns() / (kDay / 24))];
  }
  EXPECT_LE(*std::max_element(hours.begin(), hours.end()), 130);
}

TEST(TimetableTest, ServersWithOtherSeedsScrapeAtOtherMoments) {
  const auto timetable = std::make_shared<Timetable>();
  const auto one = timetable->Take(kInterval, 5, 1);
  const auto other = timetable->Take(kInterval, 5, 2);
  EXPECT_NE(one.offset_ns() % kBeat, other.offset_ns() % kBeat);
}

TEST(TimetableTest, IntervalsAreSpreadEachForItself) {
  const auto timetable = std::make_shared<Timetable>();
  const auto place = timetable->Take(kInterval, 5, 0);
  EXPECT_EQ(timetable->Take(kInterval / 3, 5, 0).offset_ns(), 0);
  EXPECT_NE(timetable->Take(kInterval, 5, 0).offset_ns(), 0);
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
  auto place = timetable->Take(kInterval, 5, 0);
  auto other = timetable->Take(kInterval, 5, 0);
  EXPECT_NE(other.offset_ns(), 0);
  other = std::move(place);  // What it had is free, and what it has now is not.
  EXPECT_EQ(other.offset_ns(), 0);
  EXPECT_NE(timetable->Take(kInterval, 5, 0).offset_ns(), 0);
  other = {};
  EXPECT_EQ(timetable->Take(kInterval, 5, 0).offset_ns(), 0);
}

}  // namespace
}  // namespace narthex::scrape
