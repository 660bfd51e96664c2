// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "web/push/family_index.h"

namespace narthex::web {
namespace {

using proto::FamilyType;
using proto::MetricFamily;

MetricFamily Family(const std::string& name, FamilyType type, const std::string& label) {
  MetricFamily family;
  family.name = name;
  family.type = type;
  auto& metric = family.metrics.emplace_back();
  metric.kind = proto::KindOf(type);
  metric.labels = {{"l", label}};
  if (metric.kind == proto::MetricKind::kHistogram || metric.kind == proto::MetricKind::kSummary) {
    metric.distribution = std::make_unique<proto::Distribution>();
  }
  return family;
}

TEST(FamilyIndexTest, HasOneTypeForAName) {
  FamilyIndex index;
  std::vector<std::string> problems;
  EXPECT_TRUE(index.Add(Family("f", FamilyType::kHistogram, "a"), problems));
  EXPECT_FALSE(index.Add(Family("f", FamilyType::kGaugeHistogram, "b"), problems));
  ASSERT_EQ(1U, problems.size());
  EXPECT_EQ("gathered metric family f has type GAUGE_HISTOGRAM but should have HISTOGRAM",
            problems[0]);
  EXPECT_TRUE(index.Add(Family("f", FamilyType::kHistogram, "b"), problems));
}

TEST(FamilyIndexTest, RefusesWhatNoPageCanTell) {
  using namespace std::string_literals;
  const auto refused = [](const MetricFamily& family) {
    FamilyIndex index;
    std::vector<std::string> problems;
    return !index.Add(family, problems);
  };
  for (const std::string& bad : {"a\0b"s, "a\xff"s}) {
    EXPECT_TRUE(refused(Family(bad, FamilyType::kGauge, "a")));
    EXPECT_TRUE(refused(Family("f", FamilyType::kGauge, bad)));
    MetricFamily family = Family("f", FamilyType::kGauge, "a");
    family.metrics[0].labels[0].first = bad;
    EXPECT_TRUE(refused(family));
    family = Family("f", FamilyType::kGauge, "a");
    family.help = bad;
    EXPECT_TRUE(refused(family));
    family.help = "good";
    EXPECT_FALSE(refused(family));
    family.unit = bad;
    EXPECT_TRUE(refused(family));
  }
}

TEST(FamilyIndexTest, TellsSoManyProblems) {
  FamilyIndex index;
  MetricFamily family = Family("f", FamilyType::kGauge, "a");
  for (int i = 0; i < 1000; ++i) {
    auto& metric = family.metrics.emplace_back();
    metric.kind = proto::MetricKind::kGauge;
    metric.labels = {{"l", "a"}};
  }
  std::vector<std::string> problems;
  EXPECT_FALSE(index.Add(family, problems));
  EXPECT_EQ(100U, problems.size());
  EXPECT_FALSE(index.Add(Family("g", FamilyType::kGauge, "a"), problems));
  EXPECT_EQ(100U, problems.size());
  problems.clear();
  EXPECT_TRUE(index.Add(Family("f", FamilyType::kGauge, "a"), problems));
}

/// After any operations the index answers as one that was made of what is left, in another order.
TEST(FamilyIndexTest, DoesNotDependOnWhatWasThere) {
  const std::vector<std::string> names = {"f", "f_count", "f_bucket", "f_sum"};
  const std::vector<FamilyType> types = {FamilyType::kGauge, FamilyType::kSummary,
                                         FamilyType::kHistogram, FamilyType::kGaugeHistogram};
  const std::vector<std::string> labels = {"a", "b", "c"};
  std::mt19937 random(42);
  const auto pick = [&](const auto& from) { return from[random() % from.size()]; };
  FamilyIndex index;
  std::vector<MetricFamily> held;
  for (int i = 0; i < 20'000; ++i) {
    SCOPED_TRACE(i);
    if (!held.empty() && random() % 3 == 0) {
      const auto at = held.begin() + static_cast<std::ptrdiff_t>(random() % held.size());
      index.Remove(*at);
      if (random() % 2 == 0) {
        index.Restore(*at);
      } else {
        held.erase(at);
      }
      continue;
    }
    std::shuffle(held.begin(), held.end(), random);
    FamilyIndex rebuilt;
    std::vector<std::string> problems, other_problems;
    for (const MetricFamily& family : held) ASSERT_TRUE(rebuilt.Add(family, problems));
    MetricFamily family = Family(pick(names), pick(types), pick(labels));
    const bool added = index.Add(family, problems);
    ASSERT_EQ(rebuilt.Add(family, other_problems), added);
    ASSERT_EQ(other_problems, problems);
    if (added) held.push_back(std::move(family));
  }
}

}  // namespace
}  // namespace narthex::web
