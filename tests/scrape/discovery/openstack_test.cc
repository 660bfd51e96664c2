// SPDX-License-Identifier: Apache-2.0
//
// openstack_sd_configs on fakes of Keystone, Nova, Neutron and Octavia behind one address.
#include <gtest/gtest.h>

#include "narthex/net/environment.h"
#include "scrape/discovery/cloud/sources.h"
#include "tests/net/fake_api.h"
#include "tests/scrape/discovery/groups.h"

namespace narthex::scrape {
namespace {

std::string NoVariables(const char*) { return ""; }

class OpenstackTest : public ::testing::Test {
 protected:
  OpenstackTest() {
    config_.identity_endpoint = api_.Url("/identity/v3");
    config_.user_id = "u";
    config_.password = "p";
    config_.region = "RegionOne";
    api_.On("POST /identity/v3/auth/tokens ",
            {Catalogue(Line("compute", "public", "/compute/v2.1/project") +
                       Line("network", "public", "/network/") +
                       Line("load-balancer", "public", "/balancer")),
             201, "X-Subject-Token: the-token\r\n"});
    api_.On("GET /network/ ",
            {R"({"versions": [{"id": "v2.0", "status": "CURRENT", "links": []}]})"});
    api_.On("GET /balancer/ ", {R"({"versions": [{"id": "v1", "status": "SUPPORTED"},
      {"id": "v2.27", "status": "CURRENT"}]})"});
    api_.On("GET /network/v2.0/ports ", {R"({"ports": []})"});
    api_.On("GET /network/v2.0/floatingips ", {R"({"floatingips": []})"});
    api_.On("GET /compute/v2.1/project/servers/detail ", {R"({"servers": []})"});
  }

  /// One endpoint of one service of a catalogue, with a comma.
  std::string Line(const std::string& type, const std::string& interface, const std::string& path,
                   const std::string& region = "RegionOne") {
    return R"({"type": ")" + type + R"(", "endpoints": [{"interface": ")" + interface +
           R"(", "region": ")" + region + R"(", "region_id": ")" + region + R"(-id", "url": ")" +
           api_.Url(path) + R"("}]},)";
  }
  static std::string Catalogue(std::string lines) {
    lines.pop_back();
    return R"({"token": {"catalog": [)" + lines + "]}}";
  }

  std::string Text() {
    const MadeSource source = MakeOpenstackSource(config_, NoVariables);
    return source ? RefreshText(**source, "__meta_openstack_") : source.error().message();
  }

  net::FakeApi api_;
  config::OpenstackSdConfig config_;
};

TEST_F(OpenstackTest, Instances) {
  config_.all_tenants = true;
  api_.On("GET /network/v2.0/ports ", {R"({"ports": [{"id": "port-1", "device_id": "i-1"}],
    "ports_links": [{"rel": "next", "href": ")" +
                                       api_.Url("/network/v2.0/ports?marker=1") + R"("}]})"});
  api_.On("GET /network/v2.0/ports?marker=1 ",
          {R"({"ports": [{"id": "port-2", "device_id": "i-2"}]})"});
  api_.On("GET /network/v2.0/floatingips ", {R"({"floatingips": [
    {"floating_ip_address": "198.51.100.1", "port_id": "port-1", "fixed_ip_address": "10.0.0.32"},
    {"floating_ip_address": "198.51.100.2", "port_id": null, "fixed_ip_address": null},
    {"floating_ip_address": "198.51.100.3", "port_id": "?", "fixed_ip_address": "10.0.0.99"}]})"});
  api_.On(
      "GET /compute/v2.1/project/servers/detail?all_tenants=true ",
      {R"({"servers": [
    {"id": "i-1", "name": "herp", "status": "ACTIVE", "tenant_id": "t", "user_id": "us",
     "flavor": {"id": "1", "links": []}, "image": {"id": "im", "links": []},
     "metadata": {"env.x": "prod"},
     "addresses": {"private": [
        {"addr": "10.0.0.32", "version": 4, "OS-EXT-IPS:type": "fixed"},
        {"addr": "198.51.100.1", "version": 4, "OS-EXT-IPS:type": "floating"},
        {"addr": "fd00::32", "version": 6}], "empty": [], "odd": {}, "odder": [1, {"addr": 2}]}}],
    "servers_links": [{"rel": "self", "href": "x"}, {"rel": "next", "href": ")" +
       api_.Url("/compute/v2.1/project/servers/detail?all_tenants=true&marker=i-1") + R"("}]})"});
  api_.On("GET /compute/v2.1/project/servers/detail?all_tenants=true&marker=i-1 ", {R"({"servers": [
    {"id": "i-2", "name": "derp", "flavor": {"vcpus": 2, "original_name": "m1.small"}, "image": "",
     "addresses": {"net": [{"addr": "10.0.0.33"}]}},
    {"id": "i-3", "addresses": {}, "flavor": {"id": "1"}},
    {"id": "i-4", "addresses": {"net": [{"addr": "10.0.0.34"}]}, "flavor": {"id": 1}}]})"});
  const std::string common = R"(instance_flavor=1
