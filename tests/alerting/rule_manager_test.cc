// SPDX-License-Identifier: Apache-2.0

#include "narthex/alerting/rule_manager.h"

#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "narthex/base/mutex.h"
#include "narthex/storage/querier.h"
#include "tests/alerting/rule_manager_fixture.h"

namespace narthex::alerting {
namespace {

TEST_F(RuleManagerTest, RecordsAtTheTickWithNameAndLabels) {
  Put({{"__name__", "up"}, {"job", "a"}}, 3);
  Put({{"__name__", "up"}, {"job", "b"}}, 4);
  MustLoad(R"(groups:
- name: g
  labels: {team: x, env: prod}
  rules:
  - record: up:copy
    expr: up
    labels: {team: y}
  - record: up:scalar
    expr: "7"
)");
  rules_->RunDue();
  EXPECT_EQ(Dump("up:copy", 0), Lines{}) << "the first tick is after the load";
  Tick();
  const auto tick = LastTick("g");
  EXPECT_EQ(Dump("up:copy", tick), (Lines{R"({env="prod", job="a", team="y"}: 3@0)",
                                          R"({env="prod", job="b", team="y"}: 4@0)"}));
  EXPECT_EQ(Dump("up:scalar", tick), (Lines{R"({env="prod", team="x"}: 7@0)"}));
  rules_->RunDue();
  EXPECT_EQ(Dump("up:scalar", tick).front(), R"({env="prod", team="x"}: 7@0)") << "only once";
  Tick();
  EXPECT_EQ(Dump("up:scalar", tick), (Lines{R"({env="prod", team="x"}: 7@0 7@1)"}));
  EXPECT_EQ(Rule(0).health, RuleHealth::kOk);
  EXPECT_NE(Rule(0).last_evaluation_ns, 0);
  EXPECT_EQ(Metric("prometheus_rule_evaluations_total", "g"), 4);
  EXPECT_EQ(Metric("prometheus_rule_group_iterations_total", "g"), 2);
  EXPECT_EQ(Metric("prometheus_rule_group_last_evaluation_samples", "g"), 3);
  EXPECT_EQ(Metric("prometheus_rule_group_rules", "g"), 2);
  EXPECT_EQ(Metric("prometheus_rule_group_interval_seconds", "g"), 10);
}

TEST_F(RuleManagerTest, RulesSeeTheResultsOfThoseBefore) {
  MustLoad(R"(groups:
- name: g
  rules:
  - {record: first, expr: 'vector(2)'}
  - {record: second, expr: first * 10}
)");
  Tick();
  EXPECT_EQ(Dump("second", LastTick("g")), Lines{"{}: 20@0"});
}

TEST_F(RuleManagerTest, QueryOffsetLooksBackAndDatesBack) {
  MustLoad("groups:\n- name: g\n  query_offset: 5s\n  rules:\n  - {record: t, expr: time()}\n");
  Tick();
  const auto tick = LastTick("g");
  const double seconds = static_cast<double>(tick - 5'000) / 1e3;
  EXPECT_EQ(Dump("t", tick), Lines{fmt::format("{{}}: {}@-0.5", seconds)});
}

TEST_F(RuleManagerTest, SeriesThatARuleNoLongerGivesEnd) {
  Put({{"__name__", "up"}, {"job", "a"}}, 1);
  Put({{"__name__", "up"}, {"job", "b"}}, 1);
  MustLoad("groups:\n- name: g\n  rules:\n  - {record: r, expr: up}\n");
  Tick();
  const auto tick = LastTick("g");
  Put({{"__name__", "up"}, {"job", "b"}}, model::kStaleNaN);
  Tick();
  Tick();
  EXPECT_EQ(Dump("r", tick), (Lines{R"({job="a"}: 1@0 1@1 1@2)", R"({job="b"}: 1@0 stale@1)"}));
}

TEST_F(RuleManagerTest, AFailedCommitIsAsIfItHadNotBeen) {
  Put({{"__name__", "up"}, {"job", "a"}}, 1);
  Put({{"__name__", "up"}, {"job", "b"}}, 1);
  MustLoad("groups:\n- name: g\n  rules:\n  - {record: r, expr: up}\n");
  Tick();
  const auto tick = LastTick("g");
  Put({{"__name__", "up"}, {"job", "b"}}, model::kStaleNaN);
  Put({{"__name__", "up"}, {"job", "c"}}, 1);
  storage_.FailCommits(true);
  Tick();
  EXPECT_EQ(Rule(0).health, RuleHealth::kErr);
  storage_.FailCommits(false);
  Put({{"__name__", "up"}, {"job", "c"}}, model::kStaleNaN);
  Tick();
  // The series b ends now, and c has never been.
  EXPECT_EQ(Dump("r", tick), (Lines{R"({job="a"}: 1@0 1@2)", R"({job="b"}: 1@0 stale@2)"}));
}

TEST_F(RuleManagerTest, FailedEvaluationEndsNothing) {
  Put({{"__name__", "up"}, {"job", "a"}}, 1);
  MustLoad(R"(groups:
- name: g
  rules:
  - {record: r, expr: 'sum by (job) (up) * on (job) group_right () many or up'}
)");
  Tick();
  const auto tick = LastTick("g");
  EXPECT_EQ(Dump("r", tick), Lines{R"({job="a"}: 1@0)"});
  // Two series on the side that may have one only.
  MustLoad(R"(groups:
- name: g
  rules:
  - {record: r, expr: 'up * on () group_right () many'}
)");
  Put({{"__name__", "up"}, {"job", "b"}}, 1);
  Put({{"__name__", "many"}}, 1);
  Tick();
  EXPECT_EQ(Dump("r", tick), Lines{R"({job="a"}: 1@0)"});
  EXPECT_EQ(Rule(0).health, RuleHealth::kErr);
  EXPECT_NE(Rule(0).last_error.find("many-to-many"), std::string::npos) << Rule(0).last_error;
  EXPECT_EQ(Metric("prometheus_rule_evaluation_failures_total", "g"), 1);
}

TEST_F(RuleManagerTest, ErrorsOfRecordingRules) {
  Put({{"__name__", "up"}, {"job", "a"}}, 1);
  Put({{"__name__", "up"}, {"job", "b"}}, 1);
  const struct {
    const char* expr;
    const char* labels;
    const char* want;
  } cases[] = {
      {"up", "{job: c}",
       "vector contains metrics with the same labelset after applying rule labels"},
      {"up", "{}", "exceeded limit of 1 with 2 series"},
      {"'text'", "{}", "rule result is not a vector or scalar"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.want);
    MustLoad(
        fmt::format("groups:\n- name: g\n  limit: 1\n  rules:\n  - record: r\n"
                    "    expr: \"{}\"\n    labels: {}\n",
                    c.expr, c.labels));
    Tick();
    EXPECT_EQ(Rule(0).health, RuleHealth::kErr);
    EXPECT_EQ(Rule(0).last_error, c.want);
    EXPECT_EQ(Dump("r", 0), Lines{});
  }
}

TEST_F(RuleManagerTest, LateEvaluationsAreMissed) {
  MustLoad("groups:\n- name: g\n  rules:\n  - {record: r, expr: '1'}\n");
  Tick();
  const auto tick = LastTick("g");
  clock_.AdvanceMs(3 * kStepMs);
  rules_->RunDue();
  EXPECT_EQ(Dump("r", tick), Lines{"{}: 1@0 1@3"});
  EXPECT_EQ(Metric("prometheus_rule_group_iterations_missed_total", "g"), 2);
  EXPECT_EQ(Metric("prometheus_rule_group_iterations_total", "g"), 4);
}

TEST_F(RuleManagerTest, GoesOnWhenTheClockIsSetBack) {
  MustLoad("groups:\n- name: g\n  rules:\n  - {record: r, expr: '1'}\n");
  Tick();
  const auto evaluations = [&] { return Metric("prometheus_rule_evaluations_total", "g"); };
  EXPECT_EQ(evaluations(), 1);
  clock_.AdvanceMs(-3 * 24 * 3600 * 1000);
  rules_->RunDue();
  EXPECT_EQ(evaluations(), 1) << "the tick before the new time is not evaluated";
  Tick();
  Tick();
  EXPECT_EQ(evaluations(), 3);
  clock_.AdvanceMs(-kStepMs / 2);
  Tick();
  EXPECT_LE(evaluations(), 4) << "no tick twice when it is set back a little";
}

TEST_F(RuleManagerTest, ReloadKeepsWhatDidNotChange) {
  const std::string text = "groups:\n- name: g\n  rules:\n  - {record: r, expr: 'vector( 1 )'}\n";
  MustLoad(text);
  Tick();
  const auto evaluated = Rule(0).last_evaluation_ns;
  MustLoad("# A comment and other spaces.\n" + text);
  EXPECT_EQ(Rule(0).last_evaluation_ns, evaluated);
  MustLoad("groups:\n- name: g\n  rules:\n  - {record: r, expr: 'vector(2)'}\n");
  EXPECT_EQ(Rule(0).last_evaluation_ns, 0) << "a changed group begins anew";
}

TEST_F(RuleManagerTest, FailedReloadKeepsTheOldGroups) {
  MustLoad("groups:\n- name: g\n  rules:\n  - {record: r, expr: '1'}\n");
  EXPECT_FALSE(Load("groups:\n- name: h\n  rules:\n  - {record: r, expr: '1 +'}\n"));
  EXPECT_FALSE(Load("groups: ["));
  ASSERT_EQ(rules_->Groups(true).size(), 1U);
  EXPECT_EQ(rules_->Groups(true)[0].name, "g");
  Tick();
  EXPECT_EQ(Dump("r", LastTick("g")), Lines{"{}: 1@0"});
}

TEST_F(RuleManagerTest, SeriesOfRemovedRulesEndAtTheNextTick) {
  MustLoad(R"(groups:
- name: g
  rules:
  - {record: stays, expr: '1'}
  - {record: goes, expr: '1'}
)");
  Tick();
  const auto tick = LastTick("g");
  MustLoad("groups:\n- name: g\n  rules:\n  - {record: stays, expr: '1'}\n");
  Tick();
  Tick();
  EXPECT_EQ(Dump("stays", tick), Lines{"{}: 1@0 1@1 1@2"});
  EXPECT_EQ(Dump("goes", tick), Lines{"{}: 1@0 stale@1"});
}

TEST_F(RuleManagerTest, SeriesOfRemovedGroupsEndTwoIntervalsLater) {
  MustLoad("groups:\n- name: g\n  rules:\n  - {record: r, expr: '1'}\n");
  Tick();
  const auto tick = LastTick("g");
  const auto stopped = clock_.NowMs();
  MustLoad("groups: []\n");
  EXPECT_TRUE(rules_->Groups(true).empty());
  EXPECT_EQ(Metric("prometheus_rule_group_rules", "g"), -1);
  Tick();
  EXPECT_EQ(Dump("r", tick), Lines{"{}: 1@0"});
  Tick();
  const double steps = static_cast<double>(stopped - tick) / kStepMs;
  EXPECT_EQ(Dump("r", tick), Lines{fmt::format("{{}}: 1@0 stale@{}", steps)});
  Tick();
}

constexpr const char* kAlert = R"(groups:
- name: g
  rules:
  - alert: Down
    expr: up == 0
    for: {}
    labels: {{severity: page}}
    annotations: {{summary: "it is down"}}
)";

TEST_F(RuleManagerTest, AlertsBecomeSeriesAndSnapshots) {
  MustLoad("groups: []\n");  // What comes with a reload has nothing to restore.
  Put({{"__name__", "up"}, {"job", "a"}}, 0);
  Put({{"__name__", "up"}, {"job", "b"}}, 1);
  MustLoad(fmt::format(kAlert, "10s"));
  Tick();
  const auto tick = LastTick("g");
  EXPECT_EQ(Rule(0).state, AlertState::kPending);
  Tick();
  EXPECT_EQ(Rule(0).state, AlertState::kFiring);
  ASSERT_EQ(Rule(0).alerts.size(), 1U);
  const AlertSnapshot alert = Rule(0).alerts[0];
  EXPECT_EQ(alert.labels.ToString(), R"({alertname="Down", job="a", severity="page"})");
  EXPECT_EQ(alert.annotations.Get("summary"), "it is down");
  EXPECT_EQ(alert.active_at_ns / 1'000'000, tick);
  EXPECT_TRUE(rules_->Groups(false)[0].rules[0].alerts.empty());
  Put({{"__name__", "up"}, {"job", "a"}}, 1);
  Tick();
  EXPECT_EQ(Rule(0).state, AlertState::kInactive);
  EXPECT_EQ(
      Dump("ALERTS", tick),
      (Lines{
          R"({alertname="Down", alertstate="firing", job="a", severity="page"}: 1@1 stale@2)",
          R"({alertname="Down", alertstate="pending", job="a", severity="page"}: 1@0 stale@1)"}));
  EXPECT_EQ(
      Dump("ALERTS_FOR_STATE", tick),
      Lines{fmt::format(R"({{alertname="Down", job="a", severity="page"}}: {0}@0 {0}@1 stale@2)",
                        tick / 1000)});
}

TEST_F(RuleManagerTest, TemplatesSeeTheServer) {
  MustLoad("groups: []\n");
  Put({{"__name__", "up"}, {"job", "a"}}, 0);
  MustLoad(R"~(groups:
- name: g
  rules:
  - alert: Down
    expr: up == 0
    annotations:
      count: '{{ query "count(up)" | first | value }}'
      where: '{{ $externalLabels.dc }} {{ externalURL }}'
)~");
  Tick();
  EXPECT_EQ(Rule(0).alerts.at(0).annotations.ToString(),
            R"({count="1", where="eu http://ex.org/p"})");
}

TEST_F(RuleManagerTest, ReloadKeepsAlertsOfRulesWithEqualNameAndLabels) {
  Put({{"__name__", "up"}, {"job", "a"}}, 0);
  MustLoad(fmt::format(kAlert, "20s"));
  Tick();
  const auto since = Rule(0).alerts.at(0).active_at_ns;
  MustLoad(fmt::format(kAlert, "30s"));
  ASSERT_EQ(Rule(0).alerts.size(), 1U);
  Tick();
  EXPECT_EQ(Rule(0).alerts.at(0).active_at_ns, since);
}

TEST_F(RuleManagerTest, RestartContinuesWaitingAlerts) {
  MustLoad("groups: []\n");
  Put({{"__name__", "up"}, {"job", "a"}}, 0);
  MustLoad(fmt::format(kAlert, "1h"));
  for (int i = 0; i < 6; ++i) Tick();
  const auto since = Rule(0).alerts.at(0).active_at_ns;
  const auto last = LastTick("g");

  clock_.AdvanceMs(120'000);  // The server is away.
  MakeManager();
  Put({{"__name__", "up"}, {"job", "a"}}, 0);
  MustLoad(fmt::format(kAlert, "1h"));
  Tick();
  EXPECT_GT(Rule(0).alerts.at(0).active_at_ns, since);
  EXPECT_EQ(Dump("ALERTS_FOR_STATE", last).front().find("@13"), std::string::npos)
      << "nothing is written before the old state was read";
  Tick();
  // Since and until when it was seen count in whole seconds, as upstream.
  const std::int64_t away_ms = clock_.NowMs() - last / 1000 * 1000;
  const std::int64_t want_ms = since / 1'000'000'000 * 1000 + away_ms;
  EXPECT_EQ(Rule(0).alerts.at(0).active_at_ns / 1'000'000, want_ms);
}

// With remote_read, rules read other servers too, whose alerts are not ours.
TEST_F(RuleManagerTest, RestoresFromItsOwnStorageOnly) {
  testing::MemoryStorage own;
  MakeManager(&own);
  const model::TimestampMs now = clock_.NowMs();
  const std::int64_t since = now / 1000 - 1800;
  Put({{"__name__", "ALERTS_FOR_STATE"}, {"alertname", "Down"}, {"job", "a"}, {"severity", "page"}},
      static_cast<double>(since));
  Put({{"__name__", "up"}, {"job", "a"}}, 0);
  MustLoad(fmt::format(kAlert, "1h"));
  Tick();
  Tick();
  EXPECT_GT(Rule(0).alerts.at(0).active_at_ns / 1'000'000, now);
}

TEST_F(RuleManagerTest, RestartDoesNotContinueAlertsThatHadEnded) {
  MustLoad("groups: []\n");
  Put({{"__name__", "up"}, {"job", "a"}}, 0);
  MustLoad(fmt::format(kAlert, "1h"));
  Tick();
  Put({{"__name__", "up"}, {"job", "a"}}, 1);
  Tick();
  EXPECT_EQ(Rule(0).state, AlertState::kInactive);

  clock_.AdvanceMs(120'000);  // The server is away, and comes back to the same trouble.
  MakeManager();
  Put({{"__name__", "up"}, {"job", "a"}}, 0);
  MustLoad(fmt::format(kAlert, "1h"));
  Tick();
  const auto since = Rule(0).alerts.at(0).active_at_ns;
  EXPECT_EQ(since / 1'000'000, LastTick("g"));
  Tick();
  EXPECT_EQ(Rule(0).alerts.at(0).active_at_ns, since) << "a new alert, not the old one";
}

TEST_F(RuleManagerTest, TellsOfFiringAndResolvedAlerts) {
  std::vector<Notification> told;
  RuleManagerOptions options;
  options.external_url = "http://ex.org/p";
  options.resend_delay_ms = 60'000;
  options.notify = [&told](std::vector<Notification> alerts) {
    for (Notification& alert : alerts) told.push_back(std::move(alert));
  };
  rules_ = std::make_unique<RuleManager>(engine_, storage_, storage_, clock_, registry_, options);
  Put({{"__name__", "up"}, {"job", "a"}}, 0);
  MustLoad(fmt::format(kAlert, "10s"));
  Tick();
  EXPECT_TRUE(told.empty()) << "pending";
  Tick();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].generator_url, "http://ex.org/p/graph?g0.expr=up+%3D%3D+0&g0.tab=1");
  EXPECT_EQ(told[0].labels, Rule(0).alerts.at(0).labels);
  EXPECT_EQ(told[0].annotations, Rule(0).alerts.at(0).annotations);
  Tick();
  EXPECT_EQ(told.size(), 1U) << "not again before the delay is over";
  Put({{"__name__", "up"}, {"job", "a"}}, 1);
  Tick();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[1].ends_at_ns / 1'000'000, LastTick("g"));
  EXPECT_EQ(told[1].starts_at_ns, told[0].starts_at_ns);
}

TEST_F(RuleManagerTest, IndependentRulesRunTogether) {
  RuleManagerOptions options;
  options.max_concurrent_rules = 3;
  rules_ = std::make_unique<RuleManager>(engine_, storage_, storage_, clock_, registry_, options);
  std::string text = "groups:\n- name: g\n  rules:\n";
  for (int i = 0; i < 20; ++i) text += fmt::format("  - {{record: r{0}, expr: '{0}'}}\n", i);
  text += "  - {record: middle, expr: r1 + r2}\n  - {record: last, expr: middle * 10}\n";
  MustLoad(text);
  Tick();
  EXPECT_EQ(Dump("last", LastTick("g")), Lines{"{}: 30@0"});
  EXPECT_EQ(Metric("prometheus_rule_group_last_evaluation_samples", "g"), 22);
}

/// A storage whose readers wait until it is opened.
class GatedStorage final : public storage::Queryable {
 public:
  explicit GatedStorage(storage::Queryable& behind) : behind_(behind) {}
  Result<std::unique_ptr<storage::Querier>> NewQuerier(model::TimestampMs mint,
                                                       model::TimestampMs maxt) override {
    MutexLock lock(mutex_);
    ++num_waiting_;
    while (!open_) opened_.Wait(mutex_);
    return behind_.NewQuerier(mint, maxt);
  }
  int num_waiting() const {
    MutexLock lock(mutex_);
    return num_waiting_;
  }
  void Open() {
    MutexLock lock(mutex_);
    open_ = true;
    opened_.NotifyAll();
  }

