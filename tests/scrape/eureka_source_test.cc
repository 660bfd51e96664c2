// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/eureka_source.h"

#include <gtest/gtest.h>

#include "scrape/answers/eureka_targets.h"
#include "tests/scrape/sd_fixture.h"
#include "tests/support/fake_http_server.h"

namespace narthex::scrape {
namespace {

using testing::FakeHttpServer;

constexpr std::string_view kApps = R"(<?xml version="1.0" encoding="UTF-8"?>
<applications>
  <versions__delta>1</versions__delta>
  <apps__hashcode>UP_2_</apps__hashcode>
  <application>
    <name>CONFIG-SERVICE</name>
    <instance>
      <instanceId>config001.example:config-service:8080</instanceId>
      <hostName>config001.example</hostName>
      <app>CONFIG-SERVICE</app>
      <ipAddr>192.0.2.1</ipAddr>
      <status>UP</status>
      <overriddenstatus>UNKNOWN</overriddenstatus>
      <port enabled="true"> 8080 </port>
      <securePort enabled="false">8443</securePort>
      <countryId>49</countryId>
      <dataCenterInfo class="com.example.MyDataCenterInfo">
        <name>MyOwn</name>
        <metadata><zone>eu-1</zone></metadata>
      </dataCenterInfo>
      <metadata>
        <instanceId>config-service:ab3</instanceId>
        <jmx.port>9&amp;1</jmx.port>
        <empty/>
        <nested><a>1</a></nested>
      </metadata>
      <homePageUrl>http://config001.example:8080/?a=1&amp;b=2</homePageUrl>
      <statusPageUrl>http://config001.example:8080/info</statusPageUrl>
      <healthCheckUrl>http://config001.example:8080/health</healthCheckUrl>
      <vipAddress>config-service</vipAddress>
      <secureVipAddress><![CDATA[config-<service>]]></secureVipAddress>
    </instance>
  </application>
  <application>
    <name>BARE</name>
    <instance><hostName>bare</hostName></instance>
  </application>
</applications>)";

TEST(EurekaSourceTest, LabelsOfInstances) {
  const auto targets = ParseEurekaApps(kApps);
  ASSERT_TRUE(targets.has_value()) << targets.error().message();
  ASSERT_EQ(targets->size(), 2u);
  EXPECT_EQ(targets->at(0).ToString(),
            R"({__address__="config001.example:8080", )"
            R"(__meta_eureka_app_instance_country_id="49", )"
            R"(__meta_eureka_app_instance_datacenterinfo_metadata_zone="eu-1", )"
            R"(__meta_eureka_app_instance_datacenterinfo_name="MyOwn", )"
            R"(__meta_eureka_app_instance_healthcheck_url="http://config001.example:8080/health", )"
            R"(__meta_eureka_app_instance_homepage_url="http://config001.example:8080/?a=1&b=2", )"
            R"(__meta_eureka_app_instance_hostname="config001.example", )"
            R"(__meta_eureka_app_instance_id="config001.example:config-service:8080", )"
            R"(__meta_eureka_app_instance_ip_addr="192.0.2.1", )"
            R"(__meta_eureka_app_instance_metadata_instanceId="config-service:ab3", )"
            R"(__meta_eureka_app_instance_metadata_jmx_port="9&amp;1", )"  // As it was written.
            R"(__meta_eureka_app_instance_metadata_nested="<a>1</a>", )"
            R"(__meta_eureka_app_instance_port="8080", )"
            R"(__meta_eureka_app_instance_port_enabled="true", )"
            R"(__meta_eureka_app_instance_secure_port="8443", )"
            R"(__meta_eureka_app_instance_secure_port_enabled="false", )"
            R"(__meta_eureka_app_instance_secure_vip_address="config-<service>", )"
            R"(__meta_eureka_app_instance_status="UP", )"
            R"(__meta_eureka_app_instance_statuspage_url="http://config001.example:8080/info", )"
            R"(__meta_eureka_app_instance_vip_address="config-service", )"
            R"(__meta_eureka_app_name="CONFIG-SERVICE", )"
            R"(instance="config001.example:config-service:8080"})");
  EXPECT_EQ(targets->at(1).ToString(),
            R"({__address__="bare:80", __meta_eureka_app_instance_country_id="0", )"
            R"(__meta_eureka_app_instance_hostname="bare", __meta_eureka_app_name="BARE"})");
}

TEST(EurekaSourceTest, MetadataAreAsTheyWereWritten) {
  const auto value = [](const std::string& item) {
    const auto targets =
        ParseEurekaApps("\xEF\xBB\xBF<a><application><instance><metadata>" + item +
                        "<after>1</after></metadata></instance></application></a>");
    EXPECT_TRUE(targets.has_value()) << item;
    if (!targets) return std::string();
    EXPECT_EQ(targets->at(0).Get("__meta_eureka_app_instance_metadata_after"), "1");
    return std::string(targets->at(0).Get("__meta_eureka_app_instance_metadata_m"));
  };
  for (const std::string inner :
       {"{&quot;a&quot;:1}", "a<!-- </m> -->b", "<a></a>", "<a/><b x='/>'/><m></m>", " \r\n x ",
        "<![CDATA[</m>]]>", "<?p </m>?>", "<c d=\"&lt;>\">&#65;</c >", "\xC3\xA9"}) {
    EXPECT_EQ(value("<m>" + inner + "</m>"), inner);
    EXPECT_EQ(value("<n:m x='>' y=\"/>\">" + inner + "</n:m >"), inner);
  }
  EXPECT_EQ(value("<m/>"), "");
  EXPECT_EQ(value("<m x='>' />"), "");
}

TEST(EurekaSourceTest, InstancesAreBounded) {
  const std::string body =
      "<a><application><instance/><instance/></application><application><instance/></application>"
      "</a>";
  EXPECT_TRUE(ParseEurekaApps(body, {.targets = 3}).has_value());
  const auto many = ParseEurekaApps(body, {.targets = 2});
  ASSERT_FALSE(many.has_value());
  EXPECT_EQ(many.error().code(), Code::kResourceExhausted);
}

TEST(EurekaSourceTest, WrongAnswersAreErrors) {
  for (const std::string_view body :
       {"", "[]", "<applications>", "<a>\xFF</a>", "<a></b>",
        "<a><application><instance><port>x</port></instance></application></a>",
        "<a><application><instance><countryId>1x</countryId></instance></application></a>"}) {
    EXPECT_FALSE(ParseEurekaApps(body).has_value()) << body;
  }
  EXPECT_TRUE(ParseEurekaApps("<applications/>")->empty());
}

TEST(EurekaSourceTest, OneGroup) {
  std::string target;
  FakeHttpServer server([&](const FakeHttpServer::Request& request) {
    target = request.target;
    return FakeHttpServer::Response{.body = std::string(kApps), .content_type = "application/xml"};
  });
  config::EurekaSdConfig config;
  config.server = server.Url("/eureka");
  auto client = SdClient::Make(config.http, std::chrono::minutes(1));
  const auto groups = EurekaSource(config, std::move(*client)).Refresh();
  ASSERT_TRUE(groups.has_value()) << groups.error().message();
  EXPECT_EQ(target, "/eureka/apps");
  ASSERT_EQ(groups->size(), 1u);
  EXPECT_EQ(groups->at(0).source, "eureka");
  EXPECT_EQ(groups->at(0).targets.size(), 2u);
}

TEST(EurekaSourceTest, FailuresSayWhatAndWhere) {
  FakeHttpServer::Response response{.body = "<a>"};
  FakeHttpServer server([&](const auto&) { return response; });
  config::EurekaSdConfig config;
  config.server = server.Url();
  auto client = SdClient::Make(config.http, std::chrono::minutes(1));
  EurekaSource source(config, std::move(*client));
  const auto torn = source.Refresh();
  ASSERT_FALSE(torn.has_value());
  EXPECT_TRUE(torn.error().message().starts_with("\"" + server.Url("/apps") + "\": XML "))
      << torn.error().message();
  response.status = "404 Not Found";
  const auto missing = source.Refresh();
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(
      missing.error().message(),
      server.Url("/apps") + ": non 2xx status '404' response during eureka service discovery");
}

}  // namespace
}  // namespace narthex::scrape
