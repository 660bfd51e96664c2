// SPDX-License-Identifier: Apache-2.0
//
// Expected answers were taken from Prometheus, or follow docs of its API where 3.14 differs.
#include "tests/web/fake_server.h"

namespace narthex::web {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(QueryApiTest, WritesEveryKindOfResult) {
  FakeServer server;
  server.Add({{"__name__", "m"}, {"job", "<a>&\"é\xff"}}, {{1000, 1.5}, {2500, kNaN}});
  model::FloatHistogram h;
  h.schema = 0;
  h.count = 7;
  h.sum = 18.5;
  h.zero_threshold = 0.001;
  h.zero_count = 1;
  h.positive_spans = {{0, 2}, {1, 1}};
  h.positive_buckets = {1, 0, 2};
  h.negative_spans = {{0, 1}};
  h.negative_buckets = {3};
  server.AddHistogram({{"__name__", "h"}}, 2000, h);
  const struct {
    const char* url;
    const char* data;
  } cases[] = {
      {"query=1&time=1749970800.123", R"({"resultType":"scalar","result":[1749970800.123,"1"]})"},
      {"query=1e-7&time=0", R"({"resultType":"scalar","result":[0,"0.0000001"]})"},
      {"query=1e21&time=-1.001",
       R"({"resultType":"scalar","result":[-1.001,"1000000000000000000000"]})"},
      {"query=%22a%3Cb%22&time=1", R"({"resultType":"string","result":[1,"a\u003cb"]})"},
      {"query=vector(1e-7)&time=1.5",
       R"({"resultType":"vector","result":[{"metric":{},"value":[1.500,"1e-07"]}]})"},
      {"query=vector(1e21)&time=1",
       R"({"resultType":"vector","result":[{"metric":{},"value":[1,"1e+21"]}]})"},
      {"query=vector(0/0)&time=-1.001",
       R"({"resultType":"vector","result":[{"metric":{},"value":[-1.001,"NaN"]}]})"},
      {"query=vector(-1/0)&time=1",
       R"({"resultType":"vector","result":[{"metric":{},"value":[1,"-Inf"]}]})"},
      {"query=nosuch&time=1", R"({"resultType":"vector","result":[]})"},
      {"query=m[5s]&time=3",
       R"({"resultType":"matrix","result":[{"metric":{"__name__":"m","job":"<a>&\"é\ufffd"},)"
       R"("values":[[1,"1.5"],[2.500,"NaN"]]}]})"},
      {"query=h&time=2",
       R"({"resultType":"vector","result":[{"metric":{"__name__":"h"},"histogram":[2,)"
       R"({"count":"7","sum":"18.5","buckets":[[1,"-1","-0.5","3"],[3,"-0.001","0.001","1"],)"
       R"([0,"0.5","1","1"],[0,"4","8","2"]]}]}]})"},
      {"query=h[1s]&time=2",
       R"({"resultType":"matrix","result":[{"metric":{"__name__":"h"},"histograms":[[2,)"
       R"({"count":"7","sum":"18.5","buckets":[[1,"-1","-0.5","3"],[3,"-0.001","0.001","1"],)"
       R"([0,"0.5","1","1"],[0,"4","8","2"]]}]]}]})"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.url);
    const Answer answer = server.Get(std::string("/api/v1/query?") + c.url);
    EXPECT_EQ(200, answer.status);
    EXPECT_EQ("application/json", answer.headers.at("Content-Type"));
    EXPECT_EQ("Accept-Encoding, Origin", answer.headers.at("Vary"));
    EXPECT_EQ(std::string(R"({"status":"success","data":)") + c.data + "}", answer.body);
  }
}

TEST(QueryApiTest, ReadsTimes) {
  FakeServer server;
  const struct {
    const char* time;
    const char* want;  // "" = refused
  } cases[] = {
      {"", "1700000000"},
      {"1749970800.1234567", "1749970800.123"},
      {"1.7499708e9", "1749970800"},
      {"2025-06-15T07:00:00Z", "1749970800"},
      {"2025-06-15T07:00:00.5Z", "1749970800.5"},
      {"2025-06-15T09:00:00%2B02:00", "1749970800"},
      {"2025-06-15T07:00:00.123456789Z", "1749970800.123"},
      {"2024-02-29T00:00:00Z", "1709164800"},
      {"1969-12-31T23:59:59.5Z", "-0.5"},
      {"0x10", ""},
      {"NaN", "-9223372036.854"},
      {"-Inf", "-9223372036.854"},
      {"9999999999", "-8446744074.709"},
      {"-62135596800", "-6795364578.871"},
      {"-292273086-05-16T16:47:06Z", "6795364580.679"},
      {"abc", ""},
      {"1e400", ""},
      {"2025-06-15", ""},
      {"2025-02-29T00:00:00Z", ""},
      {"2025-06-15T24:00:00Z", ""},
      {"2025-06-15T07:00:00", ""},
      {"2025-06-15T07:00:00.Z", ""},
      {"2025-06-15T07:00:00%2B2:00", ""},
      {"1%20", ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.time);
    const Answer answer = server.Get(std::string("/api/v1/query?query=1&time=") + c.time);
    if (c.want[0] != '\0') {
      EXPECT_EQ(std::string(R"({"status":"success","data":{"resultType":"scalar","result":[)") +
                    c.want + R"(,"1"]}})",
                answer.body);
    } else {
      EXPECT_EQ(400, answer.status);
    }
  }
  EXPECT_EQ(
      R"({"status":"error","errorType":"bad_data","error":"invalid parameter \"time\": invalid time value for 'time': cannot parse \"abc\" to a valid timestamp"})",
      server.Get("/api/v1/query?query=1&time=abc").body);
}

