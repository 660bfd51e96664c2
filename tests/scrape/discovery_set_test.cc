// SPDX-License-Identifier: Apache-2.0
#include "scrape/pool/discovery_set.h"

#include <fstream>
#include <map>
#include <new>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "narthex/base/clock.h"
#include "narthex/base/metrics.h"
#include "tests/support/temp_dir.h"

namespace narthex::scrape {
namespace {

std::vector<config::TargetGroup> Group(const std::string& address) {
  config::TargetGroup group;
  group.targets.push_back({{"__address__", address}});
  return {group};
}

/// What the set said, job by job, and how many groups the job "old" had then.
class Listener {
 public:
  DiscoverySet::Changed Callback() {
    return [this](const std::vector<std::string>& jobs) {
      MutexLock lock(mutex_);
      for (const std::string& job : jobs) {
        groups_of_old_[job] = set == nullptr ? 0 : set->Groups("old").size();
      }
      changed_.NotifyAll();
    };
  }
  /// Waits until the job was heard of. @return the groups of "old" at that time
  std::size_t GroupsOfOldAt(const std::string& job) {
    MutexLock lock(mutex_);
    while (!groups_of_old_.contains(job)) changed_.Wait(mutex_);
    return groups_of_old_[job];
  }

  const DiscoverySet* set = nullptr;

 private:
  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, std::size_t> groups_of_old_;
};

class DiscoverySetTest : public ::testing::Test {
 protected:
  DiscoverySetTest()
      : set(registry, SystemClock(), "scrape", listener.Callback(), {.first_ns = 0, .most_ns = 0}) {
    listener.set = &set;
  }
  bool HasLine(const std::string& line) const {
    std::string text;
    registry.WriteText(text);
    return text.find(line + "\n") != std::string::npos;
  }

  metrics::Registry registry;
  Listener listener;
  const std::vector<config::DiscoveryConfig> none;
  DiscoverySet set;
};

// While a reload starts what is new, what stays is never away: a report of it would be lost.
TEST_F(DiscoverySetTest, WhatStaysIsThereWhileNewJobsStart) {
  const auto old_groups = Group("a:1");
  const auto new_groups = Group("b:2");
  const DiscoveryJob old{"old", old_groups, none};
  const DiscoveryJob fresh{"fresh", new_groups, none};
  set.Apply({old});
  EXPECT_EQ(listener.GroupsOfOldAt("old"), 1U);
  set.Apply({fresh, old});
  EXPECT_EQ(listener.GroupsOfOldAt("fresh"), 1U);
  EXPECT_EQ(set.Groups("fresh").size(), 1U);
  set.Apply({fresh});
  EXPECT_EQ(set.Groups("old").size(), 0U);
}

// An exception in the one who is told, as for lack of memory, neither ends the server nor the news.
TEST(DiscoverySetThrowTest, WhatCouldNotBePassedOnIsToldAgain) {
  metrics::Registry registry;
  Mutex mutex;
  CondVar changed;
  int calls = 0;
  std::vector<std::string> told;
  const auto groups = Group("a:1");
  DiscoverySet set(registry, SystemClock(), "scrape",
                   [&](const std::vector<std::string>& jobs) {
                     MutexLock lock(mutex);
                     if (++calls == 1) throw std::bad_alloc();
                     told = jobs;
                     changed.NotifyAll();
                   },
                   {.first_ns = 0, .most_ns = 0});
  const std::vector<config::DiscoveryConfig> none;
  set.Apply({DiscoveryJob{"j", groups, none}});
  MutexLock lock(mutex);
  while (told.empty()) changed.Wait(mutex);
  EXPECT_EQ(told, std::vector<std::string>{"j"});
}

TEST_F(DiscoverySetTest, EqualSettingsAreSharedAndNotDisturbedByAReload) {
  const testing::TempDir dir;
  std::ofstream(dir.path() + "/a.json") << R"([{"targets": ["a:1", "b:1"]}, {"targets": []}])";
  const config::DiscoveryConfig files{"file", "file a",
                                      config::FileSdConfig{{dir.path() + "/*.json"}, 3'600'000}};
  const std::vector<config::DiscoveryConfig> twice{files, files};
  const std::vector<config::TargetGroup> no_groups;
  const std::vector<DiscoveryJob> jobs{{"j", no_groups, twice}, {"k", no_groups, twice}};
  set.Apply(jobs);
  const auto received = [&] {
    return registry.AddCounter("prometheus_sd_received_updates_total", "", {{"name", "scrape"}})
        .value();
  };
  EXPECT_EQ(received(), 1U);
  ASSERT_EQ(set.Groups("j").size(), 1U);  // A group without targets is none.
  EXPECT_EQ(set.Groups("j"), set.Groups("k"));
  EXPECT_TRUE(HasLine(R"(prometheus_sd_discovered_targets{config="j",name="scrape"} 2)"));
  set.Apply(jobs);
  EXPECT_EQ(received(), 1U);
  set.Apply({jobs[1]});
  EXPECT_EQ(received(), 1U);
  EXPECT_FALSE(HasLine(R"(prometheus_sd_discovered_targets{config="j",name="scrape"} 2)"));
  EXPECT_TRUE(HasLine(R"(prometheus_sd_failed_configs{name="scrape"} 0)"));
}

TEST_F(DiscoverySetTest, WhatCanNotBeMadeIsCountedAndTriedAgain) {
  const testing::TempDir dir;
  config::KubernetesSdConfig kubernetes;
  kubernetes.kubeconfig_file = dir.path() + "/kube.yml";
  const std::vector<config::DiscoveryConfig> broken{{"kubernetes", "kubernetes a", kubernetes}};
  const auto groups = Group("a:1");
  const std::vector<DiscoveryJob> jobs{{"j", groups, broken}, {"k", groups, broken}};
  set.Apply(jobs);
  EXPECT_TRUE(HasLine(R"(prometheus_sd_failed_configs{name="scrape"} 2)"));
  EXPECT_EQ(set.Groups("j").size(), 1U);  // The static one.
  std::ofstream(kubernetes.kubeconfig_file)
      << "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n"
         "clusters: [{name: k, cluster: {server: 'http://127.0.0.1:1'}}]\n";
  set.Apply(jobs);
  EXPECT_TRUE(HasLine(R"(prometheus_sd_failed_configs{name="scrape"} 0)"));
}

}  // namespace
}  // namespace narthex::scrape
