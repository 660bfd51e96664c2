// SPDX-License-Identifier: Apache-2.0
//
// The two clouds that hand out tokens for their APIs.
#include <fstream>
#include <map>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "narthex/base/json_writer.h"
#include "scrape/discovery/cloud/cloud_metrics.h"
#include "scrape/discovery/cloud/sources.h"
#include "tests/net/fake_api.h"
#include "tests/scrape/discovery/groups.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace narthex::scrape {
namespace {

std::string NewPrivateKey() {
  EVP_PKEY* const key = EVP_RSA_gen(2048);
  BIO* const bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  EVP_PKEY_free(key);
  return text;
}

/// Base64 for URLs, without signs at the end, as text.
std::string DecodeUrlBase64(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return "no base64";
    bits = (bits << 6U) | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>((bits >> static_cast<unsigned>(count)) & 0xFFU);
  }
  return out;
}

class TokenCloudTest : public ::testing::Test {
 protected:
  TokenCloudTest() { env_["HOME"] = dir_.path(); }

  net::Environment Env() {
    return [this](const char* name) { return env_[name]; };
  }
  std::string Text(const MadeSource& source, std::string_view prefix) {
    return source ? RefreshText(**source, prefix) : source.error().message();
  }
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = dir_.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }

  testing::TempDir dir_;
  testing::FakeClock clock_;
  std::map<std::string, std::string> env_;
  net::FakeApi api_;
  metrics::Registry registry_;
};

constexpr const char* kToken =
    R"({"access_token": "tok", "expires_in": 3600, "token_type": "Bearer"})";

class GceTest : public TokenCloudTest {
 protected:
  GceTest() {
    env_["GCE_METADATA_HOST"] = api_.Url().substr(7);
    config_.project = "my-project";
    config_.zone = "europe-west1-b";
    api_.On("GET /computeMetadata/v1/instance/service-accounts/default/token?", {kToken});
    api_.On("GET /compute/v1/projects/my-project/zones/europe-west1-b/instances?", {"{}"});
  }
  MadeSource Make() { return MakeGceSource(config_, clock_, Env(), api_.Url()); }

  config::GceSdConfig config_;
};

TEST_F(GceTest, Instances) {
  const std::string list =
      "GET /compute/v1/projects/my-project/zones/europe-west1-b/instances?"
      "filter=labels.a%3Db&alt=json";
  api_.On(list + " ", {R"({"items": [
    {"id": "12345678901234567890", "name": "web", "status": "RUNNING", "zone": "https://g/zones/b",
     "machineType": "https://g/e2", "tags": {"items": ["http", "https"]},
     "labels": {"env-x": "prod"}, "metadata": {"items": [{"key": "k.1", "value": "v"},
       {"key": "none"}]},
     "networkInterfaces": [
       {"name": "nic0", "network": "https://g/default", "subnetwork": "https://g/sub",
        "networkIP": "10.0.0.2", "accessConfigs": [{"type": "ONE_TO_ONE_NAT", "natIP": "34.1.1.1"}]},
       {"name": "nic1", "networkIP": "10.1.0.2"}]},
    {"id": "1", "name": "none", "networkInterfaces": []}], "nextPageToken": "p 2"})"});
  api_.On(list + "&pageToken=p+2 ", {R"({"items": [{"id": "2", "name": "two",
    "networkInterfaces": [{"name": "nic0", "networkIP": "10.0.0.3"}]}]})"});
  config_.filter = "labels.a=b";
  const MadeSource source = Make();
  EXPECT_EQ(Text(source, "__meta_gce_"), R"(__address__=10.0.0.2:80
instance_id=12345678901234567890
instance_name=web
instance_status=RUNNING
interface_ipv4_nic0=10.0.0.2
interface_ipv4_nic1=10.1.0.2
label_env_x=prod
machine_type=https://g/e2
metadata_k_1=v
network=https://g/default
private_ip=10.0.0.2
project=my-project
public_ip=34.1.1.1
subnetwork=https://g/sub
tags=,http,https,
zone=https://g/zones/b
--
__address__=10.0.0.3:80
instance_id=2
instance_name=two
interface_ipv4_nic0=10.0.0.3
private_ip=10.0.0.3
project=my-project
--
)");
  ASSERT_EQ(api_.requests().size(), 3U);
  EXPECT_NE(api_.requests()[0].find("Metadata-Flavor: Google\r\n"), std::string::npos);
  EXPECT_NE(api_.requests()[2].find("Authorization: Bearer tok\r\n"), std::string::npos);
}

