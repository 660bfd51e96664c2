// SPDX-License-Identifier: Apache-2.0
//
// msk_sd_configs on a fake of MSK's API.
#include <gtest/gtest.h>

#include "scrape/discovery/aws/aws_source.h"
#include "tests/net/fake_api.h"
#include "tests/scrape/discovery/groups.h"
#include "tests/support/fake_clock.h"

namespace narthex::scrape {
namespace {

std::string NoEnvironment(const char*) { return ""; }

class MskTest : public ::testing::Test {
 protected:
  MskTest() {
    config_.access = {.endpoint = api_.Url("/"),
                      .region = "us-west-2",
                      .access_key = "AKID",
                      .secret_key = "SECRET",
                      .profile = "",
                      .role_arn = "",
                      .external_id = ""};
    api_.On("GET /v1/clusters/", {R"({"nodeInfoList": []})"});
  }

  std::string Text() {
    const auto source = MakeMskSource(config_, clock_, NoEnvironment);
    return source ? RefreshText(**source, "__meta_msk_") : source.error().message();
  }

  net::FakeApi api_;
  testing::FakeClock clock_{1'440'938'160'000};
  config::MskSdConfig config_;
};

const std::string kArn = "arn:aws:kafka:us-west-2:1:cluster/one/u-1";
const std::string kEscaped = "arn%3Aaws%3Akafka%3Aus-west-2%3A1%3Acluster%2Fone%2Fu-1";
const std::string kCluster = R"({"clusterArn": ")" + kArn + R"(", "clusterName": "one",
  "clusterType": "PROVISIONED", "currentVersion": "K1", "state": "ACTIVE", "tags": {"a.b": "c"},
  "provisioned": {"currentBrokerSoftwareInfo": {"configurationArn": "arn:conf",
    "configurationRevision": 3, "kafkaVersion": "3.5.1"}, "openMonitoring": {"prometheus": {
    "jmxExporter": {"enabledInBroker": true}, "nodeExporter": {"enabledInBroker": false}}}}})";

TEST_F(MskTest, BrokersAndControllers) {
  api_.On("GET /api/v2/clusters?clusterTypeFilter=PROVISIONED&maxResults=100 ",
          {R"({"clusterInfoList": [], "nextToken": "a+b"})"});
  api_.On("GET /api/v2/clusters?clusterTypeFilter=PROVISIONED&maxResults=100&nextToken=a%2Bb ",
          {R"({"clusterInfoList": [)" + kCluster + "]}"});
  api_.On("GET /v1/clusters/" + kEscaped + "/nodes?maxResults=100 ", {R"({"nextToken": "2",
    "nodeInfoList": [{"nodeARN": "arn:1", "addedToClusterTime": "2024-01-01T00:00:00Z",
      "instanceType": "kafka.m5.large", "brokerNodeInfo": {"brokerId": 1.0, "attachedENIId": "eni",
      "clientSubnet": "subnet", "clientVpcIpAddress": "10.0.0.1", "endpoints": ["b-1.x", "b-1.y"]}},
     {"nodeARN": "arn:z", "zookeeperNodeInfo": {"endpoints": ["z-1.x"]}}]})"});
  api_.On("GET /v1/clusters/" + kEscaped + "/nodes?maxResults=100&nextToken=2 ", {R"({
    "nodeInfoList": [{"nodeARN": "arn:2", "controllerNodeInfo": {"endpoints": ["c-1.x"]}}]})"});
  config_.port = 11001;
  const std::string cluster = R"(cluster_arn=arn:aws:kafka:us-west-2:1:cluster/one/u-1
cluster_configuration_arn=arn:conf
cluster_configuration_revision=3
cluster_jmx_exporter_enabled=true
cluster_kafka_version=3.5.1
cluster_name=one
cluster_state=ACTIVE
cluster_tag_a_b=c
cluster_type=PROVISIONED
cluster_version=K1
)";
  const auto broker = [&](const std::string& endpoint, const std::string& index) {
    return "__address__=" + endpoint + ":11001\nbroker_client_subnet=subnet\n" +
           "broker_client_vpc_ip=10.0.0.1\nbroker_endpoint_index=" + index +
           "\nbroker_id=1\nbroker_node_exporter_enabled=false\n" + cluster +
           "node_added_time=2024-01-01T00:00:00Z\nnode_arn=arn:1\nnode_attached_eni=eni\n"
           "node_instance_type=kafka.m5.large\nnode_type=BROKER\n--\n";
  };
  EXPECT_EQ(Text(), broker("b-1.x", "0") + broker("b-1.y", "1") + "__address__=c-1.x:11001\n" +
                        cluster + "controller_endpoint_index=0\nnode_arn=arn:2\n" +
                        "node_type=CONTROLLER\n--\n");
  const std::string request = api_.requests().at(2);
  EXPECT_NE(request.find("Credential=AKID/20150830/us-west-2/kafka/aws4_request, "
                         "SignedHeaders=host;x-amz-date, "),
            std::string::npos)
      << request;
}

TEST_F(MskTest, ClustersOfTheSettings) {
  config_.clusters = {kArn};
  api_.On("GET /api/v2/clusters/" + kEscaped + " ", {R"({"clusterInfo": )" + kCluster + "}"});
  api_.On("GET /v1/clusters/" + kEscaped + "/nodes?maxResults=100 ",
          {R"({"nodeInfoList": [{"controllerNodeInfo": {"endpoints": ["c"]}}]})"});
  EXPECT_TRUE(Text().starts_with("__address__=c:80\n"));
  EXPECT_EQ(api_.requests().size(), 2U);
}

TEST_F(MskTest, Failures) {
  const std::string describe = "could not describe cluster " + kArn + ": ";
  config_.clusters = {kArn};
  api_.On("GET /api/v2/", {R"({"message": "not you"})", 403,
                           "X-Amzn-ErrorType: ForbiddenException:http://internal.amazon.com/\r\n"});
  EXPECT_EQ(Text(), describe +
                        "https response error StatusCode: 403, api error "
                        "ForbiddenException: not you");
  config_.clusters = {};
  api_.On("GET /api/v2/", {"<html>", 502});
  EXPECT_EQ(Text(), "could not list clusters: server returned HTTP status 502 X");
  api_.On("GET /api/v2/", {R"({"clusterInfoList": [], "nextToken": "again"})"});
  EXPECT_EQ(Text(), "could not list clusters: the answer has more than 1000 pages");
  api_.On("GET /api/v2/", {R"({"clusterInfoList": [{"clusterArn": "x", "state": 1}]})"});
  EXPECT_EQ(Text(), "json: clusterInfoList[].state should be a text and is number");
  api_.On("GET /v1/clusters/x/", {"", 500});
  EXPECT_EQ(Text(), "could not list nodes for cluster x: server returned HTTP status 500 X");
}

}  // namespace
}  // namespace narthex::scrape
