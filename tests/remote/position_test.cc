// SPDX-License-Identifier: Apache-2.0
//
// What a queue has sent is sent once, and what it has not is sent: over restarts, kills, reloads
// and outages.
#include <algorithm>
#include <set>

#include "src/remote/position_file.h"
#include "tests/remote/fixture.h"
#include "tests/support/fake_clock.h"

namespace narthex::remote::testing {
namespace {

class PositionTest : public RemoteWriteTest {};

TEST_F(PositionTest, AnotherRunGoesOnWhereTheLastOneWas) {
  Receiver receiver;
  const std::string yaml = Section(receiver.Url(), "", ", min_shards: 3");
  Start(yaml);
  AppendMany(5, 0, 4);
  receiver.WaitForTaken(20);
  storage_ = nullptr;
  AppendMany(5, 4, 3);  // While nobody sends.
  db_ = nullptr;
  OpenDb();
  AppendMany(5, 7, 2);
  Start(yaml);
  AppendMany(5, 9, 1);
  EXPECT_EQ(receiver.WaitForTaken(50), Many(5, 0, 10));
}

TEST_F(PositionTest, AKillLosesNothingAndRepeatsOnlyWhatWasNotAcknowledged) {
  Receiver receiver;
  // Some shards get through, others do not.
  receiver.OnRequest([](const Sent& sent, int) -> Receiver::Answer {
    const bool good = sent.series[0].labels.find(R"(n="1")") == std::string::npos;
    return good ? Receiver::Taken(sent) : Receiver::Answer{.status = "503 Unavailable"};
  });
  flush_deadline_ms_ = 50;
  const std::string yaml = Section(receiver.Url(), "", ", min_shards: 3, max_samples_per_send: 1");
  Start(yaml);
  AppendMany(3, 0, 4);
  receiver.WaitForTaken(8);
  // The last answer is noted by the shard's thread: it is when the gauge says so.
  for (int rounds = 0; Metric("samples_pending") != 4 && rounds < 1000; ++rounds) {
    receiver.WaitForRequests(receiver.requests().size() + 1);
  }
  Kill();
  receiver.OnRequest([](const Sent& sent, int) { return Receiver::Taken(sent); });
  Start(yaml);
  AppendMany(3, 4, 1);
  EXPECT_EQ(receiver.WaitForTaken(15), Many(3, 0, 5));
}

// A request that arrived, but whose answer did not, is sent again as it was, without what came
// later: a server that refuses it for being there already must not refuse that too.
TEST_F(PositionTest, ARequestOfUnknownFateIsSentAgainAlone) {
  Receiver receiver;
  receiver.Always("503 Unavailable", "Retry-After: 3600\r\n");
  flush_deadline_ms_ = 50;
  const std::string yaml = Section(receiver.Url());
  Start(yaml);
  AppendMany(3, 0, 1);
  const std::vector<Sent> first = receiver.WaitForRequests(1);
  AppendMany(3, 1, 2);
  Kill();
  receiver.OnRequest([](const Sent& sent, int number) -> Receiver::Answer {
    if (number == 1) return {.status = "400 Bad Request"};  // "It is there already."
    return Receiver::Taken(sent);
  });
  Start(yaml);
  EXPECT_EQ(receiver.WaitForTaken(6), Many(3, 1, 2));
  EXPECT_EQ(receiver.requests()[1].body, first[0].body);
}

TEST_F(PositionTest, StopSendsWhatWasAppendedBefore) {
  Receiver receiver;
  Start(fmt::format("remote_write: [{{url: \"{}\", queue_config: {{batch_send_deadline: 1h}}}}]",
                    receiver.Url()));
  AppendMany(4, 0, 3);
  storage_->Stop();
  EXPECT_EQ(receiver.Taken(), Many(4, 0, 3));
}

TEST_F(PositionTest, StopGivesUpAtItsDeadlineAndTheNextRunSendsTheRest) {
  Receiver receiver;
  receiver.Always("503 Unavailable");
  flush_deadline_ms_ = 50;
  const std::string yaml = Section(receiver.Url(), "", ", capacity: 2, max_samples_per_send: 2");
  Start(yaml);
  AppendMany(3, 0, 10);  // More than the queue holds.
  receiver.WaitForRequests(1);
  storage_->Stop();
  EXPECT_EQ(Metric("samples_pending"), 0);
  receiver.OnRequest({});
  Start(yaml);
  EXPECT_EQ(receiver.WaitForTaken(30), Many(3, 0, 10));
}

TEST_F(PositionTest, AReloadKeepsWhatIsAsBefore) {
  Receiver receiver;
  Receiver other;
  const auto yaml = [&](const std::string& more, const std::string& external = "a") {
    return fmt::format("global: {{external_labels: {{dc: {}}}}}\n", external) +
           Section(receiver.Url(), more);
  };
  Start(yaml(""));
  AppendMany(2, 0, 3);
  Apply(yaml(""));
  AppendMany(2, 3, 3);
  Apply(yaml(", remote_timeout: 29s"));  // Made anew.
  AppendMany(2, 6, 3);
  receiver.WaitForTaken(18);
  Apply(yaml("", "b"));
  AppendMany(2, 9, 1);
  const Points points = receiver.WaitForTaken(20);
  EXPECT_EQ(points.size(), 4U);
  std::size_t last = 0;
  for (const auto& [labels, all] : points) {
    if (labels.find(R"(dc="b")") != std::string::npos) last += all.size();
    if (labels.find(R"(dc="a")") != std::string::npos) {
      EXPECT_EQ(all.size(), 9U);
    }
  }
  EXPECT_EQ(last, 2U);
}

TEST_F(PositionTest, AnEndpointThatWasLeftOutBeginsAnew) {
  Receiver receiver;
  const std::string yaml = Section(receiver.Url());
  Start(yaml);
  AppendMany(1, 0, 1);
  receiver.WaitForTaken(1);
  Apply("global: {}\n");
  AppendMany(1, 1, 5);
  Apply(yaml);
  AppendMany(1, 6, 1);
  Points want = Many(1, 0, 1);
  want[Series(0).ToString()].push_back(At(kStart + 6000, 6));
  EXPECT_EQ(receiver.WaitForTaken(2), want);
}

TEST_F(PositionTest, DamagedPositionsBeginWithWhatIsNew) {
  Receiver receiver;
  const std::string yaml = Section(receiver.Url());
  Start(yaml);
  AppendMany(1, 0, 1);
  receiver.WaitForTaken(1);
  storage_ = nullptr;
  for (const auto& entry : std::filesystem::directory_iterator(dir_ + "/remote_write")) {
    std::filesystem::resize_file(entry.path(), 100);
  }
  AppendMany(1, 1, 1);
  Start(yaml);
  AppendMany(1, 2, 1);
  const Points points = receiver.WaitForTaken(2);
  EXPECT_EQ(points.at(Series(0).ToString()).back(), At(kStart + 2000, 2));
}

TEST_F(PositionTest, APlaceBehindTheLogsEndIsItsEnd) {
  Receiver receiver;
  const std::string yaml = Section(receiver.Url());
  Start(yaml);
  AppendMany(1, 0, 1);
  receiver.WaitForTaken(1);
  storage_ = nullptr;
  for (const auto& entry : std::filesystem::directory_iterator(dir_ + "/remote_write")) {
    PositionFile file(SystemFs(), entry.path().string());
    std::vector<ShardPosition> positions = file.Load().value().value();
    positions[0].mark.record.offset += 1 << 20;  // As after a power cut that the log did not get.
    positions[0].sending = positions[0].mark;
    ASSERT_TRUE(file.Reset(positions));
  }
  Start(yaml);
  AppendMany(1, 1, 3);
  EXPECT_EQ(receiver.WaitForTaken(4), Many(1, 0, 4));
}

/// A head of a minute and small segments, so that the log is cut soon.
class GapTest : public RemoteWriteTest {
 protected:
  GapTest() { clock_ = &now_; }
  ~GapTest() override { storage_ = nullptr; }  // Before its clock.

