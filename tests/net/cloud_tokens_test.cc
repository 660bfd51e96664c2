// SPDX-License-Identifier: Apache-2.0
//
// What is sent to the clouds' servers of tokens.
#include "narthex/net/cloud_tokens.h"

#include <fstream>
#include <map>

#include <boost/json.hpp>
#include <fmt/core.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>

#include "src/net/certificate.h"
#include "tests/net/identity.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace narthex::net {
namespace {

std::string DecodeBase64(std::string text) {
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  const std::size_t padding = (4 - text.size() % 4) % 4;
  text.append(padding, '=');
  std::string out(text.size() / 4 * 3, '\0');
  EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                  reinterpret_cast<const unsigned char*>(text.data()),
                  static_cast<int>(text.size()));
  out.resize(out.size() - padding);
  return out;
}

/// The fields of a form, decoded as far as the tests need it.
std::map<std::string, std::string> Form(const std::string& body) {
  std::map<std::string, std::string> form;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t end = std::min(body.find('&', at), body.size());
    const std::size_t equals = body.find('=', at);
    std::string value;
    for (std::size_t i = equals + 1; i < end; ++i) {
      if (body[i] != '%') {
        value += body[i];
        continue;
      }
      value += static_cast<char>(std::stoi(body.substr(i + 1, 2), nullptr, 16));
      i += 2;
    }
    form[body.substr(at, equals - at)] = value;
    at = end + 1;
  }
  return form;
}

/// An identity of RSA. Shared: making a key takes time.
Identity& Rsa() {
  static Identity* const identity = [] {
    auto* made = new Identity("DNS:client");
    EVP_PKEY_free(made->key);
    made->key = EVP_RSA_gen(2048);
    X509_set_pubkey(made->certificate, made->key);
    X509_sign(made->certificate, made->key, EVP_sha256());
    made->cert_pem = PemOf([&](BIO* bio) { return PEM_write_bio_X509(bio, made->certificate); });
    made->key_pem = PemOf([&](BIO* bio) {
      return PEM_write_bio_PrivateKey(bio, made->key, nullptr, nullptr, 0, nullptr, nullptr);
    });
    return made;
  }();
  return *identity;
}

class CloudTokensTest : public ::testing::Test {
 protected:
  CloudTokensTest() { env_["HOME"] = dir_.path(); }

  Environment Env() {
    return [this](const char* name) {
      const auto value = env_.find(name);
      return value == env_.end() ? std::string() : value->second;
    };
  }
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = dir_.path() + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  /// "METHOD URL" and the body.
  static std::string Text(const Result<MakeTokenRequest>& make) {
    if (!make) return make.error().message();
    const auto request = (*make)();
    if (!request) return request.error().message();
    std::string text = request->method + " " + FormatUrl(request->url);
    for (const auto& [name, value] : request->headers) text += "\n" + name + ": " + value;
    return text + "\n" + request->body;
  }

  const AzureApplication application_{.login = "https://login",
                                      .tenant_id = "ten ant",
                                      .client_id = "cli",
                                      .scope = "https://monitor.azure.com//.default"};
  const std::string scope_ = "scope=https%3A%2F%2Fmonitor.azure.com%2F%2F.default";
  const std::string form_ =
      "POST https://login/ten+ant/oauth2/v2.0/token\nContent-Type: "
      "application/x-www-form-urlencoded\n";
  testing::TempDir dir_;
  testing::FakeClock clock_;
  std::map<std::string, std::string> env_;
};

TEST_F(CloudTokensTest, AzureSecretsAndWorkloads) {
  EXPECT_EQ(form_ + "client_id=cli&client_secret=s%26x&grant_type=client_credentials&" + scope_,
            Text(AzureSecretTokens(application_, "s&x")));
  const std::string file = Write("token", "first");
  const auto make = AzureWorkloadTokens(application_, file);
  const std::string rest =
      "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
      "&grant_type=client_credentials&" +
      scope_;
  EXPECT_EQ(form_ + "client_id=cli&client_assertion=first" + rest, Text(make));
  Write("token", "second");  // Kubernetes renews it.
  EXPECT_EQ(form_ + "client_id=cli&client_assertion=second" + rest, Text(make));
}

