// SPDX-License-Identifier: Apache-2.0
//
// The read client against our own remote read endpoint over a real database.
#include <bit>

#include "narthex/base/thread_pool.h"
#include "narthex/model/sample.h"
#include "narthex/promql/engine.h"
#include "narthex/storage/annotations.h"
#include "narthex/storage/fanout.h"
#include "narthex/tsdb/chunk_decoder.h"
#include "tests/remote/read_fixture.h"
#include "tests/support/fake_http_server.h"
#include "tests/support/memory_storage.h"
#include "tests/web/remote_fixture.h"

namespace narthex::remote {
namespace {

using testing::FakeHttpServer;

/// A server with data of its own, reachable over HTTP.
class Origin final : public web::RemoteApiTest {
 public:
  Origin() {
    server_.chunks = db_.get();
    server_.decode_chunk = tsdb::DecodeChunk;
    server_.status.external = {{"cluster", "c"}};
    static_assert(kNow == kStart);
    wire::WriteRequest request;
    auto& a = web::AddSeries(request, {{"__name__", "a"}, {"job", "x"}});
    // Several chunks, and NaN payloads.
    for (int i = 0; i < 300; ++i) web::AddSample(a, kNow - 300'000 + 1000 * i, i);
    web::AddSample(a, kNow, std::bit_cast<double>(model::kStaleNaNBits));
    web::AddSample(web::AddSeries(request, {{"__name__", "a"}, {"job", "y"}}), kNow, 7);
    auto& h = web::AddSeries(request, {{"__name__", "h"}});
    for (int i = 0; i < 3; ++i) *h.add_histograms() = web::OneObservation(kNow + i, 1, 2);
    wire::Histogram f;
    f.set_count_float(1.5);
    f.set_zero_count_float(1.5);
    f.set_timestamp(kNow);
    *web::AddSeries(request, {{"__name__", "f"}}).add_histograms() = f;
    EXPECT_EQ(204, Write(request).status);
    server_.router();  // Registered before threads ask.
  }
  void TestBody() override {}

  FakeHttpServer::Response Read(const FakeHttpServer::Request& request) {
    const web::Answer answer = server_.Post("/api/v1/read", request.body);
    return {.body = answer.body,
            .status = std::to_string(answer.status) + " X",
            .content_type = answer.headers.at("Content-Type")};
  }
  storage::Queryable& db() { return *db_; }
};

/// The request without what asks for a stream.
FakeHttpServer::Request OnlySamples(FakeHttpServer::Request request) {
  std::string bytes;
  EXPECT_TRUE(proto::SnappyDecode(request.body, 1 << 20, bytes));
  wire::ReadRequest message;
  EXPECT_TRUE(message.ParseFromString(bytes));
  message.clear_accepted_response_types();
  request.body = web::Packed(message);
  return request;
}

class OwnServerTest : public ReadFixture, public ::testing::WithParamInterface<bool> {
 protected:
  OwnServerTest()
      : server_([this](const FakeHttpServer::Request& request) {
          return origin_.Read(GetParam() ? request : OnlySamples(request));
        }) {
    AddSection(server_.Url("/api/v1/read"));
    config_.global.external_labels = {{"cluster", "c"}};
  }

  std::string OfOrigin(const std::vector<model::Matcher>& matchers) {
    const auto querier = *origin_.db().NewQuerier(mint_, maxt_);
    const auto set = *querier->Select(matchers, Hints());
    return Text(*set, mint_, maxt_);
  }

  Origin origin_;
  FakeHttpServer server_;
};

TEST_P(OwnServerTest, ReadsWhatTheServerHas) {
  for (const char* name : {"a", "h", "f", "nosuch"}) {
    SCOPED_TRACE(name);
    EXPECT_EQ(OfOrigin(Named(name)), SelectText(Named(name)));
  }
  mint_ = kStart - 100'500;
  maxt_ = kStart - 20'000;
  const std::string part = SelectText(Named("a"));
  EXPECT_EQ(OfOrigin(Named("a")).substr(0, 200), part.substr(0, 200));
  EXPECT_EQ(81 + 2, std::count(part.begin(), part.end(), '='));  // Samples and labels.
  const std::string counted = Metrics("prometheus_remote_read_client_queries_total{");
  EXPECT_NE(std::string::npos, counted.find(GetParam() ? "\"chunked\"" : "\"sampled\"")) << counted;
}

TEST_P(OwnServerTest, StaleMarkersAndHintsOfHistogramsStay) {
  const auto set = Select(Named("a"));
  ASSERT_TRUE(set);
  storage::SampleColumns columns;
  ASSERT_TRUE((*set)->Read(0, mint_, maxt_, columns));
  ASSERT_EQ(301U, columns.v.size());
  EXPECT_TRUE(model::IsStale(columns.v.back()));
  const auto histograms = Select(Named("h"));
  columns.Clear();
  ASSERT_TRUE((*histograms)->Read(0, mint_, maxt_, columns));
  ASSERT_EQ(3U, columns.histograms.size());
  EXPECT_EQ(model::CounterResetHint::kNotReset, columns.histograms[1].counter_reset_hint);
}

TEST_P(OwnServerTest, QueriesSeeBothAndWarnOfFailures) {
  testing::MemoryStorage local;
  const auto appender = local.NewAppender();
  storage::SeriesRef ref{};
  ASSERT_EQ(storage::AppendError::kNone,
            appender->Append(ref, {{"__name__", "a"}, {"job", "x"}}, kStart + 1000, 1000));
  ASSERT_TRUE(appender->Commit());
  ThreadPool pool("test", 4);
  storage::FanoutQueryable fanout(local, pool);
  promql::Engine engine({}, nullptr, SystemClock(), registry_);
  const auto ask = [&](const std::string& query) {
    const auto result = engine.Instant(fanout, query, kStart + 1000);
    if (!result) return result.error().message();
    std::string text;
    for (const auto& sample : std::get<promql::Vector>(result->value)) {
      text += sample.metric.ToString() + "=" + go::FormatFloatG(sample.v) + ";";
    }
    for (const auto& [warning, position] : result->annotations.warnings()) text += warning;
    return text;
  };
  EXPECT_EQ("{}=1;", ask("count(a)"));
  fanout.SetSecondaries(*Apply());
  EXPECT_EQ("{}=2;", ask("count(a)"));
  EXPECT_EQ("{job=\"x\"}=301;{job=\"y\"}=1;", ask("sum by (job) (count_over_time(a[10m]))"));
  EXPECT_EQ("{}=2;", ask("count(a) + count(h) - count(h)"));
  EXPECT_EQ("{}=3;", ask("histogram_count(sum(rate(h[10m]))) * 0 + 3"));

  // One more that is not there: its failure does not take away the others' data.
  AddSection("http://127.0.0.1:1/").name = "dead";
  fanout.SetSecondaries(*Apply());
  EXPECT_EQ(
      "{}=2;remote_read: error sending request: Post \"http://127.0.0.1:1/\": dial tcp "
      "127.0.0.1:1: "
      "connect: connection refused",
      ask("count(a)"));
}

std::string FormName(const ::testing::TestParamInfo<bool>& streamed) {
  return streamed.param ? "Streamed" : "Sampled";
}
INSTANTIATE_TEST_SUITE_P(Forms, OwnServerTest, ::testing::Values(true, false), FormName);

}  // namespace
}  // namespace narthex::remote
