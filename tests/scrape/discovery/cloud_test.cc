// SPDX-License-Identifier: Apache-2.0
//
// Discoveries of cloud providers, asked as their documentation says, on a fake of their API.
#include "scrape/discovery/cloud/cloud_metrics.h"
#include "scrape/discovery/cloud/sources.h"
#include "tests/scrape/discovery/cloud_fixture.h"

namespace narthex::scrape {
namespace {

TEST_F(CloudTest, DigitalOceanDroplets) {
  api_.On("GET /v2/droplets ", {R"({"droplets": [
    {"id": 3164494, "name": "web", "status": "active", "size_slug": "s-1vcpu-1gb",
     "region": {"name": "New York 3", "slug": "nyc3"}, "vpc_uuid": "v-1",
     "image": {"id": 1, "name": "24.04 x64", "slug": "ubuntu-24-04-x64"},
     "features": ["ipv6", "private_networking"], "tags": ["web", "eu"],
     "networks": {"v4": [{"ip_address": "10.0.0.2", "type": "private"},
                         {"ip_address": "104.236.32.182", "type": "public"}],
                  "v6": [{"ip_address": "2604:a880::1", "type": "public"}]}},
    {"id": 2, "name": "new", "networks": {"v4": [], "v6": []}}],
    "links": {"pages": {"next": "https://api.digitalocean.com/v2/droplets?page=2", "last": "x"}}})"});
  api_.On("GET /v2/droplets?page=2 ", {R"({"droplets": [
    {"id": 7, "name": "old", "status": "off", "region": {}, "image": {}, "networks": {"v4": [{"ip_address": "1.2.3.4",
     "type": "public"}]}}], "links": {}, "meta": {"total": 3}})"});
  config::DigitalOceanSdConfig config;
  config.http.authorization_credentials = "token";
  EXPECT_EQ(Text(MakeDigitalOceanSource(config, api_.Url()), "__meta_digitalocean_"),
            R"(__address__=104.236.32.182:80
droplet_id=3164494
droplet_name=web
features=,ipv6,private_networking,
image=ubuntu-24-04-x64
image_name=24.04 x64
private_ipv4=10.0.0.2
public_ipv4=104.236.32.182
public_ipv6=2604:a880::1
region=nyc3
size=s-1vcpu-1gb
status=active
tags=,web,eu,
vpc=v-1
--
__address__=1.2.3.4:80
droplet_id=7
droplet_name=old
public_ipv4=1.2.3.4
status=off
--
)");
  EXPECT_NE(api_.requests()[1].find("Authorization: Bearer token\r\n"), std::string::npos);
}

TEST_F(CloudTest, DigitalOceanDatabases) {
  api_.On("GET /v2/databases?page=1&per_page=100 ", {R"({"databases": [
    {"id": "d1", "name": "main", "engine": "pg", "version": "16", "status": "online",
     "region": "nyc1", "size": "db-s-1vcpu-1gb", "num_nodes": 2, "tags": ["prod", "a:b"],
     "connection": {"host": "main.example.com"}, "private_connection": {"host": "private.x"}},
    {"id": "d2", "name": "open", "num_nodes": 1, "connection": {"host": "open.example.com"}},
    {"id": "d3", "name": "none"}]})"});
  api_.On("GET /v2/databases?page=2&per_page=100 ", {R"({"databases": []})"});
  config::DigitalOceanSdConfig config;
  config.role = "databases";
  config.port = 9273;
  EXPECT_EQ(Text(MakeDigitalOceanSource(config, api_.Url()), "__meta_digitalocean_db_"),
            R"(__address__=private.x:9273
engine=pg
host=main.example.com
id=d1
name=main
num_nodes=2
private_host=private.x
region=nyc1
size=db-s-1vcpu-1gb
status=online
tag_a:b=true
tag_prod=true
version=16
--
__address__=open.example.com:9273
host=open.example.com
id=d2
name=open
num_nodes=1
--
id=d3
name=none
num_nodes=0
--
)");
}

