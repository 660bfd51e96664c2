// SPDX-License-Identifier: Apache-2.0

#include "alerting/rules/alerts.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace narthex::alerting {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

RuleSpec Rule(std::int64_t hold_s, std::int64_t keep_s) {
  RuleSpec rule;
  rule.alerting = true;
  rule.name = "Down";
  rule.labels = {{"severity", "page"}};
  rule.hold_ms = hold_s * 1000;
  rule.keep_firing_ms = keep_s * 1000;
  return rule;
}

using Samples = std::initializer_list<std::pair<const char*, double>>;

/// What the rule makes of `up` on these instances.
std::vector<AlertInstance> Instances(const RuleSpec& rule, Samples samples) {
  promql::Vector vector;
  for (const auto& [instance, value] : samples) {
    promql::VectorSample& sample = vector.emplace_back();
    sample.metric = {{"__name__", "up"}, {"instance", instance}};
    sample.v = value;
  }
  return MakeInstances(rule.name, AlertTexts(rule), vector, {}, 0);
}

Result<promql::Vector> Update(Alerts& alerts, const RuleSpec& rule, Samples samples,
                              std::int64_t slot_ns, model::TimestampMs sample_t = 0,
                              int limit = 0) {
  return alerts.Update(rule, Instances(rule, samples), slot_ns, sample_t, limit);
}

char Letter(AlertState state) {
  return state == AlertState::kFiring ? 'F' : state == AlertState::kPending ? 'p' : '-';
}