instance_id=i-1
instance_image=im
instance_name=herp
instance_status=ACTIVE
)";
  EXPECT_EQ(Text(),
            "__address__=10.0.0.32:80\naddress_pool=private\n" + common + R"(private_ip=10.0.0.32
project_id=t
public_ip=198.51.100.1
tag_env_x=prod
user_id=us
--
__address__=[fd00::32]:80
address_pool=private
)" + common + R"(private_ip=fd00::32
project_id=t
tag_env_x=prod
user_id=us
--
__address__=10.0.0.33:80
address_pool=net
instance_flavor=m1.small
instance_id=i-2
instance_name=derp
private_ip=10.0.0.33
--
)");
  const std::string last = api_.requests().back();
  EXPECT_NE(last.find("X-Auth-Token: the-token\r\n"), std::string::npos) << last;
}

TEST_F(OpenstackTest, Hypervisors) {
  config_.role = "hypervisor";
  config_.port = 9100;
  api_.On("GET /compute/v2.1/project/os-hypervisors/detail ", {R"({"hypervisors": [
    {"id": 1, "hypervisor_hostname": "nc14.example.com", "host_ip": "172.16.70.14", "state": "up",
     "status": "enabled", "hypervisor_type": "QEMU", "cpu_info": "", "free_disk_gb": 1.5},
    {"id": "c48f6247-abe4-4a24-824e-ea39e108874f", "host_ip": "fd00::1"}]})"});
  EXPECT_EQ(Text(), R"(__address__=172.16.70.14:9100
hypervisor_host_ip=172.16.70.14
hypervisor_hostname=nc14.example.com
hypervisor_id=1
hypervisor_state=up
hypervisor_status=enabled
hypervisor_type=QEMU
--
__address__=[fd00::1]:9100
hypervisor_host_ip=fd00::1
hypervisor_id=c48f6247-abe4-4a24-824e-ea39e108874f
--
)");
}

TEST_F(OpenstackTest, LoadBalancers) {
  config_.role = "loadbalancer";
  api_.On("GET /balancer/v2.0/lbaas/loadbalancers ", {R"({"loadbalancers": [
    {"id": "lb1", "name": "one", "vip_address": "10.0.0.32", "vip_port_id": "p1", "tags": ["a", "b"],
     "operating_status": "ONLINE", "provisioning_status": "ACTIVE", "provider": "amphora",
     "availability_zone": "az1", "project_id": "pr", "listeners": [{"id": "l1"}]},
    {"id": "lb2", "name": "silent", "vip_address": "10.0.0.33"},
    {"id": "lb3", "name": "web", "vip_address": "10.0.0.34"},
    {"id": "lb4", "vip_address": "fd00::2", "vip_port_id": "p4", "tags": []}]})"});
  api_.On("GET /balancer/v2.0/lbaas/listeners ", {R"({"listeners": [
    {"id": "l0", "protocol": "HTTP", "protocol_port": 80,
     "loadbalancers": [{"id": "lb1"}, {"id": "lb3"}]},
    {"id": "l1", "protocol": "PROMETHEUS", "protocol_port": 9273,
     "loadbalancers": [{"id": "lb1"}, {"id": "lb4"}]},
    {"id": "l2", "protocol": "PROMETHEUS", "protocol_port": 9999,
     "loadbalancers": [{"id": "lb1"}]}]})"});
  api_.On("GET /network/v2.0/floatingips ", {R"({"floatingips": [
    {"floating_ip_address": "192.0.2.1", "port_id": "p1", "fixed_ip_address": "10.0.0.32"},
    {"floating_ip_address": "192.0.2.2", "port_id": null}]})"});
  EXPECT_EQ(Text(), R"(__address__=10.0.0.32:9273
loadbalancer_availability_zone=az1
loadbalancer_floating_ip=192.0.2.1
loadbalancer_id=lb1
loadbalancer_name=one
loadbalancer_operating_status=ONLINE
loadbalancer_provider=amphora
loadbalancer_provisioning_status=ACTIVE
loadbalancer_tags=a,b
loadbalancer_vip=10.0.0.32
project_id=pr
--
__address__=[fd00::2]:9273
loadbalancer_id=lb4
loadbalancer_vip=fd00::2
--
)");
}