TEST_F(CloudTest, HetznerCloud) {
  api_.On("GET /v1/servers?label_selector=env%3Dprod&page=1&per_page=50 ", {R"({"servers": [
    {"id": 42, "name": "web", "status": "running",
     "public_net": {"ipv4": {"ip": "1.2.3.4"}, "ipv6": {"ip": "2001:db8::5/64"}},
     "private_net": [{"network": 1, "ip": "10.0.0.2"}, {"network": 9, "ip": "10.9.0.2"}],
     "server_type": {"name": "cx22", "cores": 2, "memory": 4.0, "disk": 40, "cpu_type": "shared"},
     "location": {"name": "fsn1", "network_zone": "eu-central"},
     "image": {"name": "debian-12", "description": "Debian 12", "os_flavor": "debian",
               "os_version": "12"},
     "labels": {"env": "prod", "a.b/c": ""}}],
    "meta": {"pagination": {"page": 1, "next_page": 2}}})"});
  api_.On("GET /v1/servers?label_selector=env%3Dprod&page=2&per_page=50 ", {R"({"servers": [
    {"id": 43, "name": "bare", "status": "off", "public_net": {"ipv4": null, "ipv6": null},
     "server_type": {"name": "cx22", "cores": 1, "memory": 0.5, "disk": 20, "cpu_type": "shared"},
     "location": {"name": "nbg1", "network_zone": "eu-central"}, "image": null, "labels": {}}],
    "meta": {"pagination": {"page": 2, "next_page": null}}})"});
  api_.On("GET /v1/networks?page=1&per_page=50 ",
          {R"({"networks": [{"id": 1, "name": "my-net"}], "meta": {}})"});
  config::HetznerSdConfig config;
  config.role = "hcloud";
  config.label_selector = "env=prod";
  EXPECT_EQ(Text(MakeHetznerSource(config, api_.Url("/v1"), ""), "__meta_hetzner_"),
            R"(__address__=1.2.3.4:80
hcloud_cpu_cores=2
hcloud_cpu_type=shared
hcloud_datacenter_location=fsn1
hcloud_datacenter_location_network_zone=eu-central
hcloud_disk_size_gb=40
hcloud_image_description=Debian 12
hcloud_image_name=debian-12
hcloud_image_os_flavor=debian
hcloud_image_os_version=12
hcloud_label_env=prod
hcloud_labelpresent_a_b_c=true
hcloud_labelpresent_env=true
hcloud_location=fsn1
hcloud_location_network_zone=eu-central
hcloud_memory_size_gb=4
hcloud_private_ipv4_my_net=10.0.0.2
hcloud_server_type=cx22
public_ipv4=1.2.3.4
public_ipv6_network=2001:db8::/64
role=hcloud
server_id=42
server_name=web
server_status=running
--
__address__=<nil>:80
hcloud_cpu_cores=1
hcloud_cpu_type=shared
hcloud_datacenter_location=nbg1
hcloud_datacenter_location_network_zone=eu-central
hcloud_disk_size_gb=20
hcloud_location=nbg1
hcloud_location_network_zone=eu-central
hcloud_memory_size_gb=0
hcloud_server_type=cx22
public_ipv4=<nil>
public_ipv6_network=<nil>
role=hcloud
server_id=43
server_name=bare
server_status=off
--
)");
}

TEST_F(CloudTest, HetznerRobot) {
  api_.On("GET /server ", {R"([{"server": {"server_ip": "123.1.1.1", "server_number": 321,
    "server_name": "one", "product": "EX44", "dc": "FSN1-DC5", "status": "ready", "cancelled": true,
    "subnet": [{"ip": "123.1.1.0", "mask": "29"}, {"ip": "2a01:4f8::", "mask": "64"}]}},
    {"server": {"server_ip": "123.1.1.2", "server_number": 322, "subnet": null}}])"});
  config::HetznerSdConfig config;
  config.role = "robot";
  config.http.basic_username = "u";
  EXPECT_EQ(Text(MakeHetznerSource(config, "", api_.Url()), "__meta_hetzner_"),
            R"(__address__=123.1.1.1:80
datacenter=fsn1-dc5
public_ipv4=123.1.1.1
public_ipv6_network=2a01:4f8::/64
robot_cancelled=true
robot_datacenter=fsn1-dc5
robot_product=EX44
role=robot
server_id=321
server_name=one
server_status=ready
--
__address__=123.1.1.2:80
public_ipv4=123.1.1.2
robot_cancelled=false
role=robot
server_id=322
--
)");
  api_.On("GET /server ", {"no", 401});
  EXPECT_EQ(Text(MakeHetznerSource(config, "", api_.Url()), ""),
            "non 2xx status '401' response during hetzner service discovery with role robot");
}

