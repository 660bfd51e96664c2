// SPDX-License-Identifier: Apache-2.0
#include "narthex/config/web_config.h"

#include <gtest/gtest.h>

namespace narthex::config {
namespace {

constexpr const char* kHash = "$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay";

WebConfig Load(std::string_view text) {
  auto config = LoadWebConfigText(text, "folder/web.yml");
  EXPECT_TRUE(config) << config.error().message();
  return config ? std::move(*config) : WebConfig();
}

/// The first error of all steps; "" = good.
std::string ErrorOf(std::string_view text) {
  const auto config = LoadWebConfigText(text, "web.yml");
  if (!config) return config.error().message();
  if (const Status status = CheckWebUsers(*config); !status) return status.error().message();
  const Status status = CheckWebTls(config->tls);
  return status ? "" : status.error().message();
}

TEST(WebConfigTest, AnEmptyFileLocksNothing) {
  for (const char* text : {"", "{}", "tls_server_config: {}",
                           "tls_server_config:\nbasic_auth_users:\nrate_limit:\n"
                           "http_server_config:\n"}) {
    SCOPED_TRACE(text);
    const WebConfig config = Load(text);
    EXPECT_FALSE(config.tls.IsEnabled());
    EXPECT_TRUE(config.users.empty());
    EXPECT_TRUE(config.headers.empty());
    EXPECT_EQ(0, config.rate_interval_ns);
    EXPECT_EQ(12, config.tls.min_version);
    EXPECT_EQ(13, config.tls.max_version);
    EXPECT_EQ("", ErrorOf(text));
  }
  EXPECT_TRUE(Load("{}").tls.prefer_server_cipher_suites);
}

TEST(WebConfigTest, ReadsAllKeys) {
  const std::string text = std::string(R"(
tls_server_config:
  cert_file: server.crt
  key_file: /etc/server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: sub/ca.pem
  client_allowed_sans: [a.example, 10.0.0.1]
  min_version: TLS11
  max_version: TLS13
  cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]
  curve_preferences: [X25519, CurveP256, CurveP384, CurveP521]
  prefer_server_cipher_suites: false
http_server_config:
  http2: false
  headers:
    Strict-Transport-Security: max-age=31536000
    X-Frame-Options: sameorigin
    X-Content-Type-Options: nosniff
    X-XSS-Protection: 1
    Content-Security-Policy: "default-src 'self'"
rate_limit: {interval: 100ms, burst: 20}
basic_auth_users:
  alice: )") + kHash + "\n";
  EXPECT_EQ("", ErrorOf(text));
  const WebConfig config = Load(text);
  EXPECT_TRUE(config.tls.IsEnabled());
  EXPECT_EQ("folder/server.crt", config.tls.cert_file);
  EXPECT_EQ("/etc/server.key", config.tls.key_file);
  EXPECT_EQ("folder/sub/ca.pem", config.tls.client_ca_file);
  EXPECT_EQ("RequireAndVerifyClientCert", config.tls.client_auth_type);
  EXPECT_TRUE(config.tls.check_client_sans);
  EXPECT_EQ((std::vector<std::string>{"a.example", "10.0.0.1"}), config.tls.client_allowed_sans);
  EXPECT_EQ(11, config.tls.min_version);
  EXPECT_EQ(13, config.tls.max_version);
  EXPECT_EQ(2U, config.tls.cipher_suites.size());
  EXPECT_EQ(4U, config.tls.curve_preferences.size());
  EXPECT_FALSE(config.tls.prefer_server_cipher_suites);
  ASSERT_EQ(5U, config.headers.size());
  EXPECT_EQ(std::pair(std::string("X-XSS-Protection"), std::string("1")), config.headers[3]);
  EXPECT_EQ(100'000'000, config.rate_interval_ns);
  EXPECT_EQ(20, config.rate_burst);
  ASSERT_EQ(1U, config.users.size());
  EXPECT_EQ("alice", config.users[0].name);
  EXPECT_EQ(kHash, config.users[0].password_hash);
}

TEST(WebConfigTest, ReadsTextsInline) {
  const WebConfig config = Load(
      "tls_server_config:\n  cert: |\n    abc\n  key: |\n    def\n  client_ca: ghi\n"
      "  client_allowed_sans: []\n");
  EXPECT_EQ("abc\n", config.tls.cert);
  EXPECT_EQ("def\n", config.tls.key);
  EXPECT_EQ("ghi", config.tls.client_ca);
  EXPECT_TRUE(config.tls.cert_file.empty());
  EXPECT_TRUE(config.tls.check_client_sans);  // Then no name is allowed.
}

TEST(WebConfigTest, KnowsAllPolicies) {
  const std::pair<const char*, ClientAuth> cases[] = {
      {"", ClientAuth::kNone},
      {"NoClientCert", ClientAuth::kNone},
      {"RequestClientCert", ClientAuth::kRequest},
      {"RequireAnyClientCert", ClientAuth::kRequireAny},
      {"RequireClientCert", ClientAuth::kRequireAny},
      {"VerifyClientCertIfGiven", ClientAuth::kVerifyIfGiven},
      {"RequireAndVerifyClientCert", ClientAuth::kRequireAndVerify}};
  for (const auto& [text, want] : cases) EXPECT_EQ(want, *ParseClientAuth(text)) << text;
}

// The messages begin with the words of `promtool check web-config` of 3.14.
TEST(WebConfigTest, SaysWhatIsWrongAndWhere) {
  const std::string tls = "tls_server_config:\n  cert_file: a\n  key_file: b\n";
  const std::string unmarshal = "yaml: unmarshal errors:\n  ";
  const std::string section = " (tls_server_config in line 2): ";
  const std::string too_short =
      "basic_auth_users: \"a\": crypto/bcrypt: hashedSecret too short to be a bcrypted password";
  const std::pair<std::string, std::string> cases[] = {
      {"hWkNKCp3fvIx3jKnsaBI\nTuEjdwNS8A2vYdFbiKqr\n",
       unmarshal + "line 1: cannot unmarshal !!str `hWkNKCp...` into web.Config"},
      {"- a\n", unmarshal + "line 1: cannot unmarshal !!seq into web.Config"},
      {"tls_server_config:\n  cert_filse: x\n",
       unmarshal + "line 2: field cert_filse not found in type web.TLSConfig"},
      {"nonsense: 1\n", unmarshal + "line 1: field nonsense not found in type web.Config"},
      {"http_server_config: {http2: \"abc\"}\n",
       unmarshal + "line 1: cannot unmarshal !!str `abc` into bool"},
      {"rate_limit: {burst: x}\n", unmarshal + "line 1: cannot unmarshal !!str `x` into int"},
      {"basic_auth_users: {a: x, a: y}\n", unmarshal + "line 1: key \"a\" already set in map"},
      {tls + "  cipher_suites:\n  - TLS_RSA_WITH_AES_128_GCM_SHA256\n",
       "unknown cipher: TLS_RSA_WITH_AES_128_GCM_SHA256 (line 5)"},
      {tls + "  curve_preferences: [CurveP257]\n", "unknown curve: CurveP257 (line 4)"},
      {tls + "  min_version: TLS111\n", "unknown TLS version: TLS111 (line 4)"},
      {tls + "  max_version: ''\n", "unknown TLS version:  (line 4)"},
      {tls + "  min_version: TLS13\n  max_version: TLS12\n",
       "min_version is above max_version" + section + "no client could connect"},
      {"http_server_config:\n  headers:\n    X-Content-Type-Options: sniff\n",
       "invalid value for X-Content-Type-Options. Expected one of: [\"nosniff\"], but got: "
       "\"sniff\" (line 3)"},
      {"http_server_config: {headers: {X-Frame-Options: foo}}\n",
       "invalid value for X-Frame-Options. Expected one of: [\"deny\" \"sameorigin\"], but got: "
       "\"foo\" (line 1)"},
      {"http_server_config: {headers: {Content-Type: foo}}\n",
       "HTTP header \"Content-Type\" can not be configured (line 1)"},
      {"http_server_config: {headers: {x-frame-options: deny}}\n",
       "HTTP header \"x-frame-options\" can not be configured (line 1)"},
      {"tls_server_config:\n  key_file: b\n",
       "missing one of cert or cert_file" + section +
           "name the file with the server's certificate in cert_file"},
      {"tls_server_config:\n  cert_file: a\n",
       "missing one of key or key_file" + section +
           "name the file with the certificate's private key in key_file"},
      {tls + "  client_ca_file: c\n",
       "client CA's have been configured without a Client Auth Policy" + section +
           "add client_auth_type: RequireAndVerifyClientCert"},
      {tls + "  client_allowed_sans: [a]\n",
       "client_allowed_sans has been configured without a Client Auth Policy" + section +
           "add client_auth_type: RequireAndVerifyClientCert"},
      {tls + "  client_allowed_sans: []\n  client_auth_type: NoClientCert\n",
       "client_allowed_sans has been configured without a Client Auth Policy" + section +
           "add client_auth_type: RequireAndVerifyClientCert"},
      {"tls_server_config:\n  client_allowed_sans: [a]\n",
       "missing one of cert or cert_file" + section +
           "name the file with the server's certificate in cert_file"},
      {tls + "  client_auth_type: nope\n",
       "invalid ClientAuth: nope" + section +
           "one of NoClientCert, RequestClientCert, RequireAnyClientCert, "
           "VerifyClientCertIfGiven, RequireAndVerifyClientCert"},
      {"rate_limit: {interval: abc}\n",
       "invalid interval \"abc\": write it with its unit, as in \"100ms\" (line 1)"},
      {"basic_auth_users: {a: doe}\n", too_short + ": make one with htpasswd -nBC 10 '' (line 1)"},
      {"basic_auth_users:\n  a:\n", too_short + ": make one with htpasswd -nBC 10 '' (line 2)"},
  };
  for (const auto& [text, want] : cases) {
    SCOPED_TRACE(text);
    // A section's line is that of its first key.
    EXPECT_EQ(want, ErrorOf(text));
  }
}

TEST(WebConfigTest, ChecksTheFormOfHashes) {
  const auto error = [](const std::string& hash) {
    return ErrorOf("basic_auth_users: {a: \"" + hash + "\"}");
  };
  const std::string rest = std::string(kHash).substr(7);
  EXPECT_EQ("", error("$2a$04$" + rest));
  EXPECT_EQ("", error("$2y$31$" + rest));
  EXPECT_EQ("", error("$2$10$" + rest));
  EXPECT_NE("", error("$2b$03$" + rest));
  EXPECT_NE("", error("$2b$32$" + rest));
  EXPECT_NE("", error("$2b$xx$" + rest));
  EXPECT_NE("", error("$3b$10$" + rest));
  EXPECT_NE("", error("x2b$10$" + rest));
}

TEST(WebConfigTest, NoErrorHoldsASecret) {
  for (const std::string& text :
       {std::string("basic_auth_users: hunter2"), std::string("basic_auth_users: {a: hunter2}"),
        std::string("basic_auth_users: [hunter2]"), std::string("basic_auth_users: {a: [hunter2]}"),
        std::string("tls_server_config: {key: [hunter2]}"),
        std::string("tls_server_config: {key: hunter2}"),
        std::string("basic_auth_users: {a: x2b$10$hunter2hunter2hunter2hunter2hunter2hunter2hunter2"
                    "hunter2}")}) {
    SCOPED_TRACE(text);
    EXPECT_NE("", ErrorOf(text));
    EXPECT_EQ(std::string::npos, ErrorOf(text).find("hunter")) << ErrorOf(text);
  }
}

TEST(WebConfigTest, JoinsPathsWithTheFilesFolder) {
  const char* text = "tls_server_config: {cert_file: a.crt, key_file: ../b.key}";
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"web.yml", "a.crt", "../b.key"},
      {"/web.yml", "/a.crt", "/../b.key"},
      {"x/web.yml", "x/a.crt", "x/../b.key"}};
  for (const auto& [path, cert, key] : cases) {
    const auto config = LoadWebConfigText(text, path);
    ASSERT_TRUE(config);
    EXPECT_EQ(cert, config->tls.cert_file);
    EXPECT_EQ(key, config->tls.key_file);
  }
}

TEST(WebConfigTest, TheExampleIsGood) {
  const auto config = LoadWebConfig("configs/web.yml");  // Tests run in the repository's folder.
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_TRUE(CheckWebUsers(*config));
  EXPECT_TRUE(CheckWebTls(config->tls));
  EXPECT_EQ("configs/tls/server.crt", config->tls.cert_file);
}

TEST(WebConfigTest, NamesAFileThatIsNotThere) {
  const auto config = LoadWebConfig("/nosuch/web.yml");
  ASSERT_FALSE(config);
  EXPECT_NE(std::string::npos, config.error().message().find("/nosuch/web.yml"));
  EXPECT_NE(std::string::npos, config.error().message().find("no such file"));
}

}  // namespace
}  // namespace narthex::config
