// SPDX-License-Identifier: Apache-2.0
//
// What the published specification of alert generators asks for, and the cases of its test suite:
//
//   PendingAndFiringAndResolved       PendingThenFiringThenResolved
//   PendingAndResolved_AlwaysInactive NothingIsToldOfWhatOnlyWasPending
//   ZeroFor_SmallFor                  ZeroForFiresAtOnceSmallForAnIntervalLater
//   NewAlerts_OrderCheck              NewAlertsBesideFiringOnesAndRulesInOrder
//
// and of its text, what these leave out: annotations that change, an alert that comes back, equal
// alerts of one rule, labels that ALERTS needs for itself. Where the text differs from Prometheus
// (firing alerts end four delays after they were sent, not after they began), Prometheus is right.
// The payload is in notifier_test.cc, the answers of the API in tests/web.

#include <map>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/alerting/rule_manager_fixture.h"

namespace narthex::alerting {
namespace {

constexpr std::int64_t kResendMs = 60'000;
constexpr std::int64_t kMsToNs = 1'000'000;

/// What was told of one alert: at which step, and the rest.
struct Told {
  int step = 0;
  Notification alert;
};

class AlertGeneratorTest : public RuleManagerTest {
 protected:
  AlertGeneratorTest() {
    RuleManagerOptions options;
    options.external_url = "http://ex.org";
    options.resend_delay_ms = kResendMs;
    options.notify = [this](std::vector<Notification> alerts) {
      for (Notification& alert : alerts) {
        const std::string name = NameOf(alert.labels);
        told_[name].push_back({step_, std::move(alert)});
      }
    };
    rules_ = std::make_unique<RuleManager>(engine_, storage_, storage_, clock_, registry_, options);
    MustLoad("groups: []\n");  // What comes with a reload has nothing to restore.
  }

  static std::string NameOf(const model::Labels& labels) {
    const std::string variant(labels.Get("variant"));
    return std::string(labels.Get("alertname")) + (variant.empty() ? "" : "/" + variant);
  }

  /// Gives each series its value for so many steps, evaluates at each, and notes the states.
  void Play(const std::vector<std::pair<model::Labels, double>>& series, int steps) {
    for (int i = 0; i < steps; ++i, ++step_) {
      for (const auto& [labels, value] : series) Put(labels, value);
      Tick();
      ticks_.push_back(LastTick("g"));
      std::map<std::string, char> now;
      const auto groups = rules_->Groups(true);
      for (const RuleSnapshot& rule : groups.at(0).rules) {
        for (const AlertSnapshot& alert : rule.alerts) {
          now[NameOf(alert.labels)] = alert.state == AlertState::kFiring ? 'f' : 'p';
        }
      }
      for (const auto& [name, state] : now) {
        std::string& line = states_[name];
        line.resize(static_cast<std::size_t>(step_), '.');
        line += state;
      }
    }
  }

  /// "f" at the steps at which an alert was told to fire, "r" where it was told to have resolved.
  std::string TellingsOf(const std::string& name) {
    std::string line(static_cast<std::size_t>(step_), '.');
    for (const Told& told : told_[name]) {
      const bool firing = told.alert.ends_at_ns / kMsToNs > TickMs(told.step);
      line.at(static_cast<std::size_t>(told.step)) = firing ? 'f' : 'r';
    }
    return line;
  }

  std::int64_t TickMs(int step) const { return ticks_.at(static_cast<std::size_t>(step)); }

