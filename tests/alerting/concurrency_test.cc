// SPDX-License-Identifier: Apache-2.0
#include "alerting/rules/concurrency.h"

#include <atomic>
#include <new>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace narthex::alerting {
namespace {

/// "name=expr", an alert when the name begins with a capital.
std::vector<RuleSpec> Rules(const std::vector<std::string>& texts) {
  std::vector<RuleSpec> rules;
  for (const std::string& text : texts) {
    RuleSpec& rule = rules.emplace_back();
    const std::size_t equals = text.find('=');
    rule.name = text.substr(0, equals);
    rule.query = text.substr(equals + 1);
    rule.alerting = rule.name[0] >= 'A' && rule.name[0] <= 'Z';
  }
  return rules;
}

TEST(ConcurrencyTest, Batches) {
  const struct {
    const char* name;
    std::vector<std::string> rules;
    std::vector<RuleBatch> want;
  } cases[] = {
      {"none needs another", {"a=x", "b=y", "C=z"}, {{0, 1, 2}}},
      {"one alone", {"a={job=\"x\"}"}, {{0}}},
      {"a chain", {"a=x", "b=rate(a[5m])", "c=b", "d=y"}, {{0, 3}, {1}, {2}}},
      {"needed later only", {"a=b", "b=x"}, {{0, 1}}},
      {"by a regular expression", {"ab=x", "ac=x", "d={__name__=~\"a.\"}"}, {{0, 1}, {2}}},
      {"without a name: one by one", {"a=x", "b=y", "c={job=\"z\"}"}, {{0}, {1}, {2}}},
      {"alerts of one name", {"A=x", "B=y", "c=ALERTS{alertname=\"B\"}"}, {{0, 1}, {2}}},
      {"alerts of any name", {"A=x", "b=y", "c=ALERTS_FOR_STATE", "D=c"}, {{0, 1}, {2}, {3}}},
      {"alerts that are not there", {"A=x", "c=ALERTS{alertname=\"B\"}"}, {{0, 1}}},
      {"inside of other things", {"a=x", "b=sum by (j) (topk(1, -(a))) > 1"}, {{0}, {1}}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(SplitIntoBatches(Rules(c.rules), {}), c.want);
  }
}

TEST(ConcurrencyTest, RunsEachOnceWithAnyNumberOfSlots) {
  for (const std::size_t slots : {std::size_t{1}, std::size_t{3}, std::size_t{50}}) {
    RuleSlots all(slots);
    RuleBatch batch;
    for (std::size_t i = 0; i < 20; ++i) batch.push_back(i);
    std::vector<std::atomic<int>> calls(batch.size());
    for (int round = 0; round < 5; ++round) all.RunBatch(batch, [&](std::size_t i) { ++calls[i]; });
    for (const auto& count : calls) EXPECT_EQ(count, 5);
  }
}

// The others run, the call returns, and no slot is lost.
TEST(ConcurrencyTest, ARuleThatThrowsStopsNothing) {
  RuleSlots all(2);
  const RuleBatch batch = {0, 1, 2, 3, 4, 5, 6, 7};
  std::vector<std::atomic<int>> calls(batch.size());
  for (int round = 0; round < 5; ++round) {
    all.RunBatch(batch, [&](std::size_t i) {
      ++calls[i];
      throw std::bad_alloc();
    });
  }
  for (const auto& count : calls) EXPECT_EQ(count, 5);
}

}  // namespace
}  // namespace narthex::alerting
