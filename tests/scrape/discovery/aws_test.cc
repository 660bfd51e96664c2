// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "scrape/answers/aws/ec2_targets.h"
#include "scrape/discovery/aws/aws_source.h"
#include "tests/net/fake_api.h"
#include "tests/scrape/discovery/groups.h"
#include "tests/support/fake_clock.h"

namespace narthex::scrape {
namespace {

constexpr const char* kZones = R"(<?xml version="1.0" encoding="UTF-8"?>
<DescribeAvailabilityZonesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>r</requestId>
  <availabilityZoneInfo>
    <item><zoneName>eu-west-1a</zoneName><zoneState>available</zoneState><zoneId>euw1-az3</zoneId></item>
    <item><zoneName>eu-west-1b</zoneName><zoneState>available</zoneState><zoneId>euw1-az1</zoneId></item>
  </availabilityZoneInfo>
</DescribeAvailabilityZonesResponse>)";

std::string Answer(const std::string& instances, const std::string& more = "") {
  return R"(<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
<requestId>r</requestId><reservationSet><item><reservationId>r-1</reservationId>
<ownerId>123456789012</ownerId><groupSet/><instancesSet>)" +
         instances + "</instancesSet></item></reservationSet>" + more +
         "</DescribeInstancesResponse>";
}

constexpr const char* kInVpc = R"(<item>
  <instanceId>i-1</instanceId><imageId>ami-1</imageId>
  <instanceState><code>16</code><name>running</name></instanceState>
  <privateDnsName>ip-10-0-0-1.eu-west-1.compute.internal</privateDnsName>
  <dnsName>ec2-1.example.com</dnsName><reason/>
  <instanceType>t3.micro</instanceType><launchTime>2026-01-01T00:00:00.000Z</launchTime>
  <placement><availabilityZone>eu-west-1b</availabilityZone><tenancy>default</tenancy></placement>
  <platform>windows</platform><monitoring><state>disabled</state></monitoring>
  <subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId>
  <privateIpAddress>10.0.0.1</privateIpAddress><ipAddress>203.0.113.1</ipAddress>
  <architecture>x86_64</architecture><instanceLifecycle>spot</instanceLifecycle>
  <tagSet><item><key>Name &amp; more</key><value>a &lt; b</value></item>
          <item><key>empty</key><value/></item></tagSet>
  <networkInterfaceSet>
    <item><networkInterfaceId>eni-2</networkInterfaceId><subnetId>subnet-2</subnetId>
      <attachment><deviceIndex>2</deviceIndex></attachment>
      <ipv6AddressesSet><item><ipv6Address>2001:db8::21</ipv6Address><isPrimaryIpv6>false</isPrimaryIpv6></item>
        <item><ipv6Address>2001:db8::22</ipv6Address><isPrimaryIpv6>true</isPrimaryIpv6></item>
      </ipv6AddressesSet></item>
    <item><networkInterfaceId>eni-1</networkInterfaceId><subnetId>subnet-1</subnetId>
      <attachment><deviceIndex>0</deviceIndex></attachment><ipv6AddressesSet/></item>
    <item><networkInterfaceId>eni-3</networkInterfaceId><subnetId>subnet-2</subnetId></item>
    <item><networkInterfaceId>eni-4</networkInterfaceId></item>
  </networkInterfaceSet>
</item>)";

constexpr const char* kInVpcText = R"(__address__=10.0.0.1:80
ami=ami-1
architecture=x86_64
availability_zone=eu-west-1b
availability_zone_id=euw1-az1
default_ipv6_address=2001:db8::22
instance_id=i-1
instance_lifecycle=spot
instance_state=running
instance_type=t3.micro
ipv6_addresses=,2001:db8::21,2001:db8::22,
owner_id=123456789012
platform=windows
primary_ipv6_addresses=,,,2001:db8::22,
primary_subnet_id=subnet-1
private_dns_name=ip-10-0-0-1.eu-west-1.compute.internal
private_ip=10.0.0.1
public_dns_name=ec2-1.example.com
public_ip=203.0.113.1
region=eu-west-1
subnet_id=,subnet-2,subnet-1,
tag_Name___more=a < b
vpc_id=vpc-1
--
)";

