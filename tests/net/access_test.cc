// SPDX-License-Identifier: Apache-2.0
//
// The parts of the lock on the door, one by one.
#include "narthex/net/access.h"

#include <crypt.h>

#include "src/net/gate.h"
#include "tests/support/fake_clock.h"

namespace narthex::net {
namespace {

/// A hash of the lowest cost, as another program makes it.
std::string Bcrypt(const std::string& password) {
  crypt_data data{};
  return crypt_r(password.c_str(), "$2b$04$abcdefghijklmnopqrstuu", &data);
}

std::string Base64(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    unsigned bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += i + k > text.size() ? '=' : kDigits[bits >> (18 - 6 * k) & 63];
    }
  }
  return out;
}

class FakeRules final : public AccessRules {
 public:
  bool uses_tls() const override { return false; }
  RateLimit rate_limit() const override { return limit; }
  Result<TlsContext> Tls() override { return Fail(Code::kInvalidArgument, "none"); }
  Result<std::shared_ptr<const RequestRules>> Requests() override {
    if (broken) return Fail(Code::kInvalidArgument, "broken");
    return std::make_shared<const RequestRules>(rules);
  }
  void CountRefused(Refused why) override { refused[why] += 1; }
  RequestRules rules;
  RateLimit limit;
  bool broken = false;
  std::map<Refused, int> refused;
};

/// The status for these credentials, the slow way included.
int Ask(Gate& gate, const std::string& authorization) {
  HeaderList headers;
  if (!authorization.empty()) headers.emplace_back("authorization", authorization);
  Gate::Decision decision = gate.Decide(headers);
  if (decision.check_password) gate.CheckPassword(decision);
  EXPECT_FALSE(decision.check_password);
  return decision.status;
}

