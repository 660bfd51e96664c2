// SPDX-License-Identifier: Apache-2.0
#include "src/net/oauth2.h"

#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include "narthex/base/mutex.h"
#include "narthex/net/http_client.h"
#include "tests/net/raw_server.h"
#include "tests/support/temp_dir.h"

namespace narthex::net {
namespace {

std::string JsonAnswer(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status +
         (status.find('\r') == std::string::npos ? "\r\nContent-Type: application/json" : "") +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" +
         body;
}

/// A server of tokens that keeps the requests.
class TokenServer {
 public:
  explicit TokenServer(std::function<std::string(const std::string& request)> answer)
      : answer_(std::move(answer)), server_([this](RawSocket& socket, int) {
          std::string request = socket.ReadHead();
          const std::size_t at = request.find("Content-Length: ");
          const std::size_t length = std::stoul(request.substr(at + 16));
          request += socket.ReadBytes(length);
          MutexLock lock(mutex_);
          requests_.push_back(request);
          socket.Send(answer_(request));
        }) {}
  std::string Url() const { return server_.Url("/token"); }
  std::vector<std::string> requests() {
    MutexLock lock(mutex_);
    return requests_;
  }

 private:
  std::function<std::string(const std::string&)> answer_;
  Mutex mutex_;
  std::vector<std::string> requests_ NX_GUARDED_BY(mutex_);
  RawServer server_;
};

/// A target that answers with the authorization that it was sent.
class Target {
 public:
  Target()
      : server_([](RawSocket& socket, int) {
          const std::string head = socket.ReadHead();
          const std::size_t at = head.find("Authorization: ");
          const std::string sent = at == std::string::npos
                                       ? "none"
                                       : head.substr(at + 15, head.find("\r\n", at) - at - 15);
          socket.Send(JsonAnswer("200 OK", sent));
        }) {}
  std::string Url() const { return server_.Url("/metrics"); }