/// Which of the endpoints in a catalogue is asked: that of the region and the availability whose
/// service has version 2.
TEST_F(OpenstackTest, EndpointsOfTheCatalogue) {
  config_.role = "hypervisor";
  config_.availability = "internal";
  const auto asked = [&](const std::string& lines) {
    api_.On("POST /identity/v3/auth/tokens ", {Catalogue(lines), 201, "X-Subject-Token: t\r\n"});
    const std::string text = Text();
    const std::string last = api_.targets().back();
    return last.ends_with("os-hypervisors/detail") ? last : text;
  };
  EXPECT_EQ(asked(Line("compute", "public", "/a/v2") + Line("compute", "internal", "/b/v2", "Two") +
                  Line("volume", "internal", "/c/v2") + Line("compute", "internal", "/d/v2/p/")),
            "GET /d/v2/p/os-hypervisors/detail");
  EXPECT_EQ(asked(Line("compute", "internal", "/e/v3") + Line("compute", "internal", "/f/v2.1")),
            "GET /f/v2.1/os-hypervisors/detail");
  EXPECT_EQ(
      asked(Line("compute", "internal", "/g/v3")),
      "could not create OpenStack compute session: No suitable endpoint could be found in the "
      "service catalog.");
  config_.region = "RegionOne-id";
  EXPECT_EQ(asked(Line("compute", "internal", "/h/v2")), "GET /h/v2/os-hypervisors/detail");
}

/// A service is asked which versions it has when its URL does not tell.
TEST_F(OpenstackTest, VersionsOfAService) {
  config_.role = "hypervisor";
  api_.On("POST /identity/v3/auth/tokens ",
          {Catalogue(Line("compute", "public", "/nova")), 201, "X-Subject-Token: t\r\n"});
  api_.On("GET /nova/os-hypervisors/detail ", {R"({"hypervisors": []})"});
  const std::string begin = "could not create OpenStack compute session: ";
  const struct {
    std::string answer, want;
    int status = 200;
  } cases[] = {
      {R"({"versions": [{"id": "v2.0", "status": "SUPPORTED"}, {"id": "v2.1", "status": ""}]})",
       ""},
      {R"({"versions": {"values": [{"id": "v3"}, {"id": "2", "status": "stable"}]}})", "", 300},
      {R"({"version": {"id": "v2.1", "status": "CURRENT", "version": "2.95"}})", ""},
      {R"({"id": "v2.1", "links": []})", ""},
      {R"({"versions": [{"id": "v1", "status": "CURRENT"}]})",
       begin + "No suitable endpoint could be found in the service catalog."},
      {R"({"versions": [{"id": "v2", "status": "NEW"}]})",
       begin + "service compute: invalid status: \"NEW\""},
      {R"({"versions": [{"id": "two"}]})", begin + "service compute: invalid format: \"two\""},
      {R"({"name": "nova"})", begin + "service compute: failed to unmarshal versions document"},
      {"",
       begin + "service compute: Get " + api_.Url("/nova/") + ": server returned HTTP status 503 X",
       503},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.answer);
    api_.On("GET /nova/ ", {c.answer, c.status});
    EXPECT_EQ(Text(), c.want);
  }
}