TEST_F(CloudTest, Vultr) {
  api_.On("GET /v2/instances?per_page=100 ", {R"({"instances": [
    {"id": "i-1", "os": "Debian 12 x64", "os_id": 2136, "ram": 1024, "disk": 25,
     "main_ip": "149.28.234.27", "vcpu_count": 1, "region": "ewr", "plan": "vc2-1c-1gb",
     "allowed_bandwidth": 1, "server_status": "ok", "v6_main_ip": "2001:db8::1", "label": "web",
     "internal_ip": "10.1.96.3", "hostname": "web.example.com", "features": ["ipv6"],
     "tags": ["a", "b"]}], "meta": {"total": 2, "links": {"next": "bmV4dA==", "prev": ""}}})"});
  api_.On("GET /v2/instances?cursor=bmV4dA%3D%3D&per_page=100 ",
          {R"({"instances": [{"id": "i-2", "main_ip": ""}], "meta": {"links": {"next": ""}}})"});
  EXPECT_EQ(Text(MakeVultrSource({}, api_.Url()), "__meta_vultr_instance_"),
            R"(__address__=149.28.234.27:80
allowed_bandwidth_gb=1
disk_gb=25
features=,ipv6,
hostname=web.example.com
id=i-1
internal_ip=10.1.96.3
label=web
main_ip=149.28.234.27
main_ipv6=2001:db8::1
os=Debian 12 x64
os_id=2136
plan=vc2-1c-1gb
ram_mb=1024
region=ewr
server_status=ok
tags=,a,b,
vcpu_count=1
--
__address__=:80
allowed_bandwidth_gb=0
disk_gb=0
id=i-2
os_id=0
ram_mb=0
vcpu_count=0
--
)");
}

TEST_F(CloudTest, HetznerMemoryThatNoNumberHolds) {
  config::HetznerSdConfig config;
  config.role = "hcloud";
  api_.On("GET /v1/networks?", {R"({"networks": []})"});
  for (const auto& [memory, want] : {std::pair("1e300", "1000000"), std::pair("-1e300", "0")}) {
    api_.On("GET /v1/servers?",
            {R"({"servers": [{"server_type": {"memory": )" + std::string(memory) + "}}]}"});
    const std::string text = Text(MakeHetznerSource(config, api_.Url("/v1")), "__meta_hetzner_");
    EXPECT_NE(text.find(std::string("memory_size_gb=") + want + "\n"), std::string::npos) << text;
  }
}

TEST_F(CloudTest, LinodeFaultsOfListsAreCounted) {
  api_.On("GET /v4/linode/instances?", {R"({"data": [{"ipv4": ["1.2.3.4"], "label": 1}]})"});
  api_.On("GET /v4/networking/", {R"({"data": []})"});
  EXPECT_EQ(Text(MakeLinodeSource({}, registry_, api_.Url("/v4")), ""),
            "json: data[].label should be a text and is number");
  EXPECT_EQ(LinodeFailures(registry_).value(), 1U);
}

TEST_F(CloudTest, Linode) {
  api_.On("GET /v4/linode/instances?page=1&page_size=500 ", {R"({"data": [
    {"id": 26838044, "label": "web", "group": "g", "status": "running", "type": "g6-standard-2",
     "ipv4": ["45.33.82.151", "96.126.108.16", "192.168.170.51", "192.168.201.25"],
     "ipv6": "2600:3c03::f03c:92ff:fe1a:fb4c/128", "image": "linode/debian12", "region": "us-east",
     "specs": {"disk": 81920, "memory": 4096, "vcpus": 2, "gpus": 0, "transfer": 4000},
     "backups": {"enabled": true}, "hypervisor": "kvm", "tags": ["a", "b"]},
    {"id": 2, "label": "none", "ipv4": []}], "page": 1, "pages": 2, "results": 3})"});
  api_.On("GET /v4/linode/instances?page=2&page_size=500 ", {R"({"data": [
    {"id": 3, "label": "bare", "ipv4": ["45.33.82.1"], "ipv6": "", "specs": {}, "backups": {}, "tags": []}],
    "page": 2, "pages": 2})"});
  api_.On("GET /v4/networking/ips?page=1&page_size=500 ", {R"({"data": [
    {"address": "192.168.170.51", "public": false, "rdns": null},
    {"address": "192.168.201.25", "public": false, "rdns": ""},
    {"address": "45.33.82.151", "public": true, "rdns": "li1028-151.members.linode.com"},
    {"address": "96.126.108.16", "public": true, "rdns": "li365-16.members.linode.com"},
    {"address": "2600:3c03::f03c:92ff:fe1a:fb4c", "public": true, "rdns": "null"}],
    "page": 1, "pages": 1})"});
  api_.On("GET /v4/networking/ipv6/ranges?page=1&page_size=500 ", {R"({"data": [
    {"range": "2600:3c03:e000:123::", "prefix": 64, "region": "us-east",
     "route_target": "2600:3c03::f03c:92ff:fe1a:fb4c"},
    {"range": "2600:3c04::", "prefix": 64, "route_target": "x"}], "page": 1, "pages": 1})"});
  config::LinodeSdConfig config;
  config.region = "us-east";
  config.tag_separator = ";";
  EXPECT_EQ(Text(MakeLinodeSource(config, registry_, api_.Url("/v4")), "__meta_linode_"),
            R"(__address__=45.33.82.151:80
backups=enabled
extra_ips=;96.126.108.16;192.168.201.25;
gpus=0
group=g
hypervisor=kvm
image=linode/debian12
instance_id=26838044
instance_label=web
ipv6_ranges=;2600:3c03:e000:123::/64;
private_ipv4=192.168.170.51
public_ipv4=45.33.82.151
public_ipv4_rdns=li1028-151.members.linode.com
public_ipv6=2600:3c03::f03c:92ff:fe1a:fb4c
region=us-east
specs_disk_bytes=85899345920
specs_memory_bytes=4294967296
specs_transfer_bytes=4194304000
specs_vcpus=2
status=running
tags=;a;b;
type=g6-standard-2
--
__address__=:80
backups=disabled
gpus=0
instance_id=3
instance_label=bare
specs_disk_bytes=0
specs_memory_bytes=0
specs_transfer_bytes=0
specs_vcpus=0
--
)");
  EXPECT_NE(api_.requests()[0].find("X-Filter: {\"region\": \"us-east\"}\r\n"), std::string::npos);
  api_.On("GET /v4/networking/ips", {"", 500});
  EXPECT_FALSE(Text(MakeLinodeSource(config, registry_, api_.Url("/v4")), "").empty());
  std::string metrics;
  registry_.WriteText(metrics);
  EXPECT_NE(metrics.find("prometheus_sd_linode_failures_total 1\n"), std::string::npos);
}

