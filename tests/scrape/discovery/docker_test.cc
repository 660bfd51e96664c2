// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "scrape/answers/docker/docker_targets.h"
#include "scrape/discovery/docker/docker_api.h"
#include "scrape/discovery/docker/docker_source.h"
#include "tests/net/fake_api.h"
#include "tests/scrape/discovery/groups.h"
#include "tests/support/temp_dir.h"

namespace narthex::scrape {
namespace {

constexpr std::string_view kPrefix = "__meta_docker_";

constexpr const char* kNetworks = R"([
  {"Name": "back", "Id": "n1", "Scope": "local", "Internal": true, "Ingress": false,
   "Labels": {"com.docker.compose/project": "shop"}},
  {"Name": "front", "Id": "n2", "Scope": "swarm", "Internal": false, "Ingress": true},
  {"Name": "host", "Id": "n3", "Scope": "local", "Labels": null}])";

constexpr const char* kContainers = R"([
  {"Id": "c1", "Names": ["/web", "/alias"], "Labels": {"a.b-c": "1", "empty": ""},
   "HostConfig": {"NetworkMode": "front"},
   "Ports": [{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
             {"IP": "::", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
             {"PrivatePort": 9090, "Type": "tcp"}, {"PrivatePort": 53, "Type": "udp"}],
   "NetworkSettings": {"Networks": {
      "front": {"NetworkID": "n2", "IPAddress": "10.0.2.1", "GlobalIPv6Address": "2001:db8::1"},
      "back": {"NetworkID": "n1", "IPAddress": "10.0.1.1"}}}},
  {"Id": "c2", "Names": ["/quiet"], "HostConfig": {"NetworkMode": "six"}, "Ports": [],
   "NetworkSettings": {"Networks": {"six": {"NetworkID": "gone", "IPAddress": "",
      "GlobalIPv6Address": "2001:DB8::2"}}}},
  {"Id": "c3", "Names": ["/daemon"], "HostConfig": {"NetworkMode": "host"}, "Ports": null,
   "NetworkSettings": {"Networks": {"host": {"NetworkID": "n3", "IPAddress": ""}}}},
  {"Id": "c4", "Names": ["/sidecar"], "HostConfig": {"NetworkMode": "container:c5"},
   "NetworkSettings": {"Networks": {}}},
  {"Id": "c5", "Names": ["/proxy"], "HostConfig": {"NetworkMode": "container:c6"},
   "NetworkSettings": {"Networks": {}}},
  {"Id": "c6", "Names": ["/pod"], "HostConfig": {"NetworkMode": "back"},
   "NetworkSettings": {"Networks": {"back": {"NetworkID": "n1", "IPAddress": "10.0.1.6"}}}},
  {"Id": "c7", "Names": [], "NetworkSettings": {"Networks": {"x": {"IPAddress": "10.0.1.7"}}}},
  {"Id": "c8", "Names": ["/circle"], "HostConfig": {"NetworkMode": "container:c9"}},
  {"Id": "c9", "Names": ["/circle2"], "HostConfig": {"NetworkMode": "container:c8"}},
  {"Id": "c10", "Names": ["/orphan"], "HostConfig": {"NetworkMode": "container:none"}}])";

std::string Targets(const config::DockerSdConfig& config) {
  const auto networks = ParseJson(kNetworks);
  const auto containers = ParseJson(kContainers);
  const auto group =
      ContainerTargets(containers->root(), NetworkLabels(networks->root(), kPrefix), config);
  EXPECT_TRUE(containers->status());
  EXPECT_TRUE(networks->status());
  if (!group) return group.error().message();
  EXPECT_EQ(group->source, "Docker");
  return TargetText(*group, kPrefix);
}

