// SPDX-License-Identifier: Apache-2.0
//
// How an agent's memory and log are kept small, and what stays in them.
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "narthex/model/exemplar.h"
#include "narthex/tsdb/wal_tail.h"
#include "tests/support/fault_fs.h"
#include "tests/tsdb/support/agent_fixture.h"
#include "tsdb/agent/truncation.h"
#include "tsdb/wal/reader.h"
#include "tsdb/wal/segment.h"

namespace narthex::tsdb::testing {
namespace {

using model::Labels;
using model::TimestampMs;
using storage::AppendError;
using storage::SeriesRef;

constexpr TimestampMs kNow = 1'700'000'000'000;
constexpr model::DurationMs kMinute = 60'000;
constexpr model::DurationMs kHour = 60 * kMinute;
const Labels kIdle{{"__name__", "idle"}};
const Labels kBusy{{"__name__", "busy"}};

TEST(AgentTruncationTest, OptionsThatDoNotFitAreMadeFit) {
  const struct {
    model::DurationMs every, min_keep, max_keep;
    model::DurationMs want_every, want_min_keep, want_max_keep;
  } cases[] = {
      {0, 0, 0, 2 * kHour, 5 * kMinute, 4 * kHour},
      {kHour, kMinute, 3 * kHour, kHour, kMinute, 3 * kHour},
      {kMinute, 3 * kHour, 2 * kHour, kMinute, 3 * kHour, 3 * kHour},  // max ≥ min
      {6 * kHour, kMinute, 2 * kHour, 6 * kHour, kMinute, 6 * kHour},  // max ≥ every
      {-1, -1, -1, 2 * kHour, 5 * kMinute, 4 * kHour},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(&c - cases);
    AgentOptions options;
    options.truncate_interval_ms = c.every;
    options.min_keep_ms = c.min_keep;
    options.max_keep_ms = c.max_keep;
    options = CheckedOptions(options);
    EXPECT_EQ(options.truncate_interval_ms, c.want_every);
    EXPECT_EQ(options.min_keep_ms, c.want_min_keep);
    EXPECT_EQ(options.max_keep_ms, c.want_max_keep);
  }
}

TEST(AgentTruncationTest, WhatIsSentGoesSoonAndTheRestInTheEnd) {
  AgentOptions options;
  options.min_keep_ms = 5 * kMinute;
  options.max_keep_ms = 4 * kHour;
  const struct {
    const char* name;
    TimestampMs lowest_sent, now, want;
  } cases[] = {
      {"sent up to now", kNow, kNow, kNow - 5 * kMinute},
      {"behind by an hour", kNow - kHour, kNow, kNow - kHour - 5 * kMinute},
      {"behind by more than is kept", kNow - 5 * kHour, kNow, kNow - 4 * kHour},
      {"nothing sent", 0, kNow, kNow - 4 * kHour},
      {"nothing sent, and a clock that has just begun", 0, kHour, 0},
      {"sent something of a time to come", model::kMaxTime, kNow, kNow - 5 * kMinute},
      {"a time before all times", model::kMinTime, kNow, kNow - 4 * kHour},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(TruncationTime(options, c.lowest_sent, c.now), c.want) << c.name;
  }
}

// Runs a test with each form of checkpoints.
void InBothForms(const std::function<void(const AgentOptions&)>& test) {
  for (const bool from_memory : {false, true}) {
    SCOPED_TRACE(from_memory ? "of the memory" : "of the log");
    AgentOptions options;
    options.checkpoint_from_memory = from_memory;
    options.checkpoint_batch = 3;
    test(options);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(AgentCheckpointTest, ASeriesStaysInTheLogUntilNothingThereNeedsIt) {
  InBothForms([](const AgentOptions& options) {
    AgentFixture db(options);
    TimestampMs t = kNow;
    db.clock().SetMs(t);
    db.Append({{kIdle, t, 1}, {kBusy, t, 1}});
    const auto truncate = [&] {
      t += kHour;
      db.clock().SetMs(t);
      db.Append({{kBusy, t, 1}});
      db.Sent({t, std::nullopt});
      const auto status = db->Truncate();
      ASSERT_TRUE(status) << status.error().message();
      const LogContent log = db.Log();
      EXPECT_TRUE(log.unknown.empty());
      EXPECT_EQ(log.floats.at(kBusy.ToString()).back(), (BitSample{t, 1}));
    };
    const auto has_idle = [&] {
      for (const auto& [ref, labels] : db.Log().series) {
        if (labels == kIdle.ToString()) return true;
      }
      return false;
    };
    truncate();  // Removed while segment 0 was written.
    EXPECT_EQ(db->num_series(), 1U);
    EXPECT_EQ(db.Metric("prometheus_agent_active_series"), 1);
    EXPECT_EQ(db.Metric("prometheus_agent_deleted_series"), 1);
    EXPECT_TRUE(has_idle());
    truncate();
    truncate();
    EXPECT_EQ(db.Segments(), (std::vector{0, 1, 2, 3})) << "too few for a checkpoint";
    EXPECT_EQ(db.Metric("prometheus_agent_checkpoint_creations_total"), 0);
    truncate();
    EXPECT_EQ(db.Checkpoints(), std::vector{1});
    EXPECT_EQ(db.Segments(), (std::vector{2, 3, 4}));
    EXPECT_FALSE(has_idle());
    EXPECT_EQ(db.Metric("prometheus_agent_deleted_series"), 0);
    EXPECT_EQ(db.Metric("prometheus_agent_checkpoint_creations_total"), 1);
    EXPECT_EQ(db.Metric("prometheus_agent_checkpoint_deletions_total"), 1);
    EXPECT_EQ(db.Metric("prometheus_agent_truncate_duration_seconds_count"), 1);
    for (int i = 0; i < 4; ++i) truncate();
    EXPECT_EQ(db.Checkpoints().size(), 1U) << "the older one is gone";
    EXPECT_GT(db.Checkpoints().front(), 1);
    db.Kill();
    EXPECT_EQ(db->num_series(), 1U);
    EXPECT_EQ(db.TryAppend(kBusy, t), AppendError::kOutOfOrder);
  });
}

TEST(AgentCheckpointTest, OneThatIsRemovedLateOutlivesACheckpoint) {
  InBothForms([](const AgentOptions& options) {
    AgentFixture db(options);
    db.clock().SetMs(kNow);
    for (int i = 0; i < 3; ++i) {
      db.Append({{kIdle, kNow + i, 1}});
      ASSERT_TRUE(db->Truncate());  // Nothing is sent yet, and all is young.
    }
    ASSERT_EQ(db.Segments(), (std::vector{0, 1, 2, 3}));
    db.clock().SetMs(kNow + kHour);
    db.Sent({kNow + kHour, std::nullopt});
    ASSERT_TRUE(db->Truncate());
    EXPECT_EQ(db->num_series(), 0U);
    EXPECT_EQ(db.Checkpoints(), std::vector{1});
    // Segment 2 has a sample, the checkpoint the series for it.
    const LogContent log = db.Log();
    EXPECT_TRUE(log.unknown.empty());
    EXPECT_EQ(log.series.size(), 1U);
    EXPECT_EQ(log.floats.at(kIdle.ToString()).back(), (BitSample{kNow + 2, 1}));
    EXPECT_EQ(db.Metric("prometheus_agent_deleted_series"), 1);
  });
}

TEST(AgentCheckpointTest, ASeriesThatComesBackIsANewOne) {
  InBothForms([](const AgentOptions& options) {
    AgentFixture db(options);
    db.clock().SetMs(kNow);
    SeriesRef ref{0};
    {
      const auto appender = db->NewAppender();
      ASSERT_EQ(appender->Append(ref, kIdle, kNow, 1), AppendError::kNone);
      ASSERT_EQ(appender->AppendExemplar(ref, Labels(), {{{"id", "1"}}, 1, kNow, true}),
                AppendError::kNone);
      ASSERT_TRUE(appender->Commit());
    }
    db.clock().SetMs(kNow + kHour);
    db.Sent({kNow + kHour, std::nullopt});
    ASSERT_TRUE(db->Truncate());
    ASSERT_EQ(db->num_series(), 0U);
    {
      const auto appender = db->NewAppender();
      EXPECT_EQ(appender->Append(ref, Labels(), kNow + 1, 1), AppendError::kUnknownSeries);
      std::vector<AppendError> outcomes(1);
      appender->AppendColumn(std::vector{ref}, kNow + 1, std::vector{1.0}, outcomes);
      EXPECT_EQ(outcomes[0], AppendError::kUnknownSeries);
      const SeriesRef old = ref;
      EXPECT_EQ(appender->Append(ref, kIdle, kNow - 1, 1), AppendError::kNone);
      EXPECT_NE(ref, old);
      EXPECT_EQ(appender->AppendExemplar(ref, Labels(), {{{"id", "1"}}, 1, kNow, true}),
                AppendError::kNone);
      ASSERT_TRUE(appender->Commit());
    }
    EXPECT_EQ(db.Log().series.size(), 2U);
    EXPECT_EQ(db.Log().exemplars[kIdle.ToString()], 2U) << "it is not compared with the old one's";
    db.Kill();
    EXPECT_EQ(db->num_series(), 1U);
    db.Append({{kIdle, kNow + 2, 1}});
    EXPECT_TRUE(db.Log().unknown.empty());
  });
}

TEST(AgentCheckpointTest, PendingSamplesKeepASeries) {
  InBothForms([](const AgentOptions& options) {
    AgentFixture db(options);
    db.clock().SetMs(kNow + 10 * kHour);
    db.Append({{kIdle, kNow, 1}});
    const auto appender = db->NewAppender();
    SeriesRef ref{0};
    ASSERT_EQ(appender->Append(ref, kIdle, kNow + 1, 1), AppendError::kNone);
    SeriesRef fresh{0};
    ASSERT_EQ(appender->Append(fresh, kBusy, kNow + 1, 1), AppendError::kNone);
    ASSERT_TRUE(db->Truncate());
    EXPECT_EQ(db->num_series(), 2U);
    ASSERT_TRUE(appender->Commit());
    ASSERT_TRUE(db->Truncate());
    EXPECT_EQ(db->num_series(), 0U);
    EXPECT_TRUE(db.Log().unknown.empty());
  });
}

TEST(AgentTruncationTest, ACheckpointOfTheLogKeepsTheNewerSamples) {
  AgentFixture db;
  db.clock().SetMs(kNow);
  for (int i = 0; i < 4; ++i) {
    db.Append({{kBusy, kNow + i * kMinute, static_cast<double>(i)}});
    if (i == 3) {  // Up to minute 1 they may go.
      db.clock().SetMs(kNow + kHour);
      db.Sent({kNow + 6 * kMinute, std::nullopt});
    }
    ASSERT_TRUE(db->Truncate());
  }
  ASSERT_EQ(db.Checkpoints(), std::vector{1});
  const LogContent log = db.Log();
  EXPECT_EQ(log.in_checkpoint.at(kBusy.ToString()), (std::vector<BitSample>{{kNow + kMinute, 1}}));
  EXPECT_EQ(log.floats.at(kBusy.ToString()),
            (std::vector<BitSample>{{kNow + 2 * kMinute, 2}, {kNow + 3 * kMinute, 3}}));
}

TEST(AgentTruncationTest, ACheckpointOfTheMemoryHasTheTimesAlone) {
  AgentOptions options;
  options.checkpoint_from_memory = true;
  options.checkpoint_batch = 2;
  AgentFixture db(options);
  db.clock().SetMs(kNow);
  std::vector<AgentFixture::Sample> samples;
  for (int i = 0; i < 5; ++i) samples.push_back({{{"i", std::to_string(i)}}, kNow + i, 7});
  db.Append(samples);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(db->Truncate());
  ASSERT_EQ(db.Checkpoints(), std::vector{1});
  const LogContent log = db.Log();
  EXPECT_EQ(log.series.size(), 5U);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(log.in_checkpoint.at(samples[i].labels.ToString()),
              (std::vector<BitSample>{{kNow + i, 0}}));
  }
  // Records of two series, and of two samples, three times.
  int records = 0;
  wal::LogReader reader(SystemFs(), wal::CheckpointPath(db.wal_dir(), 1), 0, 0);
  while (reader.Next()) ++records;
  EXPECT_EQ(records, 6);
  db.Kill();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(db.TryAppend(samples[i].labels, kNow + i), AppendError::kOutOfOrder);
  }
}

TEST(AgentCheckpointTest, ACheckpointThatCannotBeWrittenChangesNothing) {
  InBothForms([](const AgentOptions& options) {
    narthex::testing::FaultFs fs(SystemFs());
    AgentFixture db(options, fs);
    db.clock().SetMs(kNow);
    db.Append({{kBusy, kNow, 1}});
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(db->Truncate());
    const LogContent before = db.Log();
    for (const auto op : {narthex::testing::FileOp::kRename, narthex::testing::FileOp::kWrite}) {
      fs.SetHook([op](narthex::testing::FileOp what, const std::string& path, int) {
        const bool hit = what == op && path.find("checkpoint") != std::string::npos;
        return hit ? narthex::testing::Fault::kFail : narthex::testing::Fault::kNone;
      });
      EXPECT_FALSE(db->Truncate());
      EXPECT_TRUE(db.Checkpoints().empty());
      EXPECT_EQ(db.Log().floats, before.floats);
    }
    fs.SetHook({});
    EXPECT_EQ(db.Metric("prometheus_agent_checkpoint_creations_failed_total"), 2);
    db.Kill();
    EXPECT_EQ(db.TryAppend(kBusy, kNow), AppendError::kOutOfOrder);
    ASSERT_TRUE(db->Truncate());
    EXPECT_EQ(db.Checkpoints().size(), 1U);
  });
}

// Prometheus's agent takes two thirds of the log whatever was sent of them.
TEST(AgentCheckpointTest, SegmentsThatWereNotSentStayUntilTheyAreOld) {
  InBothForms([](const AgentOptions& options) {
    AgentFixture db(options);
    TimestampMs t = kNow;
    const auto round = [&](std::optional<int> first_unsent) {
      t += kMinute;
      db.clock().SetMs(t);
      db.Append({{kBusy, t, 1}});
      db.Sent({t, first_unsent});
      ASSERT_TRUE(db->Truncate());
    };
    for (int i = 0; i < 8; ++i) round(0);
    EXPECT_TRUE(db.Checkpoints().empty());
    EXPECT_EQ(db.Segments().front(), 0);
    round(4);
    EXPECT_EQ(db.Checkpoints(), std::vector{3});
    EXPECT_EQ(db.Segments().front(), 4);
    for (int i = 0; i < 4; ++i) round(4);
    EXPECT_EQ(db.Segments().front(), 4);
    db.Kill();
    round(4);
    EXPECT_EQ(db.Segments().front(), 4) << "a restart changes nothing";
    t += 4 * kHour;
    round(4);
    EXPECT_GT(db.Segments().front(), 4) << "what is older than is kept may go";
    EXPECT_EQ(db.TryAppend(kBusy, t), AppendError::kOutOfOrder);
  });
}

// As remote write: the samples of the segments, in their order, from a place on.
class Follower {
 public:
  using Samples = std::vector<std::pair<std::string, BitSample>>;

