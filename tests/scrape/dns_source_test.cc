// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/dns_source.h"

#include <fstream>

#include <gtest/gtest.h>

#include "tests/scrape/sd_fixture.h"
#include "tests/support/fake_dns_server.h"
#include "tests/support/temp_dir.h"

namespace narthex::scrape {
namespace {

using Dns = testing::FakeDnsServer;
using config::DnsRecordType;

class DnsSourceTest : public SdTest {
 protected:
  DnsSourceTest() { WriteConf("nameserver 127.0.0.1\n"); }

  void WriteConf(const std::string& text) { std::ofstream(Conf()) << text; }
  std::string Conf() const { return dir.path() + "/resolv.conf"; }
  DnsSource Make(std::vector<std::string> names, DnsRecordType type = DnsRecordType::kA,
                 std::chrono::milliseconds timeout = std::chrono::seconds(30)) {
    config::DnsSdConfig config;
    config.names = std::move(names);
    config.type = type;
    config.port = 9100;
    return {config, {.resolv_conf = Conf(), .port = dns.port(), .timeout = timeout}, registry};
  }
  /// "SOURCE: {…} {…}\n" for each group.
  static std::string Text(const Result<std::vector<config::TargetGroup>>& groups) {
    if (!groups) return groups.error().message();
    std::string text;
    for (const config::TargetGroup& group : *groups) {
      text += group.source + ":";
      for (const model::Labels& target : group.targets) text += " " + target.ToString();
      text += "\n";
    }
    return text;
  }
  std::vector<std::string> Asked() {
    std::vector<std::string> names;
    for (const Dns::Question& question : dns.questions()) names.push_back(question.name);
    return names;
  }

