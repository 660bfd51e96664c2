// SPDX-License-Identifier: Apache-2.0
#include "narthex/net/aws_session.h"

#include <fstream>

#include <fmt/core.h>

#include "src/net/aws_profile.h"
#include "tests/net/fake_api.h"
#include "tests/net/raw_server.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace narthex::net {
namespace {

constexpr std::int64_t kNowMs = 1'440'938'160'000;  // 2015-08-30T12:36:00Z

std::string StsAnswer(const std::string& action, const std::string& key) {
  return fmt::format(
      "<{0}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{0}Result>"
      "<AssumedRoleUser><Arn>arn:x</Arn></AssumedRoleUser><Credentials>"
      "<AccessKeyId>{1}</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey>"
      "<SessionToken>role-token</SessionToken><Expiration>2015-08-30T12:51:00Z</Expiration>"
      "</Credentials></{0}Result></{0}Response>",
      action, key);
}

class AwsSessionTest : public ::testing::Test {
 protected:
  AwsSessionTest() : clock_(kNowMs) {
    env_["HOME"] = dir_.path();
    env_["AWS_EC2_METADATA_DISABLED"] = "true";
  }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_.path() + "/" + name) << text;
  }
  /// The shared files.
  void WriteConfig(const std::string& text) {
    Write("config", text);
    env_["AWS_CONFIG_FILE"] = dir_.path() + "/config";
  }
  void WriteKeys(const std::string& text) {
    Write("credentials", text);
    env_["AWS_SHARED_CREDENTIALS_FILE"] = dir_.path() + "/credentials";
  }

  AwsSession Make(AwsSettings settings = {}) {
    if (settings.region.empty()) settings.region = "eu-west-1";
    return AwsSession(
        std::move(settings),
        [this](const char* name) {
          const auto value = env_.find(name);
          return value == env_.end() ? "" : value->second;
        },
        clock_);
  }

  /// "KEY" or "KEY token" of a signed request, or the error.
  static std::string SignedBy(AwsSession& session) {
    ClientRequest request;
    request.url = *ParseUrl("http://example.com/");
    const Status status = session.Sign(request, "eu-west-1", "ec2");
    if (!status) return status.error().message();
    std::string key;
    std::string token;
    for (const auto& [name, value] : request.headers) {
      if (name == "X-Amz-Security-Token") token = " " + value;
      const std::size_t at = value.find("Credential=");
      if (name == "Authorization") key = value.substr(at + 11, value.find('/') - at - 11);
    }
    return key + token;
  }
  std::string SignedBy(AwsSettings settings = {}) {
    AwsSession session = Make(std::move(settings));
    return SignedBy(session);
  }

  testing::TempDir dir_;
  testing::FakeClock clock_;
  std::map<std::string, std::string> env_;
};

TEST_F(AwsSessionTest, SettingsComeFirst) {
  env_["AWS_ACCESS_KEY_ID"] = "ENV";
  env_["AWS_SECRET_ACCESS_KEY"] = "secret";
  EXPECT_EQ(SignedBy({.access_key = "OWN", .secret_key = "s"}), "OWN");
  // Half of a pair is none.
  EXPECT_EQ(SignedBy({.access_key = "OWN"}), "ENV");
  env_["AWS_SESSION_TOKEN"] = "t";
  EXPECT_EQ(SignedBy(), "ENV t");
}

TEST_F(AwsSessionTest, SharedFiles) {
  WriteKeys(
      "# keys\n[default]\naws_access_key_id = DEFAULT ; mine\naws_secret_access_key=s\n"
      "[other]\r\naws_access_key_id = OTHER\r\naws_secret_access_key = s\r\n"
      "aws_session_token = t\r\n");
  WriteConfig(
      "[default]\nregion = us-west-2\naws_access_key_id = CONFIG\ns3 =\n  aws_access_key_id = X\n"
      "[profile third]\naws_access_key_id=THIRD\naws_secret_access_key=s\nregion=eu-north-1\n"
      "[sso-session third]\naws_access_key_id=NO\n");
  EXPECT_EQ(SignedBy(), "DEFAULT");
  EXPECT_EQ(SignedBy({.profile = "other"}), "OTHER t");
  EXPECT_EQ(SignedBy({.profile = "third"}), "THIRD");
  EXPECT_EQ(SignedBy({.profile = "missing"}),
            "could not get AWS credentials: failed to get shared config profile, missing");
  env_["AWS_PROFILE"] = "other";
  EXPECT_EQ(SignedBy(), "OTHER t");
  // A profile of the settings comes before keys of the environment, one of the environment after.
  env_["AWS_ACCESS_KEY_ID"] = "ENV";
  env_["AWS_SECRET_ACCESS_KEY"] = "secret";
  EXPECT_EQ(SignedBy(), "ENV");
  EXPECT_EQ(SignedBy({.profile = "third"}), "THIRD");
}

