// SPDX-License-Identifier: Apache-2.0
#include "tests/web/fake_server.h"

namespace narthex::web {
namespace {

class SeriesApiTest : public ::testing::Test {
 protected:
  SeriesApiTest() {
    server_.Add({{"__name__", "up"}, {"job", "a"}}, {{1000, 1}});
    server_.Add({{"__name__", "up"}, {"job", "b"}}, {{1000, 1}});
    server_.Add({{"__name__", "down"}, {"job", "a"}, {"x.y", "<z>"}}, {{5000, 1}});
  }
  FakeServer server_;
};

TEST_F(SeriesApiTest, Answers) {
  const struct {
    const char* url;
    int status;
    const char* rest;  // After {"status":
  } cases[] = {
      {"labels", 200, R"("success","data":["__name__","job","x.y"]})"},
      {"labels?limit=2", 200,
       R"("success","data":["__name__","job"],"warnings":["results truncated due to limit"]})"},
      {"labels?match[]=up", 200, R"("success","data":["__name__","job"]})"},
      {"labels?match[]=nosuch", 200, R"("success","data":[]})"},
      {"labels?match[]=up&match[]=down", 200, R"("success","data":["__name__","job","x.y"]})"},
      {"labels?start=x", 400,
       R"("error","errorType":"bad_data","error":"invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" to a valid timestamp"})"},
      {"labels?match[]=sum(up)", 400,
       R"("error","errorType":"bad_data","error":"1:4: parse error: unexpected \"(\""})"},
      {"labels?match[]={}", 400,
       R"("error","errorType":"bad_data","error":"match[] must contain at least one non-empty matcher"})"},
      {"label/job/values", 200, R"("success","data":["a","b"]})"},
      {"label/job/values?match[]=down", 200, R"("success","data":["a"]})"},
      {"label/job/values?limit=1", 200,
       R"("success","data":["a"],"warnings":["results truncated due to limit"]})"},
      {"label/x.y/values", 200, R"("success","data":["\u003cz\u003e"]})"},
      {"label/U__x_2e_y/values", 200, R"("success","data":["\u003cz\u003e"]})"},
      {"label/U__x_2E_y/values", 200, R"("success","data":["\u003cz\u003e"]})"},
      {"label/U__bad_zz_/values", 200, R"("success","data":[]})"},
      {"label/U__x_00002e_y/values", 200, R"("success","data":[]})"},
      {"label/U__/values", 400,
       R"("error","errorType":"bad_data","error":"invalid label name: \"\""})"},
      {"label/\xff/values", 400,
       R"("error","errorType":"bad_data","error":"invalid label name: \"\\xff\""})"},
      {"series?match[]=up", 200,
       R"("success","data":[{"__name__":"up","job":"a"},{"__name__":"up","job":"b"}]})"},
      {"series?match[]=up&match[]={job=\"a\"}", 200,
       R"("success","data":[{"__name__":"down","job":"a","x.y":"<z>"},{"__name__":"up","job":"a"},{"__name__":"up","job":"b"}]})"},
      {"series?match[]=up&limit=1", 200,
       R"("success","data":[{"__name__":"up","job":"a"}],"warnings":["results truncated due to limit"]})"},
      {"series?match[]=up&limit=2", 200,
       R"("success","data":[{"__name__":"up","job":"a"},{"__name__":"up","job":"b"}]})"},
      {"series", 400, R"("error","errorType":"bad_data","error":"no match[] parameter provided"})"},
      {"series?match[]=up%7B", 400,
       R"("error","errorType":"bad_data","error":"invalid parameter \"match[]\": 1:4: parse error: unexpected end of input inside braces"})"},
      {"series?match[]={x=\"\"}", 400,
       R"("error","errorType":"bad_data","error":"invalid parameter \"match[]\": match[] must contain at least one non-empty matcher"})"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.url);
    const Answer answer = server_.Get(std::string("/api/v1/") + c.url);
    EXPECT_EQ(c.status, answer.status);
    EXPECT_EQ(std::string(R"({"status":)") + c.rest, answer.body);
  }
}

