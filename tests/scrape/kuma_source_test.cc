// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/kuma_source.h"

#include <gtest/gtest.h>

#include "scrape/answers/kuma_answer.h"
#include "tests/scrape/sd_fixture.h"
#include "tests/support/fake_http_server.h"

namespace narthex::scrape {
namespace {

using testing::FakeHttpServer;

constexpr std::string_view kAnswer = R"({
  "versionInfo": "v7", "nonce": "n7", "controlPlane": {"identifier": "x"},
  "typeUrl": "type.googleapis.com/kuma.observability.v1.MonitoringAssignment",
  "resources": [
    {"@type": "type.googleapis.com/kuma.observability.v1.MonitoringAssignment",
     "mesh": "metrics", "service": "prometheus-server",
     "targets": [{"name": "server-1", "scheme": "http", "address": "10.1.4.32:9090",
                  "metricsPath": "/custom-metrics",
                  "labels": {"kuma.io/protocol": "http", "team": "own"}}],
     "labels": {"commit_hash": "620506a88", "team": "mesh"}},
    {"@type": "type.googleapis.com/kuma.observability.v1.MonitoringAssignment", "mesh": "m",
     "targets": [{"address": "a:1", "metrics_path": "/m"}, {"name": "b"}]}]})";

TEST(KumaSourceTest, LabelsOfAssignments) {
  const auto answer = ParseKumaAnswer(kAnswer);
  ASSERT_TRUE(answer.has_value()) << answer.error().message();
  EXPECT_EQ(answer->version, "v7");
  EXPECT_EQ(answer->nonce, "n7");
  ASSERT_EQ(answer->targets.size(), 3u);
  EXPECT_EQ(answer->targets[0].ToString(),
            R"({__address__="10.1.4.32:9090", __meta_kuma_dataplane="server-1", )"
            R"(__meta_kuma_label_commit_hash="620506a88", )"
            R"(__meta_kuma_label_kuma_io_protocol="http", __meta_kuma_label_team="mesh", )"
            R"(__meta_kuma_mesh="metrics", __meta_kuma_service="prometheus-server", )"
            R"(__metrics_path__="/custom-metrics", __scheme__="http", instance="server-1"})");
  EXPECT_EQ(answer->targets[1].ToString(),
            R"({__address__="a:1", __meta_kuma_mesh="m", __metrics_path__="/m"})");
}

TEST(KumaSourceTest, WrongAnswersAreErrors) {
  const std::string type = "type.googleapis.com/kuma.observability.v1.MonitoringAssignment";
  for (const std::string& body :
       {std::string(), std::string("[]"), std::string("{}"), std::string(R"({"typeUrl": "x"})"),
        R"({"typeUrl": ")" + type + R"(", "resources": [{"@type": "x"}]})",
        R"({"typeUrl": ")" + type + R"(", "resources": [{"@type": ")" + type +
            R"(", "targets": [{"labels": {"a": 1}}]}]})"}) {
    EXPECT_FALSE(ParseKumaAnswer(body).has_value()) << body;
  }
  EXPECT_EQ(ParseKumaAnswer(R"({"typeUrl": "x"})").error().message(),
            "received invalid typeURL for Kuma MADS v1 Resource: x");
}

TEST(KumaSourceTest, CopiesOfAnAssignmentsLabelsAreBounded) {
  const std::string type = "type.googleapis.com/kuma.observability.v1.MonitoringAssignment";
  std::string targets = "{}";
  for (int i = 1; i < 1000; ++i) targets += ",{}";
  const std::string body = R"({"typeUrl": ")" + type + R"(", "resources": [{"@type": ")" + type +
                           R"(", "labels": {"a": ")" + std::string(10'000, 'x') +
                           R"("}, "targets": [)" + targets + "]}]}";
  EXPECT_EQ(ParseKumaAnswer(body)->targets.size(), 1000u);
  const auto answer = ParseKumaAnswer(body, {.bytes = 1'000'000});
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code(), Code::kResourceExhausted);
  EXPECT_EQ(answer.error().message(), "more than 1000000 bytes of labels");
}

class KumaServerTest : public SdTest {};

TEST_F(KumaServerTest, SaysWhatItHasAndTakesNothingNew) {
  std::vector<FakeHttpServer::Request> seen;
  std::vector<FakeHttpServer::Response> script = {
      {.body = std::string(kAnswer)},
      {.body = "", .status = "304 Not Modified"},
      {.body = "", .status = "500 Internal Server Error"}};
  FakeHttpServer server([&](const FakeHttpServer::Request& request) {
    seen.push_back(request);
    return script.at(seen.size() - 1);
  });
  config::KumaSdConfig config;
  config.server = server.Url("/mads");
  config.client_id = "me";
  auto client = SdClient::Make(config.http, std::chrono::minutes(1));
  KumaSource source(config, std::move(*client), SystemClock(), registry);
  const auto first = source.Refresh();
  ASSERT_TRUE(first.has_value()) << first.error().message();
  EXPECT_FALSE(source.unchanged());
  EXPECT_EQ(first->at(0).source, "kuma");
  EXPECT_EQ(first->at(0).targets.size(), 3u);
  EXPECT_TRUE(source.Refresh().has_value());
  EXPECT_TRUE(source.unchanged());
  const auto failed = source.Refresh();
  ASSERT_FALSE(failed.has_value());
  EXPECT_NE(failed.error().message().find("non 200 status '500' response during xDS fetch"),
            std::string::npos);
  EXPECT_EQ(seen[0].target, "/mads/v3/discovery:monitoringassignments?fetch-timeout=2m");
  const std::string type =
      R"("type_url":"type.googleapis.com/kuma.observability.v1.MonitoringAssignment")";
  EXPECT_EQ(seen[0].body, R"({"node":{"id":"me"},)" + type + "}");
  EXPECT_EQ(seen[1].body,
            R"({"node":{"id":"me"},)" + type + R"(,"version_info":"v7","response_nonce":"n7"})");
  EXPECT_EQ(CounterValue("prometheus_sd_kuma_fetch_failures_total"), 1u);
  EXPECT_EQ(CounterValue("prometheus_sd_kuma_fetch_skipped_updates_total"), 1u);
}

TEST_F(KumaServerTest, ForgetsAndIsCancelledWithoutAFailure) {
  std::vector<std::string> bodies;
  FakeHttpServer server([&](const FakeHttpServer::Request& request) {
    bodies.push_back(request.body);
    return FakeHttpServer::Response{.body = std::string(kAnswer)};
  });
  config::KumaSdConfig config;
  config.server = server.Url();
  auto client = SdClient::Make(config.http, std::chrono::minutes(1));
  KumaSource source(config, std::move(*client), SystemClock(), registry);
  ASSERT_TRUE(source.Refresh().has_value());
  source.Forget();
  ASSERT_TRUE(source.Refresh().has_value());
  EXPECT_EQ(bodies.at(0), bodies.at(1));
  source.Cancel();
  const auto cancelled = source.Refresh();
  ASSERT_FALSE(cancelled.has_value());
  EXPECT_EQ(cancelled.error().code(), Code::kCancelled);
  EXPECT_EQ(CounterValue("prometheus_sd_kuma_fetch_failures_total"), 0u);
}

}  // namespace
}  // namespace narthex::scrape
