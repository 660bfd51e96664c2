// SPDX-License-Identifier: Apache-2.0
#include "scrape/pool/scrape_pool.h"

#include <gtest/gtest.h>

#include "narthex/base/clock.h"
#include "narthex/base/metrics.h"
#include "narthex/config/config.h"
#include "narthex/net/io_pool.h"
#include "scrape/loop/scrape_metrics.h"
#include "tests/scrape/recording_storage.h"

namespace narthex::scrape {
namespace {

using GroupPtr = std::shared_ptr<const config::TargetGroup>;

GroupPtr Group(const std::string& source, const std::vector<std::string>& addresses,
               const std::string& meta = "") {
  config::TargetGroup group;
  group.source = source;
  for (const std::string& address : addresses) {
    group.targets.push_back(model::Labels{{"__address__", address}});
  }
  if (!meta.empty()) group.labels = model::Labels{{"__meta_from", meta}};
  return std::make_shared<const config::TargetGroup>(std::move(group));
}

/// A pool whose targets are never scraped within a test.
class ScrapePoolTest : public ::testing::Test {
 protected:
  ScrapePoolTest()
      : io_("test", 1),
        metrics_(registry_),
        context_{storage_,
                 SystemClock(),
                 metrics_,
                 options_,
                 counter_,
                 std::make_shared<Timetable>(),
                 std::make_shared<ScrapeHeld>()} {
    pool = std::make_unique<ScrapePool>(Plan("a"), io_, context_);
    io_.Start();
  }
  ~ScrapePoolTest() override {
    pool->AbortLoops();
    counter_.WaitForNone(20'000);
    pool.reset();
    io_.Stop();
  }

  static LoopPlan Plan(const std::string& x) {
    auto config = config::LoadText(
        "scrape_configs: [{job_name: j, scrape_interval: 8760h, keep_dropped_targets: 3, "
        "relabel_configs: [{source_labels: [__address__], regex: 'drop.*', action: drop}, "
        "{target_label: x, replacement: " +
            x + "}]}]",
        "test.yml");
    EXPECT_TRUE(config.has_value()) << config.error().message();
    const auto whole = *config;
    return {.config = {whole, &whole->scrape_configs[0]}, .failure_log = nullptr};
  }
  /// "URL x from" of each active target.
  std::vector<std::string> Active() const {
    std::vector<ActiveTarget> targets;
    pool->AppendActive(targets);
    std::vector<std::string> lines;
    for (const ActiveTarget& target : targets) {
      lines.push_back(target.scrape_url + " " + std::string(target.labels.Get("x")) + " " +
                      std::string(target.discovered_labels.Get("__meta_from")));
    }
    return lines;
  }
  std::vector<std::string> Dropped() const {
    std::vector<DroppedTarget> targets;
    pool->AppendDropped(targets);
    std::vector<std::string> addresses;
    for (const DroppedTarget& target : targets) {
      addresses.emplace_back(target.discovered_labels.Get("__address__"));
    }
    return addresses;
  }
  std::uint64_t Failed() {
    return registry_
        .AddCounter("prometheus_target_sync_failed_total", "Total number of target sync failures.",
                    {{"scrape_job", "j"}})
        .value();
  }
  using Lines = std::vector<std::string>;

 private:
  RecordingStorage storage_;
  metrics::Registry registry_;
  net::IoPool io_;
  ScrapeMetrics metrics_;
  ScrapeOptions options_;
  LoopCounter counter_;
  LoopContext context_;

 protected:
  std::unique_ptr<ScrapePool> pool;
};

TEST_F(ScrapePoolTest, GroupsThatStayKeepTheirTargets) {
  const GroupPtr one = Group("1", {"h:1", "drop:1", ""}, "one");
  pool->Sync({one, Group("2", {"h:2"}, "two")});
  EXPECT_EQ((Lines{"http://h:1/metrics a one", "http://h:2/metrics a two"}), Active());
  EXPECT_EQ(1U, Failed());
  pool->Sync({one, Group("2", {"h:3"}, "three")});
  EXPECT_EQ((Lines{"http://h:1/metrics a one", "http://h:3/metrics a three"}), Active());
  EXPECT_EQ((Lines{"drop:1"}), Dropped());
  EXPECT_EQ(1, pool->dropped_count());
  EXPECT_EQ(2U, Failed());  // It fails in each synchronisation.
  pool->Sync({one});
  EXPECT_EQ((Lines{"http://h:1/metrics a one"}), Active());
  pool->Sync({});
  EXPECT_EQ(Lines(), Active());
  EXPECT_EQ(0, pool->dropped_count());
}

TEST_F(ScrapePoolTest, ATargetOfTwoGroupsShowsTheFirstThatHasIt) {
  const GroupPtr one = Group("1", {"h:1"}, "one");
  const GroupPtr two = Group("2", {"h:1", "h:2"}, "two");
  pool->Sync({one, two});
  EXPECT_EQ((Lines{"http://h:1/metrics a one", "http://h:2/metrics a two"}), Active());
  pool->Sync({one, two});
  EXPECT_EQ((Lines{"http://h:1/metrics a one", "http://h:2/metrics a two"}), Active());
  pool->Sync({two});
  EXPECT_EQ((Lines{"http://h:1/metrics a two", "http://h:2/metrics a two"}), Active());
  pool->Sync({one, two});
  EXPECT_EQ((Lines{"http://h:1/metrics a one", "http://h:2/metrics a two"}), Active());
  pool->Sync({one, one, two});
  EXPECT_EQ((Lines{"http://h:1/metrics a one", "http://h:2/metrics a two"}), Active());
  pool->Sync({one});
  EXPECT_EQ((Lines{"http://h:1/metrics a one"}), Active());
}

TEST_F(ScrapePoolTest, AnotherConfigurationRelabelsAgain) {
  const GroupPtr one = Group("1", {"h:1"}, "one");
  pool->Sync({one});
  pool->Reload(Plan("b"));
  pool->Sync({one});
  EXPECT_EQ((Lines{"http://h:1/metrics b one"}), Active());
}

TEST_F(ScrapePoolTest, DroppedTargetsAreShownUpToALimit) {
  pool->Sync({Group("1", {"drop:1", "drop:2"}), Group("2", {"drop:3", "drop:4"})});
  EXPECT_EQ((Lines{"drop:1", "drop:2", "drop:3"}), Dropped());
  EXPECT_EQ(4, pool->dropped_count());
}

}  // namespace
}  // namespace narthex::scrape