  int step_ = 0;
  std::vector<model::TimestampMs> ticks_;
  std::map<std::string, std::string> states_;  // By alert: '.', 'p' or 'f' for each step.
  std::map<std::string, std::vector<Told>> told_;
};

std::string Dots(int count) { return std::string(static_cast<std::size_t>(count), '.'); }

TEST_F(AlertGeneratorTest, PendingThenFiringThenResolved) {
  MustLoad(R"(groups:
- name: g
  rules:
  - alert: A
    expr: m > 10
    for: 2m
    labels: {foo: bar}
    annotations: {summary: 'The value is {{$value}} {{.Value}}'}
)");
  const model::Labels m = {{"__name__", "m"}, {"foo", "overridden"}};
  Play({{m, 5}}, 4);
  Play({{m, 11}}, 14);
  Play({{m, 15}}, 6);
  Play({{m, 9}}, 100);
  EXPECT_EQ(states_["A"], "....ppppppppppppffffffff");
  // Sent when it fires, and when more than the delay has passed: seven steps. Then at once when it
  // has resolved, and in the same rhythm until fifteen minutes are over.
  std::string want = Dots(16) + "f......fr";
  for (int i = 0; i < 12; ++i) want += "......r";
  want.resize(static_cast<std::size_t>(step_), '.');
  EXPECT_EQ(TellingsOf("A"), want);
  for (const Told& told : told_["A"]) {
    SCOPED_TRACE(told.step);
    EXPECT_EQ(told.alert.labels.ToString(), R"({alertname="A", foo="bar"})");
    EXPECT_EQ(told.alert.starts_at_ns / kMsToNs, TickMs(16));
    EXPECT_EQ(told.alert.ends_at_ns / kMsToNs,
              told.step < 24 ? TickMs(told.step) + 4 * kResendMs : TickMs(24));
    EXPECT_EQ(told.alert.annotations.Get("summary"),
              told.step < 18 ? "The value is 11 11" : "The value is 15 15");
  }
  const auto origin = ticks_[0];
  const auto lines = Dump("ALERTS", origin);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0],
            R"({alertname="A", alertstate="firing", foo="bar"}: 1@16 1@17 1@18 1@19 1@20 1@21 1@22)"
            " 1@23 stale@24");
  EXPECT_EQ(lines[1],
            R"({alertname="A", alertstate="pending", foo="bar"}: 1@4 1@5 1@6 1@7 1@8 1@9 1@10)"
            " 1@11 1@12 1@13 1@14 1@15 stale@16");
}

TEST_F(AlertGeneratorTest, NothingIsToldOfWhatOnlyWasPending) {
  MustLoad(R"(groups:
- name: g
  rules:
  - {alert: Pending, expr: 'm{x="a"} > 10', for: 1m}
  - {alert: Inactive, expr: 'm{x="b"} > 99', for: 1m}
)");
  const model::Labels a = {{"__name__", "m"}, {"x", "a"}}, b = {{"__name__", "m"}, {"x", "b"}};
  Play({{a, 5}, {b, 5}}, 2);
  Play({{a, 11}, {b, 19}}, 5);
  Play({{a, 9}, {b, 5}}, 20);
  EXPECT_EQ(states_["Pending"], "..ppppp");
  EXPECT_FALSE(states_.contains("Inactive"));
  EXPECT_TRUE(told_.empty());
  EXPECT_EQ(
      Dump("ALERTS", ticks_[0]),
      Lines{R"({alertname="Pending", alertstate="pending", x="a"}: 1@2 1@3 1@4 1@5 1@6 stale@7)"});
}

TEST_F(AlertGeneratorTest, ZeroForFiresAtOnceSmallForAnIntervalLater) {
  MustLoad(R"(groups:
- name: g
  rules:
  - alert: Zero
    expr: m > 10
    annotations:
      template_test: '{{humanize 1048576.0}} {{humanize1024 1048576.0}} {{humanizeDuration 135.3563}} {{humanizePercentage 0.959}} {{humanizeTimestamp 1643114203.0}}'
  - alert: Small
    expr: m > 10
    for: 5s
    annotations:
      template_test: '{{title "this part"}} {{toUpper "is testing"}} {{toLower "THE STRINGS"}}. {{if match "[0-9]+" "1234"}}{{reReplaceAll "r.*d" "replaced" "rpld text"}}{{end}}. {{if match "[0-9]+$" "1234a"}}WRONG{{end}}.'
)");
  const model::Labels m = {{"__name__", "m"}};
  Play({{m, 9}}, 3);
  Play({{m, 11}}, 6);
  Play({{m, 9}}, 1);
  EXPECT_EQ(states_["Zero"], "...ffffff");
  EXPECT_EQ(states_["Small"], "...pfffff");
  EXPECT_EQ(TellingsOf("Zero"), "...f.....r");
  EXPECT_EQ(TellingsOf("Small"), "....f....r");
  EXPECT_EQ(told_["Zero"][0].alert.starts_at_ns / kMsToNs, TickMs(3));
  EXPECT_EQ(told_["Small"][0].alert.starts_at_ns / kMsToNs, TickMs(4)) << "since it fires";
  EXPECT_EQ(told_["Zero"][0].alert.annotations.Get("template_test"),
            "1.049M 1Mi 2m 15s 95.9% 2022-01-25 12:36:43 +0000 UTC");
  EXPECT_EQ(told_["Small"][0].alert.annotations.Get("template_test"),
            "This Part IS TESTING the strings. replaced text. .");
}