TEST_F(AwsSessionTest, FilesThatAreMissingAreEmpty) {
  EXPECT_EQ(SignedBy(),
            "could not get AWS credentials: the instance's metadata service is switched off by "
            "AWS_EC2_METADATA_DISABLED");
}

TEST_F(AwsSessionTest, RoleOfTheSettings) {
  FakeApi aws;
  aws.On("POST / ", {StsAnswer("AssumeRole", "ROLE")});
  env_["AWS_ENDPOINT_URL_STS"] = aws.Url();
  AwsSession session = Make({.access_key = "OWN",
                             .secret_key = "s",
                             .role_arn = "arn:aws:iam::1:role/r",
                             .external_id = "e x"});
  EXPECT_EQ(SignedBy(session), "ROLE role-token");
  EXPECT_EQ(SignedBy(session), "ROLE role-token");
  ASSERT_EQ(aws.requests().size(), 1U);
  const std::string request = aws.requests()[0];
  EXPECT_NE(request.find("Credential=OWN/20150830/eu-west-1/sts/aws4_request"), std::string::npos);
  EXPECT_TRUE(request.ends_with(
      "Version=2011-06-15&Action=AssumeRole&DurationSeconds=900&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3A"
      "role%2Fr&RoleSessionName=narthex-1440938160000000000&ExternalId=e+x"))
      << request;
  // Kept until shortly before 12:51.
  clock_.AdvanceMs(14 * 60'000);
  EXPECT_EQ(SignedBy(session), "ROLE role-token");
  EXPECT_EQ(aws.requests().size(), 1U);
  clock_.AdvanceMs(31'000);
  EXPECT_EQ(SignedBy(session), "ROLE role-token");
  EXPECT_EQ(aws.requests().size(), 2U);
  session.ForgetCredentials();
  EXPECT_EQ(SignedBy(session), "ROLE role-token");
  EXPECT_EQ(aws.requests().size(), 3U);
}

TEST_F(AwsSessionTest, RefusalOfTheTokenServiceIsTold) {
  FakeApi aws;
  aws.On("POST / ", {"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>"
                     "<Message>not you</Message></Error><RequestId>1</RequestId></ErrorResponse>",
                     403});
  env_["AWS_ENDPOINT_URL"] = aws.Url();
  const AwsSettings settings{.access_key = "OWN", .secret_key = "s", .role_arn = "r"};
  const std::string text = SignedBy(settings);
  EXPECT_NE(text.find("StatusCode: 403, api error AccessDenied: not you"), std::string::npos)
      << text;
}

TEST_F(AwsSessionTest, AnswersThatAreNotWhatTheyShouldBe) {
  for (const std::string body :
       {"", "no xml", "<a>", "<AssumeRoleResponse/>",
        "<AssumeRoleResponse><Credentials><AccessKeyId>A</AccessKeyId></Credentials>"
        "</AssumeRoleResponse>"}) {
    FakeApi aws;
    aws.On("POST / ", {body});
    env_["AWS_ENDPOINT_URL"] = aws.Url();
    const std::string text = SignedBy({.access_key = "O", .secret_key = "s", .role_arn = "r"});
    EXPECT_NE(text.find("the token service's answer"), std::string::npos) << body << text;
  }
}

TEST_F(AwsSessionTest, ProfileOfARole) {
  FakeApi aws;
  aws.On("POST / ", {StsAnswer("AssumeRole", "ROLE")});
  env_["AWS_ENDPOINT_URL_STS"] = aws.Url();
  WriteConfig(
      "[profile role]\nrole_arn=arn:r\nsource_profile=base\nexternal_id=e\nrole_session_name=me\n"
      "[profile base]\naws_access_key_id=BASE\naws_secret_access_key=s\n"
      "[profile self]\nrole_arn=arn:r\nsource_profile=self\naws_access_key_id=SELF\n"
      "aws_secret_access_key=s\n"
      "[profile env]\nrole_arn=arn:r\ncredential_source=Environment\n"
      "[profile bad]\nrole_arn=arn:r\ncredential_source=Sky\n"
      "[profile a]\nrole_arn=arn:r\nsource_profile=b\n[profile b]\nrole_arn=arn:r\n"
      "source_profile=a\n"
      "[profile mfa]\nrole_arn=arn:r\nsource_profile=base\nmfa_serial=1\n"
      "[profile sso]\nsso_session=x\n[profile process]\ncredential_process=/bin/x\n");
  EXPECT_EQ(SignedBy({.profile = "role"}), "ROLE role-token");
  EXPECT_NE(aws.requests().back().find("Credential=BASE/"), std::string::npos);
  EXPECT_NE(aws.requests().back().find("RoleSessionName=me&ExternalId=e"), std::string::npos);
  EXPECT_EQ(SignedBy({.profile = "self"}), "ROLE role-token");
  EXPECT_NE(aws.requests().back().find("Credential=SELF/"), std::string::npos);
  env_["AWS_ACCESS_KEY_ID"] = "ENV";
  env_["AWS_SECRET_ACCESS_KEY"] = "secret";
  EXPECT_EQ(SignedBy({.profile = "env"}), "ROLE role-token");
  EXPECT_NE(aws.requests().back().find("Credential=ENV/"), std::string::npos);
  const std::pair<const char*, const char*> errors[] = {
      {"bad", "credential_source values must be"},
      {"a", "too many profiles name one another"},
      {"mfa", "mfa_serial needs a person"},
      {"sso", "profile sso: sso_session is not supported"},
      {"process", "profile process: credential_process is not supported"}};
  for (const auto& [name, text] : errors) {
    EXPECT_NE(SignedBy({.profile = name}).find(text), std::string::npos) << name;
  }
}

TEST_F(AwsSessionTest, WebIdentity) {
  FakeApi aws;
  aws.On("POST / ", {StsAnswer("AssumeRoleWithWebIdentity", "WEB")});
  env_["AWS_ENDPOINT_URL_STS"] = aws.Url();
  env_["AWS_WEB_IDENTITY_TOKEN_FILE"] = dir_.path() + "/token";
  EXPECT_NE(SignedBy().find("role ARN is not set"), std::string::npos);
  env_["AWS_ROLE_ARN"] = "arn:w";
  EXPECT_NE(SignedBy().find("web identity token: open "), std::string::npos);
  Write("token", "ey.j.wt");
  EXPECT_EQ(SignedBy(), "WEB role-token");
  const std::string request = aws.requests().back();
  EXPECT_NE(request.find("Action=AssumeRoleWithWebIdentity&RoleArn=arn%3Aw"), std::string::npos);
  EXPECT_TRUE(request.ends_with("&WebIdentityToken=ey.j.wt"));
  EXPECT_EQ(request.find("Authorization"), std::string::npos);
  // By a profile.
  env_.erase("AWS_WEB_IDENTITY_TOKEN_FILE");
  WriteConfig("[profile web]\nrole_arn=arn:p\nweb_identity_token_file=" + dir_.path() +
              "/token\nrole_session_name=me\n");
  EXPECT_EQ(SignedBy({.profile = "web"}), "WEB role-token");
  EXPECT_NE(aws.requests().back().find("RoleArn=arn%3Ap&RoleSessionName=me&"), std::string::npos);
}

constexpr const char* kKeys =
    R"({"Code":"Success","AccessKeyId":"INSTANCE","SecretAccessKey":"s","Token":"t",)"
    R"("Expiration":"2015-08-30T18:00:00Z"})";

TEST_F(AwsSessionTest, RoleOfTheInstance) {
  FakeApi aws;
  aws.On("PUT /latest/api/token ", {"the-token"});
  aws.On("GET /latest/meta-data/iam/security-credentials/ ", {"my-role\n"});
  aws.On("GET /latest/meta-data/iam/security-credentials/my-role ", {kKeys});
  env_["AWS_EC2_METADATA_DISABLED"] = "";
  env_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = aws.Url("/");
  EXPECT_EQ(SignedBy(), "INSTANCE t");
  ASSERT_EQ(aws.requests().size(), 3U);
  EXPECT_NE(aws.requests()[0].find("X-Aws-Ec2-Metadata-Token-Ttl-Seconds: 21600"),
            std::string::npos);
  EXPECT_NE(aws.requests()[2].find("X-Aws-Ec2-Metadata-Token: the-token"), std::string::npos);
}

TEST_F(AwsSessionTest, InstanceWithoutARole) {
  FakeApi aws;
  aws.On("PUT /latest/api/token ", {"the-token"});
  env_["AWS_EC2_METADATA_DISABLED"] = "";
  env_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = aws.Url();
  const std::string text = SignedBy();
  EXPECT_NE(text.find("no EC2 IMDS role found"), std::string::npos);
  EXPECT_NE(text.find("HTTP status 404"), std::string::npos);
  aws.On("GET /latest/meta-data/iam/security-credentials/ ", {"r"});
  for (const std::string bad : {"[]", "{", R"({"Code":"Failed","Message":"m"})", "{}"}) {
    aws.On("GET /latest/meta-data/iam/security-credentials/r ", {bad});
    EXPECT_NE(SignedBy().find("no EC2 IMDS role found"), std::string::npos) << bad;
  }
}

TEST_F(AwsSessionTest, Container) {
  FakeApi aws;
  aws.On("GET /keys ", {kKeys});
  env_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = aws.Url("/keys");
  env_["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "a b";
  EXPECT_EQ(SignedBy(), "INSTANCE t");
  EXPECT_NE(aws.requests()[0].find("Authorization: a b\r\n"), std::string::npos);
  Write("token", "from-file\n");
  env_["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = dir_.path() + "/token";
  EXPECT_EQ(SignedBy(), "INSTANCE t");
  EXPECT_NE(aws.requests()[1].find("Authorization: from-file\r\n"), std::string::npos);
  env_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://example.com/keys";
  EXPECT_NE(SignedBy().find("host example.com is neither"), std::string::npos);
}

TEST_F(AwsSessionTest, Region) {
  FakeApi aws;
  aws.On("PUT /latest/api/token ", {"the-token"});
  aws.On("GET /latest/dynamic/instance-identity/document ", {R"({"region":"ap-east-1"})"});
  const auto region = [&] {
    AwsSession session(
        {}, [this](const char* name) { return env_[name]; }, clock_);
    auto found = session.Region();
    return found ? *found : found.error().message();
  };
  EXPECT_EQ(region(),
            "could not determine AWS region: the instance's metadata service is switched off by "
            "AWS_EC2_METADATA_DISABLED");
  env_["AWS_EC2_METADATA_DISABLED"] = "";
  env_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = aws.Url();
  EXPECT_EQ(region(), "ap-east-1");
  WriteConfig("[default]\nregion = us-west-2\n");
  EXPECT_EQ(region(), "us-west-2");
  env_["AWS_DEFAULT_REGION"] = "d";
  EXPECT_EQ(region(), "d");
  env_["AWS_REGION"] = "r";
  EXPECT_EQ(region(), "r");
  AwsSession session = Make({.region = "own"});
  EXPECT_EQ(*session.Region(), "own");
}

TEST_F(AwsSessionTest, RoleInTheRegionOfTheInstance) {
  FakeApi aws;
  aws.On("PUT /latest/api/token ", {"the-token"});
  aws.On("GET /latest/dynamic/instance-identity/document ", {R"({"region":"ap-east-1"})"});
  aws.On("POST / ", {StsAnswer("AssumeRole", "ROLE")});
  env_["AWS_EC2_METADATA_DISABLED"] = "";
  env_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = aws.Url();
  env_["AWS_ENDPOINT_URL_STS"] = aws.Url();
  AwsSession session(
      {.access_key = "OWN", .secret_key = "s", .role_arn = "arn:r"},
      [this](const char* name) { return env_[name]; }, clock_);
  const auto region = session.Region();
  ASSERT_TRUE(region);
  ClientRequest request;
  request.url = *ParseUrl("http://example.com/");
  const Status status = session.Sign(request, *region, "ec2");
  EXPECT_TRUE(status) << status.error().message();
  EXPECT_NE(aws.requests().back().find("/ap-east-1/sts/aws4_request"), std::string::npos);
}

TEST_F(AwsSessionTest, RegionWithoutASession) {
  const auto environment = [this](const char* name) { return env_[name]; };
  EXPECT_EQ(*ConfiguredAwsRegion({.region = "own"}, environment), "own");
  EXPECT_EQ(*ConfiguredAwsRegion({}, environment), "");
  WriteConfig("[default]\nregion = us-west-2\n");
  EXPECT_EQ(*ConfiguredAwsRegion({}, environment), "us-west-2");
  EXPECT_FALSE(ConfiguredAwsRegion({.profile = "missing"}, environment));
}

TEST_F(AwsSessionTest, CancelBeforeTheFirstRequestCounts) {
  FakeApi aws;
  env_["AWS_ENDPOINT_URL_STS"] = aws.Url();
  AwsSession session = Make({.access_key = "O", .secret_key = "s", .role_arn = "r"});
  session.Cancel();
  ClientRequest request;
  request.url = *ParseUrl("http://example.com/");
  const Status status = session.Sign(request, "r", "ec2");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), Code::kCancelled);
  EXPECT_EQ(aws.requests().size(), 0U);
}

TEST_F(AwsSessionTest, ExpirationsThatAreNoTime) {
  FakeApi aws;
  const auto keys = [](const std::string& end) {
    return R"({"AccessKeyId":"K","SecretAccessKey":"s")" + end + "}";
  };
  aws.On("PUT /latest/api/token ", {"the-token"});
  aws.On("GET /latest/meta-data/iam/security-credentials/ ", {"r"});
  env_["AWS_EC2_METADATA_DISABLED"] = "";
  env_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = aws.Url();
  for (const std::string bad : {"", R"(,"Expiration":null)", R"(,"Expiration":"soon")"}) {
    aws.On("GET /latest/meta-data/iam/security-credentials/r ", {keys(bad)});
    EXPECT_NE(SignedBy().find("expiration"), std::string::npos) << bad << SignedBy();
  }
  env_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = aws.Url("/keys");
  aws.On("GET /keys ", {keys("")});
  EXPECT_EQ(SignedBy(), "K");
  for (const std::string bad : {R"(,"Expiration":"")", R"(,"Expiration":7)"}) {
    aws.On("GET /keys ", {keys(bad)});
    EXPECT_NE(SignedBy().find("expiration"), std::string::npos) << bad;
  }
  std::string answer = StsAnswer("AssumeRole", "ROLE");
  answer.replace(answer.find("2015-08-30T12:51:00Z"), 20, "later");
  aws.On("POST / ", {answer});
  env_["AWS_ENDPOINT_URL_STS"] = aws.Url();
  EXPECT_NE(
      SignedBy({.access_key = "O", .secret_key = "s", .role_arn = "r"})
          .find("the token service's answer: the credentials' expiration \"later\" is no time"),
      std::string::npos);
}

TEST(AwsFailureTest, CredentialsThatAreNoGood) {
  for (const char* code : {"AuthFailure", "ExpiredToken", "ExpiredTokenException", "RequestExpired",
                           "InvalidClientTokenId", "UnrecognizedClientException"}) {
    EXPECT_TRUE(IsCredentialFailure({code, ""})) << code;
  }
  EXPECT_FALSE(IsCredentialFailure({"Throttling", ""}));
  EXPECT_FALSE(IsCredentialFailure({"", ""}));
  ClientResponse response;
  response.status = 403;
  const std::string text = DescribeAwsFailure({"Code", std::string(1000, 'm')}, response);
  EXPECT_EQ(text,
            "https response error StatusCode: 403, api error Code: " + std::string(256, 'm') + "…");
}

TEST_F(AwsSessionTest, Endpoints) {
  AwsSession session = Make();
  EXPECT_EQ(session.Endpoint("ec2", "eu-west-1"), "https://ec2.eu-west-1.amazonaws.com");
  EXPECT_EQ(session.Endpoint("ec2", "cn-north-1"), "https://ec2.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(session.Endpoint("sts", "us-isob-east-1"), "https://sts.us-isob-east-1.sc2s.sgov.gov");
  env_["AWS_ENDPOINT_URL"] = "http://all";
  EXPECT_EQ(session.Endpoint("ec2", "eu-west-1"), "http://all");
  env_["AWS_ENDPOINT_URL_EC2"] = "http://ec2";
  EXPECT_EQ(session.Endpoint("ec2", "eu-west-1"), "http://ec2");
  EXPECT_EQ(session.Endpoint("lightsail", "eu-west-1"), "http://all");
  env_["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";
  EXPECT_EQ(session.Endpoint("ec2", "eu-west-1"), "https://ec2.eu-west-1.amazonaws.com");
}

TEST_F(AwsSessionTest, CancelEndsAWait) {
  std::unique_ptr<AwsSession> session;
  RawServer server([&](RawSocket& peer, int) {
    peer.ReadHead();
    session->Cancel();
    peer.ReadAll();
  });
  env_["AWS_ENDPOINT_URL_STS"] = server.Url();
  session = std::make_unique<AwsSession>(
      AwsSettings{.region = "r", .access_key = "O", .secret_key = "s", .role_arn = "r"},
      [this](const char* name) { return env_[name]; }, clock_);
  ClientRequest request;
  request.url = *ParseUrl("http://example.com/");
  const Status status = session->Sign(request, "r", "ec2");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), Code::kCancelled);
}

TEST(AwsProfileTest, OddLines) {
  AwsProfiles profiles;
  ReadAwsProfiles("a=b\n[\n[x\nk=v\n[]\nk=v\n[profile]\nk=v\n[profile  p q ]\nK = a#b # c\n=\n",
                  true, profiles);
  ASSERT_EQ(profiles.size(), 1U);
  EXPECT_EQ(profiles.begin()->first, "p q");
  EXPECT_EQ(profiles["p q"].Get("k"), "a#b");
}

}  // namespace
}  // namespace narthex::net
