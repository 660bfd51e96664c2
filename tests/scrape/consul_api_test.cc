// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/consul_api.h"

#include <gtest/gtest.h>

#include "scrape/answers/consul_answers.h"

namespace narthex::scrape {
namespace {

constexpr std::chrono::minutes kWait{2};

ConsulApi Api(const config::ConsulSdConfig& config) {
  auto api = ConsulApi::Make(config, kWait);
  EXPECT_TRUE(api.has_value()) << api.error().message();
  return std::move(*api);
}

TEST(ConsulApiTest, Requests) {
  config::ConsulSdConfig config;
  EXPECT_EQ(net::FormatUrl(Api(config).Self().url), "http://localhost:8500/v1/agent/self");
  EXPECT_EQ(net::FormatUrl(Api(config).Services(0).url),
            "http://localhost:8500/v1/catalog/services?stale=&wait=120000ms");
  config.datacenter = "dc1";
  config.name_space = "team a";
  config.partition = "p";
  config.token = "secret";
  config.allow_stale = false;
  config.node_meta = {{"rack", "r1"}, {"zone", "z"}};
  config.filter = R"(Node.Meta.x == "y")";
  config.health_filter = "Service.Port > 1";
  config.tags = {"b", "a"};
  const net::ClientRequest services = Api(config).Services(17);
  EXPECT_EQ(net::FormatUrl(services.url),
            "http://localhost:8500/v1/catalog/services?dc=dc1&filter=Node.Meta.x+%3D%3D+%22y%22&"
            "index=17&node-meta=rack%3Ar1&node-meta=zone%3Az&ns=team+a&partition=p&wait=120000ms");
  EXPECT_EQ(services.headers, (net::Headers{{"X-Consul-Token", "secret"}}));
  EXPECT_GT(services.timeout, kWait);
  EXPECT_EQ(net::FormatUrl(Api(config).Health("my svc/x", 3).url),
            "http://localhost:8500/v1/health/service/my%20svc/x?dc=dc1&filter=Service.Port+%3E+1&"
            "index=3&node-meta=rack%3Ar1&node-meta=zone%3Az&ns=team+a&partition=p&tag=b&tag=a&"
            "wait=120000ms");
}

TEST(ConsulApiTest, Addresses) {
  const auto url = [](const std::string& server, const std::string& scheme = "http",
                      const std::string& prefix = "") {
    config::ConsulSdConfig config;
    config.server = server;
    config.scheme = scheme;
    config.path_prefix = prefix;
    const auto api = ConsulApi::Make(config, kWait);
    return api ? net::FormatUrl(api->Self().url) : "ERR " + api.error().message();
  };
  EXPECT_EQ(url("c:1", "https"), "https://c:1/v1/agent/self");
  EXPECT_EQ(url("c:1", "http", "/pre"), "http://c:1/pre/v1/agent/self");
  EXPECT_EQ(url("c:1", "http", "x"), "http://c:1/x/v1/agent/self");
  EXPECT_EQ(url("c:1", "http", "a b?c#d"), "http://c:1/a%20b%3Fc%23d/v1/agent/self");
  EXPECT_EQ(url("https://c:1"), "https://c:1/v1/agent/self");
  EXPECT_EQ(url("http://c:1", "https"), "https://c:1/v1/agent/self");
  EXPECT_EQ(url("http://c:1/proxy"), "http://c:1/proxy/v1/agent/self");
  EXPECT_EQ(url("unix:///run/consul"), "ERR Unknown protocol scheme: unix");
  EXPECT_EQ(url("c:1x", "http", "x"),
            "ERR parse \"http://c:1x/x\": invalid port \":1x\" after host");
  EXPECT_EQ(url("a b"), "ERR parse \"http://a b/\": invalid character \" \" in host name");
}

TEST(ConsulApiTest, PasswordsAreNotShown) {
  config::ConsulSdConfig config;
  config.server = "http://u:secret@c:1";
  EXPECT_EQ(Api(config).shown_server(), "http://u:xxxxx@c:1");
  config.server = "http://u:secret@c:x";
  const auto wrong = ConsulApi::Make(config, kWait);
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().message().find("secret"), std::string::npos);
}

TEST(ConsulApiTest, Index) {
  EXPECT_EQ(*ConsulIndex({{"Content-Type", "x"}, {"x-consul-index", "42"}}), 42u);
  EXPECT_EQ(*ConsulIndex({}), 0u);
  EXPECT_FALSE(ConsulIndex({{"X-Consul-Index", "-1"}}).has_value());
  EXPECT_FALSE(ConsulIndex({{"X-Consul-Index", "1x"}}).has_value());
}

TEST(ConsulApiTest, AgentAndCatalog) {
  EXPECT_EQ(*ParseConsulDatacenter(R"({"Config": {"Datacenter": "dc1", "Server": true}})"), "dc1");
  EXPECT_FALSE(ParseConsulDatacenter("{}").has_value());
  EXPECT_FALSE(ParseConsulDatacenter(R"({"Config": {"Datacenter": 1}})").has_value());
  const auto services = ParseConsulServices(R"({"consul": [], "web": ["a", "b"], "db": null})");
  ASSERT_TRUE(services.has_value());
  EXPECT_EQ(*services, (std::map<std::string, std::vector<std::string>>{
                           {"consul", {}}, {"db", {}}, {"web", {"a", "b"}}}));
  EXPECT_FALSE(ParseConsulServices("[]").has_value());
  EXPECT_FALSE(ParseConsulServices(R"({"web": "a"})").has_value());
  EXPECT_FALSE(ParseConsulServices("{").has_value());
}

constexpr std::string_view kInstances = R"([
  {"Node": {"ID": "40e4", "Node": "host-1", "Address": "10.1.0.1", "Datacenter": "dc1",
            "TaggedAddresses": {"lan": "10.1.0.1", "wan-ipv4": "192.0.2.1"},
            "Meta": {"rack": "r1", "os-family": "linux", "empty": ""}},
   "Service": {"ID": "web-1", "Service": "web", "Tags": ["primary", "v1.2"], "Address": "",
               "Meta": {"team": "a", "metrics.path": "/m"}, "Port": 8080, "Namespace": "default",
               "Partition": "part"},
   "Checks": [{"CheckID": "serfHealth", "Status": "passing"},
              {"CheckID": "service:web-1", "Status": "warning"}]},
  {"Node": {"Node": "host-2", "Address": "10.1.0.2", "TaggedAddresses": null, "Meta": null},
   "Service": {"ID": "web-2", "Service": "web", "Tags": [], "Address": "fd00::2", "Port": 81},
   "Checks": []}])";