  void Open(AgentFixture& db) {
    tail_.emplace(SystemFs(), db.wal_dir(), db->wal_progress());
    series_.clear();
    ASSERT_TRUE(tail_->Open(place_));
    EXPECT_LE(tail_->first_segment(), place_.segment) << "a gap";
  }
  /// Reads so many records, or to the end.
  void Read(int records) {
    for (; records > 0; --records) {
      const auto step = tail_->Next();
      ASSERT_TRUE(step) << step.error().message();
      // It may read again, for the series, what was sent of before; a checkpoint has those too.
      if (*step == TailStep::kGap) {
        ASSERT_LE(tail_->first_segment(), place_.segment) << "a gap";
        continue;
      }
      if (*step == TailStep::kCaughtUp) return;
      Take();
    }
  }
  int segment() const { return place_.segment; }
  TimestampMs newest() const { return newest_; }
  const Samples& samples() const { return samples_; }

 private:
  void Take() {
    std::vector<wal::SeriesEntry> series;
    std::vector<wal::SampleEntry> samples;
    if (wal::TypeOf(tail_->record()) == wal::RecordType::kSeries) {
      ASSERT_TRUE(wal::DecodeSeries(tail_->record(), series));
      for (const auto& [ref, labels] : series) series_[ref] = labels.ToString();
    } else if (!tail_->in_checkpoint() && tail_->position() >= place_) {
      ASSERT_TRUE(wal::DecodeSamples(tail_->record(), samples));
      for (const auto& [ref, t, v] : samples) {
        ASSERT_TRUE(series_.contains(ref)) << "a sample without its series";
        samples_.emplace_back(series_[ref], BitSample{t, v});
        newest_ = std::max(newest_, t);
      }
    }
    if (!tail_->in_checkpoint()) place_ = std::max(place_, tail_->next_position());
  }

