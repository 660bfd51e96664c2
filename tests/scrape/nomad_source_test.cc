// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/nomad_source.h"

#include <gtest/gtest.h>

#include "tests/scrape/sd_fixture.h"
#include "tests/support/fake_http_server.h"

namespace narthex::scrape {
namespace {

using testing::FakeHttpServer;

constexpr std::string_view kInstances = R"([
  {"ID": "_nomad-task-1", "ServiceName": "hello world", "Namespace": "default",
   "NodeID": "d92f", "Datacenter": "dc1", "JobID": "hello", "AllocID": "a3f1",
   "Tags": ["metrics", "x"], "Address": "127.0.0.1", "Port": 30456, "CreateIndex": 226},
  {"ID": "2", "ServiceName": "hello world", "Tags": [], "Address": "fd00::1", "Port": 1}])";

class NomadSourceTest : public SdTest {
 protected:
  std::unique_ptr<NomadSource> Make(const std::string& server) {
    config::NomadSdConfig config;
    config.server = server;
    auto client = SdClient::Make(config.http, std::chrono::minutes(1));
    EXPECT_TRUE(client.has_value());
    return std::make_unique<NomadSource>(config, std::move(*client), registry);
  }
};

TEST_F(NomadSourceTest, InstancesOfAllServices) {
  std::vector<std::string> targets;
  FakeHttpServer server([&](const FakeHttpServer::Request& request) {
    targets.push_back(request.target);
    if (request.target.starts_with("/v1/services")) {
      return FakeHttpServer::Response{.body = R"([{"Namespace": "default", "Services": [
          {"ServiceName": "hello world", "Tags": ["metrics"]}, {"ServiceName": "a/b"}]}])"};
    }
    const bool hello = request.target.find("hello") != std::string::npos;
    return FakeHttpServer::Response{.body = hello ? std::string(kInstances) : "[]"};
  });
  const auto groups = Make(server.Url("/ignored"))->Refresh();
  ASSERT_TRUE(groups.has_value()) << groups.error().message();
  ASSERT_EQ(groups->size(), 1u);
  EXPECT_EQ(groups->at(0).source, "Nomad");
  ASSERT_EQ(groups->at(0).targets.size(), 2u);
  EXPECT_EQ(groups->at(0).targets[0].ToString(),
            R"({__address__="127.0.0.1:30456", __meta_nomad_address="127.0.0.1", )"
            R"(__meta_nomad_dc="dc1", __meta_nomad_namespace="default", )"
            R"(__meta_nomad_node_id="d92f", __meta_nomad_service="hello world", )"
            R"(__meta_nomad_service_address="127.0.0.1", __meta_nomad_service_id="_nomad-task-1", )"
            R"(__meta_nomad_service_port="30456", __meta_nomad_tags=",metrics,x,"})");
  EXPECT_EQ(groups->at(0).targets[1].ToString(),
            R"({__address__="[fd00::1]:1", __meta_nomad_address="fd00::1", )"
            R"(__meta_nomad_service="hello world", __meta_nomad_service_address="fd00::1", )"
            R"(__meta_nomad_service_id="2", __meta_nomad_service_port="1"})");
  EXPECT_EQ(targets, (std::vector<std::string>{
                         "/v1/services?namespace=default&region=global&stale=",
                         "/v1/service/hello%20world?namespace=default&region=global&stale=",
                         "/v1/service/a%2Fb?namespace=default&region=global&stale="}));
}

TEST_F(NomadSourceTest, FailuresSayWhat) {
  const auto failure = [&](FakeHttpServer::Response list, FakeHttpServer::Response service) {
    FakeHttpServer server([&](const FakeHttpServer::Request& request) {
      return request.target.starts_with("/v1/services") ? list : service;
    });
    const auto groups = Make(server.Url())->Refresh();
    return groups ? "" : groups.error().message();
  };
  const FakeHttpServer::Response one{.body = R"([{"Services": [{"ServiceName": "s"}]}])"};
  EXPECT_NE(failure({.body = "Permission denied", .status = "403 Forbidden"}, {.body = ""})
                .find("Unexpected response code: 403 (Permission denied)"),
            std::string::npos);
  const std::string listed = failure({.body = "{}"}, {.body = ""});
  EXPECT_TRUE(listed.starts_with("http://")) << listed;
  EXPECT_NE(listed.find(": json: "), std::string::npos) << listed;
  EXPECT_TRUE(
      failure(one, {.body = "[{"}).starts_with("failed to fetch services: service \"s\": json: "));
  EXPECT_TRUE(
      failure(one, {.body = R"([{"Port": "1"}])"}).starts_with("failed to fetch services: "));
  EXPECT_TRUE(failure(one, {.body = "", .status = "500 Internal Server Error"})
                  .starts_with("failed to fetch services: http://"));
  EXPECT_EQ(CounterValue("prometheus_sd_nomad_failures_total"), 5u);
}

TEST_F(NomadSourceTest, CancellingIsNoFailure) {
  const auto source = Make("http://127.0.0.1:1");
  source->Cancel();
  const auto groups = source->Refresh();
  ASSERT_FALSE(groups.has_value());
  EXPECT_EQ(groups.error().code(), Code::kCancelled);
  EXPECT_EQ(CounterValue("prometheus_sd_nomad_failures_total"), 0u);
}

}  // namespace
}  // namespace narthex::scrape
