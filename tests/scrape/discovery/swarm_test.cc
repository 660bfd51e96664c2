// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "scrape/answers/docker/swarm_targets.h"
#include "scrape/discovery/docker/docker_source.h"
#include "tests/net/fake_api.h"
#include "tests/scrape/discovery/groups.h"

namespace narthex::scrape {
namespace {

constexpr const char* kNetworks =
    R"([{"Name": "ingress", "Id": "n1", "Scope": "swarm", "Internal": false, "Ingress": true,
         "Labels": {"l-1": "v"}}])";

constexpr const char* kServices = R"([
  {"ID": "s1", "Spec": {"Name": "web", "Labels": {"com.x/y": "z"}, "Mode": {"Replicated": {"Replicas": 2}},
     "TaskTemplate": {"ContainerSpec": {"Image": "web:1", "Hostname": "h"}}},
   "UpdateStatus": {"State": "completed"},
   "Endpoint": {"Ports": [{"Name": "http", "Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080,
                           "PublishMode": "ingress"}, {"Protocol": "udp", "PublishedPort": 53}],
                "VirtualIPs": [{"NetworkID": "n1", "Addr": "10.0.0.5/24"}]}},
  {"ID": "s2", "Spec": {"Name": "agent", "Mode": {"Global": {}}, "TaskTemplate": {}},
   "Endpoint": {"VirtualIPs": [{"NetworkID": "nx", "Addr": "FD00::5/64"}]}},
  {"ID": "s3", "Spec": {"Name": "job", "Mode": {"ReplicatedJob": {}}}, "Endpoint": {}}])";

constexpr const char* kNodes = R"([
  {"ID": "m1", "Spec": {"Role": "manager", "Availability": "active", "Labels": {"rack": "1"}},
   "Description": {"Hostname": "one", "Platform": {"Architecture": "x86_64", "OS": "linux"},
                   "Engine": {"EngineVersion": "28.1"}},
   "Status": {"State": "ready", "Addr": "192.168.0.1"},
   "ManagerStatus": {"Leader": true, "Reachability": "reachable", "Addr": "192.168.0.1:2377"}},
  {"ID": "m2", "Spec": {"Role": "worker", "Availability": "drain"}, "Description": {"Hostname": "two"},
   "Status": {"State": "down", "Addr": "fd00::2"}}])";

constexpr const char* kTasks = R"([
  {"ID": "t1", "Slot": 2, "NodeID": "m1", "ServiceID": "s1", "DesiredState": "running",
   "Spec": {"ContainerSpec": {"Labels": {"c-l": "1"}}},
   "Status": {"State": "running", "ContainerStatus": {"ContainerID": "abc"},
              "PortStatus": {"Ports": [{"Protocol": "tcp", "PublishedPort": 9100, "PublishMode": "host"},
                                       {"Protocol": "sctp", "PublishedPort": 1}]}},
   "NetworksAttachments": [{"Network": {"ID": "n1"}, "Addresses": ["10.0.0.7/24"]}]},
  {"ID": "t2", "NodeID": "gone", "ServiceID": "s2", "DesiredState": "shutdown",
   "Status": {"State": "failed", "PortStatus": {}},
   "NetworksAttachments": [{"Network": {"ID": "nx"}, "Addresses": ["10.1.0.7/24"]}]},
  {"ID": "t3", "Status": {}, "NetworksAttachments": null}])";

/// A manager of a swarm with all of that.
class SwarmTest : public ::testing::Test {
 protected:
  SwarmTest() {
    daemon_.On("HEAD /_ping ", {"", 200, "Api-Version: 1.55\r\n"});
    daemon_.On("GET /v1.55/networks ", {kNetworks});
    daemon_.On("GET /v1.55/services", {kServices});
    daemon_.On("GET /v1.55/nodes", {kNodes});
    daemon_.On("GET /v1.55/tasks", {kTasks});
    config_.host = daemon_.Url();
  }
  std::string Refresh(const std::string& role) {
    config_.role = role;
    auto source = MakeDockerSwarmSource(config_);
    return source ? RefreshText(**source, kSwarmPrefix) : source.error().message();
  }

  net::FakeApi daemon_;
  config::DockerSwarmSdConfig config_;
};

/// A small answer can make addresses times ports times labels.
TEST(SwarmTargetsTest, TheirNumberAndSizeHaveLimits) {
  const auto services = ParseJson(R"([{"ID": "s", "Spec": {}, "Endpoint": {
      "Ports": [{"Protocol": "tcp", "PublishedPort": 1}, {"Protocol": "tcp", "PublishedPort": 2}],
      "VirtualIPs": [{"Addr": "10.0.0.1/24"}, {"Addr": "10.0.0.2/24"}]}}])");
  const auto tasks = ParseJson(R"([{"ID": "t", "ServiceID": "s",
      "NetworksAttachments": [{"Addresses": ["10.0.0.1/24", "10.0.0.2/24"]}]}])");
  const auto none = ParseJson("[]");
  const auto nodes = ParseJson(R"([{"ID": "a"}, {"ID": "b"}])");
  const auto count = [](const Result<config::TargetGroup>& group) -> int {
    if (group) return static_cast<int>(group->targets.size());
    EXPECT_EQ(group.error().code(), Code::kResourceExhausted);
    return -1;
  };
  for (const bool enough : {true, false}) {
    const std::size_t less = enough ? 0 : 1;
    EXPECT_EQ(count(ServiceTargets(services->root(), {}, 80, {.targets = 4 - less})),
              enough ? 4 : -1);
    EXPECT_EQ(count(TaskTargets(tasks->root(), services->root(), none->root(), {}, 80,
                                {.targets = 4 - less})),
              enough ? 4 : -1);
    EXPECT_EQ(count(NodeTargets(nodes->root(), 80, {.targets = 2 - less})), enough ? 2 : -1);
  }
  EXPECT_EQ(count(ServiceTargets(services->root(), {}, 80, {.bytes = 100})), -1);
}