TEST_F(SeriesApiTest, FederatesTheNewestSamples) {
  server_.clock.SetMs(6000);
  server_.status.external = {{"region", "eu"}, {"job", "ignored"}};
  server_.Add({{"__name__", "up"}, {"job", "gone"}}, {{2000, 1}, {3000, model::kStaleNaN}});
  server_.Add({{"__name__", "up"}, {"instance", "i"}}, {{2000, 1}, {3000, 1e-9}, {7000, 5}});
  server_.Add({{"__name__", "m.dot"}, {"a\"b", "c\nd\\"}}, {{2000, 1e6}});
  const Answer answer = server_.Get("/federate?match[]=up&match[]=down&match[]={\"m.dot\"}");
  EXPECT_EQ(200, answer.status);
  EXPECT_EQ("text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
            answer.headers.at("Content-Type"));
  EXPECT_EQ(
      "# TYPE down untyped\n"
      "down{job=\"a\",x_y=\"<z>\",instance=\"\",region=\"eu\"} 1 5000\n"
      "# TYPE m_dot untyped\n"
      "m_dot{a_b=\"c\\nd\\\\\",instance=\"\",job=\"ignored\",region=\"eu\"} 1e+06 2000\n"
      "# TYPE up untyped\n"
      "up{instance=\"i\",job=\"ignored\",region=\"eu\"} 1e-09 3000\n"
      "up{job=\"a\",instance=\"\",region=\"eu\"} 1 1000\n"
      "up{job=\"b\",instance=\"\",region=\"eu\"} 1 1000\n",
      answer.body);
  const Answer utf8 = server_.Ask("GET", "/federate?match[]={\"m.dot\"}", "",
                                  {{"Accept", "text/plain; version=1.0.0; escaping=allow-utf-8"}});
  EXPECT_EQ(
      "# TYPE \"m.dot\" untyped\n"
      "{\"m.dot\",\"a\\\"b\"=\"c\\nd\\\\\",instance=\"\",job=\"ignored\",region=\"eu\"} 1e+06 "
      "2000\n",
      utf8.body);
  EXPECT_EQ("", server_.Get("/federate").body);
  EXPECT_EQ("", server_.Get("/federate?match[]={}").body);
  EXPECT_EQ(400, server_.Get("/federate?match[]={").status);
}

/// A storage, and one of exemplars, that fails as it is told.
struct FailingStorage final : storage::Queryable, ExemplarSource {
  Code code = Code::kIo;
  Result<std::unique_ptr<storage::Querier>> NewQuerier(model::TimestampMs,
                                                       model::TimestampMs) override {
    return Fail(code, "block X is broken");
  }
  Status SelectExemplars(
      model::TimestampMs, model::TimestampMs, std::span<const std::vector<model::Matcher>>,
      const std::function<void(const model::Labels&, std::span<const model::Exemplar>)>&)
      const override {
    return Fail(code, "block X is broken");
  }
};

TEST(SeriesErrorsTest, FailuresOfTheStorageAreThoseOfTheExecution) {
  FailingStorage storage;
  FakeServer server;
  server.options.enable_search = true;
  server.queryable = &storage;
  server.exemplars = &storage;
  const struct {
    Code code;
    int status;
    const char* type;
  } cases[] = {
      {Code::kIo, 422, "execution"},           {Code::kCorruption, 422, "execution"},
      {Code::kInternal, 422, "execution"},     {Code::kResourceExhausted, 422, "execution"},
      {Code::kCancelled, 499, "canceled"},     {Code::kTimeout, 503, "timeout"},
      {Code::kUnavailable, 500, "unavailable"}};
  for (const auto& c : cases) {
    storage.code = c.code;
    for (const char* url : {"labels", "label/job/values", "series?match[]=up",
                            "query_exemplars?query=up", "search/label_names"}) {
      SCOPED_TRACE(std::string(url) + " " + c.type);
      const Answer answer = server.Get(std::string("/api/v1/") + url);
      EXPECT_EQ(c.status, answer.status);
      EXPECT_EQ(std::string(R"({"status":"error","errorType":")") + c.type +
                    R"(","error":"block X is broken"})",
                answer.body);
    }
  }
}

TEST_F(SeriesApiTest, EndsWhatNobodyWaitsFor) {
  server_.options.enable_search = true;
  std::stop_source source;
  source.request_stop();
  for (const auto& [path, query] : {std::pair{"/api/v1/labels", ""},
                                    {"/api/v1/label/job/values", ""},
                                    {"/api/v1/search/label_names", ""},
                                    {"/api/v1/search/label_values", "label=job"}}) {
    SCOPED_TRACE(path);
    net::ServerRequest request;
    request.method = "GET";
    request.path = path;
    request.raw_query = query;
    request.stop = source.get_token();
    Answer answer;
    server_.router().Dispatch(request, answer);
    EXPECT_EQ(499, answer.status);
    EXPECT_NE(std::string::npos, answer.body.find(R"("errorType":"canceled")")) << answer.body;
  }
}

}  // namespace
}  // namespace narthex::web