TEST(QueryApiTest, NamesBadParameters) {
  FakeServer server;
  const struct {
    const char* url;
    int status;
    const char* type;
    const char* error;
  } cases[] = {
      {"query?query=1%2B", 400, "bad_data",
       R"(invalid parameter \"query\": 1:3: parse error: unexpected end of input)"},
      {"query", 400, "bad_data",
       R"(invalid parameter \"query\": unknown position: parse error: no expression found in input)"},
      {"query?query=1&limit=abc", 400, "bad_data",
       R"(invalid parameter \"limit\": strconv.Atoi: parsing \"abc\": invalid syntax)"},
      {"query?query=1&limit=-1", 400, "bad_data",
       R"(invalid parameter \"limit\": limit must be non-negative)"},
      {"query?query=1&limit=99999999999999999999", 400, "bad_data",
       R"(invalid parameter \"limit\": strconv.Atoi: parsing \"99999999999999999999\": value out of range)"},
      {"query?query=1&lookback_delta=x", 400, "bad_data",
       R"(error parsing lookback delta duration: cannot parse \"x\" to a valid duration)"},
      {"query?query=1&timeout=1x", 400, "bad_data",
       R"(invalid parameter \"timeout\": cannot parse \"1x\" to a valid duration)"},
      {"query?query=1&timeout=1e10", 400, "bad_data",
       R"(invalid parameter \"timeout\": cannot parse \"1e10\" to a valid duration. It overflows int64)"},
      {"query?query=1&timeout=0", 503, "timeout", "query timed out in query execution"},
      {"query_range", 400, "bad_data",
       R"(invalid parameter \"start\": cannot parse \"\" to a valid timestamp)"},
      {"query_range?query=1&start=2&end=1&step=1", 400, "bad_data",
       R"(invalid parameter \"end\": end timestamp must not be before start time)"},
      {"query_range?query=1&start=1&end=2&step=0", 400, "bad_data",
       R"(invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer)"},
      {"query_range?query=1&start=1&end=2&step=-1", 400, "bad_data",
       R"(invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer)"},
      {"query_range?query=1&start=0&end=11001&step=1", 400, "bad_data",
       "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query "
       "resolution (?step=XX)"},
      {"format_query?query=up%7B", 400, "bad_data",
       R"(invalid parameter \"query\": 1:4: parse error: unexpected end of input inside braces)"},
      {"query_exemplars?query=up&start=3&end=2", 400, "bad_data",
       "end timestamp must not be before start timestamp"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.url);
    const Answer answer = server.Get(std::string("/api/v1/") + c.url);
    EXPECT_EQ(c.status, answer.status);
    EXPECT_EQ(std::string(R"({"status":"error","errorType":")") + c.type + R"(","error":")" +
                  c.error + R"("})",
              answer.body);
  }
}

TEST(QueryApiTest, AnswersRanges) {
  FakeServer server;
  server.Add({{"__name__", "m"}}, {{0, 1}, {10'000, 2}});
  EXPECT_EQ(
      R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"m"},)"
      R"("values":[[0,"1"],[7.500,"1"],[15,"2"]]}]}})",
      server.Get("/api/v1/query_range?query=m&start=0&end=15&step=7.5").body);
  // Exactly 11,000 steps are allowed.
  EXPECT_EQ(200, server.Get("/api/v1/query_range?query=1&start=0&end=11000&step=1").status);
  EXPECT_EQ(R"({"status":"success","data":{"resultType":"matrix","result":[]}})",
            server.Get("/api/v1/query_range?query=nosuch&start=0&end=0&step=1m").body);
}

TEST(QueryApiTest, TruncatesAtTheLimit) {
  FakeServer server;
  for (const char* i : {"1", "2", "3"}) server.Add({{"__name__", "m"}, {"i", i}}, {{0, 1}});
  const auto count = [](const std::string& text) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find("\"metric\"", at)) != std::string::npos; ++at) ++n;
    return n;
  };
  const struct {
    const char* limit;
    std::size_t rows;
    bool warning;
  } cases[] = {{"0", 3, false}, {"1", 1, true}, {"2", 2, true}, {"3", 3, false}, {"4", 3, false}};
  for (const auto& c : cases) {
    for (const char* url :
         {"/api/v1/query?query=m&time=0&limit=", "/api/v1/query?query=m[1s]&time=0&limit=",
          "/api/v1/query_range?query=m&start=0&end=0&step=1&limit="}) {
      SCOPED_TRACE(std::string(url) + c.limit);
      const std::string body = server.Get(url + std::string(c.limit)).body;
      EXPECT_EQ(c.rows, count(body));
      EXPECT_EQ(c.warning, body.ends_with(R"(,"warnings":["results truncated due to limit"]})"))
          << body;
    }
  }
  EXPECT_EQ(std::string::npos, server.Get("/api/v1/query?query=1&limit=1").body.find("warnings"));
}