constexpr const char* kOthers = R"(
  <item><instanceId>i-2</instanceId><imageId>ami-2</imageId>
    <instanceState><name>stopped</name></instanceState><instanceType>t2.nano</instanceType>
    <placement><availabilityZone>us-x</availabilityZone></placement></item>
  <item><instanceId>i-3</instanceId><imageId>ami-3</imageId>
    <instanceState><name>pending</name></instanceState><instanceType>t2.nano</instanceType>
    <placement><availabilityZone>us-x</availabilityZone></placement>
    <vpcId>vpc-2</vpcId><subnetId>subnet-9</subnetId><networkInterfaceSet>
      <item><subnetId>subnet-9</subnetId><attachment><deviceIndex>0</deviceIndex></attachment>
        <ipv6AddressesSet><item><ipv6Address>2001:db8::3</ipv6Address></item></ipv6AddressesSet></item>
      </networkInterfaceSet></item>)";

constexpr const char* kOthersText = R"(__address__=[2001:db8::3]:80
ami=ami-3
availability_zone=us-x
default_ipv6_address=2001:db8::3
instance_id=i-3
instance_state=pending
instance_type=t2.nano
ipv6_addresses=,2001:db8::3,
owner_id=123456789012
primary_subnet_id=subnet-9
region=eu-west-1
subnet_id=,subnet-9,
vpc_id=vpc-2
--
)";

class AwsSourceTest : public ::testing::Test {
 protected:
  AwsSourceTest() : clock_(1'440'938'160'000) {
    api_.On("POST / ", {Answer(kInVpc)});
    config_.access = {.endpoint = api_.Url(),
                      .region = "eu-west-1",
                      .access_key = "AKID",
                      .secret_key = "secret",
                      .profile = "",
                      .role_arn = "",
                      .external_id = ""};
  }
  std::string Refresh() {
    if (source_ == nullptr) source_ = std::move(*MakeEc2Source(config_, clock_, NoEnvironment));
    return RefreshText(*source_, "__meta_ec2_");
  }
  static std::string NoEnvironment(const char*) { return ""; }
  /// The body of a request.
  std::string BodyOf(std::size_t index) {
    const std::string request = api_.requests().at(index);
    return request.substr(request.find("\r\n\r\n") + 4);
  }

  testing::FakeClock clock_;
  net::FakeApi api_;
  config::Ec2SdConfig config_;
  std::unique_ptr<RefreshSource> source_;
};

TEST(Ec2TargetsTest, AllLabels) {
  const auto zones = ReadZoneIds(kZones);
  ASSERT_TRUE(zones);
  config::TargetGroup group;
  TargetBudget budget;
  const auto next =
      AddEc2Targets(Answer(std::string(kInVpc) + kOthers, "<nextToken>n t</nextToken>"),
                    "eu-west-1", *zones, 80, budget, group);
  ASSERT_TRUE(next) << next.error().message();
  EXPECT_EQ(*next, "n t");
  EXPECT_EQ(TargetText(group, "__meta_ec2_"), std::string(kInVpcText) + kOthersText);
}

TEST(Ec2TargetsTest, WhatIsNoAnswer) {
  config::TargetGroup group;
  TargetBudget budget;
  for (const std::string bad :
       {"", "{}", "<a/>", "<DescribeInstancesResponse>", "<html>x</html>"}) {
    EXPECT_FALSE(AddEc2Targets(bad, "r", {}, 80, budget, group)) << bad;
    EXPECT_FALSE(ReadZoneIds(bad)) << bad;
  }
  EXPECT_TRUE(AddEc2Targets("<DescribeInstancesResponse/>", "r", {}, 80, budget, group));
  EXPECT_TRUE(group.targets.empty());
}