TEST(ConsulApiTest, LabelsOfInstances) {
  const auto group = ParseConsulHealth(kInstances, "web", "dc1", ",");
  ASSERT_TRUE(group.has_value()) << group.error().message();
  EXPECT_EQ(group->source, "web");
  EXPECT_EQ(group->labels.ToString(), R"({__meta_consul_dc="dc1", __meta_consul_service="web"})");
  ASSERT_EQ(group->targets.size(), 2u);
  EXPECT_EQ(group->targets[0].ToString(),
            R"({__address__="10.1.0.1:8080", __meta_consul_address="10.1.0.1", )"
            R"(__meta_consul_health="warning", __meta_consul_metadata_os_family="linux", )"
            R"(__meta_consul_metadata_rack="r1", __meta_consul_namespace="default", )"
            R"(__meta_consul_node="host-1", __meta_consul_partition="part", )"
            R"(__meta_consul_service_id="web-1", )"
            R"(__meta_consul_service_metadata_metrics_path="/m", )"
            R"(__meta_consul_service_metadata_team="a", __meta_consul_service_port="8080", )"
            R"(__meta_consul_tagged_address_lan="10.1.0.1", )"
            R"(__meta_consul_tagged_address_wan_ipv4="192.0.2.1", )"
            R"(__meta_consul_tags=",primary,v1.2,"})");
  EXPECT_EQ(group->targets[1].ToString(),
            R"({__address__="[fd00::2]:81", __meta_consul_address="10.1.0.2", )"
            R"(__meta_consul_health="passing", __meta_consul_node="host-2", )"
            R"(__meta_consul_service_address="fd00::2", __meta_consul_service_id="web-2", )"
            R"(__meta_consul_service_port="81", __meta_consul_tags=",,"})");
}

TEST(ConsulApiTest, HealthIsTheWorstOfTheChecks) {
  const auto health = [](const std::string& checks) {
    const auto group = ParseConsulHealth(R"([{"Checks": [)" + checks + "]}]", "s", "d", ",");
    EXPECT_TRUE(group.has_value());
    return std::string(group->targets.at(0).Get("__meta_consul_health"));
  };
  const std::string passing = R"({"CheckID": "a", "Status": "passing"})";
  const std::string warning = R"(, {"CheckID": "b", "Status": "warning"})";
  const std::string critical = R"(, {"CheckID": "c", "Status": "critical"})";
  EXPECT_EQ(health(passing), "passing");
  EXPECT_EQ(health(passing + warning), "warning");
  EXPECT_EQ(health(passing + critical + warning), "critical");
  EXPECT_EQ(health(passing + critical + R"(, {"CheckID": "_node_maintenance"})"), "maintenance");
  EXPECT_EQ(health(passing + R"(, {"CheckID": "_service_maintenance:web-1"})"), "maintenance");
  EXPECT_EQ(health(passing + R"(, {"CheckID": "d", "Status": "odd"})"), "");
}

TEST(ConsulApiTest, InstancesAreBounded) {
  EXPECT_TRUE(ParseConsulHealth("[{}, {}]", "s", "d", ",", {.targets = 2}).has_value());
  const auto many = ParseConsulHealth("[{}, null, null]", "s", "d", ",", {.targets = 2});
  ASSERT_FALSE(many.has_value());
  EXPECT_EQ(many.error().code(), Code::kResourceExhausted);
}

TEST(ConsulApiTest, WrongInstancesAreErrors) {
  for (const std::string_view body :
       {"", "{}", "[1]", R"([{"Node": 1}])", R"([{"Service": {"Port": "80"}}])",
        R"([{"Service": {"Tags": "a"}}])", R"([{"Node": {"Meta": {"a": {}}}}])",
        R"([{"Checks": {}}])"}) {
    EXPECT_FALSE(ParseConsulHealth(body, "s", "d", ",").has_value()) << body;
  }
}

}  // namespace
}  // namespace narthex::scrape