TEST_F(GceTest, TokensAreKeptUntilShortlyBeforeTheirEnd) {
  const MadeSource source = Make();
  EXPECT_EQ(Text(source, ""), "");
  EXPECT_EQ(Text(source, ""), "");
  EXPECT_EQ(api_.requests().size(), 3U);
  clock_.AdvanceMs(3'541'000);
  EXPECT_EQ(Text(source, ""), "");
  EXPECT_EQ(api_.requests().size(), 5U);
}

TEST_F(GceTest, TokensAreKeptForADayAtMost) {
  const std::string path = "GET /computeMetadata/v1/instance/service-accounts/default/token?";
  const MadeSource source = Make();
  for (const char* seconds : {"9223372036854775807", "\"9223372036854775807\""}) {
    api_.On(path, {fmt::format(R"({{"access_token": "t", "expires_in": {}}})", seconds)});
    EXPECT_EQ(Text(source, ""), "");
    const std::size_t before = api_.requests().size();
    EXPECT_EQ(Text(source, ""), "");
    EXPECT_EQ(api_.requests().size(), before + 1);  // No new token.
    clock_.AdvanceMs(86'400'000);
  }
  // One that has ended already is good for the request that it was asked for.
  api_.On(path, {R"({"access_token": "t", "expires_in": -9223372036854775808})"});
  EXPECT_EQ(Text(source, ""), "");
}

TEST_F(GceTest, ServiceAccountOfAFile) {
  JsonWriter file;
  file.BeginObject();
  const std::string key = NewPrivateKey();
  for (const auto& [name, value] :
       {std::pair("type", std::string("service_account")),
        std::pair("client_email", std::string("a@b")),
        std::pair("private_key_id", std::string("kid")), std::pair("private_key", key),
        std::pair("token_uri", api_.Url("/token"))}) {
    file.Key(name);
    file.PlainString(value);
  }
  file.EndObject();
  env_["GOOGLE_APPLICATION_CREDENTIALS"] = Write("key.json", file.TakeText());
  api_.On("POST /token ", {kToken});
  EXPECT_EQ(Text(Make(), ""), "");
  const std::string request = api_.requests().at(0);
  const std::string start =
      "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
  const std::size_t at = request.find(start);
  ASSERT_NE(at, std::string::npos) << request;
  const std::string jwt = request.substr(at + start.size());
  const std::size_t first = jwt.find('.');
  const std::size_t second = jwt.find('.', first + 1);
  ASSERT_NE(second, std::string::npos) << jwt;
  const auto header = ParseJson(DecodeUrlBase64(jwt.substr(0, first)));
  ASSERT_NE(header, nullptr);
  EXPECT_EQ(header->root()["alg"].Text(), "RS256");
  EXPECT_EQ(header->root()["kid"].Text(), "kid");
  const auto claims = ParseJson(DecodeUrlBase64(jwt.substr(first + 1, second - first - 1)));
  ASSERT_NE(claims, nullptr);
  const std::int64_t now = clock_.NowMs() / 1000;
  EXPECT_EQ(claims->root()["iss"].Text(), "a@b");
  EXPECT_EQ(claims->root()["scope"].Text(), "https://www.googleapis.com/auth/compute.readonly");
  EXPECT_EQ(claims->root()["aud"].Text(), api_.Url("/token"));
  EXPECT_EQ(claims->root()["iat"].Int(), now);
  EXPECT_EQ(claims->root()["exp"].Int(), now + 3600);
}

TEST_F(GceTest, UserOfTheGcloudProgram) {
  ASSERT_EQ(0, std::system(("mkdir -p " + dir_.path() + "/.config/gcloud").c_str()));
  Write(".config/gcloud/application_default_credentials.json",
        R"({"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r",
            "token_uri": ")" +
            api_.Url("/token") + R"("})");
  api_.On("POST /token ", {kToken});
  EXPECT_EQ(Text(Make(), ""), "");
  EXPECT_TRUE(api_.requests().at(0).ends_with(
      "grant_type=refresh_token&client_id=c&client_secret=s&refresh_token=r"));
}