TEST_F(SwarmTest, Services) {
  EXPECT_EQ(Refresh("services"), R"(__address__=10.0.0.5:8080
network_id=n1
network_ingress=true
network_internal=false
network_label_l_1=v
network_name=ingress
network_scope=swarm
service_endpoint_port_name=http
service_endpoint_port_publish_mode=ingress
service_id=s1
service_label_com_x_y=z
service_mode=replicated
service_name=web
service_task_container_hostname=h
service_task_container_image=web:1
service_updating_status=completed
--
__address__=[fd00::5]:80
service_id=s2
service_mode=global
service_name=agent
--
)");
}

TEST_F(SwarmTest, Nodes) {
  config_.port = 9100;
  EXPECT_EQ(Refresh("nodes"), R"(__address__=192.168.0.1:9100
node_address=192.168.0.1
node_availability=active
node_engine_version=28.1
node_hostname=one
node_id=m1
node_label_rack=1
node_manager_address=192.168.0.1:2377
node_manager_leader=true
node_manager_reachability=reachable
node_platform_architecture=x86_64
node_platform_os=linux
node_role=manager
node_status=ready
--
__address__=[fd00::2]:9100
node_address=fd00::2
node_availability=drain
node_hostname=two
node_id=m2
node_role=worker
node_status=down
--
)");
}

TEST_F(SwarmTest, Tasks) {
  const std::string common = R"(container_label_c_l=1
node_address=192.168.0.1
node_availability=active
node_hostname=one
node_id=m1
node_label_rack=1
node_platform_architecture=x86_64
node_platform_os=linux
node_role=manager
node_status=ready
service_id=s1
service_label_com_x_y=z
service_mode=replicated
service_name=web
task_container_id=abc
task_desired_state=running
task_id=t1
)";
  const std::string with_network = R"(container_label_c_l=1
network_id=n1
network_ingress=true
network_internal=false
network_label_l_1=v
network_name=ingress
network_scope=swarm
)" + common.substr(common.find("node_address"));
  EXPECT_EQ(Refresh("tasks"), "__address__=192.168.0.1:9100\n" + common +
                                  "task_port_publish_mode=host\ntask_slot=2\n"
                                  "task_state=running\n--\n__address__=10.0.0.7:8080\n" +
                                  with_network +
                                  "task_port_publish_mode=ingress\ntask_slot=2\n"
                                  "task_state=running\n--\n"
                                  R"(__address__=10.1.0.7:80
service_id=s2
service_mode=global
service_name=agent
task_desired_state=shutdown
task_id=t2
task_slot=0
task_state=failed
--
)");
}

TEST_F(SwarmTest, FiltersAreForWhatIsListed) {
  config_.filters = {{"id", {"x"}}};
  Refresh("tasks");
  const std::string query = "?filters=%7B%22id%22%3A%7B%22x%22%3Atrue%7D%7D";
  EXPECT_EQ(daemon_.targets(), (std::vector<std::string>{"HEAD /_ping", "GET /v1.55/tasks" + query,
                                                         "GET /v1.55/services", "GET /v1.55/nodes",
                                                         "GET /v1.55/networks"}));
}

TEST_F(SwarmTest, Failures) {
  daemon_.On("GET /v1.55/nodes", {R"({"message": "This node is not a swarm manager."})", 503});
  EXPECT_EQ(Refresh("nodes"),
            "error while listing swarm nodes: Error response from daemon: This node is not a swarm "
            "manager.");
  EXPECT_TRUE(Refresh("tasks").starts_with("error while computing nodes labels and ports: "));
  daemon_.On("GET /v1.55/services",
             {R"([{"ID": "s", "Spec": {}, "Endpoint": {"VirtualIPs": [{"NetworkID": "n"}]}}])"});
  EXPECT_EQ(Refresh("services"),
            "error while listing swarm services: error while parsing address invalid Prefix: "
            "invalid CIDR address: invalid Prefix");
  daemon_.On("GET /v1.55/services", {R"([{"ID": []}])"});
  EXPECT_EQ(Refresh("services"),
            "error while listing swarm services: json: [].ID should be a text and is array");
  EXPECT_TRUE(Refresh("tasks").starts_with("error while"));
  daemon_.On("GET /v1.55/tasks", {"{}"});
  EXPECT_TRUE(Refresh("tasks").starts_with("error while"));
}

}  // namespace
}  // namespace narthex::scrape