TEST_F(CloudTokensTest, AzureMachines) {
  const std::string url =
      "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource="
      "https%3A%2F%2Fmonitor.azure.com%2F";
  EXPECT_EQ("GET " + url + "\nMetadata: true\n",
            Text(AzureMachineTokens("", application_.scope, Env())));
  EXPECT_EQ("GET " + url + "&client_id=c%2Fd\nMetadata: true\n",
            Text(AzureMachineTokens("c/d", application_.scope, Env())));
  env_["IDENTITY_ENDPOINT"] = "x";
  EXPECT_FALSE(AzureMachineTokens("", "s", Env()));
}

TEST_F(CloudTokensTest, AzureTakesWhatTheEnvironmentNames) {
  const AzureApplication none{.login = "https://login", .scope = application_.scope};
  EXPECT_TRUE(Text(AzureEnvironmentTokens(none, Env(), clock_)).starts_with("GET http://169.254"));
  env_["AZURE_CLIENT_ID"] = "cli";
  env_["AZURE_FEDERATED_TOKEN_FILE"] = Write("token", "federated");
  EXPECT_NE(std::string::npos,
            Text(AzureEnvironmentTokens(none, Env(), clock_)).find("needs AZURE_CLIENT_ID"));
  AzureApplication with_tenant = none;
  with_tenant.tenant_id = "other";
  EXPECT_TRUE(Text(AzureEnvironmentTokens(with_tenant, Env(), clock_))
                  .starts_with("POST https://login/other/oauth2"));
  env_["AZURE_TENANT_ID"] = "ten ant";
  EXPECT_NE(std::string::npos,
            Text(AzureEnvironmentTokens(none, Env(), clock_)).find("client_assertion=federated"));
  env_["AZURE_CLIENT_CERTIFICATE_PATH"] = dir_.path() + "/missing";
  EXPECT_EQ("failed to read certificate file " + dir_.path() + "/missing: open " + dir_.path() +
                "/missing: no such file or directory",
            Text(AzureEnvironmentTokens(none, Env(), clock_)));
  env_["AZURE_CLIENT_SECRET"] = "secret";
  EXPECT_NE(std::string::npos,
            Text(AzureEnvironmentTokens(none, Env(), clock_)).find("client_secret=secret"));
}

