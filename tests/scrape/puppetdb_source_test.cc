// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/puppetdb_source.h"

#include <gtest/gtest.h>

#include "scrape/answers/puppetdb_targets.h"
#include "tests/scrape/sd_fixture.h"
#include "tests/support/fake_http_server.h"

namespace narthex::scrape {
namespace {

using testing::FakeHttpServer;

constexpr std::string_view kResources = R"([{
  "certname": "edinburgh.example.com", "resource": "49af83", "type": "Prometheus::Target",
  "title": "node", "exported": true, "tags": ["roles::prometheus", "node"], "line": 384,
  "file": "/etc/puppet/site.pp", "environment": "prod",
  "parameters": {"access_log": true, "port": 8080, "ratio": 0.25, "big": 12345678, "none": null,
                 "empty": "", "name": "x y", "list": ["a", 1, false, null], "no": [],
                 "nested.one": {"labels": {"alias": "edinburgh"}, "deep": {"list": [2]}}}},
 {"certname": "b", "exported": false, "tags": [], "parameters": null}])";

config::PuppetdbSdConfig Config(bool include_parameters) {
  config::PuppetdbSdConfig config;
  config.query = "resources {}";
  config.port = 9100;
  config.include_parameters = include_parameters;
  return config;
}

TEST(PuppetdbSourceTest, LabelsOfResources) {
  const auto targets = ParsePuppetdbResources(kResources, Config(false));
  ASSERT_TRUE(targets.has_value()) << targets.error().message();
  ASSERT_EQ(targets->size(), 2u);
  EXPECT_EQ(targets->at(0).ToString(),
            R"({__address__="edinburgh.example.com:9100", )"
            R"(__meta_puppetdb_certname="edinburgh.example.com", )"
            R"(__meta_puppetdb_environment="prod", __meta_puppetdb_exported="true", )"
            R"(__meta_puppetdb_file="/etc/puppet/site.pp", __meta_puppetdb_query="resources {}", )"
            R"(__meta_puppetdb_resource="49af83", )"
            R"(__meta_puppetdb_tags=",roles::prometheus,node,", __meta_puppetdb_title="node", )"
            R"(__meta_puppetdb_type="Prometheus::Target"})");
  EXPECT_EQ(targets->at(1).ToString(),
            R"({__address__="b:9100", __meta_puppetdb_certname="b", )"
            R"(__meta_puppetdb_exported="false", __meta_puppetdb_query="resources {}"})");
}

TEST(PuppetdbSourceTest, ParametersAreBounded) {
  std::string parameters;
  for (int i = 0; i < 10'001; ++i)
    parameters += (i == 0 ? "\"p" : ",\"p") + std::to_string(i) + "\":1";
  const auto many =
      ParsePuppetdbResources(R"([{"parameters": {)" + parameters + "}}]", Config(true));
  ASSERT_FALSE(many.has_value());
  EXPECT_EQ(many.error().code(), Code::kResourceExhausted);
  EXPECT_EQ(many.error().message(), "more than 10000 labels of a target");
  // Names within a long name are as long, even those of parameters without a value.
  const auto nested = ParsePuppetdbResources(
      R"([{"parameters": {")" + std::string(1000, 'n') + R"(": {"a": {}, "b": "", "c": {}}}}])",
      Config(true), {.bytes = 3500});
  ASSERT_FALSE(nested.has_value());
  EXPECT_EQ(nested.error().code(), Code::kResourceExhausted);
}

TEST(PuppetdbSourceTest, ParametersOnRequest) {
  const auto targets = ParsePuppetdbResources(kResources, Config(true));
  ASSERT_TRUE(targets.has_value()) << targets.error().message();
  std::string parameters;
  for (const auto& [name, value] : targets->at(0)) {
    constexpr std::string_view kPrefix = "__meta_puppetdb_parameter_";
    if (!name.starts_with(kPrefix)) continue;
    parameters += std::string(name.substr(kPrefix.size())) + "=" + std::string(value) + "\n";
  }
  EXPECT_EQ(parameters,
            "access_log=true\nbig=1.2345678e+07\nlist=a,1,false,\nname=x y\n"
            "nested_one_deep_list=2\nnested_one_labels_alias=edinburgh\nport=8080\nratio=0.25\n");
}

TEST(PuppetdbSourceTest, WrongAnswersAreErrors) {
  for (const std::string_view body :
       {"", "{}", "[[]]", R"([{"certname": 1}])", R"([{"exported": "true"}])", R"([{"tags": "a"}])",
        R"([{"parameters": []}])"}) {
    EXPECT_FALSE(ParsePuppetdbResources(body, Config(true)).has_value()) << body;
  }
}

class PuppetdbServerTest : public SdTest {
 protected:
  PuppetdbServerTest()
      : server([this](const FakeHttpServer::Request& request) {
          seen = request;
          return response;
        }) {}

  FakeHttpServer::Request seen;
  FakeHttpServer::Response response{.body = std::string(kResources)};
  FakeHttpServer server;
};

TEST_F(PuppetdbServerTest, AsksAtTheEndOfThePath) {
  config::PuppetdbSdConfig config = Config(false);
  config.url = server.Url("/pre/");
  auto made = PuppetdbSource::Make(config, context());
  ASSERT_TRUE(made.has_value());
  (*made)->Start(Record());
  WaitForUpdates(1);
  (*made)->Stop();
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/pre/pdb/query/v4");
  EXPECT_EQ(seen.body, R"({"query":"resources {}"})");
  EXPECT_EQ(seen.Header("Content-Type"), "application/json");
  EXPECT_EQ(Targets(server.Url("/pre/pdb/query/v4?query=resources {}")).size(), 2u);
}

TEST_F(PuppetdbServerTest, FailuresSayWhatAndWhere) {
  auto client = SdClient::Make({}, std::chrono::minutes(1));
  PuppetdbSource source(Config(false), server.Url("/q"), std::move(*client));
  const auto failure = [&](FakeHttpServer::Response answer) {
    response = std::move(answer);
    const auto groups = source.Refresh();
    return groups ? "" : groups.error().message();
  };
  EXPECT_EQ(failure({.body = "", .status = "400 Bad Request"}),
            server.Url("/q") + ": server returned HTTP status 400 Bad Request");
  EXPECT_EQ(failure({.body = "[]", .content_type = "text/html"}),
            server.Url("/q") + ": unsupported content type text/html");
  EXPECT_TRUE(failure({.body = "["}).starts_with(server.Url("/q") + ": json: "));
}

}  // namespace
}  // namespace narthex::scrape
