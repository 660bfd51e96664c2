// SPDX-License-Identifier: Apache-2.0
//
// triton_sd_configs on a fake of triton-cmon's discovery.
#include <future>

#include <gtest/gtest.h>

#include "scrape/discovery/cloud/sources.h"
#include "tests/net/fake_api.h"
#include "tests/scrape/discovery/groups.h"

namespace narthex::scrape {
namespace {

class TritonTest : public ::testing::Test {
 protected:
  TritonTest() {
    config_.account = "acc";
    config_.dns_suffix = "cmon.example.com";
    config_.endpoint = "127.0.0.1";
    config_.port = api_.port();
  }

  std::string Text() {
    const MadeSource source = MakeTritonSource(config_, "http");
    return source ? RefreshText(**source, "__meta_triton_") : source.error().message();
  }
  /// The port is the API's, and a random one.
  std::string Port() const { return std::to_string(api_.port()); }

  net::FakeApi api_;
  config::TritonSdConfig config_;
};

TEST_F(TritonTest, Containers) {
  api_.On("GET /v1/discover ", {R"({"containers": [
    {"groups": ["foo", "bar"], "server_uuid": "44454c4c-5000-104d-8037-b7c04f5a5131",
     "vm_alias": "server01", "vm_brand": "lx", "vm_image_uuid": "7b27a514-89d7-11e6-bee6",
     "vm_uuid": "ad466fbf-46a2-4027-9b64-8d3cdb7e9072", "new": {}},
    {"server_uuid": "s", "vm_alias": "server02", "vm_brand": "kvm", "vm_uuid": "a5894692"}]})"});
  EXPECT_EQ(Text(), "__address__=ad466fbf-46a2-4027-9b64-8d3cdb7e9072.cmon.example.com:" + Port() +
                        R"(
groups=,foo,bar,
machine_alias=server01
machine_brand=lx
machine_id=ad466fbf-46a2-4027-9b64-8d3cdb7e9072
machine_image=7b27a514-89d7-11e6-bee6
server_id=44454c4c-5000-104d-8037-b7c04f5a5131
--
__address__=a5894692.cmon.example.com:)" +
                        Port() + R"(
machine_alias=server02
machine_brand=kvm
machine_id=a5894692
server_id=s
--
)");
}

TEST_F(TritonTest, ComputeNodes) {
  config_.role = "cn";
  config_.version = 2;
  api_.On("GET /v2/gz/discover ", {R"({"cns": [{"server_uuid": "44454c4c", "server_hostname": "h1"},
    {"server_uuid": "5"}]})"});
  EXPECT_EQ(Text(), "__address__=44454c4c.cmon.example.com:" + Port() +
                        "\nmachine_alias=h1\nmachine_id=44454c4c\n--\n"
                        "__address__=5.cmon.example.com:" +
                        Port() + "\nmachine_id=5\n--\n");
}

TEST_F(TritonTest, GroupsAreAskedForTogether) {
  config_.groups = {"a b", "c/d"};
  api_.On("GET /v1/discover?groups=a+b%2Cc%2Fd ", {R"({"containers": []})"});
  const MadeSource source = MakeTritonSource(config_, "http");
  ASSERT_TRUE(source);
  const auto groups = (*source)->Refresh();
  ASSERT_TRUE(groups) << groups.error().message();
  EXPECT_EQ(groups->at(0).source, api_.Url("/v1/discover?groups=a+b%2Cc%2Fd"));
  EXPECT_TRUE(groups->at(0).targets.empty());
}

/// Prometheus takes the text of any answer, so a broken server has no targets there.
TEST_F(TritonTest, Failures) {
  const std::string url = api_.Url("/v1/discover");
  const std::string begin =
      "an error occurred when requesting targets from the discovery endpoint: Get " + url + ": ";
  api_.On("GET ", {R"({"code": "Unauthorized"})", 401});
  EXPECT_EQ(Text(), begin + R"(server returned HTTP status 401 X: "{\"code\": \"Unauthorized\"}")");
  api_.On("GET ", {"no JSON"});
  EXPECT_TRUE(Text().starts_with(begin + "json: ")) << Text();
  api_.On("GET ", {R"({"containers": [{"vm_uuid": 1}]})"});
  EXPECT_EQ(Text(), "json: containers[].vm_uuid should be a text and is number");
}

TEST_F(TritonTest, SpeaksTls) {
  std::promise<std::string> first;
  net::RawServer server([&](net::RawSocket& peer, int connection) {
    if (connection == 0) first.set_value(peer.ReadBytes(1));
  });
  config_.port = server.port();
  const MadeSource source = MakeTritonSource(config_);
  ASSERT_TRUE(source);
  EXPECT_FALSE((*source)->Refresh());
  EXPECT_EQ(first.get_future().get(), "\x16") << "a record of a TLS handshake";
}

}  // namespace
}  // namespace narthex::scrape
