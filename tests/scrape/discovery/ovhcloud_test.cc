// SPDX-License-Identifier: Apache-2.0
//
// ovhcloud_sd_configs on a fake of OVHcloud's API that checks signatures.
#include <gtest/gtest.h>

#include "scrape/discovery/cloud/sources.h"
#include "tests/net/fake_api.h"
#include "tests/scrape/discovery/groups.h"
#include "tests/support/fake_clock.h"

namespace narthex::scrape {
namespace {

class OvhcloudTest : public ::testing::Test {
 protected:
  OvhcloudTest() {
    clock_.SetMs(1'700'000'100'000);  // 100 s before the API's.
    api_.On("GET /1.0/auth/time ", {"1700000200"});
    config_.endpoint = api_.Url("/1.0");
    config_.application_key = "app";
    config_.application_secret = "as";
    config_.consumer_key = "ck";
    config_.service = "vps";
  }

  std::string Text(std::string_view prefix) {
    const MadeSource source = MakeOvhcloudSource(config_, clock_);
    return source ? RefreshText(**source, prefix) : source.error().message();
  }

  net::FakeApi api_;
  testing::FakeClock clock_;
  config::OvhcloudSdConfig config_;
};

TEST_F(OvhcloudTest, Vps) {
  api_.On("GET /1.0/vps ", {R"(["abc", "six/1"])"});
  api_.On("GET /1.0/vps/abc ",
          {R"({"offerType": "ssd", "monitoringIpBlocks": [], "displayName": "abc",
    "zone": "zone", "cluster": "cluster_test", "slaMonitoring": false, "name": "abc", "vcore": 1,
    "state": "running", "keymap": null, "netbootMode": "local", "memoryLimit": 2048, "model": {
      "name": "vps-value-1-2-40", "availableOptions": [], "maximumAdditionnalIp": 16, "offer": "VPS abc",
      "disk": 40, "version": "2019v1", "vcore": 1, "memory": 2048,
      "datacenter": ["datacenter_test", "b"]}})"});
  api_.On("GET /1.0/vps/abc/ips ",
          {R"(["192.0.2.1", "2001:DB8:0::1", "0.0.0.0", "192.0.2.0/24", "192.0.2.2/32"])"});
  api_.On("GET /1.0/vps/six%2F1 ", {R"({"name": "six"})"});
  api_.On("GET /1.0/vps/six%2F1/ips ", {R"(["2001:db8::2", "2001:db8::3/128"])"});
  EXPECT_EQ(Text("__meta_ovhcloud_vps_"),
            R"(__address__=192.0.2.2
cluster=cluster_test
datacenter=[datacenter_test b]
disk=40
display_name=abc
ipv4=192.0.2.2
ipv6=2001:db8::1
maximum_additional_ip=16
memory=2048
memory_limit=2048
model_name=vps-value-1-2-40
model_vcore=1
name=abc
netboot_mode=local
offer=VPS abc
offer_type=ssd
state=running
vcore=1
version=2019v1
zone=zone
instance=abc
--
__address__=2001:db8::2
datacenter=[]
disk=0
ipv6=2001:db8::2
maximum_additional_ip=0
memory=0
memory_limit=0
model_vcore=0
name=six
vcore=0
instance=six
--
)");
}

TEST_F(OvhcloudTest, DedicatedServers) {
  config_.service = "dedicated_server";
  api_.On("GET /1.0/dedicated/server ", {R"(["abcde"])"});
  api_.On("GET /1.0/dedicated/server/abcde ", {R"({"ip": "1.2.3.4", "newUpgradeSystem": true,
    "commercialRange": "Advance-1 Gen 2", "rack": "TESTRACK", "rescueMail": null, "supportLevel": "pro",
    "bootId": 1, "linkSpeed": 123, "professionalUse": false, "monitoring": true, "noIntervention": true,
    "name": "abcde", "rootDevice": null, "state": "ok", "datacenter": "gra3", "os": "debian11_64",
    "reverse": "abcde-rev", "serverId": 1234})"});
  api_.On("GET /1.0/dedicated/server/abcde/ips ", {R"(["1.2.3.4/32", "2001:0db8:0000::0001/64"])"});
  EXPECT_EQ(Text("__meta_ovhcloud_dedicated_server_"),
            R"(__address__=1.2.3.4
commercial_range=Advance-1 Gen 2
datacenter=gra3
ipv4=1.2.3.4
link_speed=123
name=abcde
no_intervention=true
os=debian11_64
rack=TESTRACK
reverse=abcde-rev
server_id=1234
state=ok
support_level=pro
instance=abcde
--
)");
}

/// What stands behind "$1$" is the SHA-1 of "as+ck+GET+http://api.test/1.0/vps++1700000200",
/// which `sha1sum` gives as well; the URL of the fake has a random port, hence the proxy.
TEST_F(OvhcloudTest, RequestsAreSigned) {
  config_.endpoint = "http://api.test/1.0";
  config_.http.proxy.url = api_.Url();
  api_.On("GET http://api.test/1.0/auth/time ", {"1700000200"});
  api_.On("GET http://api.test/1.0/vps ", {"[]"});
  EXPECT_EQ(Text(""), "");
  const std::vector<std::string> requests = api_.requests();
  ASSERT_EQ(requests.size(), 2U);
  for (const std::string line :
       {"X-Ovh-Application: app\r\n", "X-Ovh-Consumer: ck\r\n", "X-Ovh-Timestamp: 1700000200\r\n",
        "X-Ovh-Signature: $1$9748056644d11242de79da4b6caa47bf42106181\r\n"}) {
    EXPECT_NE(requests[1].find(line), std::string::npos) << line << requests[1];
  }
  EXPECT_NE(requests[0].find("X-Ovh-Application: app\r\n"), std::string::npos);
  EXPECT_EQ(requests[0].find("X-Ovh-Signature"), std::string::npos) << "there is no time yet";
}

TEST_F(OvhcloudTest, ServersWithoutDetailsAreLeftOut) {
  api_.On("GET /1.0/vps ", {R"(["gone", "nowhere", "strange", "wrong", "good"])"});
  for (const std::string name : {"gone", "nowhere", "strange", "wrong", "good"}) {
    api_.On("GET /1.0/vps/" + name + " ", {R"({"name": ")" + name + R"("})"});
    api_.On("GET /1.0/vps/" + name + "/ips ", {R"(["192.0.2.9"])"});
  }
  api_.On("GET /1.0/vps/gone ", {R"({"message": "This service is expired"})", 404});
  api_.On("GET /1.0/vps/nowhere/ips ", {R"(["0.0.0.0", "10.0.0.0/8"])"});
  api_.On("GET /1.0/vps/strange/ips ", {R"(["192.0.2.9", "d.e.f"])"});
  api_.On("GET /1.0/vps/wrong ", {R"({"name": "wrong", "vcore": "two"})"});
  const std::string text = Text("__meta_ovhcloud_vps_");
  EXPECT_TRUE(text.starts_with("__address__=192.0.2.9\n")) << text;
  EXPECT_TRUE(text.ends_with("instance=good\n--\n")) << text;
  EXPECT_EQ(text.find("--"), text.size() - 3) << text;
}

TEST_F(OvhcloudTest, Failures) {
  const std::string get = "Get " + api_.Url("/1.0");
  EXPECT_EQ(Text(""), get + "/vps: server returned HTTP status 404 X");
  api_.On("GET /1.0/vps ", {R"({"a": 1})"});
  EXPECT_EQ(Text(""), "json: the answer should be a list and is object");
  api_.On("GET /1.0/auth/time ", {R"("now")"});
  EXPECT_EQ(Text(""), "json: the answer should be an integer and is string");
  api_.On("GET /1.0/auth/time ", {"", 500});
  EXPECT_EQ(Text(""), get + "/auth/time: server returned HTTP status 500 X");
  config_.endpoint += "/";
  EXPECT_EQ(Text(""), "endpoint name cannot have a trailing slash");
  config_.endpoint = "ovh-moon";
  EXPECT_EQ(Text(""),
            "unknown endpoint 'ovh-moon', consider checking 'Endpoints' list or using an URL");
}

TEST_F(OvhcloudTest, CancelEndsTheWholeRefresh) {
  api_.On("GET /1.0/vps ", {R"(["a", "b"])"});
  const MadeSource source = MakeOvhcloudSource(config_, clock_);
  ASSERT_TRUE(source);
  const auto cancelled = api_.HangOn("GET /1.0/vps/a ", [&] { (*source)->Cancel(); });
  EXPECT_NE(RefreshText(**source, "").find("context canceled"), std::string::npos);
  cancelled.wait();
}

}  // namespace
}  // namespace narthex::scrape
