// SPDX-License-Identifier: Apache-2.0
#include "scrape/pool/discovery_set.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "narthex/base/metrics.h"

namespace narthex::scrape {
namespace {

std::vector<config::TargetGroup> Group(const std::string& address) {
  config::TargetGroup group;
  group.targets.push_back({{"__address__", address}});
  return {group};
}

// While a reload starts what is new, what stays is never away: a report of it would be lost.
TEST(DiscoverySetTest, WhatStaysIsThereWhileNewJobsStart) {
  metrics::Registry registry;
  const DiscoverySet* seen = nullptr;
  std::map<std::string, std::size_t> groups_of_old;  // By the job that changed.
  DiscoverySet set(registry, "scrape", [&](const std::vector<std::string>& jobs) {
    for (const std::string& job : jobs) groups_of_old[job] = seen->Groups("old").size();
  });
  seen = &set;
  const auto old_groups = Group("a:1");
  const auto new_groups = Group("b:2");
  const std::vector<config::FileSdConfig> no_files;
  const DiscoveryJob old{"old", old_groups, no_files};
  const DiscoveryJob fresh{"fresh", new_groups, no_files};
  set.Apply({old});
  EXPECT_EQ(groups_of_old, (std::map<std::string, std::size_t>{{"old", 1}}));
  set.Apply({fresh, old});
  EXPECT_EQ(groups_of_old, (std::map<std::string, std::size_t>{{"fresh", 1}, {"old", 1}}));
  EXPECT_EQ(set.Groups("fresh").size(), 1U);
  set.Apply({fresh});
  EXPECT_EQ(set.Groups("old").size(), 0U);
}

}  // namespace
}  // namespace narthex::scrape
