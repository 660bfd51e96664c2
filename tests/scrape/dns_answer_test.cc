// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/dns_answer.h"

#include <arpa/inet.h>

#include <gtest/gtest.h>

#include "scrape/discovery/resolv_conf.h"

namespace narthex::scrape {
namespace {

std::span<const std::uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string Text(const std::string& message) {
  const auto records = ParseDnsAnswer(Bytes(message));
  if (!records) return records.error().message();
  std::string text;
  for (const DnsRecord& record : *records) {
    text +=
        std::to_string(record.type) + " " + record.text + " " + std::to_string(record.port) + "\n";
  }
  return text;
}

using namespace std::string_literals;

const std::string kHeader = "\x12\x34\x81\x80\x00\x01\x00\x03\x00\x00\x00\x00"s;
const std::string kQuestion = "\x04_web\x04_tcp\x02zz\x00\x00\x21\x00\x01"s;
const std::string kFixed = "\x00\x01\x00\x00\x00\x1e"s;  // IN, 30 s.
const std::string kMessage =
    kHeader + kQuestion +
    // SRV 10 20 8080 a.zz, its name pointing back into the question.
    "\xc0\x0c\x00\x21"s + kFixed + "\x00\x0a\x00\x0a\x00\x14\x1f\x90\x01\x61\xc0\x16"s +
    "\xc0\x0c\x00\x10"s + kFixed + "\x00\x03\x02hi"s +  // TXT
    "\xc0\x0c\x00\x02"s + kFixed + "\x00\x07\x02n1\xc0\x16\x00\x00"s.substr(0, 7);

TEST(DnsAnswerTest, RecordsWithCompressedNames) {
  std::string message = kMessage;
  message[message.size() - 6] = 5;  // The last record's data: n1 and a pointer.
  EXPECT_EQ(Text(message), "33 a.zz. 8080\n16  0\n2 n1.zz. 0\n");
}

TEST(DnsAnswerTest, EveryTornMessageIsAnError) {
  std::string message = kMessage;
  message[message.size() - 6] = 5;
  for (std::size_t size = 0; size < message.size(); ++size) {
    EXPECT_EQ(Text(message.substr(0, size)), "dns: malformed answer") << size;
  }
}

TEST(DnsAnswerTest, LoopsAndWrongLengthsAreErrors) {
  const std::string start = "\x12\x34\x81\x80\x00\x00\x00\x01\x00\x00\x00\x00"s;
  EXPECT_EQ(Text(start + "\xc0\x0c\x00\x02"s + kFixed + "\x00\x02\xc0\x0c"s),
            "dns: malformed answer");  // A name that points at itself.
  EXPECT_EQ(Text(start + "\x00\x00\x01"s + kFixed + "\x00\x03\x01\x02\x03"s),
            "dns: malformed answer");  // An address of three bytes.
  EXPECT_EQ(Text(start + "\x00\x00\x1c"s + kFixed + "\x00\x04\x01\x02\x03\x04"s),
            "dns: malformed answer");
  EXPECT_EQ(Text(start + "\x00\x00\x02"s + kFixed + "\x00\x01\x01\x61\x00"s),
            "dns: malformed answer");  // A name beyond its record.
  EXPECT_EQ(Text(start + "\x00\x00\x01"s + kFixed + "\x00\x04\x7f\x00\x00\x01"s),
            "1 127.0.0.1 0\n");
}

TEST(DnsAnswerTest, SpecialCharactersAsGoMarksThem) {
  const std::string start = "\x12\x34\x81\x80\x00\x00\x00\x01\x00\x00\x00\x00"s;
  const std::string name = "\x0a\x61.b\\c $';\x07\x00"s;
  EXPECT_EQ(Text(start + "\x00\x00\x02"s + kFixed + "\x00\x0c"s + name),
            "2 a\\.b\\\\c\\ $\\'\\;\\007. 0\n");
}

TEST(DnsAnswerTest, Ipv6AsGoPrintsIt) {
  const auto format = [](const std::string& address) {
    std::uint8_t bytes[16];
    EXPECT_EQ(1, inet_pton(AF_INET6, address.c_str(), bytes));
    return FormatIpv6(bytes);
  };
  for (const std::string same :
       {"::", "::1", "1::", "2001:db8::1", "fe80::1:0:0:1", "1:2:3:4:5:6:7:8", "1:0:2:0:3:0:4:0",
        "2001:db8:0:1:1:1:1:1", "::102:304"}) {
    EXPECT_EQ(format(same), same);
  }
  EXPECT_EQ(format("1:0:0:2:0:0:0:3"), "1:0:0:2::3");
  EXPECT_EQ(format("::ffff:192.0.2.1"), "192.0.2.1");
}

TEST(ResolvConfTest, ServersSearchAndDots) {
  const ResolvConf conf = ParseResolvConf(
      "# comment\n;x\nnameserver 10.0.0.1\n  nameserver\tfd00::1  \nnameserver\n"
      "domain first.example\nsearch a.example b.example.\noptions timeout:1 ndots:2 rotate\n"
      "sortlist x");
  EXPECT_EQ(conf.servers, (std::vector<std::string>{"10.0.0.1", "fd00::1"}));
  EXPECT_EQ(conf.search, (std::vector<std::string>{"a.example", "b.example."}));
  EXPECT_EQ(conf.ndots, 2);
  EXPECT_EQ(ParseResolvConf("search a b\ndomain c d\n").search, std::vector<std::string>{"c"});
  EXPECT_TRUE(ParseResolvConf("search a b\ndomain\n").search.empty());
  EXPECT_EQ(ParseResolvConf("options ndots:99").ndots, 15);
  EXPECT_EQ(ParseResolvConf("options ndots:-1").ndots, 0);
  EXPECT_EQ(ParseResolvConf("options ndots:x").ndots, 0);
  EXPECT_EQ(ParseResolvConf("").ndots, 1);
}

TEST(ResolvConfTest, CandidatesOfAName) {
  ResolvConf conf;
  conf.search = {"x.example", "y."};
  using Names = std::vector<std::string>;
  EXPECT_EQ(conf.Candidates("a."), Names{"a."});
  EXPECT_EQ(conf.Candidates("a"), (Names{"a.x.example.", "a.y.", "a."}));
  EXPECT_EQ(conf.Candidates("a.b"), (Names{"a.b.", "a.b.x.example.", "a.b.y."}));
  conf.ndots = 3;
  EXPECT_EQ(conf.Candidates("a.b.c"), (Names{"a.b.c.x.example.", "a.b.c.y.", "a.b.c."}));
  EXPECT_EQ(conf.Candidates("a.b.c.d").front(), "a.b.c.d.");
}

}  // namespace
}  // namespace narthex::scrape