TEST_F(CloudTokensTest, AzureCertificates) {
  const std::string cert = Write("cert.pem", Rsa().cert_pem);
  const std::string key = Write("key.pem", Rsa().key_pem);
  const auto make = AzureCertificateTokens(
      application_, {.file = cert, .key_file = key, .send_chain = true}, clock_);
  const auto request = make();
  ASSERT_TRUE(request) << request.error().message();
  const auto form = Form(request->body);
  EXPECT_EQ("cli", form.at("client_id"));
  EXPECT_EQ("urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            form.at("client_assertion_type"));
  const std::string jwt = form.at("client_assertion");
  const std::size_t first = jwt.find('.'), second = jwt.rfind('.');
  const auto header = boost::json::parse(DecodeBase64(jwt.substr(0, first))).as_object();
  EXPECT_EQ("RS256", header.at("alg").as_string());
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  X509_digest(Rsa().certificate, EVP_sha1(), digest, &size);
  EXPECT_EQ(std::string(reinterpret_cast<char*>(digest), size),
            DecodeBase64(std::string(header.at("x5t").as_string())));
  ASSERT_EQ(1U, header.at("x5c").as_array().size());
  unsigned char* der = nullptr;
  const int der_size = i2d_X509(Rsa().certificate, &der);
  const std::string x5c(header.at("x5c").as_array()[0].as_string());
  EXPECT_EQ(std::string(reinterpret_cast<char*>(der), static_cast<std::size_t>(der_size)),
            DecodeBase64(x5c.substr(0, x5c.find('='))));
  OPENSSL_free(der);
  const auto claims =
      boost::json::parse(DecodeBase64(jwt.substr(first + 1, second - first - 1))).as_object();
  EXPECT_EQ("https://login/ten+ant/oauth2/v2.0/token", claims.at("aud").as_string());
  EXPECT_EQ("cli", claims.at("iss").as_string());
  EXPECT_EQ("cli", claims.at("sub").as_string());
  EXPECT_EQ(36U, claims.at("jti").as_string().size());
  EXPECT_EQ(clock_.NowMs() / 1000, claims.at("nbf").as_int64());
  EXPECT_EQ(clock_.NowMs() / 1000 + 600, claims.at("exp").as_int64());
  // No two are the same, so that none can be used again.
  EXPECT_NE(jwt, Form(make()->body).at("client_assertion"));
  const auto plain = AzureCertificateTokens(application_, {.file = cert, .key_file = key}, clock_);
  const std::string other = Form(plain()->body).at("client_assertion");
  EXPECT_EQ(std::string::npos, DecodeBase64(other.substr(0, other.find('.'))).find("x5c"));
}

std::string Pkcs12(const std::string& password) {
  PKCS12* const file =
      PKCS12_create(password.c_str(), "name", Rsa().key, Rsa().certificate, nullptr, 0, 0, 0, 0, 0);
  BIO* const bio = BIO_new(BIO_s_mem());
  i2d_PKCS12_bio(bio, file);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  PKCS12_free(file);
  return text;
}

TEST(CertificateTest, FormsThatAreRead) {
  const std::string encrypted = PemOf([](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, Rsa().key, EVP_aes_256_cbc(), "pass", 4, nullptr,
                                         nullptr);
  });
  const Identity other("DNS:other");
  const struct {
    const char* name;
    std::string text, password, want;
  } cases[] = {
      {"certificate, key", Rsa().cert_pem + Rsa().key_pem, "", ""},
      {"key, certificates of others", Rsa().key_pem + other.cert_pem + Rsa().cert_pem, "", ""},
      {"encrypted key", Rsa().cert_pem + encrypted, "pass", ""},
      {"PKCS 12", Pkcs12("pass"), "pass", ""},
      {"PKCS 12 without a password", Pkcs12(""), "", ""},
      {"wrong password", Rsa().cert_pem + encrypted, "x", "found no private key that can be read"},
      {"no password", Rsa().cert_pem + encrypted, "", "found no private key that can be read"},
      {"PKCS 12, wrong password", Pkcs12("pass"), "x",
       "neither PEM nor PKCS #12, or not with this password"},
      {"garbage", "garbage", "", "neither PEM nor PKCS #12, or not with this password"},
      {"nothing", "", "", "neither PEM nor PKCS #12, or not with this password"},
      {"no key", Rsa().cert_pem, "", "found no private key that can be read"},
      {"no certificate", Rsa().key_pem, "", "found no certificate of the private key"},
      {"another certificate", Rsa().key_pem + other.cert_pem, "",
       "found no certificate of the private key"},
      {"elliptic", other.key_pem + other.cert_pem, "", "the private key is no RSA key"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto read = ReadCertificate(c.text, c.password);
    EXPECT_EQ(c.want, read ? "" : read.error().message());
    if (!read) continue;
    EXPECT_EQ(Rsa().key_pem, read->private_key);
    EXPECT_EQ(27U, read->thumbprint.size());
    EXPECT_GE(read->chain.size(), 1U);
  }
}

TEST_F(CloudTokensTest, Google) {
  EXPECT_EQ(
      "GET http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token?"
      "scopes=s%2Fx\nMetadata-Flavor: Google\n",
      Text(GoogleTokens("s/x", "", Env(), clock_)));
  const std::string user = Write("user.json",
                                 R"({"type": "authorized_user", "client_id": "c",
      "client_secret": "s", "refresh_token": "r"})");
  const std::string of_user =
      "POST https://oauth2.googleapis.com/token\nContent-Type: application/x-www-form-urlencoded\n"
      "grant_type=refresh_token&client_id=c&client_secret=s&refresh_token=r";
  EXPECT_EQ(of_user, Text(GoogleTokens("s", user, Env(), clock_)));
  env_["GOOGLE_APPLICATION_CREDENTIALS"] = user;
  EXPECT_EQ(of_user, Text(GoogleTokens("s", "", Env(), clock_)));
  env_["GOOGLE_APPLICATION_CREDENTIALS"] = dir_.path() + "/missing";
  EXPECT_EQ("open " + dir_.path() + "/missing: no such file or directory",
            Text(GoogleTokens("s", "", Env(), clock_)));
  const std::string other = Write("other.json", R"({"type": "external_account"})");
  EXPECT_EQ(other +
                ": credentials of type \"external_account\" are not supported, want "
                "service_account or authorized_user",
            Text(GoogleTokens("s", other, Env(), clock_)));
  const std::string list = Write("list.json", "[]");
  EXPECT_FALSE(GoogleTokens("s", list, Env(), clock_));
  const std::string garbage = Write("garbage.json", R"({"private_key": "secret)");
  const std::string said = Text(GoogleTokens("s", garbage, Env(), clock_));
  EXPECT_TRUE(said.starts_with(garbage + ": json: ")) << said;
  EXPECT_EQ(std::string::npos, said.find("secret"));
}

}  // namespace
}  // namespace narthex::net
