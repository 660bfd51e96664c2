// SPDX-License-Identifier: Apache-2.0
//
// Requests for a token of OpenStack's identity service, as its documentation has them.
#include "scrape/discovery/cloud/openstack_login.h"

#include <map>

#include <gtest/gtest.h>

namespace narthex::scrape {
namespace {

std::string Body(const OpenstackLogin& login) {
  const auto body = OpenstackTokenRequest(login);
  return body ? *body : body.error().message();
}

TEST(OpenstackLoginTest, Passwords) {
  EXPECT_EQ(Body({.username = "u", .password = "p\"", .domain_name = "Default"}),
            R"({"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"u",)"
            R"("domain":{"name":"Default"},"password":"p\""}}}}})");
  EXPECT_EQ(Body({.username = "u", .password = "p", .project_id = "id", .domain_id = "d"}),
            R"({"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"u",)"
            R"("domain":{"id":"d"},"password":"p"}}},"scope":{"project":{"id":"id"}}}})");
  EXPECT_EQ(Body({.username = "u", .password = "p", .project_name = "n", .domain_id = "d"}),
            R"({"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"u",)"
            R"("domain":{"id":"d"},"password":"p"}}},)"
            R"("scope":{"project":{"name":"n","domain":{"id":"d"}}}}})");
  EXPECT_EQ(Body({.user_id = "i", .password = "p", .passcode = "1", .whole_system = true}),
            R"({"auth":{"identity":{"methods":["password","totp"],)"
            R"("password":{"user":{"id":"i","password":"p"}},)"
            R"("totp":{"user":{"id":"i","passcode":"1"}}},"scope":{"system":{"all":true}}}})");
}

TEST(OpenstackLoginTest, ApplicationCredentials) {
  const std::string begin = R"({"auth":{"identity":{"methods":["application_credential"],)"
                            R"("application_credential":{)";
  EXPECT_EQ(Body({.username = "u",
                  .credential_id = "i",
                  .credential_name = "n",
                  .credential_secret = "s"}),
            begin + R"("id":"i","secret":"s"}}}})");
  EXPECT_EQ(Body({.user_id = "u", .credential_name = "n", .credential_secret = "s"}),
            begin + R"("name":"n","user":{"id":"u"},"secret":"s"}}}})");
  EXPECT_EQ(Body({.username = "u",
                  .domain_id = "d",
                  .domain_name = "e",
                  .credential_name = "n",
                  .credential_secret = "s"}),
            begin + R"("name":"n","user":{"name":"u","domain":{"id":"d"}},"secret":"s"}}}})");
}

TEST(OpenstackLoginTest, WhatDoesNotSayWhoAsks) {
  const std::string user =
      "Exactly one of Username and UserID must be provided for password authentication";
  const std::string domain =
      "You must provide exactly one of DomainID or DomainName to authenticate by Username";
  EXPECT_EQ(Body({}), "You must provide a password to authenticate");
  EXPECT_EQ(Body({.password = "p"}), user);
  EXPECT_EQ(Body({.username = "u", .user_id = "i", .password = "p"}), user);
  EXPECT_EQ(Body({.username = "u", .password = "p"}), domain);
  EXPECT_EQ(Body({.username = "u", .password = "p", .domain_id = "d", .domain_name = "n"}), domain);
  EXPECT_EQ(Body({.user_id = "i", .password = "p", .domain_id = "d"}),
            "DomainID may not be provided when authenticating with a UserID");
  EXPECT_EQ(Body({.user_id = "i", .password = "p", .domain_name = "d"}),
            "DomainName may not be provided when authenticating with a UserID");
  EXPECT_EQ(Body({.user_id = "i", .password = "p", .project_name = "n"}),
            "You must provide exactly one of DomainID or DomainName in a Scope with ProjectName");
  EXPECT_EQ(Body({.credential_id = "i"}), "You must provide an Application Credential Secret");
  EXPECT_EQ(Body({.credential_name = "n"}), "You must provide an Application Credential Secret");
  EXPECT_EQ(Body({.credential_name = "n", .credential_secret = "s"}), user);
  EXPECT_EQ(Body({.username = "u", .credential_name = "n", .credential_secret = "s"}), domain);
}