// The state after each evaluation, one every 10 seconds; the table of rules-alerting.md, 4.2.
TEST(AlertsTest, StatesOverTime) {
  const struct {
    const char* name;
    std::int64_t hold_s, keep_s;
    std::string in_result;  // x = in the result.
    std::string want;       // p = pending, F = firing, - = none or inactive.
  } cases[] = {
      {"fires at once without for", 0, 0, "xx_x", "FF-F"},
      {"pending until for is over", 20, 0, "xxxx", "ppFF"},
      {"pending and gone is forgotten", 20, 0, "xx_xxx", "pp-ppF"},
      {"keeps firing", 0, 20, "x___x", "FFF-F"},
      {"back while kept starts the time anew", 0, 20, "x_x___", "FFFFF-"},
      {"pending is not kept", 20, 60, "xx_", "pp-"},
      {"never", 0, 0, "___", "---"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    Alerts alerts;
    alerts.SetRestored(true);
    std::string got;
    for (std::size_t i = 0; i < c.in_result.size(); ++i) {
      const bool in_result = c.in_result[i] == 'x';
      const auto samples =
          Update(alerts, Rule(c.hold_s, c.keep_s), in_result ? Samples{{"a", 1}} : Samples{},
                 static_cast<std::int64_t>(i) * 10 * kSecond, 0, 0);
      ASSERT_TRUE(samples.has_value());
      got += Letter(alerts.state());
      EXPECT_EQ(samples->size(), got.back() == '-' ? 0U : 2U);
    }
    EXPECT_EQ(got, c.want);
  }
}

TEST(AlertsTest, SamplesCarryLabelsStateAndStart) {
  Alerts alerts;
  alerts.SetRestored(true);
  const RuleSpec rule = Rule(10, 0);
  ASSERT_TRUE(Update(alerts, rule, {{"a", 7}}, 100 * kSecond + 999'999'999, 100'000, 0));
  const auto samples = Update(alerts, rule, {{"a", 8}}, 120 * kSecond, 119'000, 0);
  ASSERT_TRUE(samples.has_value());
  std::map<std::string, double> got;
  for (const auto& sample : *samples) {
    EXPECT_EQ(sample.t, 119'000);
    got[sample.metric.ToString()] = sample.v;
  }
  const std::map<std::string, double> want = {
      {R"({__name__="ALERTS", alertname="Down", alertstate="firing", instance="a", severity="page"})",
       1},
      {R"({__name__="ALERTS_FOR_STATE", alertname="Down", instance="a", severity="page"})", 100}};
  EXPECT_EQ(got, want);
  ASSERT_EQ(alerts.Snapshot().size(), 1U);
  EXPECT_EQ(alerts.Snapshot()[0].value, 8);
  EXPECT_EQ(alerts.Snapshot()[0].active_at_ns, 100 * kSecond + 999'999'999);
}

// As Prometheus: the samples begin with the labels of the rule as they are written.
TEST(AlertsTest, SamplesShowTheTemplateThatGaveNothing) {
  Alerts alerts;
  alerts.SetRestored(true);
  RuleSpec rule = Rule(0, 0);
  rule.labels = {{"gone", "{{ $labels.nothing }}"}, {"severity", "page"}};
  rule.labels.AppendSorted("zone", "");
  const auto samples = Update(alerts, rule, {{"a", 1}}, kSecond);
  ASSERT_TRUE(samples.has_value());
  std::vector<std::string> got;
  for (const auto& sample : *samples) got.push_back(sample.metric.ToString());
  EXPECT_EQ(got, (std::vector<std::string>{
                     R"({__name__="ALERTS_FOR_STATE", alertname="Down", )"
                     R"(gone="{{ $labels.nothing }}", instance="a", severity="page"})",
                     R"({__name__="ALERTS", alertname="Down", alertstate="firing", )"
                     R"(gone="{{ $labels.nothing }}", instance="a", severity="page"})"}));
  EXPECT_EQ(alerts.Snapshot()[0].labels.Get("gone"), "") << "nobody is told of it";
}

TEST(AlertsTest, NoSamplesBeforeRestore) {
  Alerts alerts;
  const auto samples = Update(alerts, Rule(0, 0), {{"a", 1}}, kSecond, 1000, 0);
  ASSERT_TRUE(samples.has_value());
  EXPECT_TRUE(samples->empty());
  EXPECT_EQ(alerts.state(), AlertState::kFiring);
}

TEST(AlertsTest, EqualLabelsFailAndChangeNothing) {
  Alerts alerts;
  RuleSpec rule = Rule(0, 0);
  rule.labels = {};
  rule.labels.AppendSorted("instance", "");  // Takes the label away.
  const auto samples = Update(alerts, rule, {{"a", 1}, {"b", 1}}, kSecond, 1000, 0);
  ASSERT_FALSE(samples.has_value());
  EXPECT_EQ(samples.error().message(),
            "vector contains metrics with the same labelset after applying alert labels");
  EXPECT_TRUE(alerts.Snapshot().empty());
}

TEST(AlertsTest, LimitForgetsAll) {
  Alerts alerts;
  ASSERT_TRUE(Update(alerts, Rule(0, 0), {{"a", 1}}, kSecond, 0, 1));
  const auto samples = Update(alerts, Rule(0, 0), {{"a", 1}, {"b", 1}}, kSecond, 0, 1);
  ASSERT_FALSE(samples.has_value());
  EXPECT_EQ(samples.error().message(), "exceeded limit of 1 with 2 alerts");
  EXPECT_TRUE(alerts.Snapshot().empty());
}

TEST(AlertsTest, RaisedForMakesFiringPendingAgain) {
  Alerts alerts;
  ASSERT_TRUE(Update(alerts, Rule(0, 0), {{"a", 1}}, kSecond, 0, 0));
  EXPECT_EQ(alerts.state(), AlertState::kFiring);
  ASSERT_TRUE(Update(alerts, Rule(60, 0), {{"a", 1}}, 2 * kSecond, 0, 0));
  EXPECT_EQ(alerts.state(), AlertState::kPending);
}

TEST(AlertsTest, ComesBackAsANewAlert) {
  Alerts alerts;
  for (const auto& [slot, present] : {std::pair{1, true}, {2, false}, {3, true}}) {
    ASSERT_TRUE(
        Update(alerts, Rule(0, 0), present ? Samples{{"a", 1}} : Samples{}, slot * kSecond, 0, 0));
  }
  ASSERT_EQ(alerts.Snapshot().size(), 1U);
  EXPECT_EQ(alerts.Snapshot()[0].active_at_ns, 3 * kSecond);
}

TEST(AlertsTest, TemplatesOfLabelsAndAnnotations) {
  RuleSpec rule = Rule(0, 0);
  rule.labels = {{"severity", "{{ if gt $value 1.0 }}page{{ else }}info{{ end }}"},
                 {"where", "{{ $labels.instance }}"},
                 {"gone", "{{ $labels.nothing }}"},
                 {"instance", "{{ $labels.instance | toUpper }}"}};
  rule.annotations = {{"summary", "{{ .Labels.__name__ }} is {{ $value }}"},
                      {"none", "{{ \"\" }}"}};
  const auto instances = Instances(rule, {{"a", 1}, {"b", 2.5}});
  ASSERT_EQ(instances.size(), 2U);
  EXPECT_EQ(instances[0].labels.ToString(),
            R"({alertname="Down", instance="A", severity="info", where="a"})");
  EXPECT_EQ(instances[1].labels.Get("severity"), "page");
  EXPECT_EQ(instances[1].annotations.ToString(), R"({none="", summary="up is 2.5"})");
}

// What is sent at each evaluation, every 10 seconds: f = firing, r = resolved, . = nothing.
TEST(AlertsTest, SendsAndSendsAgain) {
  const struct {
    const char* name;
    std::int64_t hold_s, keep_s, resend_s;
    std::string in_result, want;
  } cases[] = {
      {"again when strictly more than the delay has passed", 0, 0, 20, "xxxxxxx", "f..f..f"},
      {"each time when the delay is shorter", 0, 0, 5, "xxx", "fff"},
      {"a pending one never", 20, 0, 5, "xxxx", "..ff"},
      {"resolved at once, then again for a while", 0, 0, 20, "xx______", "f.r..r.."},
      {"one that only was pending has nothing to tell", 20, 0, 5, "xx__", "...."},
      {"keeps firing", 0, 15, 5, "x____", "fffrr"},
      {"fires again: at once", 0, 0, 1000, "xx_x_", "f.rfr"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const RuleSpec rule = Rule(c.hold_s, c.keep_s);
    Alerts alerts;
    std::string got;
    for (std::size_t i = 0; i < c.in_result.size(); ++i) {
      const std::int64_t slot = (1000 + 10 * static_cast<std::int64_t>(i)) * kSecond;
      const Samples result = {{"a", 1}};
      ASSERT_TRUE(Update(alerts, rule, c.in_result[i] == 'x' ? result : Samples{}, slot));
      const auto unsent = alerts.TakeUnsent(slot, c.resend_s * kSecond, 10 * kSecond);
      ASSERT_LE(unsent.size(), 1U);
      got += unsent.empty() ? '.' : unsent[0].ends_at_ns > slot ? 'f' : 'r';
    }
    EXPECT_EQ(got, c.want);
  }
}

TEST(AlertsTest, TimesOfWhatIsSent) {
  const RuleSpec rule = Rule(10, 0);
  Alerts alerts;
  ASSERT_TRUE(Update(alerts, rule, {{"a", 1}}, 1000 * kSecond));
  ASSERT_TRUE(Update(alerts, rule, {{"a", 1}}, 1010 * kSecond));
  auto sent = alerts.TakeUnsent(1010 * kSecond, 60 * kSecond, 10 * kSecond);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].starts_at_ns, 1010 * kSecond) << "since it fires, not since it is pending";
  EXPECT_EQ(sent[0].ends_at_ns, (1010 + 4 * 60) * kSecond);
  ASSERT_TRUE(Update(alerts, rule, {}, 1020 * kSecond));
  sent = alerts.TakeUnsent(1020 * kSecond, 60 * kSecond, 10 * kSecond);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].starts_at_ns, 1010 * kSecond);
  EXPECT_EQ(sent[0].ends_at_ns, 1020 * kSecond);
  // An interval that is longer than the delay counts instead.
  ASSERT_TRUE(Update(alerts, Rule(0, 0), {{"b", 1}}, 1030 * kSecond));
  sent = alerts.TakeUnsent(1030 * kSecond, 60 * kSecond, 100 * kSecond);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].ends_at_ns, (1030 + 4 * 100) * kSecond);
}

}  // namespace
}  // namespace narthex::alerting