TEST(BcryptTest, ComparesAllVersions) {
  // The test vectors of crypt_blowfish.
  const struct {
    const char* hash;
    const char* password;
  } good[] = {
      {"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
      {"$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
      {"$2b$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U"},
      {"$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy", ""},
  };
  for (const auto& c : good) {
    SCOPED_TRACE(c.hash);
    EXPECT_TRUE(MatchesBcrypt(c.hash, c.password));
    EXPECT_FALSE(MatchesBcrypt(c.hash, std::string(c.password) + "x"));
  }
  EXPECT_TRUE(MatchesBcrypt("$2$" + Bcrypt("secret").substr(4), "secret"));
}

TEST(BcryptTest, RefusesWhatIsNoHashOrCannotBeThePassword) {
  const std::string hash = Bcrypt("secret");
  ASSERT_TRUE(MatchesBcrypt(hash, "secret"));
  for (const std::string& bad :
       {std::string(), std::string("$2"), std::string("$2b$"), std::string("secret"),
        hash.substr(0, 59), hash + "x", "$1$" + hash.substr(4), "$2b$99" + hash.substr(6),
        "$2b$04$" + std::string(22, '!') + hash.substr(29)}) {
    SCOPED_TRACE(bad);
    EXPECT_FALSE(MatchesBcrypt(bad, "secret"));
    EXPECT_FALSE(MatchesBcrypt(bad, bad));
  }
  // C's strings would end there.
  EXPECT_FALSE(MatchesBcrypt(hash, std::string("secret\0junk", 11)));
  EXPECT_FALSE(MatchesBcrypt(hash, std::string("secret\0", 7)));
}

TEST(PasswordCheckerTest, RemembersOutcomesOfTheSameThreeTexts) {
  PasswordChecker checker;
  const std::string hash = Bcrypt("secret");
  EXPECT_EQ(std::nullopt, checker.Known("alice", hash, "secret"));
  EXPECT_EQ(true, checker.Check("alice", hash, "secret"));
  EXPECT_EQ(false, checker.Check("alice", hash, "wrong"));
  EXPECT_EQ(true, checker.Known("alice", hash, "secret"));
  EXPECT_EQ(false, checker.Known("alice", hash, "wrong"));
  EXPECT_EQ(std::nullopt, checker.Known("bob", hash, "secret"));
  EXPECT_EQ(std::nullopt, checker.Known("alice", Bcrypt("other"), "secret"));
  // Where one text ends is part of what is remembered.
  EXPECT_EQ(std::nullopt, checker.Known("alic", "e" + hash, "secret"));
}

TEST(PasswordCheckerTest, GuessesDoNotPushOutTheRightOne) {
  PasswordChecker checker;
  const std::string hash = Bcrypt("secret");
  ASSERT_EQ(true, checker.Check("alice", hash, "secret"));
  int known = 0;
  for (int i = 0; i < 250; ++i) checker.Check("alice", "no hash", std::to_string(i));
  for (int i = 0; i < 250; ++i)
    known += checker.Known("alice", "no hash", std::to_string(i)) ? 1 : 0;
  EXPECT_EQ(100, known);
  EXPECT_EQ(true, checker.Known("alice", hash, "secret"));
}

TEST(PasswordCheckerTest, ComparesNothingThatNobodyWaitsFor) {
  PasswordChecker checker([](auto, auto) { return true; });
  std::stop_source gone;
  gone.request_stop();
  EXPECT_EQ(std::nullopt, checker.Check("alice", "hash", "secret", gone.get_token()));
  EXPECT_EQ(std::nullopt, checker.Known("alice", "hash", "secret"));
  EXPECT_EQ(true, checker.Check("alice", "hash", "secret"));
  EXPECT_EQ(true, checker.Check("alice", "hash", "secret", gone.get_token()));
}

TEST(BasicAuthTest, ParsesTheHeader) {
  const auto text = [](std::string_view header) {
    const auto credentials = ParseBasicAuth(header);
    return credentials ? credentials->user + "|" + credentials->password : "none";
  };
  EXPECT_EQ("alice|secret", text("Basic " + Base64("alice:secret")));
  EXPECT_EQ("alice|a:b:", text("bAsIc " + Base64("alice:a:b:")));
  EXPECT_EQ("|", text("Basic " + Base64(":")));
  EXPECT_EQ(std::string("a|\0\xff", 4), text("Basic " + Base64(std::string_view("a:\0\xff", 4))));
  for (const std::string& bad :
       {std::string(), std::string("Basic"), std::string("Basic "), "Bearer " + Base64("a:b"),
        "Basic " + Base64("nocolon"), std::string("Basic YTpi="), std::string("Basic YT=="),
        std::string("Basic YTp*"), std::string("Basic a==="), "Basic  " + Base64("a:b"),
        Base64("a:b")}) {
    EXPECT_EQ("none", text(bad)) << bad;
  }
}

TEST(RateLimiterTest, FillsUpAgain) {
  RateLimiter limiter({.interval_ns = 100, .burst = 2});
  EXPECT_TRUE(limiter.Allow(1000));
  EXPECT_TRUE(limiter.Allow(1000));
  EXPECT_FALSE(limiter.Allow(1000));
  EXPECT_FALSE(limiter.Allow(1099));
  EXPECT_TRUE(limiter.Allow(1100));
  EXPECT_FALSE(limiter.Allow(1199));
  EXPECT_TRUE(limiter.Allow(1250));
  EXPECT_TRUE(limiter.Allow(1300));  // The rest of the last interval counts.
  EXPECT_TRUE(limiter.Allow(9000));
  EXPECT_TRUE(limiter.Allow(9000));
  EXPECT_FALSE(limiter.Allow(9000));  // No more than the burst is saved up.
  RateLimiter never({.interval_ns = 100, .burst = 0});
  EXPECT_FALSE(never.Allow(1000));
  EXPECT_FALSE(never.Allow(9000));
  RateLimiter off({.interval_ns = 0, .burst = 0});
  EXPECT_TRUE(off.Allow(0));
}

TEST(GateTest, LetsInWhoHasThePassword) {
  FakeRules rules;
  rules.rules.users = {{"alice", Bcrypt("secret")}, {"bob", Bcrypt("hidden")}, {"eve", "junk"}};
  testing::FakeClock clock;
  Gate gate(rules, clock);
  const auto login = [&](const std::string& user_and_password) {
    return Ask(gate, "Basic " + Base64(user_and_password));
  };
  for (const char* round : {"asked for the first time", "known"}) {
    SCOPED_TRACE(round);
    EXPECT_EQ(401, Ask(gate, ""));
    EXPECT_EQ(401, Ask(gate, "Bearer abc"));
    EXPECT_EQ(200, login("alice:secret"));
    EXPECT_EQ(200, login("bob:hidden"));
    EXPECT_EQ(401, login("alice:hidden"));
    EXPECT_EQ(401, login("alice:"));
    EXPECT_EQ(401, login("eve:junk"));
    // Nobody's name, although somebody's password.
    EXPECT_EQ(401, login("carol:secret"));
    EXPECT_EQ(401, login(":secret"));
  }
}

TEST(GateTest, ChangesCountAtOnce) {
  FakeRules rules;
  rules.rules.users = {{"alice", Bcrypt("secret")}};
  testing::FakeClock clock;
  Gate gate(rules, clock);
  const std::string old_login = "Basic " + Base64("alice:secret");
  EXPECT_EQ(200, Ask(gate, old_login));
  rules.rules.users = {{"alice", Bcrypt("fresh")}};
  EXPECT_EQ(401, Ask(gate, old_login));
  rules.rules.users.clear();
  EXPECT_EQ(200, Ask(gate, ""));
  rules.broken = true;
  EXPECT_EQ(500, Ask(gate, ""));
  EXPECT_EQ(500, Ask(gate, old_login));
}

TEST(GateTest, LimitsTheRateBeforePasswordsAreLookedAt) {
  FakeRules rules;
  rules.rules.users = {{"alice", Bcrypt("secret")}};
  rules.limit = {.interval_ns = 1'000'000'000, .burst = 1};
  testing::FakeClock clock;
  Gate gate(rules, clock);
  EXPECT_EQ(401, Ask(gate, ""));
  EXPECT_EQ(429, Ask(gate, "Basic " + Base64("alice:secret")));
}

TEST(GateTest, CountsWhatItRefuses) {
  FakeRules rules;
  rules.rules.users = {{"alice", Bcrypt("secret")}};
  rules.limit = {.interval_ns = 1'000'000'000, .burst = 5};
  testing::FakeClock clock;
  Gate gate(rules, clock);
  EXPECT_EQ(200, Ask(gate, "Basic " + Base64("alice:secret")));
  EXPECT_EQ(200, Ask(gate, "Basic " + Base64("alice:secret")));
  EXPECT_TRUE(rules.refused.empty());
  EXPECT_EQ(401, Ask(gate, ""));
  EXPECT_EQ(401, Ask(gate, "Basic " + Base64("alice:guess")));
  EXPECT_EQ(401, Ask(gate, "Basic " + Base64("alice:guess")));
  EXPECT_EQ(429, Ask(gate, ""));
  rules.broken = true;
  EXPECT_EQ(500, Ask(gate, ""));
  const std::map<Refused, int> want = {
      {Refused::kPassword, 3}, {Refused::kRate, 1}, {Refused::kConfig, 1}};
  EXPECT_EQ(want, rules.refused);
}

TEST(GateTest, AnUnknownNameCostsAsMuchAsTheCostliest) {
  FakeRules rules;
  // The first one's cost is not the highest, and some are none.
  rules.rules.users = {{"alice", Bcrypt("secret")},
                       {"bob", "$2y$06$" + Bcrypt("hidden").substr(7)},
                       {"carol", "$2$05$" + Bcrypt("hidden").substr(7)},
                       {"dave", "junk"},
                       {"eve", "$2b$xx$junk"},
                       {"mallory", "$2b$99$junk"}};
  testing::FakeClock clock;
  std::vector<std::string> hashes;
  Gate gate(rules, clock, [&](std::string_view hash, std::string_view) {
    hashes.emplace_back(hash);
    return true;
  });
  EXPECT_EQ(401, Ask(gate, "Basic " + Base64("nobody:secret")));
  ASSERT_EQ(1U, hashes.size());
  EXPECT_TRUE(hashes[0].starts_with("$2b$06$")) << hashes[0];
  for (const auto& [name, hash] : rules.rules.users) EXPECT_NE(hash, hashes[0]);
  // It is one that is really computed.
  crypt_data data{};
  const std::string computed = crypt_r("secret", hashes[0].c_str(), &data);
  EXPECT_TRUE(computed.starts_with("$2b$06$")) << computed;
  EXPECT_EQ(hashes[0].size(), computed.size());
}

TEST(GateTest, AFailureLetsNobodyIn) {
  FakeRules rules;
  rules.rules.users = {{"alice", Bcrypt("secret")}};
  testing::FakeClock clock;
  Gate gate(rules, clock, [](auto, auto) -> bool { throw std::bad_alloc(); });
  EXPECT_EQ(500, Ask(gate, "Basic " + Base64("alice:secret")));
  EXPECT_EQ(1, rules.refused[Refused::kError]);
}

TEST(GateTest, OnlySoManyPasswordsWait) {
  FakeRules rules;
  rules.rules.users = {{"alice", Bcrypt("secret")}};
  testing::FakeClock clock;
  Gate gate(rules, clock);
  const auto decide = [&](const std::string& password) {
    return gate.Decide({{"Authorization", "Basic " + Base64("alice:" + password)}});
  };
  std::vector<Gate::Decision> waiting;
  for (int i = 0; i < Gate::kMaxWaiting; ++i) {
    waiting.push_back(decide(std::to_string(i)));
    EXPECT_TRUE(waiting.back().check_password);
  }
  Gate::Decision late = decide("late");
  EXPECT_FALSE(late.check_password);
  EXPECT_EQ(503, late.status);
  EXPECT_EQ(1, rules.refused[Refused::kBusy]);
  // One that is done, and one that has gone, make room.
  gate.CheckPassword(waiting[0]);
  EXPECT_EQ(401, waiting[0].status);
  EXPECT_TRUE(decide("a").check_password);
  waiting.pop_back();
  waiting.push_back(decide("b"));
  EXPECT_TRUE(waiting.back().check_password);
  // What is known needs no place.
  waiting.push_back(decide("c"));
  EXPECT_TRUE(waiting.back().check_password);
  EXPECT_EQ(503, decide("d").status);
  EXPECT_EQ(401, decide("0").status);
}

TEST(GateTest, NobodyWaitsForAPasswordAnyMore) {
  FakeRules rules;
  rules.rules.users = {{"alice", Bcrypt("secret")}};
  testing::FakeClock clock;
  int compared = 0;
  Gate gate(rules, clock, [&](auto, auto) { return ++compared > 0; });
  Gate::Decision decision = gate.Decide({{"Authorization", "Basic " + Base64("alice:secret")}});
  ASSERT_TRUE(decision.check_password);
  EXPECT_EQ(401, decision.status);
  std::stop_source gone;
  gone.request_stop();
  gate.CheckPassword(decision, gone.get_token());
  EXPECT_EQ(503, decision.status);
  EXPECT_EQ(0, compared);
}

}  // namespace
}  // namespace narthex::net