  tsdb::DbOptions DbOptions() const override {
    tsdb::DbOptions options = RemoteWriteTest::DbOptions();
    options.min_block_duration_ms = 60'000;
    options.retention_ms = 0;
    options.wal_segment_bytes = 32 * 1024;
    options.wal_compression = tsdb::WalCompression::kNone;
    return options;
  }

  /// Sends five scrapes; while nobody sends, 1,200 more come, which the log does not keep.
  void LoseTheLog(Receiver& receiver, const std::string& yaml) {
    Start(yaml);
    AppendMany(20, 0, 5);
    receiver.WaitForTaken(100);
    storage_ = nullptr;
    now_.AdvanceMs(3'600'000);
    AppendMany(20, 5, 1200);
    ASSERT_TRUE(db_->Compact());
  }
  /// Next to a gap's ends samples may come twice; none may be missing.
  static void WaitForAll(Receiver& receiver, const Points& want) {
    receiver.WaitForPoints([&](Points taken) {
      for (auto& [labels, points] : taken) {
        std::sort(points.begin(), points.end(),
                  [](const Point& a, const Point& b) { return a.t < b.t; });
        points.erase(std::unique(points.begin(), points.end()), points.end());
      }
      return taken == want;
    });
  }

  narthex::testing::FakeClock now_{kStart};
};

TEST_F(GapTest, WhatTheLogNoLongerHasComesFromBlocks) {
  Receiver receiver;
  const std::string yaml = Section(receiver.Url());
  LoseTheLog(receiver, yaml);
  ASSERT_FALSE(db_->Blocks().empty());
  ASSERT_FALSE(std::filesystem::exists(dir_ + "/wal/00000000"));
  Start(yaml);
  AppendMany(20, 1205, 5);
  WaitForAll(receiver, Many(20, 0, 1210));
  // What was sent in the ten minutes before the gap is sent again, and a minute behind it.
  EXPECT_LE(receiver.NumTaken() - std::size_t{20 * 1210}, 20U * 70);
  std::string text;
  registry_.WriteText(text);
  const std::string name = "\nnarthex_remote_write_gaps_total{";
  const auto at = text.find(name);
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(text.substr(text.find(' ', at), 2), " 1");
}

// What is being read from the database must not be held while an endpoint takes nothing.
TEST_F(GapTest, ADeadEndpointHoldsUpNoCompaction) {
  Receiver receiver;
  const std::string yaml = Section(receiver.Url());
  LoseTheLog(receiver, yaml);
  receiver.Always("503 Unavailable");
  flush_deadline_ms_ = 50;
  Start(yaml);
  AppendMany(20, 1205, 1);
  // One sender has the newest samples, one those of the gap.
  const std::size_t before = receiver.requests().size();
  std::set<std::string> bodies;
  for (int rounds = 0; bodies.size() < 2 && rounds < 300; ++rounds) {
    const auto sent = receiver.WaitForRequests(before + static_cast<std::size_t>(rounds) + 1);
    for (std::size_t i = before; i < sent.size(); ++i) bodies.insert(sent[i].request.body);
  }
  ASSERT_GE(bodies.size(), 2U);
  AppendMany(20, 1206, 300);
  EXPECT_TRUE(db_->Compact());

  // Further runs find the same gap and do not add to it.
  const auto gaps = [&] {
    std::string text;
    for (const auto& entry : std::filesystem::directory_iterator(dir_ + "/remote_write")) {
      if (entry.path().extension() != ".gaps") continue;
      text = SystemFs().ReadFile(entry.path().string()).value();
    }
    return text;
  };
  storage_ = nullptr;
  const std::string first = gaps();
  EXPECT_EQ(std::count(first.begin(), first.end(), '\n'), 1);
  for (int run = 0; run < 2; ++run) {
    Start(yaml);
    receiver.WaitForRequests(receiver.requests().size() + 1);
    storage_ = nullptr;
    const std::string again = gaps();
    EXPECT_EQ(std::count(again.begin(), again.end(), '\n'), 1);
    EXPECT_EQ(again.substr(0, again.find(' ')), first.substr(0, first.find(' ')));
  }
}

// Segments that go while the endpoint takes nothing are a gap too, and the newest keeps flowing.
TEST_F(GapTest, AnOutageLongerThanTheLogWhileRunning) {
  Receiver receiver;
  receiver.Always("503 Unavailable");
  const std::string yaml = Section(receiver.Url(), "", ", capacity: 10, max_samples_per_send: 10");
  Start(yaml);
  AppendMany(20, 0, 5);
  receiver.WaitForRequests(1);
  now_.AdvanceMs(3'600'000);
  AppendMany(20, 5, 1200);
  ASSERT_TRUE(db_->Compact());
  AppendMany(20, 1205, 5);
  receiver.OnRequest({});
  WaitForAll(receiver, Many(20, 0, 1210));
}

}  // namespace
}  // namespace narthex::remote::testing