 private:
  RawServer server_;
};

HttpClientOptions With(const Oauth2Options& oauth2) {
  HttpClientOptions options;
  options.oauth2 = std::make_shared<Oauth2Options>(oauth2);
  return options;
}

std::string Ask(const std::string& url, const HttpClientOptions& options) {
  ClientRequest request;
  request.url = *ParseUrl(url);
  std::string body;
  const auto response = DoBlocking(options, request, body);
  return response ? body : response.error().message();
}

Oauth2Options OptionsFor(const TokenServer& tokens) {
  Oauth2Options options;
  options.client_id = "me";
  options.client_secret = "s";
  options.token_url = tokens.Url();
  return options;
}

TEST(Oauth2Test, GetsATokenOnceAndUsesIt) {
  TokenServer tokens([](const std::string&) {
    return JsonAnswer("200 OK", R"({"access_token":"t1","token_type":"bearer","expires_in":3600})");
  });
  Target target;
  Oauth2Options oauth2 = OptionsFor(tokens);
  oauth2.client_id = "me & you";
  oauth2.client_secret = "s/1";
  oauth2.scopes = {"a", "b c"};
  oauth2.endpoint_params = {{"audience", "x=y"}};
  const HttpClientOptions options = With(oauth2);
  const auto held = TokensFor(oauth2);  // As the clients of other targets do.
  EXPECT_EQ(Ask(target.Url(), options), "Bearer t1");
  EXPECT_EQ(Ask(target.Url(), options), "Bearer t1");
  ASSERT_EQ(tokens.requests().size(), 1u);
  const std::string request = tokens.requests()[0];
  EXPECT_TRUE(request.starts_with("POST /token HTTP/1.1\r\n"));
  EXPECT_NE(request.find("Content-Type: application/x-www-form-urlencoded\r\n"), std::string::npos);
  // base64 of "me+%26+you:s%2F1"
  EXPECT_NE(request.find("Authorization: Basic bWUrJTI2K3lvdTpzJTJGMQ==\r\n"), std::string::npos);
  EXPECT_TRUE(
      request.ends_with("\r\n\r\naudience=x%3Dy&grant_type=client_credentials&scope=a+b+c"));
}

TEST(Oauth2Test, SecretInTheBodyWhenTheHeaderIsRefused) {
  TokenServer tokens([](const std::string& request) {
    return request.find("client_secret=s") == std::string::npos
               ? JsonAnswer("401 Unauthorized", "no")
               : JsonAnswer("200 OK", R"({"access_token":"t2","expires_in":"5"})");
  });
  Target target;
  const Oauth2Options oauth2 = OptionsFor(tokens);
  const auto held = TokensFor(oauth2);
  EXPECT_EQ(Ask(target.Url(), With(oauth2)), "Bearer t2");
  EXPECT_EQ(tokens.requests().size(), 2u);
  // It has expired as good as at once; the way that worked is known.
  EXPECT_EQ(Ask(target.Url(), With(oauth2)), "Bearer t2");
  EXPECT_EQ(tokens.requests().size(), 3u);
}

TEST(Oauth2Test, AnotherSecretInTheFileGetsAnotherToken) {
  TokenServer tokens([n = 0](const std::string&) mutable {
    return JsonAnswer("200 OK", R"({"access_token":"t)" + std::to_string(++n) + "\"}");
  });
  Target target;
  testing::TempDir dir;
  const std::string file = dir.path() + "/secret";
  Oauth2Options oauth2 = OptionsFor(tokens);
  oauth2.client_secret = "";
  oauth2.client_secret_file = file;
  const auto held = TokensFor(oauth2);
  std::ofstream(file) << "one\n";
  EXPECT_EQ(Ask(target.Url(), With(oauth2)), "Bearer t1");
  EXPECT_EQ(Ask(target.Url(), With(oauth2)), "Bearer t1");
  std::ofstream(file) << "two\n";
  EXPECT_EQ(Ask(target.Url(), With(oauth2)), "Bearer t2");
}

TEST(Oauth2Test, ReadsAForm) {
  ClientResponse response;
  response.status = 200;
  response.content_type = "application/x-www-form-urlencoded; charset=utf-8";
  const auto now = TokenCache::Clock::now();
  const auto token =
      ReadToken(response, "access_token=a%20b&token_type=mac&expires_in=60&more=1", now);
  ASSERT_TRUE(token) << token.error().message();
  EXPECT_EQ(token->type, "MAC");
  EXPECT_EQ(token->value, "a b");
  EXPECT_EQ(token->expires, now + std::chrono::seconds(60));
}

TEST(Oauth2Test, ScopesAreSaidOnce) {
  Oauth2Options options;
  options.token_url = "http://h/";
  options.endpoint_params = {{"scope", "a"}, {"grant_type", "own"}};
  EXPECT_EQ(TokenRequest(options, "s", false)->body, "grant_type=own&scope=a");
  options.scopes = {"b"};
  EXPECT_EQ(TokenRequest(options, "s", false).error().message(),
            "oauth2: cannot overwrite parameter \"scope\"");
}

TEST(Oauth2Test, RefusalsAsPrometheus) {
  const struct {
    const char* status;
    const char* body;
    const char* want;
  } cases[] = {
      {"401 Unauthorized", "who?", "oauth2: cannot fetch token: 401 Unauthorized\nResponse: who?"},
      {"400 Bad Request", R"({"error":"invalid_scope","error_description":"no \"b\""})",
       R"(oauth2: "invalid_scope" "no \"b\"")"},
      {"200 OK", R"({"token_type":"bearer"})", "oauth2: server response missing access_token"},
      {"200 OK\r\nContent-Type: text/plain", "error=bad&error_description=very+bad",
       R"(oauth2: "bad" "very bad")"},
  };
  Target target;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.body);
    TokenServer tokens([&](const std::string&) { return JsonAnswer(c.status, c.body); });
    const Oauth2Options oauth2 = OptionsFor(tokens);
    EXPECT_EQ(Ask(target.Url(), With(oauth2)), "Get \"" + target.Url() + "\": " + c.want);
  }
}