TEST_F(GceTest, Failures) {
  env_["GOOGLE_APPLICATION_CREDENTIALS"] = dir_.path() + "/missing";
  EXPECT_TRUE(Text(Make(), "").starts_with("error setting up communication with GCE service: "));
  env_["GOOGLE_APPLICATION_CREDENTIALS"] = Write("x.json", R"({"type": "external_account"})");
  EXPECT_NE(Text(Make(), "").find("credentials of type \"external_account\" are not supported"),
            std::string::npos);
  env_.erase("GOOGLE_APPLICATION_CREDENTIALS");
  api_.On("GET /compute/v1/", {"{}", 403});
  EXPECT_NE(Text(Make(), "").find("error retrieving refresh targets from gce: Get "),
            std::string::npos);
  api_.On("GET /computeMetadata/", {"{}"});
  EXPECT_NE(Text(Make(), "").find("server response missing access_token"), std::string::npos);
  api_.On("GET /computeMetadata/", {"no", 404});
  EXPECT_NE(Text(Make(), "").find("asking for a token: http://"), std::string::npos);
}

TEST_F(GceTest, CancelEndsAskingForAToken) {
  MadeSource source = Make();
  ASSERT_TRUE(source);
  const auto cancelled = api_.HangOn("GET /computeMetadata/", [&] { (*source)->Cancel(); });
  EXPECT_NE(Text(source, "").find("context canceled"), std::string::npos);
  cancelled.wait();
}

const std::string kGroup = "/subscriptions/sub/resourceGroups/RG";

class AzureTest : public TokenCloudTest {
 protected:
  AzureTest() {
    config_.subscription_id = "sub";
    config_.tenant_id = "ten";
    config_.client_id = "cli";
    config_.client_secret = "s&";
    config_.refresh_interval_ms = 300'000;
    api_.On("POST /ten/oauth2/v2.0/token ", {kToken});
    const std::string compute = "GET /subscriptions/sub/providers/Microsoft.Compute/";
    api_.On(compute + "virtualMachines?",
            {R"({"value": [
      {"id": "/subscriptions/sub/resourceGroups/RG/providers/Microsoft.Compute/virtualMachines/web",
       "name": "web", "type": "t", "location": "westeurope", "tags": {"a-b": "c"},
       "properties": {"storageProfile": {"osDisk": {"osType": "Linux"}},
         "osProfile": {"computerName": "web-host"}, "hardwareProfile": {"vmSize": "Standard_B1s"},
         "networkProfile": {"networkInterfaces": [{"id": ")" +
             kGroup + R"(/providers/Microsoft.Network/networkInterfaces/nic1"}]}}}]})"});
    api_.On(compute + "virtualMachineScaleSets?", {R"({"value": [{"name": "set",
      "id": "/subscriptions/sub/resourcegroups/rg2/providers/Microsoft.Compute/x/set"}]})"});
    api_.On(
        "GET /subscriptions/sub/resourceGroups/rg2/providers/Microsoft.Compute/"
        "virtualMachineScaleSets/set/virtualMachines?",
        {R"({"value": [{"id": "/subscriptions/sub/resourceGroups/rg2/providers/x/set/0",
      "name": "set_0", "instanceId": "0", "location": "westeurope", "properties":
      {"networkProfile": {"networkInterfaces": [{"id":
       "/subscriptions/sub/resourceGroups/rg2/a/b/c/networkInterfaces/nic2"}]}}}]})"});
    api_.On("GET " + kGroup + "/providers/Microsoft.Network/networkInterfaces/nic1?",
            {R"({"properties": {"primary": true, "ipConfigurations": [{"properties":
       {"privateIPAddress": "10.0.0.4", "publicIPAddress": {"properties": {"ipAddress": "20.1.1.1"}}}}]}})"});
    api_.On(
        "GET /subscriptions/sub/resourceGroups/rg2/providers/microsoft.Compute/"
        "virtualMachineScaleSets/set/virtualMachines/0/networkInterfaces/nic2?",
        {R"({"properties": {"primary": true, "ipConfigurations": [{"properties":
       {"privateIPAddress": "10.0.0.5"}}]}})"});
  }
  MadeSource Make() {
    return MakeAzureSource(config_, registry_, clock_, Env(), api_.Url(), api_.Url());
  }
  std::string Refresh() { return Text(Make(), "__meta_azure_"); }

  config::AzureSdConfig config_;
};