TEST(Ec2TargetsTest, TheirNumberHasALimit) {
  config::TargetGroup group;
  TargetBudget budget({.targets = 1});
  const std::string item = "<item><privateIpAddress>10.0.0.1</privateIpAddress></item>";
  EXPECT_TRUE(AddEc2Targets(Answer(item), "r", {}, 80, budget, group));
  const auto more = AddEc2Targets(Answer(item), "r", {}, 80, budget, group);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code(), Code::kResourceExhausted);
  EXPECT_EQ(group.targets.size(), 1U);
}

/// Positions in the list are indexes of interfaces; one that no interface has must not fill memory.
TEST(Ec2TargetsTest, IndexThatCannotBe) {
  config::TargetGroup group;
  TargetBudget budget;
  const std::string item =
      "<item><instanceId>i</instanceId><vpcId>v</vpcId><networkInterfaceSet><item>"
      "<subnetId>s</subnetId><attachment><deviceIndex>4000000000</deviceIndex></attachment>"
      "<ipv6AddressesSet><item><ipv6Address>2001:db8::1</ipv6Address>"
      "<isPrimaryIpv6>true</isPrimaryIpv6></item></ipv6AddressesSet></item></networkInterfaceSet>"
      "</item>";
  ASSERT_TRUE(AddEc2Targets(Answer(item), "r", {}, 80, budget, group));
  EXPECT_EQ(group.targets.at(0).Get("__meta_ec2_primary_ipv6_addresses"), "");
  EXPECT_EQ(group.targets.at(0).Get("__meta_ec2_ipv6_addresses"), ",2001:db8::1,");
}

TEST_F(AwsSourceTest, ZonesAreAskedForUntilTheyAreKnown) {
  // This fake answers the question for zones with instances, which is no such answer.
  std::string without(kInVpcText);
  without.erase(without.find("availability_zone_id"), sizeof("availability_zone_id=euw1-az1"));
  EXPECT_EQ(Refresh(), without);
  EXPECT_EQ(Refresh(), without);
  ASSERT_EQ(api_.requests().size(), 4U);
  EXPECT_EQ(BodyOf(0), "Action=DescribeAvailabilityZones&Version=2016-11-15");
  EXPECT_EQ(BodyOf(1), "Action=DescribeInstances&Version=2016-11-15");
  EXPECT_EQ(BodyOf(2), BodyOf(0));
  EXPECT_NE(api_.requests()[1].find("Credential=AKID/20150830/eu-west-1/ec2/aws4_request, "
                                    "SignedHeaders=content-type;host;x-amz-date"),
            std::string::npos);
}

TEST_F(AwsSourceTest, FiltersAreNumbered) {
  config_.filters = {{"tag:a b", {"x", "y&z"}}, {"instance-state-name", {"running"}}};
  Refresh();
  EXPECT_EQ(BodyOf(1),
            "Action=DescribeInstances&Filter.1.Name=tag%3Aa+b&Filter.1.Value.1=x&Filter.1.Value.2="
            "y%26z&Filter.2.Name=instance-state-name&Filter.2.Value.1=running&Version=2016-11-15");
}

TEST_F(AwsSourceTest, RefusalIsTold) {
  api_.On("POST / ",
          {"<Response><Errors><Error><Code>AuthFailure</Code><Message>not you</Message></Error>"
           "</Errors><RequestID>1</RequestID></Response>",
           401});
  EXPECT_EQ(Refresh(),
            "could not describe instances: https response error StatusCode: 401, api error "
            "AuthFailure: not you");
  api_.On("POST / ", {"gone", 503});
  EXPECT_EQ(Refresh(), "could not describe instances: server returned HTTP status 503 X");
}