TEST_F(OpenstackTest, VersionsOfTheIdentityService) {
  config_.identity_endpoint = api_.Url("/identity");
  const auto asked = [&](const std::string& versions) {
    api_.On("GET /identity/ ", {R"({"versions": {"values": [)" + versions + "]}}", 300});
    const std::string text = Text();
    for (const std::string& target : api_.targets()) {
      if (target.starts_with("POST /chosen")) return target;
    }
    return text;
  };
  const auto version = [&](const std::string& id, const std::string& status,
                           const std::string& path) {
    return R"({"id": ")" + id + R"(", "status": ")" + status +
           R"(", "links": [{"rel": "other"}, {"rel": "self", "href": ")" + api_.Url(path) +
           R"("}]})";
  };
  const std::string begin = "could not authenticate to OpenStack: ";
  EXPECT_EQ(asked(""),
            begin + "no supported version available from endpoint " + api_.Url("/identity/"));
  EXPECT_EQ(asked(version("v3.9", "experimental", "/wrong")),
            begin + "no supported version available from endpoint " + api_.Url("/identity/"));
  EXPECT_EQ(asked(R"({"id": "v3", "status": "stable"})"),
            begin + "endpoint missing in version v3 response from " + api_.Url("/identity/"));
  EXPECT_EQ(
      asked(version("v4", "stable", "/wrong") + "," + version("v2.0", "stable", "/wrong") + "," +
            version("v3.14", "Stable", "/chosen") + "," + version("v3.1", "stable", "/wrong")),
      "POST /chosen/auth/tokens");
}

/// A cloud that has kept its old identity service.
TEST_F(OpenstackTest, IdentityOfVersion2) {
  config_.identity_endpoint = api_.Url("/identity/v2.0");
  config_.role = "hypervisor";
  config_.username = "name";
  config_.availability = "admin";
  api_.On("POST /identity/v2.0/tokens ",
          {R"({"access": {"token": {"id": "old-token"},
    "serviceCatalog": [{"type": "compute", "endpoints": [{"region": "RegionOne", "publicURL": ")" +
           api_.Url("/public/v2") + R"(", "adminURL": ")" + api_.Url("/admin/v2") + R"("}]}]}})"});
  api_.On("GET /admin/v2/os-hypervisors/detail ",
          {R"({"hypervisors": [{"id": 1, "host_ip": "h"}]})"});
  EXPECT_EQ(Text(), "__address__=h:80\nhypervisor_host_ip=h\nhypervisor_id=1\n--\n");
  EXPECT_NE(api_.requests().back().find("X-Auth-Token: old-token\r\n"), std::string::npos);
}

TEST_F(OpenstackTest, Failures) {
  const std::string login = "could not authenticate to OpenStack: ";
  const std::string tokens = api_.Url("/identity/v3/auth/tokens");
  api_.On("GET /network/v2.0/ports ", {"down", 500});
  EXPECT_EQ(Text(), "failed to list all ports: Get " + api_.Url("/network/v2.0/ports") +
                        R"(: server returned HTTP status 500 X: "down")");
  api_.On("GET /network/v2.0/ports ", {R"({"ports": [{"id": 1}]})"});
  EXPECT_EQ(Text(), "json: ports[].id should be a text and is number");
  api_.On("POST ", {R"({"token": {"catalog": []}})", 201});
  EXPECT_EQ(Text(), login + "Post " + tokens + ": the answer has no token");
  api_.On("POST ", {R"({"error": {"code": 401}})", 401});
  EXPECT_EQ(Text(), login + "Post " + tokens +
                        R"(: server returned HTTP status 401 X: "{\"error\": {\"code\": 401}}")");
  config_.password = "";
  EXPECT_EQ(Text(), login + "You must provide a password to authenticate");
  config_.identity_endpoint = "";
  EXPECT_EQ(Text(), "Missing environment variable [OS_AUTH_URL]");
}

/// The secret goes to the identity service and the token to the services of its catalogue only.
TEST_F(OpenstackTest, SecretsStayWhereTheyBelong) {
  api_.On("GET /compute/v2.1/project/servers/detail ", {R"({"servers": [{"id": "1"}],
    "servers_links": [{"rel": "next", "href": "http://127.0.0.2:1/servers/detail?marker=1"}]})"});
  EXPECT_NE(Text().find("the next page is on another server: http://127.0.0.2:1"),
            std::string::npos);
  for (const std::string& request : api_.requests()) {
    const bool posted = request.starts_with("POST /identity/v3/auth/tokens ");
    EXPECT_EQ(request.find(R"("password":"p")") != std::string::npos, posted) << request;
    EXPECT_EQ(request.find("X-Auth-Token: the-token\r\n") == std::string::npos, posted) << request;
  }
}

}  // namespace
}  // namespace narthex::scrape