TEST_F(AzureTest, MachinesAndScaleSets) {
  const MadeSource source = Make();
  const std::string want = R"(__address__=10.0.0.4:80
machine_computer_name=web-host
machine_id=/subscriptions/sub/resourceGroups/RG/providers/Microsoft.Compute/virtualMachines/web
machine_location=westeurope
machine_name=web
machine_os_type=Linux
machine_private_ip=10.0.0.4
machine_public_ip=20.1.1.1
machine_resource_group=RG
machine_size=Standard_B1s
machine_tag_a_b=c
subscription_id=sub
tenant_id=ten
--
__address__=10.0.0.5:80
machine_id=/subscriptions/sub/resourceGroups/rg2/providers/x/set/0
machine_location=westeurope
machine_name=set_0
machine_private_ip=10.0.0.5
machine_resource_group=rg2
machine_scale_set=set
subscription_id=sub
tenant_id=ten
--
)";
  EXPECT_EQ(Text(source, "__meta_azure_"), want);
  const std::size_t first = api_.requests().size();
  EXPECT_EQ(first, 6U);
  const std::string token = api_.requests()[0];
  EXPECT_TRUE(token.ends_with(
      "client_id=cli&client_secret=s%26&grant_type=client_credentials&scope=https%3A%2F%2F"
      "management.core.windows.net%2F%2F.default"))
      << token;
  EXPECT_NE(api_.requests()[1].find("Authorization: Bearer tok\r\n"), std::string::npos);
  // The second time the network interfaces are known.
  EXPECT_EQ(Text(source, "__meta_azure_"), want);
  EXPECT_EQ(api_.requests().size(), first + 3);
  EXPECT_EQ(AzureCacheHits(registry_).value(), 2U);
  clock_.AdvanceMs(13 * config_.refresh_interval_ms + 1);
  EXPECT_EQ(Text(source, "__meta_azure_"), want);
  EXPECT_EQ(AzureCacheHits(registry_).value(), 2U);
}

TEST_F(AzureTest, OnlyAResourceGroup) {
  config_.resource_group = "one";
  api_.On("GET /subscriptions/sub/resourceGroups/one/providers/Microsoft.Compute/virtualMachines?",
          {R"({"value": []})"});
  api_.On(
      "GET /subscriptions/sub/resourceGroups/one/providers/Microsoft.Compute/"
      "virtualMachineScaleSets?",
      {R"({"value": []})"});
  EXPECT_EQ(Refresh(), "");
}

TEST_F(AzureTest, MachinesThatAreNoTargets) {
  const std::string nic1 = "GET " + kGroup + "/providers/Microsoft.Network/networkInterfaces/nic1?";
  api_.On(nic1, {"", 404});
  EXPECT_EQ(Refresh().find("web"), std::string::npos);
  api_.On(nic1, {R"({"properties": {}})"});  // Deallocated.
  EXPECT_EQ(Refresh().find("web"), std::string::npos);
  api_.On(nic1, {R"({"properties": {"primary": false}})"});
  EXPECT_EQ(Refresh().find("web"), std::string::npos);
  api_.On(nic1, {R"({"properties": {"primary": true, "ipConfigurations": [{}]}})"});
  EXPECT_EQ(Refresh(),
            "unable to complete Azure service discovery: unable to find a private IP for VM web");
  api_.On(nic1, {"no", 500});
  EXPECT_TRUE(Refresh().starts_with("unable to complete Azure service discovery: Get http://"));
  EXPECT_EQ(AzureFailures(registry_).value(), 2U);
}

TEST_F(AzureTest, InterfacesOfAWrongForm) {
  const std::string nic1 = "GET " + kGroup + "/providers/Microsoft.Network/networkInterfaces/nic1?";
  const MadeSource source = Make();
  for (const char* bad :
       {"[]", R"({"properties": 1})", R"({"properties": {"primary": "yes"}})",
        R"({"properties": {"primary": true, "ipConfigurations": {}}})",
        R"({"properties": {"primary": true, "ipConfigurations": [{"properties": []}]}})",
        R"({"properties": {"primary": true, "ipConfigurations": [{"properties":
            {"privateIPAddress": 4}}]}})",
        R"({"properties": {"primary": true, "ipConfigurations": [{"properties":
            {"privateIPAddress": "10.0.0.4", "publicIPAddress": "x"}}]}})"}) {
    api_.On(nic1, {bad});
    const std::string text = Text(source, "");
    EXPECT_TRUE(text.starts_with("unable to complete Azure service discovery: Get http://"))
        << bad << text;
    EXPECT_NE(text.find("json: "), std::string::npos) << bad << text;
  }
  // None of them has been kept.
  api_.On(nic1, {R"({"properties": {"primary": true, "ipConfigurations": [{"properties":
      {"privateIPAddress": "10.0.0.9"}}]}})"});
  EXPECT_NE(Text(source, "").find("10.0.0.9:80"), std::string::npos);
}

