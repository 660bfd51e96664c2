// SPDX-License-Identifier: Apache-2.0
#include "src/server/configuration.h"

#include <gtest/gtest.h>

#include "narthex/base/fs.h"
#include "narthex/base/metrics.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace narthex::server {
namespace {

/// A configuration in a folder of its own that counts how often it is applied.
class ConfigurationTest : public ::testing::Test {
 protected:
  ConfigurationTest() {
    configuration_.AddApplier("test", [this](const auto&) -> Status {
      ++applied_;
      if (refuse_) return Fail(Code::kInvalidArgument, "refused");
      return {};
    });
  }
  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomically(SystemFs(), dir_.path() + "/" + name, AsBytes(text)));
  }
  void Start() {
    Write("rules-a.yml", "groups: []\n");
    Write("jobs-a.yml", "scrape_configs: []\n");
    Write("prometheus.yml", kText);
    configuration_.WatchFiles();
    ASSERT_TRUE(configuration_.Load());
    ASSERT_TRUE(configuration_.ApplyLoaded());
    applied_ = 0;
  }
  /// How often the next looks reload.
  int Look(int times = 1) {
    applied_ = 0;
    for (int i = 0; i < times; ++i) configuration_.ReloadIfChanged();
    return applied_;
  }

  static constexpr const char* kText =
      "rule_files: ['rules-*.yml']\nscrape_config_files: ['jobs-*.yml']\n";
  testing::TempDir dir_;
  testing::FakeClock clock_;
  metrics::Registry registry_;
  Configuration configuration_{dir_.path() + "/prometheus.yml", {}, clock_, registry_};
  int applied_ = 0;
  bool refuse_ = false;
};

TEST_F(ConfigurationTest, ReloadsWhatHasChanged) {
  Start();
  EXPECT_EQ(0, Look(3)) << "nothing has changed";
  Write("prometheus.yml", kText);
  EXPECT_EQ(0, Look(3)) << "the same text again";
  const struct {
    const char* name;
    const char* text;
  } changes[] = {
      {"prometheus.yml",
       "# changed\nrule_files: ['rules-*.yml']\nscrape_config_files: ['jobs-*.yml']\n"},
      {"rules-a.yml", "groups: [] # changed\n"},
      {"jobs-a.yml", "scrape_configs: [] # changed\n"},
      {"rules-new.yml", "groups: []\n"},
      {"jobs-new.yml", "scrape_configs: []\n"},
  };
  for (const auto& [name, text] : changes) {
    Write(name, text);
    EXPECT_EQ(1, Look(3)) << name;
  }
  ASSERT_TRUE(SystemFs().Remove(dir_.path() + "/rules-new.yml"));
  EXPECT_EQ(1, Look(3)) << "a file that has gone";
  Write("other.yml", "x");
  EXPECT_EQ(0, Look(3)) << "a file that is not named";
}

TEST_F(ConfigurationTest, AReloadThatWasAskedForCounts) {
  Start();
  Write("rules-a.yml", "groups: [] # changed\n");
  ASSERT_TRUE(configuration_.Reload());
  EXPECT_EQ(0, Look());
}

TEST_F(ConfigurationTest, WhatFailsIsTriedAgain) {
  Start();
  Write("rules-a.yml", "groups: [] # changed\n");
  refuse_ = true;
  EXPECT_EQ(3, Look(3));
  EXPECT_FALSE(configuration_.last_reload_successful());
  refuse_ = false;
  EXPECT_EQ(1, Look(3));
  EXPECT_TRUE(configuration_.last_reload_successful());
  Write("prometheus.yml", "global: [\n");
  EXPECT_EQ(0, Look(2)) << "it can't be read";
  EXPECT_FALSE(configuration_.last_reload_successful());
  Write("prometheus.yml", kText);
  EXPECT_EQ(1, Look(3)) << "the file is as it was, and that counts as a success";
  EXPECT_TRUE(configuration_.last_reload_successful());
  ASSERT_TRUE(SystemFs().Remove(dir_.path() + "/prometheus.yml"));
  EXPECT_EQ(0, Look());
  EXPECT_FALSE(configuration_.last_reload_successful());
}

TEST_F(ConfigurationTest, TellsWhenAReloadFailed) {
  Start();
  EXPECT_EQ(0, configuration_.last_failure_ns());
  refuse_ = true;
  EXPECT_FALSE(configuration_.Reload());
  const std::int64_t first = configuration_.last_failure_ns();
  EXPECT_EQ(clock_.NowNs(), first);
  clock_.AdvanceMs(1000);
  EXPECT_EQ(first, configuration_.last_failure_ns());
  EXPECT_FALSE(configuration_.Reload());
  EXPECT_EQ(clock_.NowNs(), configuration_.last_failure_ns());
  refuse_ = false;
  EXPECT_TRUE(configuration_.Reload());
  EXPECT_EQ(0, configuration_.last_failure_ns());
}

}  // namespace
}  // namespace narthex::server
