// SPDX-License-Identifier: Apache-2.0
#include "narthex/alerting/notifier.h"

#include <string>
#include <thread>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "alerting/notifier/alertmanager.h"
#include "tests/alerting/notifier_fixture.h"

namespace narthex::alerting {
namespace {

TEST_F(NotifierTest, PostsWhatPrometheusPosts) {
  FakeAlertmanager am;
  Make();
  Apply(To(am.address(), ", path_prefix: /am/, basic_auth: {username: u, password: p}"));
  notifier_->Send({Alert("A")});
  const auto posts = am.WaitFor(1);
  EXPECT_EQ(posts[0].path, "/am/api/v2/alerts");
  EXPECT_EQ(posts[0].content_type, "application/json");
  EXPECT_EQ(posts[0].user_agent, "Prometheus/3.14.0");
  EXPECT_EQ(posts[0].authorization, "Basic dTpw");
  // The external label `n` gives way to the alert's own. Milliseconds are cut, not rounded.
  EXPECT_EQ(posts[0].body,
            R"([{"annotations":{"summary":"\u003ca \u0026 b\u003e"},)"
            R"("endsAt":"2023-11-14T22:17:20.000Z","startsAt":"2023-11-14T22:13:20.123Z",)"
            R"("generatorURL":"http://x/graph?g0.expr=up\u0026g0.tab=1",)"
            R"("labels":{"alertname":"A","dc":"eu","n":"1"}}])");
  Notification bare = Alert("B");
  bare.annotations = {};
  notifier_->Send({bare});
  EXPECT_TRUE(am.WaitFor(2)[1].body.starts_with(R"([{"endsAt":)")) << am.WaitFor(2)[1].body;
  Expect("sent_total", "2");
  EXPECT_EQ(ValueOf("latency_seconds_count"), "2");
  EXPECT_EQ(ValueOf("latency_histogram_seconds_count"), "2");
  EXPECT_EQ(notifier_->ActiveAlertmanagers(),
            std::vector<std::string>{"http://" + am.address() + "/am/api/v2/alerts"});
}

TEST_F(NotifierTest, RelabelsForAllAndForOne) {
  FakeAlertmanager first, second;
  Make();
  Apply(fmt::format(R"(alerting:
  alert_relabel_configs:
    - {{source_labels: [alertname], regex: Gone, action: drop}}
    - {{target_label: all, replacement: yes}}
  alertmanagers:
    - static_configs: [{{targets: ['{}']}}]
    - static_configs: [{{targets: ['{}']}}]
      alert_relabel_configs:
        - {{source_labels: [n], regex: '2', action: drop}}
        - {{regex: all, action: labeldrop}}
)",
                    first.address(), second.address()));
  notifier_->Send({Alert("A", "1"), Alert("Gone"), Alert("A", "2")});
  const auto labels = [](const std::string& body) {
    std::string all;
    for (std::size_t at = 0; (at = body.find("\"labels\":", at)) != std::string::npos; ++at) {
      all += body.substr(at + 9, body.find('}', at) - at - 8);
    }
    return all;
  };
  EXPECT_EQ(labels(first.WaitFor(1)[0].body), R"({"alertname":"A","all":"yes","dc":"eu","n":"1"})"
                                              R"({"alertname":"A","all":"yes","dc":"eu","n":"2"})");
  EXPECT_EQ(labels(second.WaitFor(1)[0].body), R"({"alertname":"A","dc":"eu","n":"1"})");
}

TEST_F(NotifierTest, FullQueueDropsTheOldest) {
  FakeAlertmanager am;
  am.Hold();
  Make({.queue_capacity = 3, .batch_size = 2});
  Apply(To(am.address()));
  notifier_->Send({Alert("first")});
  am.WaitFor(1);  // On its way, no longer in the queue.
  notifier_->Send({Alert("a"), Alert("b")});
  notifier_->Send({Alert("c"), Alert("d")});
  EXPECT_EQ(ValueOf("queue_length"), "3");
  EXPECT_EQ(ValueOf("dropped_total"), "1");
  EXPECT_GT(notifier_->held_bytes(), 4 * sizeof(Notification));
  notifier_->Send(
      {Alert("e"), Alert("f"), Alert("g"), Alert("h")});  // More than there is room for.
  EXPECT_EQ(ValueOf("queue_length"), "3");
  EXPECT_EQ(ValueOf("dropped_total"), "5");
  am.Release();
  const auto posts = am.WaitFor(3);
  EXPECT_NE(posts[1].body.find("\"f\""), std::string::npos);
  EXPECT_NE(posts[1].body.find("\"g\""), std::string::npos);
  EXPECT_NE(posts[2].body.find("\"h\""), std::string::npos);
  Expect("sent_total", "4");
  EXPECT_EQ(ValueOf("queue_length"), "0");
  notifier_->Stop();
  EXPECT_EQ(notifier_->held_bytes(), 0U);
}

TEST_F(NotifierTest, RefusalsAreCountedAndNotTriedAgain) {
  FakeAlertmanager am;
  Make({.min_backoff_ms = 1, .max_backoff_ms = 1});
  Apply(To(am.address()));
  for (const int status : {400, 404, 422}) {
    am.SetStatus(status);
    notifier_->Send({Alert("A"), Alert("B")});
    Expect("dropped_total", std::to_string(status == 400 ? 2 : status == 404 ? 4 : 6));
  }
  EXPECT_EQ(ValueOf("errors_total"), "6");
  EXPECT_EQ(ValueOf("sent_total"), "0");
  EXPECT_EQ(ValueOf("latency_seconds_count"), "");  // Only what went well has a latency.
  am.SetStatus(202);
  notifier_->Send({Alert("C")});
  Expect("sent_total", "1");
  EXPECT_EQ(am.num_posts(), 4U);
}

TEST_F(NotifierTest, FailuresThatMayPassAreTriedAgain) {
  FakeAlertmanager am;
  Make({.min_backoff_ms = 1, .max_backoff_ms = 2});
  Apply(To(am.address()));
  for (const int status : {500, 503, 429}) {
    const std::size_t before = am.num_posts();
    am.SetStatus(status);
    notifier_->Send({Alert("A"), Alert("B")});
    am.WaitFor(before + 3);
    am.SetStatus(200);
    Expect("sent_total", std::to_string(status == 500 ? 2 : status == 503 ? 4 : 6));
  }
  EXPECT_EQ(ValueOf("dropped_total"), "0");
  EXPECT_GE(std::stoi(ValueOf("errors_total")), 2 * 3 * 2);
}

TEST_F(NotifierTest, OfAnAlertOnlyTheNewestNewsIsTriedAgain) {
  FakeAlertmanager am;
  am.Hold();
  am.SetStatus(503);
  Make({.batch_size = 2, .min_backoff_ms = 1, .max_backoff_ms = 1});
  Apply(To(am.address()));
  notifier_->Send({Alert("A"), Alert("B")});
  am.WaitFor(1);
  Notification newer = Alert("A");
  newer.annotations = {{"summary", "newer"}};
  notifier_->Send({Alert("C"), newer});
  am.SetHeldStatus(200);
  am.Release();
  Expect("sent_total", "3");
  const auto posts = am.WaitFor(3);
  EXPECT_EQ(posts.size(), 3U);
  EXPECT_NE(posts[1].body.find("\"B\""), std::string::npos) << posts[1].body;
  EXPECT_NE(posts[1].body.find("\"C\""), std::string::npos) << posts[1].body;
  EXPECT_NE(posts[2].body.find("newer"), std::string::npos) << posts[2].body;
  EXPECT_EQ(ValueOf("dropped_total"), "0");
}

TEST_F(NotifierTest, WhatIsTriedAgainMakesRoomForNewerAlerts) {
  FakeAlertmanager am;
  am.Hold();
  am.SetStatus(503);
  Make({.queue_capacity = 3, .batch_size = 2, .min_backoff_ms = 1, .max_backoff_ms = 1});
  Apply(To(am.address()));
  notifier_->Send({Alert("A"), Alert("B")});
  am.WaitFor(1);
  notifier_->Send({Alert("C"), Alert("D")});
  am.SetHeldStatus(200);
  am.Release();
  Expect("sent_total", "3");
  EXPECT_EQ(ValueOf("dropped_total"), "1");  // A.
}

TEST_F(NotifierTest, StopTriesOnceMoreWhatFailed) {
  FakeAlertmanager am;
  am.SetStatus(503);
  Make({.min_backoff_ms = 1'000'000, .max_backoff_ms = 1'000'000});
  Apply(To(am.address()));
  notifier_->Send({Alert("A")});
  Expect("errors_total", "1");
  Expect("queue_length", "1");
  notifier_->Stop();
  EXPECT_EQ(am.num_posts(), 2U);
}

TEST_F(NotifierTest, OneThatHangsDoesNotDelayTheOthers) {
  FakeAlertmanager slow, good;
  slow.Hold();
  Make();
  Apply(To("'" + slow.address() + "', '127.0.0.1:1', '" + good.address() + "'"));
  for (int i = 0; i < 3; ++i) {
    notifier_->Send({Alert("A")});
    good.WaitFor(static_cast<std::size_t>(i) + 1);
  }
  EXPECT_EQ(slow.WaitFor(1).size(), 1U);
}

TEST_F(NotifierTest, TimeoutOfTheEntry) {
  FakeAlertmanager am;
  am.Hold();
  Make();
  Apply(To(am.address(), ", timeout: 50ms"));
  notifier_->Send({Alert("A")});
  Expect("errors_total", "1");
}

TEST_F(NotifierTest, StopSendsWhatWaits) {
  FakeAlertmanager am;
  Make({.batch_size = 1});
  Apply(To(am.address()));
  am.Hold();
  notifier_->Send({Alert("A"), Alert("B"), Alert("C")});
  am.WaitFor(1);
  std::thread stop([this] { notifier_->Stop(); });
  am.Release();
  stop.join();
  EXPECT_EQ(am.num_posts(), 3U);
  notifier_->Send({Alert("D")});
  EXPECT_EQ(am.num_posts(), 3U);
  EXPECT_EQ(Series("prometheus_notifications_sent_total{").size(), 0U);
}

TEST_F(NotifierTest, StopWithoutDrainingEndsTheRunningRequest) {
  FakeAlertmanager am;
  Make({.batch_size = 1, .drain_on_stop = false});
  Apply(To(am.address()));
  am.Hold();
  notifier_->Send({Alert("A"), Alert("B")});
  am.WaitFor(1);
  notifier_->Stop();  // Would take the 10 s of the timeout otherwise.
  EXPECT_EQ(am.num_posts(), 1U);
}

TEST_F(NotifierTest, ReloadKeepsWhatHasNotChanged) {
  FakeAlertmanager kept, gone;
  Make();
  Apply(To("'" + kept.address() + "', '" + gone.address() + "'"));
  notifier_->Send({Alert("A")});
  kept.WaitFor(1);
  gone.WaitFor(1);
  ExpectAt(kept, "1");
  ExpectAt(gone, "1");
  // The same entry at another place keeps its queue, and so its counters.
  Apply(fmt::format(R"(alerting:
  alertmanagers:
    - static_configs: [{{targets: ['127.0.0.1:1']}}]
    - static_configs: [{{targets: ['{}', '{}']}}]
)",
                    kept.address(), gone.address()));
  EXPECT_EQ(SentTo(kept), "1");
  // Another text: a new queue.
  Apply(To(kept.address(), ", timeout: 3s"));
  EXPECT_EQ(notifier_->ActiveAlertmanagers().size(), 1U);
  EXPECT_EQ(Series("prometheus_notifications_alertmanagers_discovered"),
            std::vector<std::string>{"prometheus_notifications_alertmanagers_discovered 1"});
  notifier_->Send({Alert("B")});
  kept.WaitFor(2);
  EXPECT_EQ(gone.num_posts(), 1U);
}

