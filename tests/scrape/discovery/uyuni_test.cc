// SPDX-License-Identifier: Apache-2.0
//
// uyuni_sd_configs on a fake of Uyuni's XML-RPC API, which all is at one path: it answers by the
// method that is called.
#include <map>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "scrape/discovery/cloud/sources.h"
#include "tests/net/raw_server.h"
#include "tests/scrape/discovery/groups.h"
#include "tests/support/fake_clock.h"

namespace narthex::scrape {
namespace {

/// Thread safety: answers change between requests only.
class FakeUyuni {
 public:
  FakeUyuni() : server_([this](net::RawSocket& peer, int) { Serve(peer); }) {}

  /// @param value  what the method gives; "" = status 500
  void On(const std::string& method, const std::string& value) { values_[method] = value; }
  std::string Url(const std::string& path) const { return server_.Url(path); }
  const std::vector<std::string>& requests() const { return requests_; }
  /// How often a method was called.
  std::int64_t Calls(const std::string& method) const {
    return std::count_if(requests_.begin(), requests_.end(), [&](const std::string& request) {
      return request.find("<methodName>" + method + "</methodName>") != std::string::npos;
    });
  }

 private:
  void Serve(net::RawSocket& peer) {
    const std::string head = peer.ReadHead();
    if (head.empty()) return;
    const std::size_t at = head.find("Content-Length: ");
    const std::string request = head + peer.ReadBytes(std::stoul(head.substr(at + 16)));
    requests_.push_back(request);
    const std::size_t from = request.find("<methodName>") + 12;
    const std::string method = request.substr(from, request.find("</methodName>") - from);
    const std::string& value = values_[method];
    const std::string body = "<methodResponse><params><param><value>" + value +
                             "</value></param></params></methodResponse>";
    peer.Send(fmt::format("HTTP/1.1 {} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}",
                          value.empty() ? 500 : 200, body.size(), body));
  }

  std::map<std::string, std::string> values_;
  std::vector<std::string> requests_;
  net::RawServer server_;  // Last: its thread uses the others.
};

std::string Struct(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string text = "<value><struct>";
  for (const auto& [name, value] : members) {
    text += "<member><name>" + name + "</name><value>" + value + "</value></member>";
  }
  return text + "</struct></value>";
}

std::string Array(const std::string& values) {
  return "<array><data>" + values + "</data></array>";
}

std::string Int(int number) { return "<int>" + std::to_string(number) + "</int>"; }

const std::string kSystems = "system.listSystemGroupsForSystemsWithEntitlement";
const std::string kEndpoints = "system.monitoring.listEndpoints";
const std::string kNetworks = "system.getNetworkForSystems";

class UyuniTest : public ::testing::Test {
 protected:
  UyuniTest() {
    uyuni_.On("auth.login", "<string>the-token</string>");
    uyuni_.On(kSystems,
              Array(Struct({{"id", Int(7)},
                            {"system_groups",
                             Array(Struct({{"id", Int(1)}, {"name", "web"}}) +
                                   Struct({{"id", Int(2)}, {"name", "<string>eu</string>"}}))}}) +
                    Struct({{"id", Int(3)}, {"system_groups", Array("")}})));
    uyuni_.On(kEndpoints, Array(Struct({{"system_id", Int(7)},
                                        {"endpoint_name", "node_exporter"},
                                        {"port", Int(9100)},
                                        {"path", "/metrics"},
                                        {"module", "node"},
                                        {"exporter_name", "node_exporter"},
                                        {"tls_enabled", "<boolean>1</boolean>"}}) +
                                Struct({{"system_id", Int(8)}, {"port", Int(80)}})));
    uyuni_.On(kNetworks, Array(Struct({{"system_id", Int(7)},
                                       {"hostname", "client7.example.com"},
                                       {"primary_fqdn", "seven.example.com"},
                                       {"ip", "192.0.2.7"}})));
    config_.server = uyuni_.Url("/base/");
    config_.username = "admin";
    config_.password = "p&w";
    clock_.SetMs(1'700'000'000'000);
  }

