// SPDX-License-Identifier: Apache-2.0
//
// The file of --web.config.file, changed while it is in use.
#include "narthex/web/access.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "narthex/base/clock.h"
#include "narthex/base/metrics.h"
#include "tests/net/identity.h"
#include "tests/support/temp_dir.h"
#include "web/access/file_state.h"

namespace narthex::web {
namespace {

constexpr const char* kTls = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n";

constexpr const char* kHash = ": $2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay\n";

class WebAccessTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_.path() + "/" + name, std::ios::trunc) << text;
  }
  void WritePair(const net::Identity& identity) const {
    Write("server.crt", identity.cert_pem);
    Write("server.key", identity.key_pem);
  }
  std::unique_ptr<WebAccess> Open() const {
    auto access = WebAccess::Open(path_, SystemClock());
    EXPECT_TRUE(access) << access.error().message();
    return access ? std::move(*access) : nullptr;
  }
  static std::size_t NumUsers(WebAccess& access) {
    const auto rules = access.Requests();
    EXPECT_TRUE(rules) << rules.error().message();
    return rules ? (*rules)->users.size() : 99;
  }
  static std::string Error(WebAccess& access) {
    const auto rules = access.Requests();
    return rules ? "" : rules.error().message();
  }

  const testing::TempDir dir_;
  const std::string path_ = dir_.path() + "/web.yml";
  static std::string Users(const std::string& names) {
    std::string text = "basic_auth_users:\n";
    for (const char name : names) text += "  " + std::string(1, name) + kHash;
    return text;
  }
};

TEST_F(WebAccessTest, SeesEachChangeAtOnce) {
  Write("web.yml", Users("a"));
  const auto access = Open();
  EXPECT_FALSE(access->uses_tls());
  EXPECT_EQ(1U, NumUsers(*access));
  // Without a pause: changes within one tick of the file system's clock, of the same size, count.
  for (int i = 0; i < 50; ++i) {
    const std::string name(1, static_cast<char>('b' + i % 20));
    Write("web.yml", Users(name));
    const auto rules = access->Requests();
    ASSERT_TRUE(rules);
    EXPECT_TRUE((*rules)->users.contains(name)) << i;
  }
  Write("web.yml", Users("abc") + "http_server_config: {headers: {X-Frame-Options: deny}}\n");
  EXPECT_EQ(3U, NumUsers(*access));
  EXPECT_EQ(1U, (*access->Requests())->headers.size());
  Write("fresh.yml", "basic_auth_users: {}\n");
  std::filesystem::rename(dir_.path() + "/fresh.yml", path_);
  EXPECT_EQ(0U, NumUsers(*access));
}

TEST_F(WebAccessTest, ABrokenFileRefusesUntilItIsMended) {
  Write("web.yml", Users("a"));
  const auto access = Open();
  Write("web.yml", Users("a") + "junk: [");
  EXPECT_NE("", Error(*access));
  Write("web.yml", "http_server_config: {headers: {Nope: x}}\n");
  EXPECT_EQ("HTTP header \"Nope\" can not be configured (line 1)", Error(*access));
  std::filesystem::remove(path_);
  EXPECT_NE(std::string::npos, Error(*access).find("no such file"));
  Write("web.yml", Users("ab"));
  EXPECT_EQ(2U, NumUsers(*access));
  // One bad hash keeps out one user.
  Write("web.yml", Users("a") + "  b: junk\n");
  EXPECT_EQ(2U, NumUsers(*access));
}

