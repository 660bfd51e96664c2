// SPDX-License-Identifier: Apache-2.0
#include "src/cli/range_query.h"

#include <cmath>

#include <gtest/gtest.h>

namespace narthex::cli {
namespace {

TEST(RangeAnswerTest, ReadsSeriesAndWarnings) {
  const auto result = ParseRangeAnswer(200, R"({"status":"success","warnings":["w"],
    "data":{"resultType":"matrix","result":[{"metric":{"__name__":"a","x":"1"},
    "values":[[1.5,"2"],[1749952800.781,"NaN"],[2,"+Inf"]],"histograms":[]}]}})");
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->warnings, std::vector<std::string>{"w"});
  ASSERT_EQ(result->series.size(), 1U);
  EXPECT_EQ(result->series[0].labels.ToString(), "{__name__=\"a\", x=\"1\"}");
  ASSERT_EQ(result->series[0].samples.size(), 3U);
  EXPECT_EQ(result->series[0].samples[0].t, 1'500);
  EXPECT_EQ(result->series[0].samples[1].t, 1'749'952'800'781);
  EXPECT_TRUE(std::isnan(result->series[0].samples[1].v));
}

TEST(RangeAnswerTest, FailuresSayWhatTheServerSaid) {
  const struct {
    int status;
    const char* body;
    const char* reason;
  } cases[] = {
      {400, R"({"status":"error","errorType":"bad_data","error":"too many"})",
       "bad_data: too many"},
      {503, "no", "server_error: server error: 503"},
      {404, "no", "client_error: client error: 404"},
      {200, R"({"status":"success","data":{"resultType":"vector","result":[]}})",
       "rule result is wrong type vector"},
      {200, R"({"status":"success"})", "bad_response: no data"},
      {200, R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{},
                "values":[[1,"x"]]}]}})",
       "bad_response: \"x\" is no sample value"},
      {200, R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{},
                "values":[7]}]}})",
       "bad_response: a sample is no pair of time and value"},
      {200, R"({"status":"success","data":{"resultType":"matrix","result":[3]}})",
       "bad_response: a series has no metric"},
  };
  for (const auto& c : cases) {
    const auto result = ParseRangeAnswer(c.status, c.body);
    ASSERT_FALSE(result) << c.body;
    EXPECT_EQ(result.error().message(), c.reason);
  }
}

}  // namespace
}  // namespace narthex::cli
