// SPDX-License-Identifier: Apache-2.0
//
// Random work against a simple model of what the database should hold, and work by many threads.
#include <atomic>
#include <barrier>
#include <map>
#include <random>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/fault_fs.h"
#include "tests/tsdb/support/db_fixture.h"

namespace narthex::tsdb::testing {
namespace {

using storage::AppendError;
using storage::SeriesRef;

constexpr model::DurationMs kRange = 60'000;

DbOptions SmallRanges() {
  DbOptions options;
  options.min_block_duration_ms = kRange;
  options.retention_ms = 0;
  options.wal_segment_bytes = 8 * 32 * 1024;
  return options;
}

model::Labels LabelsOf(std::size_t series) {
  return {{"__name__", fmt::format("m{}", series % 7)},
          {"id", std::to_string(series)},
          {"group", std::to_string(series % 3)}};
}

// Series that come and go, each in its own rhythm: away long enough to leave the head, there long
// enough for a full chunk or two.
constexpr std::size_t kComeAndGo = 5;
bool IsThere(std::size_t series, int step) {
  const int there = 90 + 20 * static_cast<int>(series);
  return (step + 50 * static_cast<int>(series)) % (there + 260) < there;
}
model::Labels ComeAndGoLabels(std::size_t series) {
  return {{"__name__", "comes_and_goes"}, {"id", std::to_string(series)}};
}

TEST(DbModelTest, RandomAppendsRestartsAndCompactions) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    DbFixture db(SmallRanges());
    SeriesData want;
    model::TimestampMs now = 1'700'000'000'000;
    std::size_t born = 0;  // Series die as the window of live ones moves.
    for (int step = 0; step < 1'000; ++step) {
      now += 200 + static_cast<model::TimestampMs>(random() % 500);
      if (random() % 20 == 0) ++born;
      std::vector<DbFixture::Sample> samples;
      for (std::size_t i = 0; i < 20; ++i) {
        if (random() % 10 == 0) continue;
        const auto v = random() % 3 == 0 ? 1.0 : static_cast<double>(random()) / 17;
        samples.push_back({LabelsOf(born + i), now, v});
        want[samples.back().labels.ToString()].push_back({now, v});
      }
      for (std::size_t i = 0; i < kComeAndGo; ++i) {
        if (!IsThere(i, step)) continue;
        for (const model::TimestampMs t : {now - 150, now - 70, now}) {
          samples.push_back({ComeAndGoLabels(i), t, static_cast<double>(random() % 50)});
          want[samples.back().labels.ToString()].push_back({t, samples.back().v});
        }
      }
      db.Append(samples);
      if (random() % 40 == 0) {
        ASSERT_TRUE(db->Compact());
      }
      if (random() % 90 == 0) db.Kill();
      if (random() % 300 == 0) db.Reopen();
      if (step % 250 == 249) {
        ASSERT_EQ(db.ReadAll(), want) << "step " << step;
      }
    }
    EXPECT_FALSE(db->Blocks().empty());
    db.Kill();
    EXPECT_EQ(db.ReadAll(), want);
    // Part of the time.
    const auto from = now - 100'000;
    SeriesData part;
    for (const auto& [labels, samples] : want) {
      for (const auto& sample : samples) {
        if (sample.t >= from && sample.t <= now - 50'000) part[labels].push_back(sample);
      }
    }
    EXPECT_EQ(db.ReadAll(from, now - 50'000), part);
  }
}

// The same with late samples, which come in any order within a window of three block ranges.
TEST(DbModelTest, RandomLateAppendsRestartsAndCompactions) {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    auto options = SmallRanges();
    options.out_of_order_window_ms = 3 * kRange;
    options.out_of_order_cap_max = seed == 1 ? 4 : 32;
    DbFixture db(options);
    std::map<std::string, std::map<model::TimestampMs, double>> want;
    const auto check = [&] {
      SeriesData sorted;
      for (const auto& [labels, samples] : want) {
        for (const auto& [t, v] : samples) sorted[labels].push_back({t, v});
      }
      EXPECT_EQ(db.ReadAll(), sorted);
    };
    model::TimestampMs now = 1'700'000'000'000;
    std::size_t born = 0;
    for (int step = 0; step < 800; ++step) {
      now += 300 + static_cast<model::TimestampMs>(random() % 500);
      if (random() % 20 == 0) ++born;
      std::vector<DbFixture::Sample> samples;
      for (std::size_t i = 0; i < 20; ++i) {
        const auto labels = LabelsOf(born + i);
        auto& series = want[labels.ToString()];
        const model::TimestampMs late = static_cast<model::TimestampMs>(random() % (3 * kRange));
        const auto t =
            random() % 3 == 0 ? std::max<model::TimestampMs>(now - late, now - step * 300) : now;
        // Of equal times any one would do, so there are none.
        const auto v = static_cast<double>(random()) / 17;
        if (series.emplace(t, v).second) samples.push_back({labels, t, v});
      }
      for (std::size_t i = 0; i < kComeAndGo; ++i) {
        if (!IsThere(i, step)) continue;
        auto& series = want[ComeAndGoLabels(i).ToString()];
        for (const model::TimestampMs t : {now - 170, now - 70, now - 90, now}) {
          const auto v = static_cast<double>(random() % 50);
          if (series.emplace(t, v).second) samples.push_back({ComeAndGoLabels(i), t, v});
        }
      }
      db.Append(samples);
      if (random() % 60 == 0) {
        const auto compacted = db->Compact();
        ASSERT_TRUE(compacted) << compacted.error().message();
      }
      if (random() % 80 == 0) db.Kill();
      if (random() % 200 == 0) db.Reopen();
      if (step % 150 == 149) check();
    }
    EXPECT_FALSE(db->Blocks().empty());
    db.Kill();
    check();
  }
}

TEST(DbModelTest, DeadSeriesGiveTheirMemoryBack) {
  DbFixture db(SmallRanges());
  std::uint64_t after_first = 0;
  model::TimestampMs now = 1'700'000'000'000;
  for (std::size_t generation = 0; generation < 5; ++generation) {
    for (int scrape = 0; scrape < 30; ++scrape) {
      now += 10'000;
      std::vector<DbFixture::Sample> samples;
      for (std::size_t i = 0; i < 500; ++i) {
        samples.push_back({{{"__name__", "churn"},
                            {"pod", fmt::format("pod-{}-{}", generation, i)},
                            {"zone", std::to_string(i % 3)}},
                           now,
                           1.0});
      }
      db.Append(samples);
    }
    ASSERT_TRUE(db->Compact());
    ASSERT_TRUE(db->Compact());  // What was in limbo can be reused now.
    const auto stats = db->Stats(10);
    EXPECT_LE(stats.num_series, 1'000U) << generation;
    std::uint64_t head = 0;
    for (const auto& [name, bytes] : db->Memory().parts) head += name == "blocks" ? 0 : bytes;
    if (generation == 1) after_first = head;
    if (generation > 1) {
      EXPECT_LE(head, after_first * 3 / 2) << generation;
    }
  }
}

TEST(DbModelTest, FullDiskFailsAppendsAndHealsByItself) {
  narthex::testing::FaultFs fs(SystemFs());
  DbFixture db(SmallRanges(), fs);
  SeriesData want;
  model::TimestampMs now = 1'700'000'000'000;
  for (int step = 0; step < 600; ++step) {
    now += 500;
    const bool full = step / 50 % 2 == 1;
    if (step % 50 == 0) fs.SetDiskFull(full);
    auto appender = db->NewAppender();
    for (std::size_t i = 0; i < 10; ++i) {
      SeriesRef ref{0};
      ASSERT_EQ(appender->Append(ref, LabelsOf(i), now, step), AppendError::kNone);
    }
    ASSERT_EQ(appender->Commit().has_value(), !full) << step;
    if (!full) {
      for (std::size_t i = 0; i < 10; ++i) {
        want[LabelsOf(i).ToString()].push_back({now, static_cast<double>(step)});
      }
    }
    if (step % 50 == 40) {
      EXPECT_EQ(db->Compact().has_value() || full, true);
      ASSERT_EQ(db.ReadAll(), want) << step;
    }
  }
  fs.SetDiskFull(false);
  db.Kill();
  EXPECT_EQ(db.ReadAll(), want);
}

// A machine that lost power: writes since some moment never reached the disk, though the calls
// were told that they had. What is there must be served.
TEST(DbModelTest, LostWritesLoseOnlyTheEnd) {
  for (const int lost_from : {40, 200, 500}) {
    narthex::testing::FaultFs fs(SystemFs());
    DbFixture db(SmallRanges(), fs);
    fs.SetHook([lost_from](narthex::testing::FileOp op, const std::string& path, int number) {
      const bool wal = path.find("/wal/") != std::string::npos;
      return wal && op == narthex::testing::FileOp::kWrite && number >= lost_from
                 ? narthex::testing::Fault::kDrop
                 : narthex::testing::Fault::kNone;
    });
    SeriesData all;
    model::TimestampMs now = 1'700'000'000'000;
    for (int step = 0; step < 100; ++step) {
      now += 500;
      db.Append({{LabelsOf(1), now, static_cast<double>(step)}});
      all[LabelsOf(1).ToString()].push_back({now, static_cast<double>(step)});
    }
    fs.SetHook({});
    db.Kill();
    const auto got = db.ReadAll()[LabelsOf(1).ToString()];
    const auto& want = all[LabelsOf(1).ToString()];
    ASSERT_LE(got.size(), want.size());
    EXPECT_TRUE(std::equal(got.begin(), got.end(), want.begin()));
    if (lost_from == 500) {
      EXPECT_EQ(got.size(), want.size());
    }
    if (lost_from == 40) {
      EXPECT_LT(got.size(), want.size());
    }
  }
}

// Appenders, readers and compaction at once; every reader must see each commit whole.
TEST(DbModelTest, ThreadsSeeWholeCommits) {
  constexpr std::size_t kWriters = 3;
  constexpr std::size_t kSeries = 8;
  constexpr int kCommits = 1'500;
  DbFixture db(SmallRanges());
  std::atomic<bool> done{false};
  std::atomic<model::TimestampMs> clock{1'700'000'000'000};
  std::barrier in_step(kWriters);
  std::vector<std::thread> threads;
  for (std::size_t writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] {
      std::vector<SeriesRef> refs(kSeries, SeriesRef{0});
      for (int commit = 0; commit < kCommits; ++commit) {
        // Nobody falls so far behind that the head no longer takes its samples.
        if (commit % 100 == 0) in_step.arrive_and_wait();
        const auto t = clock.fetch_add(50);
        auto appender = db->NewAppender();
        for (std::size_t i = 0; i < kSeries; ++i) {
          const model::Labels labels = {{"writer", std::to_string(writer)},
                                        {"series", std::to_string(i)}};
          ASSERT_EQ(appender->Append(refs[i], labels, t, commit), AppendError::kNone);
        }
        ASSERT_TRUE(appender->Commit());
      }
    });
  }
  std::thread compactor([&] {
    while (!done.load()) {
      const Status status = db->Compact();
      ASSERT_TRUE(status) << status.error().message();
    }
  });
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&] {
      do {
        const auto querier = db->NewQuerier(model::kMinTime, model::kMaxTime);
        ASSERT_TRUE(querier);
        const auto data = ReadAll(**querier);
        for (std::size_t writer = 0; writer < kWriters; ++writer) {
          std::set<std::size_t> sizes;
          for (std::size_t i = 0; i < kSeries; ++i) {
            const model::Labels labels = {{"writer", std::to_string(writer)},
                                          {"series", std::to_string(i)}};
            const auto it = data.find(labels.ToString());
            sizes.insert(it == data.end() ? 0 : it->second.size());
          }
          EXPECT_EQ(sizes.size(), 1U) << "commits seen in part";
        }
      } while (!done.load());
    });
  }
  for (auto& thread : threads) thread.join();
  done = true;
  compactor.join();
  for (auto& reader : readers) reader.join();
  const auto data = db.ReadAll();
  EXPECT_EQ(data.size(), kWriters * kSeries);
  for (const auto& [labels, samples] : data) EXPECT_EQ(samples.size(), kCommits) << labels;
}

}  // namespace
}  // namespace narthex::tsdb::testing