// A file that is written in place is seen empty, or cut at any place.
TEST_F(WebAccessTest, AHalfWrittenFileTakesNoPasswordAway) {
  const std::string whole =
      "http_server_config:\n  headers: {X-Frame-Options: deny}\n" + Users("ab");
  Write("web.yml", whole);
  const auto access = Open();
  for (std::size_t n = 0; n < whole.size(); ++n) {
    Write("web.yml", whole.substr(0, n));
    const auto rules = access->Requests();
    EXPECT_FALSE(rules && (*rules)->users.empty()) << whole.substr(0, n);
  }
  Write("web.yml", "");
  EXPECT_EQ(
      "basic_auth_users was in the file and is not any more, as in one that is half written: to "
      "ask for no password write basic_auth_users: {}",
      Error(*access));
  Write("web.yml", "basic_auth_users:\n");  // Cut right behind it.
  EXPECT_NE("", Error(*access));
  Write("web.yml", whole);
  EXPECT_EQ(2U, NumUsers(*access));
  Write("web.yml", "basic_auth_users: {}\n");
  EXPECT_EQ(0U, NumUsers(*access));
  Write("web.yml", "");
  EXPECT_EQ(0U, NumUsers(*access));
}

TEST_F(WebAccessTest, AHalfWrittenFileAsksForCertificatesAllTheSame) {
  WritePair(net::Identity("DNS:a"));
  const std::string whole =
      "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
      "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: server.crt\n"
      "  client_allowed_sans: [x]\n";
  Write("web.yml", whole);
  const auto access = Open();
  ASSERT_TRUE(access->Tls());
  for (std::size_t n = 0; n < whole.size() - 1; ++n) {
    Write("web.yml", whole.substr(0, n));
    EXPECT_FALSE(access->Tls()) << whole.substr(0, n);
  }
  const auto error = [&](const std::string& text) {
    Write("web.yml", text);
    const auto context = access->Tls();
    return context ? "" : context.error().message();
  };
  EXPECT_EQ(
      "client_auth_type was in the file and is not any more, as in one that is half written: to "
      "ask for no certificates write client_auth_type: NoClientCert",
      error(kTls));
  EXPECT_TRUE(error(whole.substr(0, whole.find("  client_ca_file"))).starts_with("client_ca_file"));
  EXPECT_TRUE(
      error(whole.substr(0, whole.find("  client_all"))).starts_with("client_allowed_sans"));
  EXPECT_EQ("", error(whole));
  EXPECT_EQ("", error("tls_server_config: {cert_file: server.crt, key_file: server.key, "
                      "client_auth_type: NoClientCert}\n"));
  EXPECT_EQ("", error(kTls));
}

TEST_F(WebAccessTest, LoadsTlsAgainWhenOneOfItsFilesChanges) {
  const net::Identity first("DNS:first"), second("DNS:second");
  WritePair(first);
  Write("web.yml", kTls);
  const auto access = Open();
  EXPECT_TRUE(access->uses_tls());
  const auto context = access->Tls();
  ASSERT_TRUE(context) << context.error().message();
  EXPECT_NE(nullptr, *context);
  Write("server.crt", second.cert_pem);
  const auto half = access->Tls();
  ASSERT_FALSE(half);
  EXPECT_NE(std::string::npos, half.error().message().find("private key does not match"));
  Write("server.key", second.key_pem);
  const auto whole = access->Tls();
  ASSERT_TRUE(whole) << whole.error().message();
  EXPECT_NE(*context, *whole);
  Write("web.yml", std::string(kTls) + "junk: 1\n");
  EXPECT_FALSE(access->Tls());
  // Without the section the door is not open: the server goes on speaking TLS, with nobody.
  Write("web.yml", "");
  const auto none = access->Tls();
  ASSERT_FALSE(none);
  EXPECT_EQ("TLS config is not present, but was when the server started", none.error().message());
  EXPECT_TRUE(access->uses_tls());
  Write("web.yml", kTls);
  EXPECT_TRUE(access->Tls());
}