// As many targets begin to be scraped at the same time.
TEST(Oauth2Test, OneRequestForAllWhoWaitForAToken) {
  constexpr int kClients = 8;
  std::atomic<int> asking{0};
  TokenServer tokens([&](const std::string&) {
    while (asking < kClients) std::this_thread::yield();
    return JsonAnswer("200 OK", R"({"access_token":"t1","expires_in":3600})");
  });
  Target target;
  const Oauth2Options oauth2 = OptionsFor(tokens);
  const auto cache = TokensFor(oauth2);
  std::vector<std::string> sent(kClients);
  // The first one has the server ask for the token; the others come while it does.
  std::vector<std::thread> threads;
  for (int i = 0; i < kClients; ++i) {
    threads.emplace_back([&, i] {
      ++asking;
      sent[i] = Ask(target.Url(), With(oauth2));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sent, std::vector<std::string>(kClients, "Bearer t1"));
  EXPECT_EQ(tokens.requests().size(), 1u);
}

TEST(Oauth2Test, AFailureIsThatOfAllWhoWaited) {
  TokenCache cache;
  EXPECT_EQ(cache.Await({}), nullptr) << "the first one asks";
  std::vector<std::string> heard;
  const auto note = [&](const TokenCache::Outcome& outcome) {
    heard.push_back(outcome.token ? outcome.token->value : outcome.token.error().message());
  };
  const auto stays = cache.Await(note);
  auto leaves = cache.Await(note);
  leaves.reset();
  cache.Land(Fail(Code::kUnavailable, "no"), "s");
  EXPECT_EQ(heard, std::vector<std::string>{"no"});
  EXPECT_EQ(cache.Get("s"), std::nullopt);
  EXPECT_EQ(cache.Await(note), nullptr) << "the next one asks again";
  cache.Land(AccessToken{.type = "Bearer", .value = "t"}, "s");
  EXPECT_EQ(heard.size(), 1U);
  EXPECT_EQ(cache.Get("s")->value, "t");
  EXPECT_EQ(cache.Get("other"), std::nullopt);
}

// The server of tokens never answers: the request ends when the target's time is up, and those who
// waited for it end too.
TEST(Oauth2Test, AHungTokenServerTakesNoLongerThanTheTimeout) {
  std::atomic<bool> ended{false};
  TokenServer tokens([&](const std::string&) {
    while (!ended) std::this_thread::yield();
    return std::string();
  });
  Target target;
  const HttpClientOptions options = With(OptionsFor(tokens));
  ClientRequest request;
  request.url = *ParseUrl(target.Url());
  request.timeout = std::chrono::milliseconds(200);
  std::vector<std::string> errors(3);
  std::vector<std::thread> threads;
  for (std::string& error : errors) {
    threads.emplace_back([&] {
      std::string body;
      const auto response = DoBlocking(options, request, body);
      error = response ? "answered" : response.error().message();
    });
  }
  for (std::thread& thread : threads) thread.join();
  ended = true;
  for (const std::string& error : errors) {
    EXPECT_NE(error.find("context deadline exceeded"), std::string::npos) << error;
  }
}

TEST(Oauth2Test, CancelledWhileATokenIsFetched) {
  std::atomic<bool> asked{false};
  std::atomic<bool> ended{false};
  TokenServer tokens([&](const std::string&) {
    asked = true;
    while (!ended) std::this_thread::yield();
    return std::string();
  });
  Target target;
  const HttpClientOptions options = With(OptionsFor(tokens));
  BlockingClient leader(options);
  BlockingClient follower(options);
  ClientRequest request;
  request.url = *ParseUrl(target.Url());
  const auto code_of = [&](BlockingClient& client) {
    std::string body;
    const auto response = client.Do(request, body);
    return response ? Code::kInternal : response.error().code();
  };
  Code first = Code::kInternal;
  Code second = Code::kInternal;
  std::thread one([&] { first = code_of(leader); });
  while (!asked) std::this_thread::yield();
  std::thread other([&] { second = code_of(follower); });
  follower.Cancel();
  other.join();
  EXPECT_EQ(second, Code::kCancelled) << "does not wait for the leader";
  leader.Cancel();
  one.join();
  EXPECT_EQ(first, Code::kCancelled);
  ended = true;
}

TEST(Oauth2Test, WhatIsSaidOfTheExpiryIsTakenAsFarAsItGoes) {
  ClientResponse response;
  response.status = 200;
  const auto now = TokenCache::Clock::now();
  for (const char* seconds : {"18446744073709551615", "1e300", "\"99999999999\""}) {
    const auto token = ReadToken(
        response, R"({"access_token":"t","expires_in":)" + std::string(seconds) + "}", now);
    ASSERT_TRUE(token) << seconds;
    EXPECT_GT(token->expires, now + std::chrono::hours(24 * 365)) << seconds;
  }
}

// A token goes to those alone who would have got it in the same way.
TEST(Oauth2Test, EqualSettingsAloneShareATokenCache) {
  Oauth2Options plain;
  plain.client_id = "id";
  plain.token_url = "http://127.0.0.1/";
  const auto cache = TokensFor(plain);
  EXPECT_EQ(TokensFor(plain), cache);
  Oauth2Options scopes = plain, params = plain, careless = plain;
  scopes.scopes = {"a", "b"};
  params.endpoint_params = {{"a", "b"}};
  careless.tls.insecure_skip_verify = true;
  const auto of_scopes = TokensFor(scopes);
  EXPECT_NE(of_scopes, TokensFor(params));
  EXPECT_NE(of_scopes, cache);
  EXPECT_NE(TokensFor(careless), cache);
}

}  // namespace
}  // namespace narthex::net
