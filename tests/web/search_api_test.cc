// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/web/fake_server.h"

namespace narthex::web {
namespace {

constexpr model::TimestampMs kNow = 1'700'000'000'000;

class SearchApiTest : public ::testing::Test {
 protected:
  SearchApiTest() { server.options.enable_search = true; }

  void Fill() {
    for (const char* name : {"b_total", "a_total", "c<&>"}) {
      for (const char* zone : {"x", "y"}) {
        server.Add({{"__name__", name}, {"zone", zone}}, {{kNow - 1000, 1.0}});
      }
    }
  }
  std::string Body(const std::string& url) {
    const Answer answer = server.Get("/api/v1/search/" + url);
    EXPECT_EQ(200, answer.status) << answer.body;
    return answer.body;
  }

  FakeServer server;
};

constexpr const char* kDone = "{\"status\":\"success\",\"has_more\":false}\n";
constexpr const char* kMore = "{\"status\":\"success\",\"has_more\":true}\n";

TEST_F(SearchApiTest, LinesOfNamesAndValues) {
  Fill();
  EXPECT_EQ(R"({"results":[{"name":"a_total"},{"name":"b_total"},{"name":"c\u003c\u0026\u003e"}]})"
            "\n" +
                std::string(kDone),
            Body("metric_names"));
  EXPECT_EQ(R"({"results":[{"name":"__name__"},{"name":"zone"}]})"
            "\n" +
                std::string(kDone),
            Body("label_names"));
  EXPECT_EQ(R"({"results":[{"value":"x"},{"value":"y"}]})"
            "\n" +
                std::string(kDone),
            Body("label_values?label=zone"));
  const Answer answer =
      server.Ask("POST", "/api/v1/search/label_values", "label=zone&search[]=y&include_score=1");
  EXPECT_EQ(R"({"results":[{"value":"y","score":1}]})"
            "\n" +
                std::string(kDone),
            answer.body);
  EXPECT_EQ("application/x-ndjson; charset=utf-8", answer.headers.at("Content-Type"));
  EXPECT_EQ("identity", answer.headers.at("Content-Encoding"));
  EXPECT_EQ("Origin", answer.headers.at("Vary"));
}

TEST_F(SearchApiTest, BatchesAndLimits) {
  Fill();
  const std::string a = R"({"results":[{"name":"a_total"}]})"
                        "\n";
  const std::string b = R"({"results":[{"name":"b_total"}]})"
                        "\n";
  const std::string c = R"({"results":[{"name":"c\u003c\u0026\u003e"}]})"
                        "\n";
  EXPECT_EQ(a + b + c + kDone, Body("metric_names?batch_size=1"));
  EXPECT_EQ(a + b + kMore, Body("metric_names?batch_size=1&limit=2"));
  EXPECT_EQ(a + b + c + kDone, Body("metric_names?batch_size=1&limit=3"));
  EXPECT_EQ(c + b + kMore, Body("metric_names?batch_size=1&limit=2&sort_by=alpha&sort_dir=dsc"));
  // The first line is there even when nothing is found.
  EXPECT_EQ("{\"results\":[]}\n" + std::string(kDone), Body("metric_names?search[]=zz"));
  // Several selectors are joined before the limit cuts.
  EXPECT_EQ(a + kMore, Body("metric_names?match[]=b_total&match[]=a_total&limit=1"));
}

TEST_F(SearchApiTest, MetadataOfTheFirstTarget) {
  Fill();
  const model::Labels target = {{"instance", "i"}};
  server.targets.metadata = {
      {target, {"a_total", model::MetricType::kCounter, "Help <1>.", "bytes"}},
      {{{"instance", "j"}}, {"a_total", model::MetricType::kGauge, "other", ""}},
      {target, {"b_total", model::MetricType::kUnknown, "", ""}}};
  const std::string expected =
      R"({"results":[{"name":"a_total","type":"counter","help":"Help \u003c1\u003e.","unit":"bytes"},)"
      R"({"name":"b_total","type":"unknown"},{"name":"c\u003c\u0026\u003e"}]})"
      "\n" +
      std::string(kDone);
  EXPECT_EQ(expected, Body("metric_names?include_metadata=true"));
  // What was found is good for five seconds.
  server.targets.metadata.clear();
  server.clock.AdvanceMs(4999);
  EXPECT_EQ(expected, Body("metric_names?include_metadata=true"));
  server.clock.AdvanceMs(1);
  EXPECT_EQ(std::string::npos, Body("metric_names?include_metadata=true").find("counter"));
}

TEST_F(SearchApiTest, TheTimeRangeIsTheLastHour) {
  Fill();
  server.clock.AdvanceMs(3'600'000 - 1000);
  EXPECT_NE(std::string::npos, Body("metric_names").find("a_total"));
}

TEST_F(SearchApiTest, TellsWhatIsWrong) {
  const struct {
    const char* query;
    const char* error;
  } cases[] = {
      {"start=x", R"(invalid time value for 'start': cannot parse \"x\" to a valid timestamp)"},
      {"start=5&end=4", "end timestamp must not be before start timestamp"},
      {"match[]={a=\"\"}", "match[] must contain at least one non-empty matcher"},
      {"fuzz_threshold=101", R"(invalid fuzz_threshold \"101\": must be 0-100)"},
      {"fuzz_alg=x", R"(unsupported fuzz_alg \"x\": must be one of [subsequence jarowinkler])"},
      {"case_sensitive=yes", R"(invalid case_sensitive \"yes\": must be boolean)"},
      {"include_score=2", R"(invalid include_score \"2\": must be boolean)"},
      {"sort_dir=asc", "sort_dir is only valid when sort_by is set"},
      {"sort_dir=asc&sort_by=score", "sort_dir is not supported for sort_by=score"},
      {"sort_dir=up&sort_by=alpha", R"(invalid sort_dir \"up\": must be \"asc\" or \"dsc\")"},
      {"sort_by=score", "sort_by=score requires search[] to be set"},
      {"sort_by=size",
       R"(invalid sort_by \"size\" for metric_names: must be \"alpha\" or \"score\")"},
      {"limit=0", R"(invalid limit \"0\": must be a positive integer)"},
      {"limit=10001",
       "limit 10001 exceeds the configured maximum (10000, see --web.search.max-limit)"},
      {"batch_size=-1", R"(invalid batch_size \"-1\": must be a positive integer)"},
      {"include_metadata=x", R"(invalid include_metadata \"x\": must be boolean)"},
      {"a=%zz", R"(error parsing form values: invalid URL escape \"%zz\")"},
      {"a=%zz&b;c", "error parsing form values: invalid semicolon separator in query"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.query);
    const Answer answer = server.Get(std::string("/api/v1/search/metric_names?") + c.query);
    EXPECT_EQ(400, answer.status);
    EXPECT_EQ(
        std::string(R"({"status":"error","errorType":"bad_data","error":")") + c.error + R"("})",
        answer.body);
  }
  std::string many;
  for (int i = 0; i < 33; ++i) many += "search[]=x&";
  EXPECT_NE(std::string::npos, server.Get("/api/v1/search/label_names?" + many)
                                   .body.find("too many search[] terms: got 33, maximum is 32"));
  EXPECT_NE(std::string::npos, server.Get("/api/v1/search/label_values")
                                   .body.find(R"(missing required parameter \"label\")"));
}

TEST_F(SearchApiTest, FormsHaveALimit) {
  const Answer answer =
      server.Ask("POST", "/api/v1/search/label_names", "x=" + std::string(10 << 20, 'x'));
  EXPECT_EQ(400, answer.status);
  EXPECT_NE(std::string::npos, answer.body.find("error parsing form values: http: POST too large"));
}

TEST_F(SearchApiTest, TheFlagLimits) {
  Fill();
  server.options.max_search_limit = 2;
  EXPECT_NE(std::string::npos, Body("metric_names").find(kMore));
  EXPECT_EQ(400, server.Get("/api/v1/search/metric_names?limit=3").status);
}

TEST_F(SearchApiTest, NoFlagLimitTakesAnyNumber) {
  Fill();
  server.options.max_search_limit = 0;
  EXPECT_NE(std::string::npos, Body("metric_names?limit=9223372036854775807").find(kDone));
}

TEST_F(SearchApiTest, WhoIsGoneGetsNoLastLine) {
  Fill();
  for (const bool at_once : {false, true}) {
    SCOPED_TRACE(at_once);
    std::stop_source stop;
    net::ServerRequest request;
    request.method = "GET";
    request.path = "/api/v1/search/metric_names";
    request.raw_query = "batch_size=1";
    request.stop = stop.get_token();
    if (at_once) stop.request_stop();
    Answer answer;
    answer.on_write = [&stop] { stop.request_stop(); };
    server.router().Dispatch(request, answer);
    EXPECT_EQ(std::string::npos, answer.body.find("success")) << answer.body;
    EXPECT_EQ(at_once ? 499 : 200, answer.status);
  }
}

TEST(SearchApiOffTest, IsAFeature) {
  FakeServer server;
  const Answer answer = server.Get("/api/v1/search/metric_names?limit=x");
  EXPECT_EQ(500, answer.status);
  EXPECT_EQ(R"({"status":"error","errorType":"unavailable","error":"search API disabled"})",
            answer.body);
  FakeServer agent;
  agent.options.enable_search = true;
  agent.options.agent_mode = true;
  EXPECT_EQ(
      R"({"status":"error","errorType":"execution","error":"unavailable with Prometheus Agent"})",
      agent.Get("/api/v1/search/metric_names?limit=x").body);
  server.status.state = ServerState::kStarting;
  EXPECT_EQ(503, server.Get("/api/v1/search/metric_names").status);
}

}  // namespace
}  // namespace narthex::web