TEST_F(AlertGeneratorTest, NewAlertsBesideFiringOnesAndRulesInOrder) {
  MustLoad(R"(groups:
- name: g
  rules:
  - alert: Rule1
    expr: m > 10
    for: 30s
    labels: {foo: bar}
  - alert: Rule2
    expr: >-
      (ALERTS{alertstate="firing",alertname="Rule1",variant="one"} + ignoring(variant)
      ALERTS{alertstate="firing",alertname="Rule1",variant="two"}) == 2
    labels: {foo: baz, ba_dum: tss}
    annotations: {description: 'Old alertname was {{$labels.alertname}}. foo was {{.Labels.foo}}.'}
)");
  const model::Labels one = {{"__name__", "m"}, {"variant", "one"}};
  const model::Labels two = {{"__name__", "m"}, {"variant", "two"}};
  Play({{one, 1}, {two, 1}}, 2);
  Play({{one, 11}, {two, 1}}, 5);
  Play({{one, 11}, {two, 11}}, 5);
  Play({{one, 9}, {two, 9}}, 1);
  EXPECT_EQ(states_["Rule1/one"], "..pppfffffff");
  EXPECT_EQ(states_["Rule1/two"], ".......pppff");
  // In the same evaluation as the second of those above, whose series it needs; and gone with them.
  EXPECT_EQ(states_["Rule2"], "..........ff");
  EXPECT_EQ(TellingsOf("Rule1/one"), ".....f......r");
  EXPECT_EQ(TellingsOf("Rule1/two"), "..........f.r");
  EXPECT_EQ(TellingsOf("Rule2"), "..........f.r");
  const Notification& alert = told_["Rule2"].at(0).alert;
  EXPECT_EQ(alert.labels.ToString(),
            R"({alertname="Rule2", alertstate="firing", ba_dum="tss", foo="baz"})");
  EXPECT_EQ(alert.annotations.Get("description"), "Old alertname was Rule1. foo was bar.");
}

TEST_F(AlertGeneratorTest, AnAlertThatComesBackIsANewOne) {
  MustLoad("groups:\n- name: g\n  rules:\n  - {alert: A, expr: m > 10, for: 10s}\n");
  const model::Labels m = {{"__name__", "m"}};
  Play({{m, 11}}, 3);
  Play({{m, 9}}, 2);
  Play({{m, 11}}, 9);
  EXPECT_EQ(states_["A"], "pff..pffffffff");
  // While it is active again nothing more is told of what had resolved.
  EXPECT_EQ(TellingsOf("A"), ".f.r..f......f");
  EXPECT_EQ(told_["A"].at(2).alert.starts_at_ns / kMsToNs, TickMs(6));
}

TEST_F(AlertGeneratorTest, EqualAlertsOfARuleFailItAndTellNothing) {
  MustLoad(R"(groups:
- name: g
  rules:
  - {alert: A, expr: m > 10, labels: {x: same}}
  - {alert: B, expr: 'm{x="a"} > 10'}
)");
  const model::Labels a = {{"__name__", "m"}, {"x", "a"}}, b = {{"__name__", "m"}, {"x", "b"}};
  Play({{a, 11}, {b, 11}}, 2);
  EXPECT_EQ(Rule(0).health, RuleHealth::kErr);
  EXPECT_NE(Rule(0).last_error.find("with the same labelset"), std::string::npos)
      << Rule(0).last_error;
  EXPECT_EQ(states_["B"], "ff") << "the group goes on";
  EXPECT_FALSE(told_.contains("A"));
  EXPECT_EQ(Dump("ALERTS", ticks_[0]),
            Lines{R"({alertname="B", alertstate="firing", x="a"}: 1@0 1@1)"});
}

TEST_F(AlertGeneratorTest, LabelsThatTheSeriesNeedsAreItsOwn) {
  MustLoad("groups:\n- name: g\n  rules:\n  - {alert: A, expr: m > 10}\n");
  Play({{{{"__name__", "m"}, {"alertname", "other"}, {"alertstate", "critical"}}, 11}}, 1);
  EXPECT_EQ(told_["A"].at(0).alert.labels.ToString(), R"({alertname="A", alertstate="critical"})");
  EXPECT_EQ(Dump("ALERTS", ticks_[0]), Lines{R"({alertname="A", alertstate="firing"}: 1@0)"});
}

}  // namespace
}  // namespace narthex::alerting
