// SPDX-License-Identifier: Apache-2.0
#include "narthex/net/bearer_tokens.h"

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include <fmt/core.h>

#include "tests/net/fake_api.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_http_server.h"

namespace narthex::net {
namespace {

std::string Answer(const std::string& token, std::int64_t seconds) {
  return fmt::format(R"({{"access_token": "{}", "expires_in": {}, "token_type": "Bearer"}})", token,
                     seconds);
}

class BearerTokensTest : public ::testing::Test {
 protected:
  MakeTokenRequest Request() {
    return [url = api_.Url("/token")]() -> Result<ClientRequest> {
      ClientRequest request;
      NX_ASSIGN_OR_RETURN(request.url, ParseUrl(url));
      return request;
    };
  }
  void Give(FakeApi::Answer answer) { api_.On("GET /token ", std::move(answer)); }
  static std::string Text(const Result<std::string>& token) {
    return token ? *token : token.error().message();
  }

  testing::FakeClock clock_;
  FakeApi api_;
};

TEST_F(BearerTokensTest, KeepsATokenUntilShortlyBeforeItsEnd) {
  BearerTokens tokens(Request(), clock_);
  Give({Answer("one", 3600)});
  EXPECT_EQ("one", Text(tokens.Token()));
  Give({Answer("two", 3600)});
  clock_.AdvanceMs(3'539'000);
  EXPECT_EQ("one", Text(tokens.Token()));
  EXPECT_EQ(1U, api_.requests().size());
  clock_.AdvanceMs(1000);
  EXPECT_EQ("two", Text(tokens.Token()));
}

TEST_F(BearerTokensTest, RenewsAtHalfAndUsesTheOldOneWhileThatFails) {
  BearerTokens tokens(Request(), clock_, BearerTokens::Renewal::kAtHalfOfItsTime);
  Give({Answer("one", 3600)});
  EXPECT_EQ("one", Text(tokens.Token()));
  clock_.AdvanceMs(1'799'000);
  EXPECT_EQ("one", Text(tokens.Token()));
  EXPECT_EQ(1U, api_.requests().size());
  Give({"no", 503});
  clock_.AdvanceMs(1000);
  EXPECT_EQ("one", Text(tokens.Token()));
  EXPECT_EQ("one", Text(tokens.Token()));
  EXPECT_EQ(2U, api_.requests().size());  // Not at each use.
  clock_.AdvanceMs(60'000);
  EXPECT_EQ("one", Text(tokens.Token()));
  EXPECT_EQ(3U, api_.requests().size());
  clock_.AdvanceMs(1'680'000);  // Its last minute.
  const std::string url = api_.Url("/token");
  EXPECT_EQ("asking for a token: " + url + ": oauth2: cannot fetch token: 503 X",
            Text(tokens.Token()));
  Give({Answer("two", 3600)});
  EXPECT_EQ("two", Text(tokens.Token()));
}

TEST_F(BearerTokensTest, HowLongATokenIsGood) {
  const struct {
    const char* expires;
    std::int64_t good_for_ms;  // A new one is asked for then.
  } cases[] = {{"\"3600\"", 3'540'000},
               {"9223372036854775807", 86'340'000},
               {"null", 240'000},
               {"0", 240'000},
               {"-5", 0},
               {"30", 0}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.expires);
    BearerTokens tokens(Request(), clock_);
    Give({fmt::format(R"({{"access_token": "t", "expires_in": {}}})", c.expires)});
    EXPECT_EQ("t", Text(tokens.Token()));
    const std::size_t before = api_.requests().size();
    if (c.good_for_ms > 0) {
      clock_.AdvanceMs(c.good_for_ms - 1000);
      EXPECT_EQ("t", Text(tokens.Token()));
      EXPECT_EQ(before, api_.requests().size());
      clock_.AdvanceMs(1000);
    }
    EXPECT_EQ("t", Text(tokens.Token()));
    EXPECT_EQ(before + 1, api_.requests().size());
  }
}

TEST_F(BearerTokensTest, Refusals) {
  const struct {
    FakeApi::Answer answer;
    const char* want;
  } cases[] = {
      {{R"({"error": "invalid_client", "error_description": "AADSTS7000215"})", 401},
       "oauth2: \"invalid_client\" \"AADSTS7000215\""},
      {{"{}"}, "oauth2: server response missing access_token"},
      {{"<html>"}, "oauth2: cannot parse json: "},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.want);
    BearerTokens tokens(Request(), clock_);
    Give(c.answer);
    const std::string got = Text(tokens.Token());
    EXPECT_TRUE(got.starts_with("asking for a token: " + api_.Url("/token") + ": " + c.want))
        << got;
  }
  BearerTokens tokens([]() -> Result<ClientRequest> { return Fail(Code::kIo, "no file"); }, clock_);
  EXPECT_EQ("no file", Text(tokens.Token()));
}

TEST_F(BearerTokensTest, OneAsksForAll) {
  std::atomic<int> asked{0};
  std::atomic<int> waiting{0};
  testing::FakeHttpServer server([&](const testing::FakeHttpServer::Request&) {
    ++asked;
    // All others have come by now, or are about to.
    while (waiting < 8) std::this_thread::yield();
    return testing::FakeHttpServer::Response{.body = Answer("one", 3600)};
  });
  BearerTokens tokens(
      [&]() -> Result<ClientRequest> {
        ClientRequest request;
        NX_ASSIGN_OR_RETURN(request.url, ParseUrl(server.Url()));
        return request;
      },
      clock_);
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        ++waiting;
        if (Text(tokens.Token()) == "one") ++good;
      });
    }
  }
  EXPECT_EQ(8, good);
  EXPECT_EQ(1, asked);
}

TEST_F(BearerTokensTest, CancelEndsAskingAndWaiting) {
  BearerTokens tokens(Request(), clock_);
  const auto cancelled = api_.HangOn("GET /token ", [&] { tokens.Cancel(); });
  std::vector<std::string> got(4);
  {
    std::vector<std::jthread> threads;
    for (std::string& text : got) threads.emplace_back([&] { text = Text(tokens.Token()); });
  }
  for (const std::string& text : got) EXPECT_EQ("context canceled", text);
  cancelled.wait();
  EXPECT_EQ("context canceled", Text(tokens.Token()));
}

}  // namespace
}  // namespace narthex::net
