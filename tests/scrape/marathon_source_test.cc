// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/marathon_source.h"

#include <fstream>

#include <gtest/gtest.h>

#include "scrape/answers/marathon_targets.h"
#include "tests/scrape/sd_fixture.h"
#include "tests/support/fake_http_server.h"
#include "tests/support/temp_dir.h"

namespace narthex::scrape {
namespace {

using testing::FakeHttpServer;

/// The targets of one application, each on a line.
std::string Targets(const std::string& app) {
  const auto groups = ParseMarathonApps(R"({"apps": [)" + app + "]}");
  if (!groups) return groups.error().message();
  std::string text;
  for (const model::Labels& target : groups->at(0).targets) text += target.ToString() + "\n";
  return text;
}

TEST(MarathonSourceTest, GroupLabels) {
  const auto groups = ParseMarathonApps(
      R"({"apps": [{"id": "/team/app", "tasks": [], "tasksRunning": 0, "labels": {"a-b": "c"},
          "container": {"docker": {"image": "repo/image:tag"}}}, {"id": "/x"}]})");
  ASSERT_TRUE(groups.has_value()) << groups.error().message();
  ASSERT_EQ(groups->size(), 2u);
  EXPECT_EQ(groups->at(0).source, "/team/app");
  EXPECT_EQ(groups->at(0).labels.ToString(),
            R"({__meta_marathon_app="/team/app", __meta_marathon_app_label_a_b="c", )"
            R"(__meta_marathon_image="repo/image:tag"})");
  EXPECT_TRUE(groups->at(0).targets.empty());
}

TEST(MarathonSourceTest, PortMappings) {
  // In a bridge the port of the host counts; 0 = the task knows it.
  EXPECT_EQ(Targets(R"({"id": "a", "tasks": [{"id": "t1", "host": "h1", "ports": [31000, 31001]}],
    "container": {"portMappings": [{"labels": {"metrics": "/m"}, "containerPort": 8080},
                                   {"hostPort": 9}]}})"),
            R"({__address__="h1:31000", __meta_marathon_port_index="0", )"
            R"(__meta_marathon_port_mapping_label_metrics="/m", __meta_marathon_task="t1"})"
            "\n"
            R"({__address__="h1:9", __meta_marathon_port_index="1", __meta_marathon_task="t1"})"
            "\n");
  // In a network of containers their own addresses and ports.
  EXPECT_EQ(Targets(R"({"id": "a", "networks": [{"mode": "container", "name": "n"}],
    "tasks": [{"id": "t", "host": "h", "ipAddresses": [{"ipAddress": "1.2.3.4"}]}],
    "container": {"docker": {"portMappings": [{"containerPort": 8080, "hostPort": 1}]}}})"),
            R"({__address__="1.2.3.4:8080", __meta_marathon_port_index="0", )"
            R"(__meta_marathon_task="t"})"
            "\n");
}

TEST(MarathonSourceTest, PortDefinitions) {
  const std::string rest = R"("tasks": [{"id": "t", "host": "h", "ports": [31000]}],
    "portDefinitions": [{"port": 8080, "labels": {"x": "y"}}]})";
  EXPECT_EQ(Targets(R"({"requirePorts": true, )" + rest),
            R"({__address__="h:8080", __meta_marathon_port_definition_label_x="y", )"
            R"(__meta_marathon_port_index="0", __meta_marathon_task="t"})"
            "\n");
  EXPECT_EQ(Targets("{" + rest),
            R"({__address__="h:31000", __meta_marathon_port_definition_label_x="y", )"
            R"(__meta_marathon_port_index="0", __meta_marathon_task="t"})"
            "\n");
}

TEST(MarathonSourceTest, PortsOfTasksOnly) {
  EXPECT_EQ(Targets(R"({"tasks": [{"id": "t0", "host": "h0"},
                                  {"id": "t1", "host": "h1", "ports": [1, 2]},
                                  {"id": "t2", "host": "h2", "ports": [3, 4]}]})"),
            R"({__address__="h1:1", __meta_marathon_port_index="0", __meta_marathon_task="t1"})"
            "\n"
            R"({__address__="h1:2", __meta_marathon_port_index="1", __meta_marathon_task="t1"})"
            "\n"
            // As Prometheus: the first task's ports are taken for those of all.
            R"({__address__="h2:1", __meta_marathon_port_index="0", __meta_marathon_task="t2"})"
            "\n"
            R"({__address__="h2:2", __meta_marathon_port_index="1", __meta_marathon_task="t2"})"
            "\n");
}

TEST(MarathonSourceTest, WrongAnswersAreErrors) {
  for (const std::string_view body :
       {"", "[]", R"({"apps": {}})", R"({"apps": [{"id": 1}]})",
        R"({"apps": [{"tasks": [{"ports": ["1"]}]}]})", R"({"apps": [{"labels": {"a": 1}}]})"}) {
    EXPECT_FALSE(ParseMarathonApps(body).has_value()) << body;
  }
}

TEST(MarathonSourceTest, TasksTimesPortsAreBounded) {
  std::string tasks;
  std::string ports;
  for (int i = 0; i < 2000; ++i) {
    tasks += tasks.empty() ? "{}" : ",{}";
    ports += ports.empty() ? "1" : ",1";
  }
  const std::string body = R"({"apps": [{"tasks": [{"ports": [)" + ports + "]}," + tasks + "]}]}";
  const auto groups = ParseMarathonApps(body, {.targets = 5000});
  ASSERT_FALSE(groups.has_value());
  EXPECT_EQ(groups.error().code(), Code::kResourceExhausted);
  EXPECT_EQ(groups.error().message(), "more than 5000 targets");
}

TEST(MarathonSourceTest, TokenOfEachRequest) {
  const testing::TempDir dir;
  const std::string file = dir.path() + "/token";
  std::ofstream(file) << " first\n";
  FakeHttpServer::Request seen;
  FakeHttpServer::Response response{.body = R"({"apps": [{"id": "/a", "tasks": [
      {"id": "t", "host": "h", "ports": [1]}]}]})"};
  FakeHttpServer server([&](const FakeHttpServer::Request& request) {
    seen = request;
    return response;
  });
  config::MarathonSdConfig config;
  config.servers = {server.Url()};
  config.auth_token_file = file;
  auto client = SdClient::Make(config.http, std::chrono::minutes(1));
  MarathonSource source(config, std::move(*client));
  ASSERT_TRUE(source.Refresh().has_value());
  EXPECT_EQ(seen.Header("Authorization"), "token=first");
  EXPECT_EQ(seen.target, "/v2/apps/?embed=apps.tasks");
  std::ofstream(file) << "second";
  ASSERT_TRUE(source.Refresh().has_value());
  EXPECT_EQ(seen.Header("Authorization"), "token=second");
  response.status = "401 Unauthorized";
  const auto refused = source.Refresh();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message(),
            server.Url("/v2/apps/?embed=apps.tasks") +
                ": non 2xx status '401' response during marathon service discovery");
}

TEST(MarathonSourceTest, AMissingTokenFileKeepsItFromStarting) {
  metrics::Registry registry;
  config::MarathonSdConfig config;
  config.servers = {"http://127.0.0.1:1"};
  config.auth_token_file = "/no/such/file";
  const auto made = MarathonSource::Make(config, {registry, SystemClock(), "scrape", "job"});
  ASSERT_FALSE(made.has_value());
  EXPECT_TRUE(made.error().message().starts_with("unable to read auth token file /no/such/file: "));
}

}  // namespace
}  // namespace narthex::scrape