TEST(OpenstackLoginTest, Version2) {
  const auto body = OpenstackTokenRequestV2(
      {.username = "u", .password = "p", .project_id = "i", .project_name = "n"});
  ASSERT_TRUE(body);
  EXPECT_EQ(*body, R"({"auth":{"passwordCredentials":{"username":"u","password":"p"},)"
                   R"("tenantId":"i","tenantName":"n"}})");
  EXPECT_EQ(OpenstackTokenRequestV2({.password = "p"}).error().message(),
            "Missing input for argument [Username]");
  EXPECT_EQ(OpenstackTokenRequestV2({.username = "u"}).error().message(),
            "Missing input for argument [Password]");
}

using Variables = std::map<std::string, std::string>;

Result<OpenstackLogin> FromVariables(const Variables& variables) {
  return OpenstackLoginOf({}, [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  });
}

TEST(OpenstackLoginTest, SettingsOrTheEnvironment) {
  config::OpenstackSdConfig config;
  config.identity_endpoint = "http://keystone";
  config.project_name = "of the settings";
  const auto settings = OpenstackLoginOf(config, [](const char*) { return "of the environment"; });
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->project_name, "of the settings");
  EXPECT_EQ(settings->username, "");
  const auto environment = FromVariables({{"OS_AUTH_URL", "http://keystone/v3"},
                                          {"OS_USERNAME", "u"},
                                          {"OS_PASSWORD", "p"},
                                          {"OS_TENANT_ID", "older"},
                                          {"OS_TENANT_NAME", "older"},
                                          {"OS_PROJECT_NAME", "newer"},
                                          {"OS_DOMAIN_NAME", "d"},
                                          {"OS_SYSTEM_SCOPE", "all"}});
  ASSERT_TRUE(environment) << environment.error().message();
  EXPECT_EQ(environment->endpoint, "http://keystone/v3");
  EXPECT_EQ(environment->project_id, "older");
  EXPECT_EQ(environment->project_name, "newer");
  EXPECT_EQ(environment->domain_name, "d");
  EXPECT_TRUE(environment->whole_system);
}

TEST(OpenstackLoginTest, VariablesThatAreMissing) {
  const struct {
    Variables variables;
    std::string want;
  } cases[] = {
      {{}, "Missing environment variable [OS_AUTH_URL]"},
      {{{"OS_PASSWORD", "p"}},
       "Missing one of the following environment variables [OS_USERID, OS_USERNAME]"},
      {{{"OS_USERNAME", "u"}}, "Missing environment variable [OS_PASSWORD]"},
      {{{"OS_USERNAME", "u"}, {"OS_PASSWORD", "p"}}, ""},
      {{{"OS_USERNAME", "u"}, {"OS_PASSCODE", "1"}}, ""},
      {{{"OS_USERNAME", "u"}, {"OS_PASSWORD", "p"}, {"OS_TENANT_NAME", "t"}},
       "Missing environment variable [OS_PROJECT_ID]"},
      {{{"OS_APPLICATION_CREDENTIAL_ID", "i"}},
       "Missing environment variable [OS_APPLICATION_CREDENTIAL_SECRET]"},
      {{{"OS_APPLICATION_CREDENTIAL_ID", "i"}, {"OS_APPLICATION_CREDENTIAL_SECRET", "s"}}, ""},
      {{{"OS_APPLICATION_CREDENTIAL_NAME", "n"}, {"OS_APPLICATION_CREDENTIAL_SECRET", "s"}},
       "Missing one of the following environment variables [OS_USERID, OS_USERNAME]"},
      {{{"OS_USERNAME", "u"},
        {"OS_APPLICATION_CREDENTIAL_NAME", "n"},
        {"OS_APPLICATION_CREDENTIAL_SECRET", "s"}},
       "Missing one of the following environment variables [OS_DOMAIN_ID, OS_DOMAIN_NAME]"},
  };
  for (const auto& c : cases) {
    Variables variables = c.variables;
    if (!variables.empty()) variables["OS_AUTH_URL"] = "http://keystone";
    SCOPED_TRACE(c.want + " " + std::to_string(variables.size()));
    const auto login = FromVariables(variables);
    EXPECT_EQ(login ? "" : login.error().message(), c.want);
  }
}

}  // namespace
}  // namespace narthex::scrape
