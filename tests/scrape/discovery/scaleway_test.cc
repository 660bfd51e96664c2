// SPDX-License-Identifier: Apache-2.0
#include <fstream>

#include "scrape/discovery/cloud/sources.h"
#include "tests/scrape/discovery/cloud_fixture.h"
#include "tests/support/temp_dir.h"

namespace narthex::scrape {
namespace {

config::ScalewaySdConfig Scaleway(const std::string& role, const std::string& url) {
  config::ScalewaySdConfig config;
  config.role = role;
  config.api_url = url;
  config.zone = "fr-par-1";
  config.secret_key = "the-key";
  return config;
}

TEST_F(CloudTest, ScalewayInstances) {
  api_.On("GET /instance/v1/zones/fr-par-1/servers?name=w&tags=a%2Cb&page=1 ",
          {R"({"servers": [
    {"id": "i-1", "name": "web", "arch": "x86_64", "commercial_type": "DEV1-S", "boot_type": "local",
     "organization": "o", "project": "p", "hostname": "web-host", "state": "running",
     "zone": "fr-par-1", "tags": ["a", "b"],
     "image": {"id": "im", "name": "Debian", "arch": "x86_64"},
     "location": {"cluster_id": "7", "hypervisor_id": "101", "node_id": "3"},
     "security_group": {"id": "sg", "name": "Default"},
     "public_ip": {"address": "51.158.183.115", "family": "inet"},
     "ipv6": {"address": "2001:BC8::1"}, "private_ip": "10.70.60.57",
     "public_ips": [{"address": "51.158.183.115", "family": "inet"},
                    {"address": "2001:bc8::1", "family": "inet6"}]}]})",
           200, "X-Total-Count: 3\r\n"});
  api_.On("GET /instance/v1/zones/fr-par-1/servers?name=w&tags=a%2Cb&page=2 ",
          {R"({"servers": [
    {"id": "i-2", "name": "six", "zone": "fr-par-1", "public_ip": {"address": "2001:bc8::2",
     "family": "inet6"}}]})",
           200, "x-total-count: 3\r\n"});
  api_.On("GET /instance/v1/zones/fr-par-1/servers?name=w&tags=a%2Cb&page=3 ",
          {R"({"servers": [
    {"id": "i-3", "name": "private", "zone": "fr-par-1", "private_nics": [{"id": "n-1"},
     {"id": "n 2"}]}]})",
           200, "X-Total-Count: 3\r\n"});
  api_.On(
      "GET /ipam/v1/regions/fr-par/ips?resource_ids=n-1&resource_ids=n+2&"
      "resource_types=instance_private_nic&page=1 ",
      {R"({"ips": [{"address": "fd00::2/64", "is_ipv6": true, "resource": {"id": "n 2"}},
                       {"address": "172.16.0.2/22", "resource": {"id": "n 2"}}],
               "total_count": 2})"});
  config::ScalewaySdConfig config = Scaleway("instance", api_.Url());
  config.name_filter = "w";
  config.tags_filter = {"a", "b"};
  EXPECT_EQ(Text(MakeScalewaySource(config), "__meta_scaleway_instance_"),
            R"(__address__=10.70.60.57:80
boot_type=local
hostname=web-host
id=i-1
image_arch=x86_64
image_id=im
image_name=Debian
location_cluster_id=7
location_hypervisor_id=101
location_node_id=3
name=web
organization_id=o
private_ipv4=10.70.60.57
project_id=p
public_ipv4=51.158.183.115
public_ipv4_addresses=,51.158.183.115,
public_ipv6=2001:bc8::1
public_ipv6_addresses=,2001:bc8::1,
region=fr-par
security_group_id=sg
security_group_name=Default
status=running
tags=,a,b,
type=DEV1-S
zone=fr-par-1
--
__address__=[2001:bc8::2]:80
id=i-2
name=six
region=fr-par
zone=fr-par-1
--
__address__=172.16.0.2:80
id=i-3
name=private
private_ipv4=172.16.0.2
region=fr-par
zone=fr-par-1
--
)");
  EXPECT_NE(api_.requests()[0].find("X-Auth-Token: the-key\r\n"), std::string::npos);
}

TEST_F(CloudTest, ScalewayBaremetal) {
  const std::string zone = "GET /baremetal/v1/zones/fr-par-1";
  api_.On(zone + "/servers?tags=x&page=1 ", {R"({"servers": [
    {"id": "m-1", "name": "metal", "status": "ready", "zone": "fr-par-1", "project_id": "p",
     "offer_id": "of", "install": {"os_id": "os-1"}, "tags": ["t"],
     "ips": [{"address": "2001:bc8::9", "version": "IPv6"}, {"address": "51.15.0.9",
      "version": "IPv4"}, {"address": "51.15.0.10", "version": "IPv4"}]}], "total_count": 1})"});
  api_.On(zone + "/offers?page=1 ", {R"({"offers": [{"id": "of", "name": "GP-BM1-M"}],
    "total_count": 1})"});
  api_.On(zone + "/os?page=1 ", {R"({"os": [{"id": "os-1", "name": "Ubuntu", "version": "24.04"}],
    "total_count": 1})"});
  config::ScalewaySdConfig config = Scaleway("baremetal", api_.Url());
  config.tags_filter = {"x"};
  EXPECT_EQ(Text(MakeScalewaySource(config), "__meta_scaleway_baremetal_"),
            R"(__address__=51.15.0.9:80
id=m-1
name=metal
os_name=Ubuntu
os_version=24.04
project_id=p
public_ipv4=51.15.0.9
public_ipv6=2001:bc8::9
status=ready
tags=,t,
type=GP-BM1-M
zone=fr-par-1
--
)");
  api_.On(zone + "/servers?tags=x&page=1 ",
          {R"({"servers": [{"id": "m", "ips": [{"version": "IPv5"}]}], "total_count": 1})"});
  EXPECT_EQ(Text(MakeScalewaySource(config), ""), "unknown IP version: IPv5");
}

TEST_F(CloudTest, ScalewayKeyFileIsReadEachTime) {
  testing::TempDir dir;
  config::ScalewaySdConfig config = Scaleway("instance", api_.Url());
  config.secret_key = "";
  config.secret_key_file = dir.path() + "/key";
  EXPECT_TRUE(Text(MakeScalewaySource(config), "")
                  .starts_with("unable to read auth token file " + config.secret_key_file));
  std::ofstream(config.secret_key_file) << " first\n";
  api_.On("GET /instance/", {R"({"servers": [], "total_count": 0})"});
  const MadeSource source = MakeScalewaySource(config);
  EXPECT_EQ(Text(source, ""), "");
  std::ofstream(config.secret_key_file) << "second";
  EXPECT_EQ(Text(source, ""), "");
  EXPECT_NE(api_.requests()[0].find("X-Auth-Token: first\r\n"), std::string::npos);
  EXPECT_NE(api_.requests()[1].find("X-Auth-Token: second\r\n"), std::string::npos);
}

}  // namespace
}  // namespace narthex::scrape