TEST_F(CloudTest, Ionos) {
  api_.On("GET /cloudapi/v6/datacenters/d-1/servers?depth=3&", {R"({"id": "d-1/servers", "items": [
    {"id": "s-1", "metadata": {"state": "AVAILABLE"},
     "properties": {"name": "web", "availabilityZone": "ZONE_1", "cpuFamily": "INTEL_SKYLAKE",
        "vmState": "RUNNING", "type": "ENTERPRISE", "bootCdrom": {"id": "cd"},
        "bootVolume": {"id": "vol"}},
     "entities": {"volumes": {"items": [{"properties": {"image": "img"}}]},
        "nics": {"items": [{"properties": {"ips": ["85.215.243.1", "10.1.0.1"], "name": "the nic"}},
                           {"properties": {"ips": ["192.0.2.1"]}}]}}},
    {"id": "s-2", "properties": {"name": "offline"}, "entities": {"nics": {"items": []}}}]})"});
  config::IonosSdConfig config;
  config.datacenter_id = "d-1";
  EXPECT_EQ(Text(MakeIonosSource(config, api_.Url()), "__meta_ionos_server_"),
            R"(__address__=192.0.2.1:80
availability_zone=ZONE_1
boot_cdrom_id=cd
boot_image_id=img
boot_volume_id=vol
cpu_family=INTEL_SKYLAKE
id=s-1
ip=,192.0.2.1,85.215.243.1,10.1.0.1,
lifecycle=AVAILABLE
name=web
nic_ip_the_nic=,85.215.243.1,10.1.0.1,
nic_ip_unnamed=,192.0.2.1,
servers_id=d-1/servers
state=RUNNING
type=ENTERPRISE
--
)");
}

TEST_F(CloudTest, Failures) {
  const auto refresh = [&] { return Text(MakeVultrSource({}, api_.Url()), ""); };
  const std::string url = api_.Url("/v2/instances?per_page=100");
  EXPECT_EQ(refresh(), "Get " + url + ": server returned HTTP status 404 X");
  api_.On("GET /v2/instances", {R"({"error": "no"})", 401});
  EXPECT_EQ(refresh(),
            "Get " + url + R"(: server returned HTTP status 401 X: "{\"error\": \"no\"}")");
  api_.On("GET /v2/instances", {"<html>"});
  EXPECT_TRUE(refresh().starts_with("Get " + url + ": json: "));
  api_.On("GET /v2/instances", {R"({"instances": [{"ram": "many"}]})"});
  EXPECT_EQ(refresh(), "json: instances[].ram should be an integer and is string");
  api_.On("GET /v2/instances", {R"({"instances": {}})"});
  EXPECT_EQ(refresh(), "json: instances should be a list and is object");
  api_.On("GET /v2/instances", {R"({"instances": [], "meta": []})"});
  EXPECT_EQ(refresh(), "Get " + url + ": json: meta should be an object and is array");
  api_.On("GET /v2/instances", {R"({"instances": [], "meta": {"links": {"next": "again"}}})"});
  EXPECT_TRUE(refresh().ends_with("the answer has more than 1000 pages"));
}

TEST_F(CloudTest, CancelEndsARequest) {
  MadeSource source = MakeVultrSource({}, api_.Url());
  ASSERT_TRUE(source);
  const auto cancelled = api_.HangOn("GET ", [&] { (*source)->Cancel(); });
  EXPECT_NE(Text(source, "").find("context canceled"), std::string::npos);
  cancelled.wait();
}

}  // namespace
}  // namespace narthex::scrape