  testing::TempDir dir;
  Dns dns;
};

TEST_F(DnsSourceTest, Addresses) {
  dns.Set("a.example.",
          {.records = {Dns::Cname("b.example"), Dns::A(10, 0, 0, 1), Dns::A(10, 0, 0, 2)}});
  EXPECT_EQ(Text(Make({"a.example"}).Refresh()),
            R"(a.example: {__address__="10.0.0.1:9100", __meta_dns_name="a.example"} )"
            R"({__address__="10.0.0.2:9100", __meta_dns_name="a.example"})"
            "\n");
  dns.Set(
      "six.example.",
      {.records = {Dns::Aaaa(std::string("\x20\x01\x0d\xb8") + std::string(11, '\0') + '\x07')}});
  EXPECT_EQ(Text(Make({"six.example."}, DnsRecordType::kAaaa).Refresh()),
            R"(six.example.: {__address__="[2001:db8::7]:9100", __meta_dns_name="six.example."})"
            "\n");
  EXPECT_EQ(dns.questions()[0].type, kDnsA);
  EXPECT_EQ(dns.questions()[0].edns_bytes, 4096);
  EXPECT_EQ(dns.questions()[1].type, kDnsAaaa);
  EXPECT_EQ(CounterValue("prometheus_sd_dns_lookups_total"), 2u);
  EXPECT_EQ(CounterValue("prometheus_sd_dns_lookup_failures_total"), 0u);
}

TEST_F(DnsSourceTest, NamesOfServers) {
  dns.Set("_web._tcp.example.", {.records = {Dns::Srv("h1.example.", 8080), Dns::Srv(".", 1)}});
  EXPECT_EQ(Text(Make({"_web._tcp.example"}, DnsRecordType::kSrv).Refresh()),
            R"(_web._tcp.example: {__address__="h1.example:8080", )"
            R"(__meta_dns_name="_web._tcp.example", __meta_dns_srv_record_port="8080", )"
            R"(__meta_dns_srv_record_target="h1.example."} )"
            R"({__address__=":1", __meta_dns_name="_web._tcp.example", )"
            R"(__meta_dns_srv_record_port="1", __meta_dns_srv_record_target="."})"
            "\n");
  dns.Set("m.example.", {.records = {Dns::Mx("mail.example.")}});
  EXPECT_EQ(Text(Make({"m.example"}, DnsRecordType::kMx).Refresh()),
            R"(m.example: {__address__="mail.example:9100", )"
            R"(__meta_dns_mx_record_target="mail.example.", __meta_dns_name="m.example"})"
            "\n");
  dns.Set("n.example.", {.records = {Dns::Ns("ns1.example.")}});
  EXPECT_EQ(Text(Make({"n.example"}, DnsRecordType::kNs).Refresh()),
            R"(n.example: {__address__="ns1.example:9100", __meta_dns_name="n.example", )"
            R"(__meta_dns_ns_record_target="ns1.example."})"
            "\n");
}

TEST_F(DnsSourceTest, ALongAnswerComesOverTcp) {
  dns.Set("a.example.", {.records = {Dns::A(10, 0, 0, 1)}, .too_long_for_udp = true});
  EXPECT_NE(Text(Make({"a.example"}).Refresh()).find("10.0.0.1:9100"), std::string::npos);
  ASSERT_EQ(dns.questions().size(), 2u);
  EXPECT_FALSE(dns.questions()[0].tcp);
  EXPECT_TRUE(dns.questions()[1].tcp);
}

TEST_F(DnsSourceTest, SearchDomains) {
  WriteConf("nameserver 127.0.0.1\nsearch x.example y.example\n");
  dns.Set("web.y.example.", {.records = {Dns::A(10, 0, 0, 1)}});
  EXPECT_NE(Text(Make({"web"}).Refresh()).find("10.0.0.1:9100"), std::string::npos);
  EXPECT_EQ(Asked(), (std::vector<std::string>{"web.x.example.", "web.y.example."}));
  // A name that exists without such records ends the search.
  dns.Set("web.x.example.", {.records = {}});
  EXPECT_EQ(Text(Make({"web"}).Refresh()), "web:\n");
}

TEST_F(DnsSourceTest, NoSuchNameIsAnAnswerAndAFailureIsNone) {
  WriteConf("nameserver 127.0.0.1\nsearch x.example\n");
  dns.Set("a.x.example.", {.records = {Dns::A(10, 0, 0, 1)}});
  dns.Set("b.x.example.", {.records = {Dns::A(10, 0, 0, 2)}});
  DnsSource source = Make({"a", "b"});
  const std::string both = Text(source.Refresh());
  EXPECT_NE(both.find("10.0.0.1"), std::string::npos);
  EXPECT_NE(both.find("10.0.0.2"), std::string::npos);
  dns.Set("a.x.example.", {.rcode = 2, .records = {}});  // The server fails: what was there stays.
  EXPECT_EQ(Text(source.Refresh()), both);
  EXPECT_EQ(CounterValue("prometheus_sd_dns_lookup_failures_total"), 1u);
  for (const int rcode : {6, 9, 10, 15}) {  // Not authoritative and others, also without records.
    dns.Set("a.x.example.", {.rcode = rcode, .records = {}});
    EXPECT_EQ(Text(source.Refresh()), both) << rcode;
  }
  EXPECT_EQ(CounterValue("prometheus_sd_dns_lookup_failures_total"), 5u);
  dns.Set("a.x.example.", {.records = {Dns::A(10, 0, 0, 3)}, .garbage = true});
  EXPECT_EQ(Text(source.Refresh()), both);
  dns.Set("a.x.example.", {.rcode = 3, .records = {}});  // All say that there is no such name.
  const std::string one = Text(source.Refresh());
  EXPECT_EQ(one.find("10.0.0.1"), std::string::npos);
  EXPECT_NE(one.find("10.0.0.2"), std::string::npos);
}

TEST_F(DnsSourceTest, TheNextServerIsAsked) {
  // Nobody listens at the first one.
  WriteConf("nameserver 127.0.0.2\nnameserver 127.0.0.1\n");
  dns.Set("a.example.", {.records = {Dns::A(10, 0, 0, 1)}});
  EXPECT_NE(Text(Make({"a.example"}).Refresh()).find("10.0.0.1:9100"), std::string::npos);
}

TEST_F(DnsSourceTest, AServerWithAZoneIsLeftOut) {
  WriteConf("nameserver fe80::1%lo\nnameserver 127.0.0.1\n");
  dns.Set("a.example.", {.records = {Dns::A(10, 0, 0, 1)}});
  EXPECT_NE(Text(Make({"a.example"}).Refresh()).find("10.0.0.1:9100"), std::string::npos);
}

TEST_F(DnsSourceTest, SilenceEndsAndIsCounted) {
  dns.Set("a.example.", {.records = {}, .silent = true});
  EXPECT_EQ(Text(Make({"a.example"}, DnsRecordType::kA, std::chrono::milliseconds(20)).Refresh()),
            "");
  EXPECT_EQ(CounterValue("prometheus_sd_dns_lookup_failures_total"), 1u);
}

TEST_F(DnsSourceTest, WithoutServersThereIsAnError) {
  for (const std::string conf : {"", "nameserver not-an-address\n"}) {
    WriteConf(conf);
    EXPECT_EQ(Text(Make({"a"}).Refresh()), "");
  }
  EXPECT_EQ(CounterValue("prometheus_sd_dns_lookup_failures_total"), 2u);
  DnsResolver resolver({.resolv_conf = dir.path() + "/none"});
  const auto answers = resolver.LookUp({"a"}, kDnsA);
  ASSERT_EQ(answers.size(), 1u);
  ASSERT_FALSE(answers[0].has_value());
  EXPECT_TRUE(answers[0].error().message().starts_with("could not load resolv.conf: "));
}

TEST_F(DnsSourceTest, CancelEndsALookup) {
  dns.Set("a.example.", {.records = {}, .silent = true});
  DnsSource source = Make({"a.example", "b.example"});
  std::thread canceller([&] {
    while (dns.questions().empty()) std::this_thread::yield();
    source.Cancel();
  });
  EXPECT_EQ(Text(source.Refresh()), "context canceled");
  canceller.join();
  EXPECT_EQ(Text(source.Refresh()), "context canceled");  // For good.
}

}  // namespace
}  // namespace narthex::scrape