 private:
  storage::Queryable& behind_;
  mutable Mutex mutex_;
  CondVar opened_;
  int num_waiting_ NX_GUARDED_BY(mutex_) = 0;
  bool open_ NX_GUARDED_BY(mutex_) = false;
};

// As many groups as there may be queries, but for one, wait for the storage.
TEST_F(RuleManagerTest, SlowGroupsDoNotHoldUpOthers) {
  const int num_slow = promql::EngineOptions().max_concurrency - 1;
  std::string text = "groups:\n";
  for (int i = 0; i < num_slow; ++i) {
    text +=
        fmt::format("- {{name: slow{}, interval: 10ms, rules: [{{record: r, expr: up}}]}}\n", i);
  }
  text += "- {name: z, interval: 10ms, rules: [{record: quick, expr: '1'}]}\n";
  std::ofstream(File()) << text;
  config::Config config;
  config.rule_files = {File()};
  GatedStorage storage(storage_);
  RuleManager rules(engine_, storage, storage_, SystemClock(), registry_, {});
  ASSERT_TRUE(rules.Update(config));
  rules.Start();
  const auto quick = [&rules] { return rules.Groups(false).back().last_evaluation_ns; };
  while (storage.num_waiting() < num_slow) std::this_thread::yield();
  const std::int64_t before = quick();
  while (quick() == before) std::this_thread::yield();
  EXPECT_EQ(storage.num_waiting(), num_slow) << "none has been let through";
  storage.Open();
  rules.Stop();
}

TEST_F(RuleManagerTest, RunsByItselfAndStops) {
  std::ofstream(File())
      << "groups:\n- {name: g, interval: 10ms, rules: [{record: r, expr: '1'}]}\n";
  config::Config config;
  config.rule_files = {File()};
  RuleManager rules(engine_, storage_, storage_, SystemClock(), registry_, {});
  ASSERT_TRUE(rules.Update(config));
  rules.Start();
  while (rules.Groups(true)[0].last_evaluation_ns == 0) std::this_thread::yield();
  ASSERT_TRUE(rules.Update(config));
  std::ofstream(File())
      << "groups:\n- {name: g, interval: 20ms, rules: [{record: r, expr: '2'}]}\n";
  ASSERT_TRUE(rules.Update(config)) << "waits for the running evaluation";
  rules.Stop();
  rules.Stop();
  EXPECT_FALSE(Dump("r", 0).empty());
}

}  // namespace
}  // namespace narthex::alerting