TEST_F(AwsSourceTest, WithoutRegionOrKeys) {
  config_.access.region = "";
  const auto environment = [](const char* name) -> std::string {
    return std::string_view(name) == "AWS_EC2_METADATA_DISABLED" ? "true" : "";
  };
  auto source = *MakeEc2Source(config_, clock_, environment);
  EXPECT_EQ(RefreshText(*source, ""),
            "could not determine AWS region: the instance's metadata service is switched off by "
            "AWS_EC2_METADATA_DISABLED");
  config_.access.region = "r";
  config_.access.secret_key = "";
  source = *MakeEc2Source(config_, clock_, environment);
  EXPECT_EQ(RefreshText(*source, ""),
            "could not describe instances: could not get AWS credentials: the instance's metadata "
            "service is switched off by AWS_EC2_METADATA_DISABLED");
}

TEST_F(AwsSourceTest, CancelEndsARequest) {
  const auto cancelled = api_.HangOn("POST / ", [this] { source_->Cancel(); });
  EXPECT_NE(Refresh().find("context canceled"), std::string::npos);
  cancelled.wait();
}

constexpr const char* kLightsail = R"({"instances": [
  {"name": "web", "arn": "arn:x", "supportCode": "123/i-1", "createdAt": 1.7e9,
   "location": {"availabilityZone": "eu-west-1a", "regionName": "eu-west-1"},
   "tags": [{"key": "a.b", "value": "c"}, {"key": "only"}], "blueprintId": "debian_12",
   "bundleId": "nano_3_0", "isStaticIp": false, "privateIpAddress": "172.26.0.1",
   "publicIpAddress": "203.0.113.2", "ipv6Addresses": ["2001:db8::1", "2001:db8::2"],
   "state": {"code": 16, "name": "running"}},
  {"name": "none"}], "nextPageToken": null})";

TEST_F(AwsSourceTest, Lightsail) {
  config::LightsailSdConfig config;
  config.access = config_.access;
  config.port = 9100;
  api_.On("POST / ", {kLightsail});
  auto source = *MakeLightsailSource(config, clock_, NoEnvironment);
  EXPECT_EQ(RefreshText(*source, "__meta_lightsail_"), R"(__address__=172.26.0.1:9100
availability_zone=eu-west-1a
blueprint_id=debian_12
bundle_id=nano_3_0
instance_name=web
instance_state=running
instance_support_code=123/i-1
ipv6_addresses=,2001:db8::1,2001:db8::2,
private_ip=172.26.0.1
public_ip=203.0.113.2
region=eu-west-1
tag_a_b=c
--
)");
  const std::string request = api_.requests().at(0);
  EXPECT_NE(request.find("X-Amz-Target: Lightsail_20161128.GetInstances\r\n"), std::string::npos);
  EXPECT_NE(request.find("/lightsail/aws4_request, SignedHeaders=content-type;host;x-amz-date;"
                         "x-amz-target, "),
            std::string::npos);
  EXPECT_EQ(BodyOf(0), "{}");
}

TEST_F(AwsSourceTest, LightsailFailures) {
  config::LightsailSdConfig config;
  config.access = config_.access;
  auto source = *MakeLightsailSource(config, clock_, NoEnvironment);
  api_.On("POST / ", {R"({"__type": "com.x#AccessDeniedException", "message": "no"})", 400});
  EXPECT_EQ(RefreshText(*source, ""),
            "could not get instances: https response error StatusCode: 400, api error "
            "AccessDeniedException: no");
  api_.On("POST / ", {R"({"instances": 1})"});
  EXPECT_EQ(RefreshText(*source, ""),
            "could not get instances: json: instances should be a list and is number");
  // A page that always names a next one: the fake answers the same each time.
  api_.On("POST / ", {R"({"instances": [], "nextPageToken": "again"})"});
  EXPECT_EQ(RefreshText(*source, ""),
            "could not get instances: the answer has more than 1000 pages");
}

}  // namespace
}  // namespace narthex::scrape