  std::optional<WalTail> tail_;
  std::map<wal::WalRef, std::string> series_;
  WalPosition place_;
  TimestampMs newest_ = 0;
  Samples samples_;
};

// Whatever happens, remote write finds every sample, and its series.
TEST(AgentCheckpointTest, RandomLives) {
  InBothForms([](const AgentOptions& form) {
    AgentOptions options = form;
    options.wal_segment_bytes = 32 * 1024;
    options.min_keep_ms = kMinute;
    AgentFixture db(options);
    std::mt19937 random(11);
    TimestampMs t = kNow;
    Follower follower;
    follower.Open(db);
    Follower::Samples appended;
    for (int round = 0; round < 500; ++round) {
      SCOPED_TRACE(round);
      t += 1000 + static_cast<TimestampMs>(random() % 20'000);
      db.clock().SetMs(t);
      std::vector<AgentFixture::Sample> samples;
      const int first = static_cast<int>(random() % 100);
      for (int i = first; i < first + 20; ++i) {
        const Labels labels{{"__name__", "m"}, {"i", std::to_string(i)}};
        samples.push_back({labels, t, static_cast<double>(random() % 1000)});
        appended.emplace_back(labels.ToString(), BitSample{t, samples.back().v});
      }
      db.Append(samples);
      follower.Read(static_cast<int>(random() % 12));
      if (random() % 5 == 0) {
        db.Sent({follower.newest(), follower.segment()});
        const auto status = db->Truncate();
        ASSERT_TRUE(status) << status.error().message();
      }
      if (random() % 50 == 0) {
        db.Kill();
        follower.Open(db);
      }
      if (::testing::Test::HasFailure()) return;
    }
    follower.Read(1'000'000);
    EXPECT_FALSE(db.Checkpoints().empty());
    EXPECT_LE(db->num_series(), 120U);
    EXPECT_EQ(follower.samples(), appended);
  });
}

// For the sanitizer: scrapes go on while series leave and the log is cut.
TEST(AgentCheckpointTest, WritersBesideATruncation) {
  InBothForms([](const AgentOptions& form) {
    AgentOptions options = form;
    options.wal_segment_bytes = 32 * 1024;
    AgentFixture db(options);
    std::atomic<TimestampMs> now{kNow};
    db->SetSendingProgress([&now] { return SendingProgress{now.load() - kHour, std::nullopt}; });
    const auto write = [&](int writer) {
      std::vector<SeriesRef> refs(20, SeriesRef{0});
      for (int round = 0; round < 200; ++round) {
        const TimestampMs t = now.fetch_add(kMinute) + kMinute;
        db.clock().SetMs(t);
        const auto appender = db->NewAppender();
        for (std::size_t i = 0; i < refs.size(); ++i) {
          if ((round / 70 + static_cast<int>(i)) % 3 == 0) continue;  // Idle for a time.
          const Labels labels{{"w", std::to_string(writer)}, {"i", std::to_string(i)}};
          EXPECT_EQ(appender->Append(refs[i], labels, t, 1), AppendError::kNone);
        }
        EXPECT_TRUE(appender->Commit());
      }
    };
    std::thread first(write, 1);
    std::thread second(write, 2);
    for (int i = 0; i < 30; ++i) EXPECT_TRUE(db->Truncate());
    first.join();
    second.join();
    EXPECT_TRUE(db->Truncate());
    EXPECT_TRUE(db.Log().unknown.empty());
  });
}

}  // namespace
}  // namespace narthex::tsdb::testing
