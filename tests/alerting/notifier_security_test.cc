// SPDX-License-Identifier: Apache-2.0
//
// Alertmanagers behind TLS, and those that want signed requests.
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "narthex/net/access.h"
#include "tests/alerting/notifier_fixture.h"
#include "tests/net/identity.h"
#include "tests/support/temp_dir.h"

namespace narthex::alerting {
namespace {

class TlsRules final : public net::AccessRules {
 public:
  explicit TlsRules(const net::Identity& identity) {
    options_.cert = identity.cert_pem;
    options_.key = identity.key_pem;
  }
  bool uses_tls() const override { return true; }
  net::RateLimit rate_limit() const override { return {}; }
  Result<net::TlsContext> Tls() override { return net::LoadServerTls(options_); }
  Result<std::shared_ptr<const net::RequestRules>> Requests() override {
    return std::make_shared<const net::RequestRules>();
  }

 private:
  net::ServerTlsOptions options_;
};

TEST_F(NotifierTest, SpeaksTls) {
  const net::Identity identity("IP:127.0.0.1");
  TlsRules rules(identity);
  FakeAlertmanager am(&rules);
  ca_pem_ = identity.cert_pem;
  Make();
  Apply(To(am.address(), ", scheme: https"));
  notifier_->Send({Alert("A")});
  EXPECT_EQ(am.WaitFor(1)[0].path, "/api/v2/alerts");
  Expect("sent_total", "1");
}

TEST_F(NotifierTest, SendsNothingToWhomNobodyVouchesFor) {
  const net::Identity identity("IP:127.0.0.1");
  const net::Identity other("IP:127.0.0.1");
  TlsRules rules(identity);
  FakeAlertmanager am(&rules);
  ca_pem_ = other.cert_pem;
  Make();
  Apply(To(am.address(), ", scheme: https"));
  notifier_->Send({Alert("A")});
  Expect("errors_total", "1");
  EXPECT_EQ(am.num_posts(), 0U);
}

/// A variable of this process's environment, which is the same for all tests, for one of them.
class ScopedEnv {
 public:
  ScopedEnv(const char* name, const char* value) : name_(name) {
    if (const char* const before = std::getenv(name)) before_ = before;
    Set(value);
  }
  ~ScopedEnv() { Set(before_ ? before_->c_str() : nullptr); }
  ScopedEnv(const ScopedEnv&) = delete;
  ScopedEnv& operator=(const ScopedEnv&) = delete;

  /// @param value  null = not there
  void Set(const char* value) {
    if (value == nullptr) {
      ::unsetenv(name_);
    } else {
      ::setenv(name_, value, 1);
    }
  }

 private:
  const char* const name_;
  std::optional<std::string> before_;
};

TEST_F(NotifierTest, SignsForAws) {
  Make();
  FakeAlertmanager am;
  Apply(To(am.address(), ", sigv4: {region: eu-west-1, access_key: AKID, secret_key: secret}"));
  notifier_->Send({Alert("A")});
  const std::string authorization = am.WaitFor(1)[0].authorization;
  EXPECT_TRUE(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKID/")) << authorization;
  EXPECT_NE(authorization.find("/eu-west-1/aps/aws4_request, SignedHeaders=content-type;host;"
                               "x-amz-date, Signature="),
            std::string::npos)
      << authorization;
  Apply(To(am.address(),
           ", sigv4: {region: eu-west-1, access_key: AKID, secret_key: secret, service_name: "
           "own}"));
  notifier_->Send({Alert("A")});
  EXPECT_NE(am.WaitFor(2)[1].authorization.find("/eu-west-1/own/aws4_request"), std::string::npos);
}

TEST_F(NotifierTest, SigningNeedsARegion) {
  Make();
  ScopedEnv region("AWS_REGION", nullptr);
  const ScopedEnv default_region("AWS_DEFAULT_REGION", nullptr);
  const ScopedEnv profile("AWS_PROFILE", nullptr);
  const ScopedEnv config_file("AWS_CONFIG_FILE", "/dev/null");
  const ScopedEnv keys_file("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
  auto config = config::LoadText(
      "alerting: {alertmanagers: [{sigv4: {access_key: a, secret_key: b}}]}\n", "x");
  ASSERT_TRUE(config) << config.error().message();
  Status status = notifier_->Check(**config);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(),
            "alerting.alertmanagers, entry 1: region not configured in sigv4 or in default "
            "credentials chain");
  EXPECT_FALSE(notifier_->ApplyConfig(**config));
  region.Set("us-east-1");
  EXPECT_TRUE(notifier_->Check(**config));
}

/// An Alertmanager whose request can't be signed is as one that can't be reached.
TEST_F(NotifierTest, NothingIsSentUnsigned) {
  Make();
  ::setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1", 1);
  FakeAlertmanager am;
  Apply(To(am.address(),
           ", sigv4: {region: eu-west-1, access_key: a, secret_key: b, role_arn: r, "
           "use_fips_sts_endpoint: true}"));
  notifier_->Send({Alert("A")});
  notifier_->Stop();  // Sends what waits.
  ::unsetenv("AWS_ENDPOINT_URL_STS");
  EXPECT_EQ(am.num_posts(), 0U);
}

// Credentials may be taken back before their time.
TEST_F(NotifierTest, ARefusedSignatureMakesItLookForNewCredentials) {
  const testing::TempDir dir;
  const std::string keys = dir.path() + "/credentials";
  const auto write = [&keys](const char* id) {
    std::ofstream(keys) << "[default]\naws_access_key_id = " << id
                        << "\naws_secret_access_key = secret\n";
  };
  const ScopedEnv id("AWS_ACCESS_KEY_ID", nullptr);
  const ScopedEnv profile("AWS_PROFILE", nullptr);
  const ScopedEnv config_file("AWS_CONFIG_FILE", "/dev/null");
  const ScopedEnv keys_file("AWS_SHARED_CREDENTIALS_FILE", keys.c_str());
  write("OLD");
  FakeAlertmanager am;
  am.Hold();
  am.SetStatus(403);
  Make({.min_backoff_ms = 1, .max_backoff_ms = 1});
  Apply(To(am.address(), ", sigv4: {region: eu-west-1}"));
  notifier_->Send({Alert("A")});
  am.WaitFor(1);
  write("NEW");
  am.SetHeldStatus(200);
  am.Release();
  const auto posts = am.WaitFor(2);
  EXPECT_NE(posts[0].authorization.find("Credential=OLD/"), std::string::npos);
  EXPECT_NE(posts[1].authorization.find("Credential=NEW/"), std::string::npos);
  EXPECT_EQ(posts[0].body, posts[1].body);
  Expect("sent_total", "1");
}

}  // namespace
}  // namespace narthex::alerting