TEST_F(AzureTest, NextPageOnAnotherServerIsNotAsked) {
  net::FakeApi other;
  api_.On("GET /subscriptions/sub/providers/Microsoft.Compute/virtualMachines?",
          {R"({"value": [], "nextLink": ")" + other.Url("/2") + R"("})"});
  const std::string text = Refresh();
  EXPECT_NE(text.find("the next page is on another server"), std::string::npos) << text;
  EXPECT_EQ(other.requests().size(), 0U);
}

TEST_F(AzureTest, WaysToAToken) {
  config_.authentication_method = "ManagedIdentity";
  env_["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = api_.Url();
  const std::string identity =
      "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource="
      "https%3A%2F%2Fmanagement.core.windows.net%2F";
  api_.On(identity + "&client_id=cli ", {R"({"access_token": "m", "expires_in": "86399"})"});
  const MadeSource source = Make();
  EXPECT_NE(Text(source, ""), "");
  EXPECT_NE(api_.requests()[0].find("Metadata: true\r\n"), std::string::npos);
  EXPECT_NE(api_.requests()[1].find("Authorization: Bearer m\r\n"), std::string::npos);
  env_["IDENTITY_ENDPOINT"] = "http://x";
  EXPECT_NE(Refresh().find("(IDENTITY_ENDPOINT) are not supported"), std::string::npos);

  config_.authentication_method = "WorkloadIdentity";
  EXPECT_NE(Refresh().find("a workload identity needs"), std::string::npos);
  env_["AZURE_CLIENT_ID"] = "wc";
  env_["AZURE_TENANT_ID"] = "wt";
  env_["AZURE_FEDERATED_TOKEN_FILE"] = Write("token", "ey.ey.x");
  api_.On("POST /wt/oauth2/v2.0/token ", {kToken});
  std::size_t before = api_.requests().size();
  EXPECT_NE(Refresh().find("10.0.0.4"), std::string::npos);
  EXPECT_NE(api_.requests()[before].find("client_id=wc&client_assertion=ey.ey.x&"),
            std::string::npos);

  config_.authentication_method = "SDK";
  before = api_.requests().size();
  EXPECT_NE(Refresh().find("10.0.0.4"), std::string::npos);
  EXPECT_NE(api_.requests()[before].find("client_assertion=ey.ey.x"), std::string::npos);
  env_["AZURE_CLIENT_SECRET"] = "ws";
  before = api_.requests().size();
  EXPECT_NE(Refresh().find("10.0.0.4"), std::string::npos);
  EXPECT_NE(api_.requests()[before].find("client_secret=ws"), std::string::npos);
}

TEST_F(AzureTest, Failures) {
  config_.environment = "moon";
  EXPECT_TRUE(Make());
  EXPECT_EQ(Refresh(),
            "could not create Azure client: there is no cloud configuration matching the name "
            "\"MOON\"");
  EXPECT_EQ(AzureFailures(registry_).value(), 1U);
  config_.environment = "AzurePublicCloud";
  api_.On("GET /subscriptions/sub/providers/Microsoft.Compute/virtualMachineScaleSets?",
          {"{}", 403});
  EXPECT_TRUE(Refresh().starts_with("could not get virtual machine scale sets: Get http://"));
  api_.On("GET /subscriptions/sub/providers/Microsoft.Compute/virtualMachines?",
          {R"({"value": 1})"});
  api_.On("GET /subscriptions/sub/providers/Microsoft.Compute/virtualMachineScaleSets?",
          {R"({"value": []})"});
  EXPECT_EQ(Refresh(), "json: value should be a list and is number");
  api_.On("POST /ten/", {R"({"error": "invalid_client"})", 401});
  EXPECT_TRUE(Refresh().starts_with("asking for a token: http://")) << Refresh();
}

}  // namespace
}  // namespace narthex::scrape