TEST_F(WebAccessTest, KeepsWhatHasNotChanged) {
  const net::Identity identity("DNS:a");
  WritePair(identity);
  Write("web.yml", kTls);
  // Files count as settled some time after their last change.
  for (const char* name : {"server.crt", "server.key", "web.yml"}) {
    const FileState state = StateOf({dir_.path() + "/" + name});
    EXPECT_TRUE(IsSettled(state, state.changed_ns + 1'000'000'000));
    EXPECT_FALSE(IsSettled(state, state.changed_ns + 1'000'000));
    EXPECT_FALSE(IsSettled(state, state.changed_ns - 1'000'000));
    // The clock was set back.
    EXPECT_TRUE(IsSettled(state, state.changed_ns - 60'000'000'000));
  }
  class LateClock final : public Clock {
   public:
    std::int64_t NowMs() const override { return NowNs() / 1'000'000; }
    std::int64_t NowNs() const override { return SystemClock().NowNs() + 60'000'000'000; }
    std::int64_t MonotonicNs() const override { return SystemClock().MonotonicNs(); }
  } clock;
  const auto access = WebAccess::Open(path_, clock);
  ASSERT_TRUE(access);
  EXPECT_EQ(*(*access)->Requests(), *(*access)->Requests());
  EXPECT_EQ(*(*access)->Tls(), *(*access)->Tls());
}

TEST_F(WebAccessTest, TheRateLimitIsOfTheStart) {
  Write("web.yml", "rate_limit: {interval: 1s, burst: 7}\n");
  const auto access = Open();
  Write("web.yml", "rate_limit: {interval: 2s, burst: 9}\n");
  EXPECT_EQ(1'000'000'000, access->rate_limit().interval_ns);
  EXPECT_EQ(7, access->rate_limit().burst);
}

TEST_F(WebAccessTest, ItsMetricsSayHowItIs) {
  WritePair(net::Identity("DNS:a"));
  Write("web.yml", kTls);
  const auto access = Open();
  metrics::Registry registry;
  access->AddMetrics(registry);
  const auto shows = [&](const std::string& line) {
    std::string text;
    registry.WriteText(text);
    return text.find("\n" + line + "\n") != std::string::npos;
  };
  EXPECT_TRUE(shows("narthex_web_config_last_reload_successful 1"));
  EXPECT_TRUE(shows("narthex_web_refused_requests_total{reason=\"password\"} 0"));
  access->CountRefused(net::Refused::kPassword);
  access->CountRefused(net::Refused::kError);
  access->CountRefused(net::Refused::kHandshake);
  access->CountRefused(net::Refused::kHandshake);
  EXPECT_TRUE(shows("narthex_web_refused_requests_total{reason=\"password\"} 1"));
  EXPECT_TRUE(shows("narthex_web_refused_requests_total{reason=\"rate\"} 0"));
  EXPECT_TRUE(shows("narthex_web_refused_requests_total{reason=\"config\"} 0"));
  EXPECT_TRUE(shows("narthex_web_refused_requests_total{reason=\"busy\"} 0"));
  EXPECT_TRUE(shows("narthex_web_refused_requests_total{reason=\"error\"} 1"));
  EXPECT_TRUE(shows("narthex_web_failed_tls_handshakes_total 2"));
  Write("server.key", "junk");
  EXPECT_TRUE(shows("narthex_web_config_last_reload_successful 0"));
  WritePair(net::Identity("DNS:b"));
  EXPECT_TRUE(shows("narthex_web_config_last_reload_successful 1"));
}

TEST_F(WebAccessTest, OpensOnlyGoodFiles) {
  const auto error = [this](const std::string& text) {
    Write("web.yml", text);
    const auto access = WebAccess::Open(path_, SystemClock());
    return access ? std::string() : access.error().message();
  };
  EXPECT_NE(std::string::npos, error(kTls).find("failed to read cert_file (" + dir_.path() +
                                                "/server.crt): open " + dir_.path()));
  WritePair(net::Identity("DNS:a"));
  EXPECT_EQ("", error(kTls));
  EXPECT_NE("", error("basic_auth_users: {a: junk}\n"));
  EXPECT_NE("", error("tls_server_config: {key_file: server.key}\n"));
}

}  // namespace
}  // namespace narthex::web
