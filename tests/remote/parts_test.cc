// SPDX-License-Identifier: Apache-2.0
//
// The parts of a queue that are functions or files.
#include <limits>

#include <gtest/gtest.h>

#include "narthex/config/config.h"
#include "src/remote/endpoint.h"
#include "src/remote/gaps.h"
#include "src/remote/position_file.h"
#include "src/remote/reshard.h"
#include "src/remote/series_store.h"
#include "tests/support/fault_fs.h"
#include "tests/support/temp_dir.h"

namespace narthex::remote {
namespace {

using narthex::testing::Fault;
using narthex::testing::FaultFs;
using narthex::testing::FileOp;
using narthex::testing::TempDir;

// By the formula: time per sample × (samples in that are kept + 5 % of what is left behind).
TEST(ReshardTest, Choices) {
  const struct {
    const char* name;
    SendingState state;
    int current;
    ShardLimits limits;
    int shards;
    double desired;
  } cases[] = {
      {"nothing sent yet", {.in = 1000}, 3, {1, 50}, 3, 0},
      {"keeps up", {.in = 1000, .out = 1000, .busy_seconds = 0.5}, 1, {1, 50}, 1, 0.5},
      {"slow endpoint", {.in = 1000, .out = 1000, .busy_seconds = 4.2}, 1, {1, 50}, 5, 4.2},
      {"within 30 %", {.in = 1000, .out = 1000, .busy_seconds = 12.1}, 10, {1, 50}, 10, 12.1},
      {"just above", {.in = 1000, .out = 1000, .busy_seconds = 13.1}, 10, {1, 50}, 14, 13.1},
      {"behind by a minute",
       {.in = 1000, .out = 1000, .busy_seconds = 1, .delay_seconds = 60},
       1,
       {1, 50},
       4,
       4},
      {"as many as allowed",
       {.in = 1e6, .out = 1000, .busy_seconds = 1, .delay_seconds = 600},
       7,
       {1, 50},
       50,
       31000},
      {"fewer", {.in = 1000, .out = 1000, .busy_seconds = 2}, 10, {1, 50}, 2, 2},
      {"no fewer than allowed", {.in = 1000, .out = 1000, .busy_seconds = 2}, 10, {6, 50}, 6, 2},
      {"none fewer while far behind",
       {.in = 1000, .out = 1000, .busy_seconds = 1, .delay_seconds = 11},
       10,
       {1, 50},
       10,
       1.55},
      {"half is dropped",
       {.in = 1000, .out = 500, .dropped = 500, .busy_seconds = 5},
       1,
       {1, 50},
       5,
       5},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const ShardChoice choice = ChooseShards(c.state, c.current, c.limits);
    EXPECT_EQ(choice.shards, c.shards);
    EXPECT_NEAR(choice.desired, c.desired, 1e-9);
  }
  EXPECT_TRUE(MayReshard(20'000, 10'000, 20'000));
  EXPECT_FALSE(MayReshard(20'000, 9'999, 0)) << "nothing got through for an interval";
  EXPECT_FALSE(MayReshard(20'000, 19'000, 20'001)) << "requests are held back";
}

TEST(RateTest, FallsAndRisesByAFifth) {
  Rate rate;
  rate.Tick();
  EXPECT_EQ(rate.per_second(), 0);
  rate.Add(100);
  rate.Tick();
  EXPECT_EQ(rate.per_second(), 10) << "the first interval counts whole";
  rate.Tick();
  EXPECT_EQ(rate.per_second(), 8);
  rate.Add(180);
  rate.Tick();
  EXPECT_EQ(rate.per_second(), 10);
}

TEST(EndpointTest, RetryAfter) {
  constexpr model::TimestampMs kNow = 1'795'802'400'500;  // Fri, 27 Nov 2026 18:00:00.5
  EXPECT_EQ(ReadRetryAfter("120", kNow), 120'000);
  EXPECT_EQ(ReadRetryAfter("0", kNow), 0);
  EXPECT_EQ(ReadRetryAfter("-5", kNow), 0);
  EXPECT_EQ(ReadRetryAfter("", kNow), 0);
  EXPECT_EQ(ReadRetryAfter("soon", kNow), 0);
  EXPECT_EQ(ReadRetryAfter("99999999999", kNow), 3'600'000) << "an hour at most";
  EXPECT_EQ(ReadRetryAfter("Fri, 27 Nov 9999 18:00:30 GMT", kNow), 3'600'000);
  EXPECT_EQ(ReadRetryAfter("Fri, 27 Nov 2026 18:00:30 GMT", kNow), 30'000);
  EXPECT_EQ(ReadRetryAfter("Fri, 27 Nov 2026 17:59:30 GMT", kNow), 0);
}

TEST(EndpointTest, BackoffDoublesUpToItsEnd) {
  model::DurationMs current = 30;
  std::vector<model::DurationMs> waits;
  for (int i = 0; i < 5; ++i) {
    const Backoff backoff = NextBackoff(current, 0, 200);
    waits.push_back(backoff.wait_ms);
    current = backoff.next_ms;
  }
  EXPECT_EQ(waits, (std::vector<model::DurationMs>{30, 60, 120, 200, 200}));
  EXPECT_EQ(NextBackoff(30, 60'000, 200).wait_ms, 60'000) << "the endpoint's word counts";
  EXPECT_EQ(NextBackoff(30, 60'000, 200).next_ms, 200);
}

TEST(EndpointTest, RefusalsAreToldAsTheyAre) {
  const Endpoint endpoint;
  net::ClientResponse response;
  response.status = 400;
  response.reason = "Bad Request";
  const Answer answer = ReadAnswer(endpoint, response, "out of order \"sample\" {a=\"é\"}", 0);
  EXPECT_EQ(answer.outcome, Outcome::kRefused);
  EXPECT_EQ(answer.error,
            "server returned HTTP status 400 Bad Request: out of order \"sample\" {a=\"é\"}");
  const std::string long_text(100'000, 'x');
  EXPECT_LT(ReadAnswer(endpoint, response, long_text, 0).error.size(), 2000U);
}

TEST(EndpointTest, PasswordsAreNotShown) {
  EXPECT_EQ(WithoutPassword("http://u:p@h:1/x"), "http://u:xxxxx@h:1/x");
  EXPECT_EQ(WithoutPassword("http://u@h:1"), "http://u@h:1");
  EXPECT_EQ(WithoutPassword("http://h:1/x@y"), "http://h:1/x@y");
  EXPECT_EQ(WithoutPassword("http://u:a@b@h/"), "http://u:xxxxx@h/");
}

TEST(EndpointTest, WhatHeadersSayWasWritten) {
  const Written none = ReadWritten({{"Content-Type", "x"}});
  EXPECT_FALSE(none.confirmed);
  const Written some = ReadWritten({{"x-prometheus-remote-write-samples-written", "12"},
                                    {"X-Prometheus-Remote-Write-Exemplars-Written", "x"}});
  EXPECT_TRUE(some.confirmed);
  EXPECT_EQ(some.samples, 12U);
  EXPECT_EQ(some.exemplars, 0U);
}

ShardPosition Position(int segment, std::uint64_t offset, std::uint32_t index,
                       model::TimestampMs highest) {
  return {{{segment, offset}, index}, {}, highest};
}

TEST(PositionFileTest, RoundTrip) {
  TempDir dir;
  FaultFs fs(SystemFs());
  PositionFile file(fs, dir.path() + "/a.position");
  EXPECT_EQ(file.Load().value(), std::nullopt);
  ASSERT_TRUE(file.Reset({Position(1, 2, 3, 4), Position(5, 1ULL << 33, 7, 8)}));
  ASSERT_TRUE(file.Save(0, Position(9, 10, 11, 3)));
  const Mark sending{{5, 1ULL << 34}, 12};
  ASSERT_TRUE(file.SaveSending(1, sending));
  PositionFile again(fs, file.path());
  EXPECT_EQ(again.Load().value(),
            (std::vector{Position(9, 10, 11, 4), ShardPosition{{{5, 1ULL << 33}, 7}, sending, 8}}))
      << "late samples do not set the latest time back";
  const std::string bytes = SystemFs().ReadFile(file.path()).value();
  ASSERT_EQ(bytes.size(), 192U);
  EXPECT_EQ(bytes.substr(0, 12), std::string("NXRWPOS1\0\0\0\2", 12));
  EXPECT_EQ(bytes.substr(64, 16), std::string("\0\0\0\x9\0\0\0\xb\0\0\0\0\0\0\0\xa", 16));
  // Any damage is told of.
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    ASSERT_TRUE(WriteFileAtomically(fs, file.path(), AsBytes(damaged)));
    const auto loaded = PositionFile(fs, file.path()).Load();
    EXPECT_EQ(static_cast<bool>(loaded), i >= 16) << i;
    if (!loaded) continue;
    // A shard whose line is damaged is where the other one is.
    const bool first_damaged = i >= 64 && i < 108;
    EXPECT_EQ((**loaded)[0].mark.record.segment, first_damaged ? 5 : 9) << i;
    EXPECT_EQ((**loaded)[1].mark.record.segment, i >= 128 && i < 172 ? 9 : 5) << i;
  }
}

TEST(PositionFileTest, AFullDiskKeepsThePlaceInMemory) {
  TempDir dir;
  FaultFs fs(SystemFs());
  PositionFile file(fs, dir.path() + "/a.position");
  ASSERT_TRUE(file.Reset({Position(1, 0, 0, 0)}));
  fs.SetHook([](FileOp op, const std::string&, int) {
    return op == FileOp::kWrite ? Fault::kFail : Fault::kNone;
  });
  EXPECT_FALSE(file.Save(0, Position(2, 0, 0, 0)));
  EXPECT_EQ(file.positions()[0], Position(2, 0, 0, 0));
  fs.SetHook({});
  ASSERT_TRUE(file.Save(0, Position(3, 0, 0, 0)));
  EXPECT_EQ(PositionFile(fs, file.path()).Load().value()->front(), Position(3, 0, 0, 0));
}

TEST(GapsTest, FileAndSlices) {
  TempDir dir;
  const std::string path = dir.path() + "/a.gaps";
  EXPECT_TRUE(ReadGaps(SystemFs(), path).value().empty());
  const std::vector<Gap> gaps = {{-5, 10}, {1'700'000'000'000, 1'700'000'900'000}};
  ASSERT_TRUE(WriteGaps(SystemFs(), path, gaps));
  EXPECT_EQ(ReadGaps(SystemFs(), path).value(), gaps);
  ASSERT_TRUE(WriteFileAtomically(SystemFs(), path, AsBytes("1 2\nx\n")));
  EXPECT_EQ(ReadGaps(SystemFs(), path).error().code(), Code::kCorruption);
  ASSERT_TRUE(WriteGaps(SystemFs(), path, {}));
  EXPECT_FALSE(SystemFs().Exists(path));

  std::optional<Gap> left = Gap{0, 700'000};
  std::vector<Gap> slices;
  while (left) {
    slices.push_back(FirstSlice(*left));
    left = AfterSlice(*left, slices.back());
  }
  EXPECT_EQ(slices, (std::vector<Gap>{{0, 299'999}, {300'000, 599'999}, {600'000, 700'000}}));
}

TEST(GapsTest, OnesThatMeetBecomeOne) {
  std::vector<Gap> gaps;
  AddGap(gaps, {100, 200});
  AddGap(gaps, {400, 500});
  AddGap(gaps, {201, 250});
  EXPECT_EQ(gaps, (std::vector<Gap>{{100, 250}, {400, 500}}));
  AddGap(gaps, {240, 450});
  EXPECT_EQ(gaps, (std::vector<Gap>{{100, 500}}));
  gaps[0].from = 300;  // So much was sent.
  AddGap(gaps, {100, 600});
  EXPECT_EQ(gaps, (std::vector<Gap>{{300, 600}})) << "another run finds the same gap";
  AddGap(gaps, {10, 20});
  EXPECT_EQ(gaps, (std::vector<Gap>{{300, 600}}));
  AddGap(gaps, {700, 650});
  EXPECT_EQ(gaps, (std::vector<Gap>{{300, 600}}));
  for (model::TimestampMs t = 1000; t < 2000; t += 10) AddGap(gaps, {t, t + 1});
  EXPECT_EQ(gaps.size(), 64U);
  EXPECT_EQ(gaps.back().to, 1991) << "none is forgotten";
}

tsdb::wal::SeriesEntry Entry(WalRef ref, const std::string& value) {
  return {ref, {{"__name__", "m"}, {"v", value}}};
}

std::string Value(const SeriesStore& store, WalRef ref) {
  const std::uint32_t series = store.Find(ref);
  if (series == SeriesStore::kUnknown) return "unknown";
  if (series == SeriesStore::kDropped) return "dropped";
  return std::string(store.pairs().label(store.labels(series).pairs[1]).value);
}

TEST(SeriesStoreTest, ForgetsWhatNoSegmentHasAnyMore) {
  SeriesStore store({});
  std::vector<tsdb::wal::SeriesEntry> entries;
  for (WalRef ref = 1; ref <= 1000; ++ref) entries.push_back(Entry(ref, std::to_string(ref)));
  store.Store(entries, 3);
  store.Store({&entries[6], 1}, 5);  // Named once more.
  const WalRef touched[] = {9, 700, 99'999};
  store.Touch(touched, 4);
  store.Reset(4);
  EXPECT_EQ(store.size(), 3U);
  EXPECT_EQ(Value(store, 7), "7");
  EXPECT_EQ(Value(store, 9), "9");
  EXPECT_EQ(Value(store, 700), "700");
  EXPECT_EQ(Value(store, 8), "unknown");
  EXPECT_EQ(Value(store, 99'999), "unknown");
  const tsdb::wal::SeriesEntry fresh = Entry(2000, "new");
  store.Store({&fresh, 1}, 6);
  EXPECT_EQ(Value(store, 2000), "new") << "in the place of one that is gone";
  EXPECT_EQ(Value(store, 7), "7");
}

TEST(SeriesStoreTest, ChurnGivesMemoryBack) {
  SeriesStore store({});
  std::size_t held = 0;
  for (int round = 0; round < 8; ++round) {
    std::vector<tsdb::wal::SeriesEntry> entries;
    for (WalRef i = 0; i < 50'000; ++i) {
      const WalRef ref = static_cast<WalRef>(round) * 50'000 + i + 1;
      entries.push_back(Entry(ref, std::to_string(ref)));
    }
    store.Store(entries, round);
    store.Reset(round);
    EXPECT_EQ(store.size(), 50'000U);
    EXPECT_EQ(Value(store, static_cast<WalRef>(round) * 50'000 + 17),
              std::to_string(round * 50'000 + 17));
    if (round == 3) held = store.held_bytes();
  }
  EXPECT_LE(store.held_bytes(), held + held / 2);
}

}  // namespace
}  // namespace narthex::remote