TEST_F(NotifierTest, RefusesClientOptionsThatCannotBe) {
  NotifierOptions options;
  options.client_options = [](const config::HttpConfig&) -> Result<net::HttpClientOptions> {
    return Fail(Code::kNotFound, "no such file");
  };
  Notifier notifier(SystemClock(), registry_, options);
  auto config = config::LoadText("alerting: {alertmanagers: [{}]}\n", "x");
  ASSERT_TRUE(config) << config.error().message();
  const Status status = notifier.Check(**config);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(), "alerting.alertmanagers, entry 1: no such file");
  EXPECT_FALSE(notifier.ApplyConfig(**config));
}

TEST(AlertmanagerTest, PostPath) {
  const std::pair<const char*, const char*> cases[] = {{"", "/api/v2/alerts"},
                                                       {"/", "/api/v2/alerts"},
                                                       {"a/b", "/a/b/api/v2/alerts"},
                                                       {"//a//b/", "/a/b/api/v2/alerts"},
                                                       {"/a/./x/../b", "/a/b/api/v2/alerts"},
                                                       {"../a", "/a/api/v2/alerts"}};
  for (const auto& [prefix, path] : cases) EXPECT_EQ(PostPath(prefix), path) << prefix;
}

TEST(AlertmanagerTest, UrlsOfTargets) {
  auto config = config::LoadText(R"(alerting:
  alertmanagers:
    - scheme: https
      path_prefix: /p q
      relabel_configs:
        - {source_labels: [team], regex: no, action: drop}
        - {source_labels: [team], regex: (r.*), target_label: __alerts_path__, replacement: '/$1'}
)",
                                 "x");
  ASSERT_TRUE(config) << config.error().message();
  const std::vector<config::TargetGroup> groups = {
      {{{{"__address__", "a:1"}}, {{"__address__", "a:1"}}}, {}, "0"},
      {{{{"__address__", "b:1"}}}, {{"team", "no"}, {"__scheme__", "http"}}, "1"},
      {{{{"__address__", "c:1"}, {"team", "red"}}}, {{"team", "no"}}, "2"},
      {{{{"__address__", "d:1"}}, {{"__address__", "d:1/x"}}}, {}, "3"}};
  const auto urls = FindAlertmanagers(groups, (*config)->alerting.alertmanagers[0]);
  EXPECT_EQ(urls.active,
            (std::vector<std::string>{"https://a:1/p%20q/api/v2/alerts", "https://c:1/red"}));
  // As there, the labels of a group win over the scheme of the section.
  EXPECT_EQ(urls.dropped, std::vector<std::string>{"http://b:1/p%20q/api/v2/alerts"});
}

}  // namespace
}  // namespace narthex::alerting
