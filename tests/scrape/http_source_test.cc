// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/http_source.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/net/raw_server.h"
#include "tests/scrape/sd_fixture.h"
#include "tests/support/fake_http_server.h"

namespace narthex::scrape {
namespace {

using testing::FakeHttpServer;

class HttpSourceTest : public SdTest {
 protected:
  std::unique_ptr<HttpSource> Make(const std::string& url, std::int64_t interval_ms = 60'000) {
    config::HttpSdConfig config;
    config.url = url;
    config.refresh_interval_ms = interval_ms;
    auto client = SdClient::Make(config.http, std::chrono::milliseconds(interval_ms));
    EXPECT_TRUE(client.has_value());
    return std::make_unique<HttpSource>(config, std::move(*client), registry);
  }
  /// What is wrong with an answer.
  std::string Failure(FakeHttpServer::Response response) {
    FakeHttpServer server([&](const auto&) { return response; });
    const auto groups = Make(server.Url("/t"))->Refresh();
    EXPECT_FALSE(groups.has_value());
    if (groups) return "";
    const std::string& text = groups.error().message();
    EXPECT_NE(text.find(server.Url("/t")), std::string::npos) << text;
    return text.substr(text.find("/t") + 2);
  }
};

TEST_F(HttpSourceTest, GroupsOfAnAnswer) {
  FakeHttpServer::Request seen;
  FakeHttpServer server([&](const FakeHttpServer::Request& request) {
    seen = request;
    return FakeHttpServer::Response{
        .body = R"([{"targets": ["a:1", "b:2"], "labels": {"env": "prod", "__meta_url": "x"}},
                    {"targets": [], "labels": null}, {}])",
        .content_type = "Application/JSON; charset=UTF-8"};
  });
  const std::string url = server.Url("/targets?x=1");
  const auto groups = Make(url, 90'500)->Refresh();
  ASSERT_TRUE(groups.has_value()) << groups.error().message();
  ASSERT_EQ(groups->size(), 3u);
  const config::TargetGroup& first = groups->at(0);
  EXPECT_EQ(first.source, url + ":0");
  EXPECT_EQ(first.labels.ToString(), fmt::format(R"({{__meta_url="{}", env="prod"}})", url));
  ASSERT_EQ(first.targets.size(), 2u);
  EXPECT_EQ(first.targets[1].ToString(), R"({__address__="b:2"})");
  EXPECT_EQ(groups->at(2).source, url + ":2");
  EXPECT_EQ(seen.target, "/targets?x=1");
  EXPECT_EQ(seen.Header("Accept"), "application/json");
  EXPECT_EQ(seen.Header("X-Prometheus-Refresh-Interval-Seconds"), "90.5");
  EXPECT_TRUE(seen.Header("User-Agent").starts_with("Prometheus/"));
  EXPECT_EQ(CounterValue("prometheus_sd_http_failures_total"), 0u);
}

TEST_F(HttpSourceTest, FailuresSayWhatAndWhere) {
  EXPECT_EQ(Failure({.body = "[]", .status = "503 Service Unavailable"}),
            ": server returned HTTP status 503 Service Unavailable");
  EXPECT_EQ(Failure({.body = "[]", .status = "204 No Content"}),
            ": server returned HTTP status 204 No Content");
  EXPECT_EQ(Failure({.body = "[]", .content_type = "text/plain"}),
            ": unsupported content type \"text/plain\"");
  EXPECT_EQ(Failure({.body = "[]", .content_type = "application/json; charset=latin1"}),
            ": unsupported content type \"application/json; charset=latin1\"");
  EXPECT_EQ(Failure({.body = "{}"}), ": json: not an array of target groups");
  EXPECT_EQ(Failure({.body = "[null]"}), ": nil target group item found");
  EXPECT_EQ(Failure({.body = R"([{"targets": ["a"], "x": 1}])"}), ": json: unknown field \"x\"");
  EXPECT_EQ(Failure({.body = R"([{"targets": [1]}])"}), ": a target is not a string");
  EXPECT_EQ(Failure({.body = R"([{"labels": {"a": 1}}])"}), ": label \"a\" is not a string");
  EXPECT_TRUE(Failure({.body = "[{"}).starts_with(": json: "));
  EXPECT_TRUE(Failure({.body = std::string(5000, '[')}).starts_with(": json: "));
  EXPECT_EQ(CounterValue("prometheus_sd_http_failures_total"), 11u);
}

TEST_F(HttpSourceTest, CutAnswersAndDeafServersFail) {
  FakeHttpServer cut(
      [](const auto&) { return FakeHttpServer::Response{.body = "[]", .cut = true}; });
  EXPECT_FALSE(Make(cut.Url())->Refresh().has_value());
  FakeHttpServer deaf([](const auto&) { return FakeHttpServer::Response{.hang = true}; });
  const auto late = Make(deaf.Url(), 20)->Refresh();  // The interval is the time limit too.
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code(), Code::kTimeout) << late.error().message();
  net::RawServer plain([](net::RawSocket& socket, int) {
    socket.Send("HTTP/1.1 400 Bad Request\r\n\r\n");
    socket.ReadAll();
  });
  const std::string url = fmt::format("https://127.0.0.1:{}/", plain.port());
  const auto not_tls = Make(url)->Refresh();
  ASSERT_FALSE(not_tls.has_value());
  EXPECT_NE(not_tls.error().message().find(url), std::string::npos) << not_tls.error().message();
  EXPECT_EQ(CounterValue("prometheus_sd_http_failures_total"), 3u);
}

TEST_F(HttpSourceTest, AFailureKeepsWhatWasFoundAndStopEndsARequest) {
  Mutex mutex;
  CondVar asked;
  int requests = 0;
  FakeHttpServer server([&](const auto&) {
    MutexLock lock(mutex);
    ++requests;
    asked.NotifyAll();
    FakeHttpServer::Response response{.body = R"([{"targets": ["a:1"]}])"};
    if (requests == 2) response.status = "500 Internal Server Error";
    response.hang = requests > 2;
    return response;
  });
  config::HttpSdConfig config;
  config.url = server.Url();
  config.refresh_interval_ms = 1;
  // The limit of a request is the interval, so a client of its own for one that hangs.
  auto client = SdClient::Make(config.http, std::chrono::hours(1));
  RefreshDiscoverer discoverer(
      "http", 1, std::make_unique<HttpSource>(config, std::move(*client), registry), context());
  discoverer.Start(Record());
  {
    MutexLock lock(mutex);
    while (requests < 3) asked.Wait(mutex);
  }
  discoverer.Stop();
  EXPECT_EQ(num_updates(), 1);
  EXPECT_EQ(Targets(server.Url() + ":0"), std::vector<std::string>{R"({__address__="a:1"})"});
  EXPECT_EQ(registry
                .AddCounter("prometheus_sd_refresh_failures_total", "",
                            {{"config", "job"}, {"mechanism", "http"}})
                .value(),
            1u);
}

TEST_F(HttpSourceTest, AGrantThatIsNotThereKeepsItFromStarting) {
  config::HttpSdConfig config;
  config.url = "http://127.0.0.1:1/";
  config.http.oauth2.client_id = "x";
  config.http.oauth2.grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer";
  EXPECT_FALSE(HttpSource::Make(config, context()).has_value());
}

}  // namespace
}  // namespace narthex::scrape