TEST(QueryApiTest, PlacesAnnotationsInTheQuery) {
  FakeServer server;
  server.Add({{"__name__", "m"}}, {{0, 1}, {1000, 2}});
  const std::string want =
      R"x({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]}]},)x"
      R"x("infos":["PromQL info: metric might not be a counter, name does not end in )x"
      R"x(_total/_sum/_count/_bucket: \"m\" (2:7)"]})x";
  EXPECT_EQ(want, server.Get("/api/v1/query?query=%0A%20rate(m%5B2s%5D)&time=1").body);
}

TEST(QueryApiTest, ReportsStatistics) {
  FakeServer server;
  server.Add({{"__name__", "m"}}, {{0, 1}, {1000, 2}});
  const std::string plain = server.Get("/api/v1/query?query=m&time=1").body;
  EXPECT_EQ(std::string::npos, plain.find("stats"));
  for (const char* value : {"all", "true", "1"}) {
    SCOPED_TRACE(value);
    const std::string body =
        server.Get(std::string("/api/v1/query?query=m&time=1&stats=") + value).body;
    EXPECT_NE(std::string::npos, body.find(R"("stats":{"timings":{"evalTotalTime":)")) << body;
    EXPECT_NE(std::string::npos,
              body.find(R"("samples":{"totalQueryableSamples":1,"samplesRead":)"))
        << body;
    EXPECT_EQ(value[0] == '1',
              body.find("is deprecated and will be rejected") != std::string::npos);
  }
}

TEST(QueryApiTest, TakesParametersFromBodyAndUrl) {
  FakeServer server;
  EXPECT_EQ(R"({"status":"success","data":{"resultType":"scalar","result":[5,"2"]}})",
            server.Ask("POST", "/api/v1/query?query=1&time=5", "query=2").body);
  EXPECT_EQ(R"({"status":"success","data":"1 + 2"})",
            server.Ask("POST", "/api/v1/format_query", "query=1%2B2").body);
  EXPECT_EQ(R"({"status":"success","data":{"type":"numberLiteral","val":"1"}})",
            server.Get("/api/v1/parse_query?query=1").body);
}

TEST(QueryApiTest, EndsAQueryWhoseClientIsGone) {
  FakeServer server;
  server.Add({{"__name__", "m"}}, {{0, 1}});
  std::stop_source source;
  source.request_stop();
  net::ServerRequest request;
  request.method = "GET";
  request.path = "/api/v1/query";
  request.raw_query = "query=sum(m)&time=0";
  request.stop = source.get_token();
  Answer answer;
  server.router().Dispatch(request, answer);
  EXPECT_EQ(499, answer.status);
  EXPECT_NE(std::string::npos, answer.body.find(R"("errorType":"canceled")")) << answer.body;
}

TEST(QueryApiTest, HasNoExemplarsWithoutAStore) {
  FakeServer server;
  EXPECT_EQ(R"({"status":"success","data":[]})",
            server.Get("/api/v1/query_exemplars?query=up").body);
  const Answer none = server.Get("/api/v1/query_exemplars?query=1");
  EXPECT_EQ(204, none.status);
  EXPECT_EQ("", none.body);
}

TEST(QueryApiTest, TracesWhenAsked) {
  FakeServer server;
  server.Add({{"__name__", "m"}}, {{1000, 1.5}});
  for (const char* url : {"/api/v1/query?query=sum(m)&time=1",
                          "/api/v1/query_range?query=sum(m)&start=1&end=3&step=1"}) {
    EXPECT_EQ(std::string::npos, server.Get(url).body.find("explain"));
    const std::string body = server.Get(std::string(url) + "&explain=true&stats=true").body;
    const std::size_t at = body.find(R"(,"explain":{"type":"aggregation","name":"sum",)");
    ASSERT_NE(std::string::npos, at) << body;
    EXPECT_LT(body.find(R"("stats":{)"), at);
    EXPECT_NE(std::string::npos, body.find(R"("children":[{"type":"vectorSelector",)", at)) << body;
  }
}

}  // namespace
}  // namespace narthex::web