TEST(DockerErrorsTest, HaveNoPasswordsAndAnEnd) {
  net::FakeApi daemon;
  config::DockerSdConfig config;
  config.host = "http://me:hidden@" + daemon.Url().substr(7);
  const auto refresh = [&] {
    auto source = MakeDockerSource(config);
    return source ? RefreshText(**source, "") : source.error().message();
  };
  for (const net::FakeApi::Answer& answer :
       {net::FakeApi::Answer{"", 500}, net::FakeApi::Answer{"no", 500},
        net::FakeApi::Answer{"no", 200}}) {
    daemon.On("GET /v1.", answer);
    EXPECT_EQ(refresh().find("hidden"), std::string::npos) << refresh();
    EXPECT_NE(refresh().find("me:xxxxx@"), std::string::npos) << refresh();
  }
  daemon.On("GET /v1.", {R"({"message": ")" + std::string(10'000, 'm') + R"("})", 500});
  EXPECT_LT(refresh().size(), 400U);
}

TEST(DockerTargetsTest, TheirNumberHasALimit) {
  const auto containers = ParseJson(kContainers);
  const auto all = ContainerTargets(containers->root(), {}, {});
  ASSERT_TRUE(all);
  const std::size_t count = all->targets.size();
  ASSERT_GT(count, 1U);
  EXPECT_TRUE(ContainerTargets(containers->root(), {}, {}, {.targets = count}));
  const auto less = ContainerTargets(containers->root(), {}, {}, {.targets = count - 1});
  ASSERT_FALSE(less);
  EXPECT_EQ(less.error().code(), Code::kResourceExhausted);
}

constexpr const char* kWebPort80 = R"(port_private=80
port_public=8080
port_public_ip=0.0.0.0
--
)";

TEST(DockerTargetsTest, EachPortInTheFirstNetwork) {
  const std::string back = R"(__address__=10.0.1.1:80
container_id=c1
container_label_a_b_c=1
container_name=/web
container_network_mode=front
network_id=n1
network_ingress=false
network_internal=true
network_ip=10.0.1.1
network_label_com_docker_compose_project=shop
network_name=back
network_scope=local
)";
  const std::string text = Targets({});
  EXPECT_TRUE(text.starts_with(back + kWebPort80)) << text;
  EXPECT_NE(text.find("port_private=80\nport_public=8080\nport_public_ip=::\n--\n"),
            std::string::npos);
  EXPECT_NE(text.find("__address__=10.0.1.1:9090\n"), std::string::npos);
  EXPECT_EQ(text.find("10.0.2.1"), std::string::npos);  // The network "front".
  EXPECT_EQ(text.find(":53\n"), std::string::npos);     // UDP.
  EXPECT_EQ(text.find("c7"), std::string::npos);        // Without a name.
  EXPECT_EQ(text.find("circle"), std::string::npos);
  EXPECT_EQ(text.find("orphan"), std::string::npos);
}

TEST(DockerTargetsTest, ContainersWithoutPorts) {
  config::DockerSdConfig config;
  config.port = 123;
  config.host_networking_host = "the-host";
  const std::string text = Targets(config);
  EXPECT_NE(text.find(R"(__address__=[2001:db8::2]:123
container_id=c2
container_name=/quiet
container_network_mode=six
network_ip=2001:db8::2
--
__address__=the-host
container_id=c3
container_name=/daemon
container_network_mode=host
network_id=n3
network_ingress=false
network_internal=false
network_name=host
network_scope=local
--
)"),
            std::string::npos)
      << text;
}