  FakeUyuni uyuni_;
  testing::FakeClock clock_;
  config::UyuniSdConfig config_;
};

TEST_F(UyuniTest, Endpoints) {
  config_.separator = ";";
  const MadeSource source = MakeUyuniSource(config_, clock_);
  ASSERT_TRUE(source);
  EXPECT_EQ(RefreshText(**source, "__meta_uyuni_"), R"(__address__=client7.example.com:9100
endpoint_name=node_exporter
exporter=node_exporter
groups=web;eu
metrics_path=/metrics
minion_hostname=client7.example.com
primary_fqdn=seven.example.com
proxy_module=node
scheme=https
system_id=7
--
__address__=:80
scheme=http
system_id=8
--
)");
  const std::vector<std::string>& requests = uyuni_.requests();
  ASSERT_EQ(requests.size(), 4U);
  const std::string token = "<param><value><string>the-token</string></value></param>";
  const std::string ids =
      "<param><value><array><data><value><int>3</int></value><value><int>7"
      "</int></value></data></array></value></param>";
  EXPECT_TRUE(requests[0].starts_with("POST /base/rpc/api HTTP/1.1\r\n")) << requests[0];
  EXPECT_TRUE(requests[0].ends_with(
      "<params><param><value><string>admin</string></value></param><param><value><string>p&amp;w"
      "</string></value></param><param><value><int>600</int></value></param></params>"
      "</methodCall>"))
      << requests[0];
  EXPECT_NE(requests[1].find(token + "<param><value><string>monitoring_entitled</string></value>"
                                     "</param>"),
            std::string::npos)
      << requests[1];
  EXPECT_NE(requests[2].find(kEndpoints + "</methodName><params>" + token + ids), std::string::npos)
      << requests[2];
  EXPECT_NE(requests[3].find(kNetworks + "</methodName><params>" + token + ids), std::string::npos)
      << requests[3];
}

TEST_F(UyuniTest, OneLoginForSeveralRefreshes) {
  const MadeSource source = MakeUyuniSource(config_, clock_);
  ASSERT_TRUE(source);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE((*source)->Refresh());
  EXPECT_EQ(uyuni_.Calls("auth.login"), 1);
  clock_.AdvanceMs(300'001);  // Half of its time.
  ASSERT_TRUE((*source)->Refresh());
  EXPECT_EQ(uyuni_.Calls("auth.login"), 2);
  // After a failure the token may be the reason.
  const std::string endpoints = Array("");
  uyuni_.On(kEndpoints, "");
  EXPECT_EQ(RefreshText(**source, ""),
            "unable to get endpoints information: request error: bad status code - 500");
  uyuni_.On(kEndpoints, endpoints);
  EXPECT_EQ(RefreshText(**source, ""), "");
  EXPECT_EQ(uyuni_.Calls("auth.login"), 3);
}

TEST_F(UyuniTest, Failures) {
  const auto refresh = [&] {
    const MadeSource source = MakeUyuniSource(config_, clock_);
    return source ? RefreshText(**source, "") : source.error().message();
  };
  uyuni_.On(kNetworks, Array("<value>text</value>"));
  EXPECT_EQ(refresh(), "json: [] should be an object and is string");
  uyuni_.On(kNetworks, "");
  EXPECT_EQ(refresh(),
            "unable to get the systems network information: request error: bad status code - 500");
  uyuni_.On(kSystems, "");
  EXPECT_EQ(refresh(),
            "unable to get the managed system groups information of monitored clients: request "
            "error: bad status code - 500");
  uyuni_.On("auth.login", Int(1));
  EXPECT_EQ(refresh(), "json: the answer should be a text and is number");
  uyuni_.On("auth.login", "");
  EXPECT_EQ(refresh(), "unable to login to Uyuni API: request error: bad status code - 500");
}

}  // namespace
}  // namespace narthex::scrape
