// SPDX-License-Identifier: Apache-2.0
//
// What the read client asks, and what it takes from answers.
#include "narthex/remote/read_storage.h"

#include <atomic>
#include <thread>

#include "tests/remote/read_server_fixture.h"

namespace narthex::remote {
namespace {

TEST_F(ReadStorageTest, AsksAsPrometheusDoes) {
  config_.remote_read[0].headers = {{"X-Scope-OrgID", "me"}};
  const auto queryables = Apply();
  ASSERT_TRUE(queryables);
  const auto querier = *(*queryables)[0]->NewQuerier(1000, 5000);
  storage::SelectHints hints;
  hints.start_ms = 2000;
  hints.end_ms = 4000;
  hints.step_ms = 15;
  hints.range_ms = 300;
  hints.func = "rate";
  hints.grouping = {"a", "b"};
  hints.by = true;
  std::vector<model::Matcher> matchers = Named("up");
  matchers.push_back(*model::Matcher::Create(model::MatchType::kNotRegex, "job", "x.*"));
  const auto set = querier->Select(matchers, hints);
  ASSERT_TRUE(set) << set.error().message();
  EXPECT_EQ(0U, (*set)->size());
  const FakeHttpServer::Request request = LastRequest();
  EXPECT_EQ("POST", request.method);
  EXPECT_EQ("/read", request.target);
  EXPECT_EQ("snappy", request.Header("Content-Encoding"));
  EXPECT_EQ("snappy", request.Header("Accept-Encoding"));
  EXPECT_EQ("application/x-protobuf", request.Header("Content-Type"));
  EXPECT_EQ("0.1.0", request.Header("X-Prometheus-Remote-Read-Version"));
  EXPECT_EQ("Prometheus/3.14.0", request.Header("User-Agent"));
  EXPECT_EQ("me", request.Header("X-Scope-OrgID"));
  const wire::Query query = LastQuery();
  EXPECT_EQ(1000, query.start_timestamp_ms());
  EXPECT_EQ(5000, query.end_timestamp_ms());
  EXPECT_EQ("__name__0up job3x.* ", LastMatchers());
  EXPECT_EQ(2000, query.hints().start_ms());
  EXPECT_EQ(4000, query.hints().end_ms());
  EXPECT_EQ(15, query.hints().step_ms());
  EXPECT_EQ(300, query.hints().range_ms());
  EXPECT_EQ("rate", query.hints().func());
  EXPECT_EQ(2, query.hints().grouping_size());
  EXPECT_TRUE(query.hints().by());
}

TEST_F(ReadStorageTest, ReadsChunks) {
  // The first series comes in two frames, and again at the end, out of order.
  Answer(Streamed(FrameOf({{"__name__", "a"}}, {{0, 1}}) + FrameOf({{"__name__", "a"}}, {{10, 2}}) +
                  FrameOf({{"job", "x"}, {"__name__", "b"}}, {{5, 3}}) +
                  FrameOf({{"__name__", "a"}}, {{20, 4}, {5, 5}, {10, 6}})));
  const auto set = Select(Named("a"));
  ASSERT_TRUE(set) << set.error().message();
  EXPECT_EQ("{__name__=\"a\"} 0=1 5=5 10=6 20=4;{__name__=\"b\", job=\"x\"} 5=3;", Text(**set));
  EXPECT_EQ("{__name__=\"a\"} 5=5 10=6;{__name__=\"b\", job=\"x\"} 5=3;",
            Text(**set, kStart + 1, kStart + 10));
  EXPECT_LT(0U, storage_->held_bytes());
}

TEST_F(ReadStorageTest, GivesBackWhatItHeld) {
  Answer(Streamed(FrameOf({{"__name__", "a"}}, {{0, 1}})));
  EXPECT_EQ("{__name__=\"a\"} 0=1;", SelectText(Named("a")));
  EXPECT_EQ(0U, storage_->held_bytes());
}

TEST_F(ReadStorageTest, CutsSamplesToTheRange) {
  mint_ = kStart + 5;
  maxt_ = kStart + 15;
  Answer(Streamed(FrameOf({{"__name__", "a"}}, {{0, 1}, {5, 2}, {15, 3}, {20, 4}})));
  EXPECT_EQ("{__name__=\"a\"} 5=2 15=3;", SelectText(Named("a")));
}

TEST_F(ReadStorageTest, ReadsSamples) {
  wire::ReadResponse response;
  auto& result = *response.add_results();
  // Not sorted, as of some servers.
  auto& b = *result.add_timeseries();
  Label(b, "__name__", "b");
  auto& a = *result.add_timeseries();
  Label(a, "job", "x");
  Label(a, "__name__", "a");
  for (const auto& [t, v] : {std::pair(10, 1.0), std::pair(0, 2.0), std::pair(10, 3.0)}) {
    auto& sample = *a.add_samples();
    sample.set_timestamp(kStart + t);
    sample.set_value(v);
  }
  auto& integer = *a.add_histograms();
  integer.set_count_int(1);
  integer.set_sum(2);
  integer.set_schema(9);  // Finer than what is computed with.
  integer.set_zero_count_int(0);
  integer.add_positive_spans()->set_length(1);
  integer.add_positive_deltas(1);
  integer.set_timestamp(kStart + 5);
  auto& floats = *a.add_histograms();
  floats.set_count_float(0.5);
  floats.set_zero_count_float(0.5);
  floats.set_timestamp(kStart + 10);  // There is a float, which counts.
  Answer(Sampled(response));
  EXPECT_EQ(
      "{__name__=\"a\", job=\"x\"} 0=2 10=3 5={count:1, sum:2, "
      "(0.9972960560854698,1]:1};{__name__=\"b\"};",
      SelectText(Named("a")));
}

TEST_F(ReadStorageTest, ExternalLabelsAreAskedForAndTakenOff) {
  config_.global.external_labels = {{"cluster", "c"}, {"replica", "r"}};
  Answer(Streamed(FrameOf({{"__name__", "a"}, {"cluster", "c"}, {"replica", "r"}}, {{0, 1}}) +
                  FrameOf({{"__name__", "a"}, {"cluster", "c"}, {"job", "x"}}, {{0, 2}}) +
                  // Nothing tells it from the first one any more.
                  FrameOf({{"__name__", "a"}}, {{1, 3}})));
  EXPECT_EQ("{__name__=\"a\"} 0=1 1=3;{__name__=\"a\", job=\"x\"} 0=2;", SelectText(Named("a")));
  EXPECT_EQ("__name__0a cluster0c replica0r ", LastMatchers());

  // Who names one of them wants to say which.
  std::vector<model::Matcher> matchers = Named("a");
  matchers.push_back(model::Matcher::NotEqual("cluster", "d"));
  EXPECT_EQ(
      "{__name__=\"a\"} 1=3;{__name__=\"a\", cluster=\"c\"} 0=1;{__name__=\"a\", cluster=\"c\", "
      "job=\"x\"} 0=2;",
      SelectText(matchers));
  EXPECT_EQ("__name__0a cluster1d replica0r ", LastMatchers());

  config_.remote_read[0].filter_external_labels = false;
  config_.remote_read[0].name = "unfiltered";
  EXPECT_NE(std::string::npos, SelectText(Named("a")).find("replica=\"r\""));
  EXPECT_EQ("__name__0a ", LastMatchers());
}

TEST_F(ReadStorageTest, RequiredMatchersHaveToBeThere) {
  config_.remote_read[0].required_matchers = {{"job", "x"}, {"zone", "z"}};
  std::vector<model::Matcher> matchers = Named("a");
  matchers.push_back(model::Matcher::Equal("zone", "z"));
  EXPECT_EQ("", SelectText(matchers));
  matchers.push_back(*model::Matcher::Create(model::MatchType::kRegex, "job", "x"));
  EXPECT_EQ("", SelectText(matchers));
  EXPECT_EQ(0U, NumRequests());
  matchers.push_back(model::Matcher::Equal("job", "x"));
  EXPECT_EQ("", SelectText(matchers));
  EXPECT_EQ(1U, NumRequests());
}

TEST_F(ReadStorageTest, RecentTimesAreOfTheOwnStorage) {
  config_.remote_read[0].read_recent = false;
  local_start_ = mint_ - 1;
  EXPECT_EQ("not asked", SelectText(Named("a")));
  local_start_ = mint_;
  EXPECT_EQ("", SelectText(Named("a")));
  EXPECT_EQ(mint_, LastQuery().start_timestamp_ms());
  EXPECT_EQ(mint_, LastQuery().end_timestamp_ms());
  EXPECT_EQ(maxt_, LastQuery().hints().end_ms());
  local_start_ = maxt_ + 1;
  EXPECT_EQ("", SelectText(Named("a")));
  EXPECT_EQ(maxt_, LastQuery().end_timestamp_ms());
}

TEST_F(ReadStorageTest, LabelsAreNotKnown) {
  const auto queryables = Apply();
  const auto querier = *(*queryables)[0]->NewQuerier(mint_, maxt_);
  EXPECT_EQ("not implemented", querier->LabelNames({}, 0).error().message());
  EXPECT_EQ("not implemented", querier->LabelValues("a", {}, 0).error().message());
}

TEST_F(ReadStorageTest, EqualSectionsAreRefused) {
  AddSection(server_.Url("/read"));
  const auto queryables = Apply();
  ASSERT_FALSE(queryables);
  EXPECT_EQ("duplicate remote read configs are not allowed, found duplicate for URL: " +
                server_.Url("/read"),
            queryables.error().message());
  EXPECT_FALSE(storage_->Check(config_));
  // Also when only their secrets differ.
  config_.remote_read[1].http.basic_password = "other";
  EXPECT_FALSE(Apply());
  config_.remote_read[1].url = server_.Url("/other");
  EXPECT_TRUE(Apply());
}

TEST_F(ReadStorageTest, MetricsNameTheSection) {
  // The name that Prometheus 3.14 gives to the section.
  config_.remote_read[0].url = "http://127.0.0.1:1/dead";
  EXPECT_FALSE(Select(Named("a")));
  const std::string name_and_url = "remote_name=\"";
  EXPECT_NE(
      std::string::npos,
      Metrics("prometheus_remote_read_client_queries{").find("url=\"http://127.0.0.1:1/dead\"} 0"));
  config_.remote_read[0].url = "http://user:secret@" + server_.Address() + "/read";
  config_.remote_read[0].name = "mine";
  Answer(Streamed(""));
  EXPECT_EQ("", SelectText(Named("a")));
  const std::string labels =
      "remote_name=\"mine\",response_type=\"chunked\",url=\"http://user:xxxxx@" +
      server_.Address() + "/read\"} 1\n";
  EXPECT_EQ(Prefix() + "code=\"200\"," + labels, Metrics(Prefix()));
  EXPECT_NE(std::string::npos,
            Metrics("prometheus_remote_read_client_request_duration_seconds_count{").find(labels));
  std::string all;
  registry_.WriteText(all);
  EXPECT_EQ(std::string::npos, all.find("secret"));
  EXPECT_EQ("Basic dXNlcjpzZWNyZXQ=", LastRequest().Header("Authorization"));
}

TEST(SectionNameTest, IsPrometheuss) {
  const auto config =
      config::LoadText("remote_read:\n- url: http://127.0.0.1:1/dead\n", "file", {});
  ASSERT_TRUE(config) << config.error().message();
  // What Prometheus 3.14 shows as remote_name.
  EXPECT_EQ("d25eac", SectionName((*config)->remote_read[0]));
  config::RemoteReadConfig named;
  named.name = "mine";
  EXPECT_EQ("mine", SectionName(named));
}

TEST_F(ReadStorageTest, ManyQuestionsAtTheSameTime) {
  Answer(Streamed(FrameOf({{"__name__", "a"}}, {{0, 1}})));
  const auto queryables = Apply();
  const auto querier = *(*queryables)[0]->NewQuerier(mint_, maxt_);
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> threads;
    for (int n = 0; n < 8; ++n) {
      threads.emplace_back([&] {
        for (int i = 0; i < 20; ++i) {
          const auto set = querier->Select(Named("a"), Hints());
          if (set && Text(**set) == "{__name__=\"a\"} 0=1;") ++good;
        }
      });
    }
  }
  EXPECT_EQ(160, good);
  EXPECT_EQ(160U, NumRequests());
  EXPECT_EQ(0U, storage_->held_bytes());
}

}  // namespace
}  // namespace narthex::remote
