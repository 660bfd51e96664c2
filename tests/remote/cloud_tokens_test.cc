// SPDX-License-Identifier: Apache-2.0
#include "src/remote/cloud_tokens.h"

#include <fstream>
#include <map>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_http_server.h"
#include "tests/support/temp_dir.h"

namespace narthex::remote {
namespace {

using testing::FakeHttpServer;

class RemoteTokensTest : public ::testing::Test {
 protected:
  RemoteTokensTest()
      : server_([this](const FakeHttpServer::Request& request) {
          asked_ = request.method + " " + request.target + " " + request.body;
          return FakeHttpServer::Response{.body = R"({"access_token": "tok", "expires_in": 3600})"};
        }) {
    env_["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = server_.Url();
    env_["GCE_METADATA_HOST"] = server_.Address();
  }
  net::Environment Env() {
    return [this](const char* name) { return env_[name]; };
  }
  std::string Write(const std::string& text) {
    const std::string path = dir_.path() + "/file";
    std::ofstream(path) << text;
    return path;
  }
  /// What was sent for a token, or the error.
  std::string Azure() {
    const auto tokens = AzureTokens(config_, clock_, Env(), {.azure_login = server_.Url()});
    if (!tokens) return tokens.error().message();
    const auto token = (*tokens)->Token();
    if (!token) return token.error().message();
    EXPECT_EQ("tok", *token);
    return asked_;
  }

  std::string asked_;
  FakeHttpServer server_;
  testing::TempDir dir_;
  testing::FakeClock clock_;
  std::map<std::string, std::string> env_;
  config::AzureAdConfig config_;
};

TEST_F(RemoteTokensTest, EachWayOfAzure) {
  const std::string scope = "&scope=https%3A%2F%2Fmonitor.azure.com%2F%2F.default";
  config_.oauth = {.client_id = "c", .client_secret = "s", .tenant_id = "t"};
  EXPECT_EQ(
      "POST /t/oauth2/v2.0/token client_id=c&client_secret=s&grant_type=client_credentials" + scope,
      Azure());
  config_.oauth.reset();
  config_.workload_identity = {.client_id = "c", .tenant_id = "t", .token_file_path = Write("f")};
  EXPECT_TRUE(Azure().starts_with("POST /t/oauth2/v2.0/token client_id=c&client_assertion=f&"));
  config_.workload_identity->token_file_path.clear();
  EXPECT_NE(std::string::npos, Azure().find("/var/run/secrets/azure/tokens/azure-identity-token"));
  env_["AZURE_FEDERATED_TOKEN_FILE"] = Write("g");
  EXPECT_NE(std::string::npos, Azure().find("client_assertion=g&"));
  config_.workload_identity.reset();
  config_.managed_identity = {.client_id = "c"};
  EXPECT_EQ(
      "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource="
      "https%3A%2F%2Fmonitor.azure.com%2F&client_id=c ",
      Azure());
  config_.managed_identity.reset();
  config_.certificate = {.client_id = "c",
                         .tenant_id = "t",
                         .certificate_path = Write("no certificate"),
                         .certificate_key_path = "",
                         .certificate_password = "hidden"};
  EXPECT_EQ("failed to parse certificate data: neither PEM nor PKCS #12, or not with this password",
            Azure());
  config_.certificate.reset();
  config_.sdk = {.tenant_id = "other"};
  env_["AZURE_CLIENT_ID"] = "e";
  Write("h");
  EXPECT_TRUE(Azure().starts_with("POST /other/oauth2/v2.0/token client_id=e&client_assertion=h&"));
  config_.sdk.reset();
  EXPECT_EQ("azuread: no way to get a token is configured", Azure());
}

TEST_F(RemoteTokensTest, CloudsAndScopesOfAzure) {
  config_.managed_identity.emplace();
  for (const auto& [cloud, host] : {std::pair("AzureChina", "monitor.azure.cn"),
                                    std::pair("AzureGovernment", "monitor.azure.us")}) {
    config_.cloud = cloud;
    EXPECT_NE(std::string::npos, Azure().find(std::string(host) + "%2F ")) << asked_;
  }
  config_.scope = "https://mine/.default";
  EXPECT_NE(std::string::npos, Azure().find("resource=https%3A%2F%2Fmine ")) << asked_;
  config_.cloud = "AzureMoon";
  EXPECT_EQ("Cloud is not specified or is incorrect: AzureMoon", Azure());
}

TEST_F(RemoteTokensTest, Google) {
  auto tokens = GoogleTokens({}, clock_, Env());
  ASSERT_TRUE(tokens);
  EXPECT_EQ("tok", *(*tokens)->Token());
  EXPECT_EQ(
      "GET /computeMetadata/v1/instance/service-accounts/default/token?scopes="
      "https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fmonitoring.write ",
      asked_);
  tokens = GoogleTokens({.credentials_file = Write("{}")}, clock_, Env());
  ASSERT_FALSE(tokens);
  EXPECT_TRUE(tokens.error().message().starts_with("error finding Google credentials: "));
}

}  // namespace
}  // namespace narthex::remote
