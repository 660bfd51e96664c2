// SPDX-License-Identifier: Apache-2.0
//
// Large answers to queries, which are evaluated as they are written.
#include "tests/support/watched_storage.h"
#include "tests/web/fake_server.h"

namespace narthex::web {
namespace {

constexpr const char* kRange = "/api/v1/query_range?start=0&end=1023&step=1&";
constexpr int kBatch = 64;  // Rows that are evaluated together, at 1024 steps.
constexpr int kSeries = 2 * kBatch + 6;

class QueryStreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto appender = storage_.data.NewAppender();
    model::FloatHistogram h;
    h.count = h.sum = 2;
    h.positive_spans = {{0, 1}};
    h.positive_buckets = {2};
    for (int i = 0; i < kSeries; ++i) {
      const std::string number = std::to_string(1000 + i);
      for (int k = 0; k < 5; ++k) {
        storage::SeriesRef ref{0};
        ASSERT_EQ(storage::AppendError::kNone,
                  appender->Append(ref, {{"__name__", "x"}, {"i", number}}, k * 200'000, k * 0.3));
        ASSERT_EQ(storage::AppendError::kNone,
                  appender->AppendFloatHistogram(ref, {{"__name__", "h"}, {"i", number}},
                                                 k * 200'000, h));
      }
    }
    ASSERT_TRUE(appender->Commit());
    held_.queryable = streaming_.queryable = &storage_;
    held_.options.stream_above_bytes = 0;
    streaming_.options.stream_above_bytes = 1;
  }

  /// Asks for x; `on_write` is called after each piece of the answer.
  Answer AskForX(const std::function<void(Answer&)>& on_write) {
    net::ServerRequest request;
    request.method = "GET";
    request.path = "/api/v1/query_range";
    request.raw_query = "start=0&end=1023&step=1&query=x";
    Answer answer;
    answer.on_write = [&] { on_write(answer); };
    streaming_.router().Dispatch(request, answer);
    return answer;
  }

  testing::WatchedStorage storage_;
  FakeServer held_, streaming_;
};

TEST_F(QueryStreamTest, WritesTheSameBytes) {
  for (const std::string& url :
       {std::string(kRange) + "query=x", std::string(kRange) + "query=x&stats=all",
        std::string(kRange) + "query=rate(x[5m])", std::string(kRange) + "query=x&limit=3",
        std::string(kRange) + "query=x&limit=" + std::to_string(kSeries),
        std::string("/api/v1/query?time=1000&query=x[10m]"),
        std::string("/api/v1/query?time=1000&query=h[10m]"),
        std::string("/api/v1/query?time=1000&query=h[10m]&limit=70"),
        std::string("/api/v1/query?time=1000&query=rate(x[5m])[10m:1s]")}) {
    SCOPED_TRACE(url);
    const Answer held = held_.Get(url);
    EXPECT_EQ(held.status, 200);
    storage_.watch.reads = 0;
    const Answer streamed = streaming_.Get(url);
    EXPECT_GT(storage_.watch.reads, kSeries);  // Not from memory.
    EXPECT_EQ(streamed.status, 200);
    EXPECT_FALSE(streamed.aborted);
    EXPECT_TRUE(streamed.body == held.body) << held.body.substr(0, 300) << "\nis not\n"
                                            << streamed.body.substr(0, 300);
  }
  EXPECT_NE(streaming_.Get(std::string(kRange) + "query=x&limit=3")
                .body.find("results truncated due to limit"),
            std::string::npos);
}

TEST_F(QueryStreamTest, ErrorsComeBeforeTheFirstByte) {
  storage_.watch.fail_after = kSeries - 1;
  const Answer answer = streaming_.Get(std::string(kRange) + "query=x");
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(
      answer.body,
      R"({"status":"error","errorType":"execution","error":"expanding series: chunk is bad"})");
}

TEST_F(QueryStreamTest, CutsTheConnectionWhenTheStorageFailsLater) {
  storage_.watch.fail_after = kSeries + kBatch;
  const Answer answer = AskForX([](Answer&) {});
  EXPECT_TRUE(answer.aborted);
  EXPECT_TRUE(answer.body.starts_with(R"({"status":"success","data":{"resultType":"matrix")"));
  EXPECT_FALSE(answer.body.ends_with("}"));
}

TEST_F(QueryStreamTest, EndsWhenTheClientIsGone) {
  const Answer answer = AskForX([](Answer& a) { a.connected = false; });
  EXPECT_EQ(storage_.watch.reads, kSeries + kBatch);
  EXPECT_EQ(storage_.watch.live_sets, 0);
  EXPECT_LT(answer.body.size(), 100'000U);
}

}  // namespace
}  // namespace narthex::web