TEST(DockerTargetsTest, SharedNetworkOfAnotherContainer) {
  const std::string text = Targets({});
  EXPECT_NE(text.find("__address__=10.0.1.6:80\ncontainer_id=c4\ncontainer_name=/sidecar\n"
                      "container_network_mode=container:c5\nnetwork_id=n1\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("__address__=10.0.1.6:80\ncontainer_id=c5\n"), std::string::npos);
}

TEST(DockerTargetsTest, AllNetworks) {
  config::DockerSdConfig config;
  config.match_first_network = false;
  const std::string text = Targets(config);
  EXPECT_NE(text.find("__address__=10.0.1.1:80\n"), std::string::npos);
  EXPECT_NE(text.find("__address__=10.0.2.1:80\n"), std::string::npos);
}

TEST(DockerTargetsTest, AddressThatIsNone) {
  const auto containers = ParseJson(
      R"([{"Id": "c", "Names": ["/c"], "NetworkSettings": {"Networks": {"x": {"IPAddress": "y"}}}}])");
  const auto group = ContainerTargets(containers->root(), {}, {});
  ASSERT_FALSE(group);
  EXPECT_EQ(group.error().message(), "\"y\" is no IP address");
}

TEST(DockerApiTest, Hosts) {
  const auto unix_host = ParseDockerHost("unix:///var/run/docker.sock");
  ASSERT_TRUE(unix_host);
  EXPECT_EQ(unix_host->unix_socket, "/var/run/docker.sock");
  EXPECT_EQ(unix_host->base_url, "http://api.moby.localhost");
  EXPECT_EQ(ParseDockerHost("tcp://h:2375/base/")->base_url, "http://h:2375/base");
  EXPECT_FALSE(ParseDockerHost("tcp://h:2375")->has_http_options);
  EXPECT_TRUE(ParseDockerHost("https://h")->has_http_options);
  EXPECT_EQ(ParseDockerHost("https://h")->base_url, "https://h");
  for (const char* bad : {"", "/var/run/docker.sock", "unix://", "fd://", "npipe:////./pipe/d",
                          "ssh://h", "http://h:x"}) {
    EXPECT_FALSE(ParseDockerHost(bad)) << bad;
  }
}

TEST(DockerApiTest, Filters) {
  EXPECT_EQ(FilterQuery({}), "");
  EXPECT_EQ(FilterQuery({{"name", {}}}), "");
  EXPECT_EQ(FilterQuery({{"label", {"b", "a"}}, {"name", {"x"}}, {"label", {"a"}}}),
            "?filters=%7B%22label%22%3A%7B%22a%22%3Atrue%2C%22b%22%3Atrue%7D%2C%22name%22%3A%7B%22x"
            "%22%3Atrue%7D%7D");
}

class DockerSourceTest : public ::testing::Test {
 protected:
  DockerSourceTest() : path_(dir_.path() + "/docker.sock"), daemon_(path_) {
    config_.host = "unix://" + path_;
    daemon_.On("HEAD /_ping ", {"", 200, "Api-Version: 1.44\r\n"});
    daemon_.On("GET /v1.44/containers/json", {kContainers});
    daemon_.On("GET /v1.44/networks ", {kNetworks});
  }
  std::string Refresh() {
    if (source_ == nullptr) {
      auto source = MakeDockerSource(config_);
      if (!source) return source.error().message();
      source_ = std::move(*source);
    }
    return RefreshText(*source_, kPrefix);
  }

  testing::TempDir dir_;
  const std::string path_;
  net::FakeApi daemon_;
  config::DockerSdConfig config_;
  std::unique_ptr<RefreshSource> source_;
};

TEST_F(DockerSourceTest, ThroughASocketInTheDaemonsVersion) {
  config_.filters = {{"name", {"web"}}};
  EXPECT_EQ(Refresh(), Targets({}));
  EXPECT_EQ(Refresh(), Targets({}));
  EXPECT_EQ(daemon_.targets(),
            (std::vector<std::string>{
                "HEAD /_ping",
                "GET /v1.44/containers/json?filters=%7B%22name%22%3A%7B%22web%22%3Atrue%7D%7D",
                "GET /v1.44/networks",
                "GET /v1.44/containers/json?filters=%7B%22name%22%3A%7B%22web%22%3Atrue%7D%7D",
                "GET /v1.44/networks"}));
  EXPECT_NE(daemon_.requests()[0].find("Host: api.moby.localhost\r\n"), std::string::npos);
}

TEST_F(DockerSourceTest, NewerDaemonsSpeakOurVersion) {
  daemon_.On("HEAD /_ping ", {"", 200, "Api-Version: 1.99\r\n"});
  daemon_.On("GET /v1.55/containers/json", {"[]"});
  daemon_.On("GET /v1.55/networks ", {"[]"});
  EXPECT_EQ(Refresh(), "");
}

TEST_F(DockerSourceTest, WhatAnswersOnlyGetToAPing) {
  daemon_.On("HEAD /_ping ", {"", 405});
  daemon_.On("GET /_ping ", {"OK", 200, "Api-Version: 1.44\r\n"});
  EXPECT_EQ(Refresh(), Targets({}));
}

/// A version that is no good is no version: the newest is tried, and the daemon says what it
/// thinks.
TEST_F(DockerSourceTest, VersionsThatAreNoGood) {
  for (const char* version : {"1.39", "x", "1.", "v1.44"}) {
    daemon_.On("HEAD /_ping ", {"", 200, fmt::format("Api-Version: {}\r\n", version)});
    daemon_.On("GET /v1.55/containers/json",
               {R"({"message": "client version 1.55 is too new"})", 400});
    source_ = nullptr;
    EXPECT_EQ(Refresh(),
              "error while listing containers: Error response from daemon: client version 1.55 is "
              "too new")
        << version;
  }
}

TEST_F(DockerSourceTest, Failures) {
  daemon_.On("GET /v1.44/networks ", {"", 500});
  EXPECT_EQ(
      Refresh(),
      "error while computing network labels: request returned 500 X for API route and version "
      "http://api.moby.localhost/v1.44/networks, check if the server supports the requested "
      "API version");
  daemon_.On("GET /v1.44/networks ", {"<html>"});
  EXPECT_TRUE(
      Refresh().starts_with("error while computing network labels: Get "
                            "http://api.moby.localhost/v1.44/networks: json: "));
  daemon_.On("GET /v1.44/networks ", {R"([{"Id": 7}])"});
  EXPECT_EQ(Refresh(),
            "error while computing network labels: json: [].Id should be a text and is number");
  daemon_.On("GET /v1.44/networks ", {"[]"});
  daemon_.On("GET /v1.44/containers/json", {R"([{"Id": "c", "Ports": 1, "Names": ["/c"],
    "NetworkSettings": {"Networks": {"x": {"IPAddress": "10.0.0.1"}}}}])"});
  EXPECT_EQ(Refresh(),
            "error while listing containers: json: [].Ports should be a list and is number");
  daemon_.On("GET /v1.44/containers/json", {"gone", 404});
  EXPECT_EQ(Refresh(),
            "error while listing containers: Get http://api.moby.localhost/v1.44/containers/json: "
            "server returned HTTP status 404 X: \"gone\"");
}

TEST_F(DockerSourceTest, NoDaemon) {
  config_.host = "unix://" + dir_.path() + "/missing";
  const std::string text = Refresh();
  EXPECT_TRUE(
      text.starts_with("error while listing containers: failed to connect to the docker "
                       "API at unix://"))
      << text;
  EXPECT_TRUE(text.ends_with(": connect: no such file or directory")) << text;
  source_ = nullptr;
  config_.host = "/var/run/docker.sock";
  EXPECT_EQ(Refresh(), "unable to parse docker host `/var/run/docker.sock`");
}

TEST_F(DockerSourceTest, CancelEndsARequest) {
  const auto cancelled = daemon_.HangOn("GET /v1.44/networks ", [this] { source_->Cancel(); });
  EXPECT_NE(Refresh().find("context canceled"), std::string::npos);
  cancelled.wait();
  EXPECT_NE(Refresh().find("context canceled"), std::string::npos);
}

TEST(DockerSourceByTcpTest, CredentialsOfTheConfigurationCountForHttp) {
  net::FakeApi daemon;
  daemon.On("HEAD /base/_ping ", {"", 200});
  daemon.On("GET /base/v1.55/containers/json ", {"[]"});
  daemon.On("GET /base/v1.55/networks ", {"[]"});
  config::DockerSdConfig config;
  config.http.basic_username = "u";
  config.host = fmt::format("tcp://127.0.0.1:{}/base", daemon.port());
  EXPECT_EQ(RefreshText(**MakeDockerSource(config), kPrefix), "");
  config.host = daemon.Url("/base");
  EXPECT_EQ(RefreshText(**MakeDockerSource(config), kPrefix), "");
  ASSERT_EQ(daemon.requests().size(), 6U);
  EXPECT_EQ(daemon.requests()[1].find("Authorization"), std::string::npos);
  EXPECT_NE(daemon.requests()[4].find("Authorization: Basic dTo="), std::string::npos);
}

}  // namespace
}  // namespace narthex::scrape
