// SPDX-License-Identifier: Apache-2.0

#include "alerting/rules/restore.h"

#include <memory>

#include <gtest/gtest.h>

#include "narthex/model/sample.h"
#include "narthex/storage/querier.h"
#include "tests/support/memory_storage.h"

namespace narthex::alerting {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr model::DurationMs kMinuteMs = 60'000;
constexpr model::DurationMs kHourMs = 60 * kMinuteMs;
constexpr RestoreLimits kLimits = {.outage_tolerance_ms = kHourMs, .grace_period_ms = 600'000};
constexpr std::int64_t kNow = 1'700'000'000 * kSecond + 250'000'000;  // Not at a whole second.

// rules-alerting.md, 4.4; times in seconds.
TEST(RestoreTest, ActiveAt) {
  const struct {
    const char* name;
    std::int64_t active_at, last_seen, now, hold, grace, want;
  } cases[] = {
      {"was firing", 1000, 2000, 5000, 900, 600, 1000},
      {"exactly at the end of for", 1000, 1900, 5000, 900, 600, 1000},
      {"little remains: waits the grace period", 1000, 1800, 5000, 900, 600, 5000 + 600 - 900},
      {"much remains: the outage does not count", 1000, 1100, 5000, 3600, 600, 1000 + 3900},
      {"no outage", 1000, 1100, 1100, 3600, 600, 1000},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(RestoredActiveAt(c.active_at, c.last_seen, c.now, c.hold, c.grace), c.want);
  }
}

/// A value of ALERTS_FOR_STATE.
double SecondsAgo(std::int64_t seconds) {
  const std::int64_t at = kNow / kSecond - seconds;
  return static_cast<double>(at);
}

class FailingStorage final : public storage::Queryable {
 public:
  Result<std::unique_ptr<storage::Querier>> NewQuerier(model::TimestampMs,
                                                       model::TimestampMs) override {
    return Fail(Code::kIo, "no disk");
  }
};

/// An alert of `up`, active since kNow, and what storage knows of it.
class RestoreAlertsTest : public ::testing::Test {
 protected:
  RestoreAlertsTest() {
    rule_.alerting = true;
    rule_.name = "Down";
    rule_.labels = {{"severity", "page"}};
    rule_.hold_ms = kHourMs;
  }

  /// ALERTS_FOR_STATE of `instance`, seen last so long before kNow.
  void Put(double active_at_s, model::DurationMs ago_ms, const model::Labels& labels) {
    model::LabelsBuilder builder(labels);
    builder.Set("__name__", "ALERTS_FOR_STATE").Set("alertname", "Down").Set("instance", "a");
    const auto appender = storage_.NewAppender();
    storage::SeriesRef ref{0};
    ASSERT_EQ(appender->Append(ref, builder.Build(), kNow / 1'000'000 - ago_ms, active_at_s),
              storage::AppendError::kNone);
    ASSERT_TRUE(appender->Commit());
  }

  /// Since when the alert counts as active after restoring.
  std::int64_t Restore(storage::Queryable& storage) {
    Alerts alerts;
    promql::Vector result(1);
    result[0].metric = {{"__name__", "up"}, {"instance", "a"}};
    auto instances = MakeInstances(rule_.name, AlertTexts(rule_), result, {}, 0);
    EXPECT_TRUE(alerts.Update(rule_, std::move(instances), kNow, 0, 0));
    RestoreAlerts(rule_, storage, kNow, kLimits, alerts);
    EXPECT_TRUE(alerts.restored());
    return alerts.Snapshot().at(0).active_at_ns;
  }

  RuleSpec rule_;
  testing::MemoryStorage storage_;
};

TEST_F(RestoreAlertsTest, GoesOnAfterTheOutage) {
  const std::int64_t active_at = kNow / kSecond - 1800;
  Put(static_cast<double>(active_at), 5 * kMinuteMs, {{"severity", "page"}});
  // It was seen last in the second in which it is 300 seconds before kNow.
  EXPECT_EQ(Restore(storage_), active_at * kSecond + 300 * kSecond + kNow % kSecond);
}

TEST_F(RestoreAlertsTest, LastSeenCountsInWholeSeconds) {
  const std::int64_t active_at = kNow / kSecond - 1800;
  Put(static_cast<double>(active_at), 5 * kMinuteMs - 700, {{"severity", "page"}});  // At ….950.
  EXPECT_EQ(Restore(storage_), active_at * kSecond + 300 * kSecond + kNow % kSecond);
}

TEST_F(RestoreAlertsTest, ShortForWaitsAgain) {
  rule_.hold_ms = kLimits.grace_period_ms - 1;
  Put(SecondsAgo(1800), kMinuteMs, {{"severity", "page"}});
  EXPECT_EQ(Restore(storage_), kNow);
  rule_.hold_ms = kLimits.grace_period_ms;
  EXPECT_LT(Restore(storage_), kNow);
}

TEST_F(RestoreAlertsTest, SamplesOlderThanTheToleranceDoNotCount) {
  Put(SecondsAgo(4000), kHourMs + 1, {{"severity", "page"}});
  EXPECT_EQ(Restore(storage_), kNow);
  Put(SecondsAgo(4000), kHourMs, {{"severity", "page"}});
  EXPECT_LT(Restore(storage_), kNow);
}

TEST_F(RestoreAlertsTest, AnAlertThatHadEndedIsNew) {
  Put(SecondsAgo(1800), 2 * kMinuteMs, {{"severity", "page"}});
  Put(model::kStaleNaN, kMinuteMs, {{"severity", "page"}});
  EXPECT_EQ(Restore(storage_), kNow);
}

TEST_F(RestoreAlertsTest, FindsWhatTemplatesMadeOfLabels) {
  rule_.labels = {{"severity", "page"}, {"where", "{{ $labels.instance }}"}};
  Put(SecondsAgo(1800), kMinuteMs, {{"severity", "page"}, {"where", "b"}});
  EXPECT_EQ(Restore(storage_), kNow) << "another alert of the rule";
  Put(SecondsAgo(1800), kMinuteMs, {{"severity", "page"}, {"where", "a"}});
  EXPECT_LT(Restore(storage_), kNow);
}

TEST_F(RestoreAlertsTest, OtherLabelsAreAnotherRule) {
  Put(SecondsAgo(1800), kMinuteMs, {{"severity", "info"}});
  EXPECT_EQ(Restore(storage_), kNow);
}

// There is no second try: alerts then wait their whole time.
TEST_F(RestoreAlertsTest, FailingStorageLeavesTheAlertsAsTheyAre) {
  FailingStorage failing;
  EXPECT_EQ(Restore(failing), kNow);
}

}  // namespace
}  // namespace narthex::alerting
