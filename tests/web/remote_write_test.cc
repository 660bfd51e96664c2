// SPDX-License-Identifier: Apache-2.0
//
// Expected statuses and texts: Prometheus's remote write receiver.
#include <thread>

#include "tests/web/remote_fixture.h"
#include "web/api/read_gate.h"

namespace narthex::web {
namespace {

using RemoteWriteApiTest = RemoteApiTest;

TEST_F(RemoteWriteApiTest, IsSwitchedOffByDefault) {
  server_.options.enable_remote_write_receiver = false;
  const Answer answer = server_.Post("/api/v1/write", "");
  EXPECT_EQ(404, answer.status);
  EXPECT_EQ("remote write receiver needs to be enabled with --web.enable-remote-write-receiver\n",
            answer.body);
}

TEST_F(RemoteWriteApiTest, NegotiatesContent) {
  server_.options.accepted_write_messages = {"prometheus.WriteRequest"};
  const std::string media = "application/x-protobuf";
  const struct {
    const char* name;
    Pairs headers;
    int status;
    const char* body;
  } cases[] = {
      {"no headers", {}, 204, ""},
      {"v1 named", WriteHeaders(";proto=prometheus.WriteRequest"), 204, ""},
      {"other parameter", WriteHeaders(";x=y"), 204, ""},
      {"snappy in capitals",
       {{"Content-Encoding", "Snappy"}},
       415,
       "Snappy encoding (compression) is not accepted by this server; only snappy is acceptable\n"},
      {"gzip",
       {{"Content-Encoding", "gzip"}},
       415,
       "gzip encoding (compression) is not accepted by this server; only snappy is acceptable\n"},
      {"json",
       {{"Content-Type", "application/json"}},
       415,
       "expected application/x-protobuf as the first (media) part, got application/json "
       "content-type\n"},
      {"parameter without value", WriteHeaders(";proto"), 415,
       "as per https://www.rfc-editor.org/rfc/rfc9110#parameter expected parameters to be "
       "key-values, got proto in application/x-protobuf;proto content-type\n"},
      {"unknown message", WriteHeaders(";proto=x.Y"), 415,
       "got application/x-protobuf;proto=x.Y content type; unknown type for remote write protobuf "
       "message x.Y, supported: prometheus.WriteRequest, io.prometheus.write.v2.Request\n"},
      {"message that is not accepted", WriteHeaders(kV2Parameter), 415,
       "io.prometheus.write.v2.Request protobuf message is not accepted by this server; only "
       "accepts prometheus.WriteRequest\n"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const Answer answer = server_.Post("/api/v1/write", Packed(wire::WriteRequest()), c.headers);
    EXPECT_EQ(c.status, answer.status);
    EXPECT_EQ(c.body, answer.body);
  }
}

TEST_F(RemoteWriteApiTest, RefusesBrokenBodies) {
  std::string not_protobuf, whole;
  proto::SnappyEncode("\x0f\xff\xff", not_protobuf);
  wire::WriteRequest request;
  AddSample(AddSeries(request, {{"__name__", "m"}}), kNow, 1);
  const std::string bytes = request.SerializeAsString();
  std::string cut;
  proto::SnappyEncode(bytes + bytes.substr(0, bytes.size() - 4), cut);
  const struct {
    const char* name;
    std::string body;
    int status;
    const char* text;
  } cases[] = {
      {"nothing", "", 400, "snappy: corrupt input\n"},
      {"too long", std::string("\x80\x80\x80\x20\x00", 5), 400,
       "decoded size exceeds the 33554432 bytes limit\n"},
      {"too long as sent", std::string((32 << 20) + 1, 'x'), 413,
       "request body exceeds the 33554432 bytes limit\n"},
      {"no protobuf", not_protobuf, 400, "proto: wrong wireType = 7 for field Timeseries\n"},
      {"cut", cut, 400, "unexpected EOF\n"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const Answer answer = server_.Post("/api/v1/write", c.body, WriteHeaders());
    EXPECT_EQ(c.status, answer.status);
    EXPECT_EQ(c.text, answer.body);
    EXPECT_EQ(0U, answer.headers.count("X-Prometheus-Remote-Write-Samples-Written"));
  }
  EXPECT_EQ("", Stored());
}

// The order in which upstream looks decides what a sender hears who has made several mistakes.
TEST_F(RemoteWriteApiTest, ChecksInUpstreamsOrder) {
  const Pairs bad_type = {{"Content-Type", "application/json"}};
  const std::string large((32 << 20) + 1, 'x');
  EXPECT_EQ(400, server_.Post("/api/v1/write", "", bad_type).status);
  EXPECT_EQ(413, server_.Post("/api/v1/write", large, bad_type).status);
  Pairs bad_encoding = bad_type;
  bad_encoding.emplace_back("Content-Encoding", "gzip");
  EXPECT_EQ(
      "gzip encoding (compression) is not accepted by this server; only snappy is acceptable\n",
      server_.Post("/api/v1/write", large, bad_encoding).body);
}

TEST_F(RemoteWriteApiTest, StoresV1) {
  wire::WriteRequest request;
  auto& a = AddSeries(request, {{"__name__", "m"}, {"z", "1"}, {"b", "2"}, {"empty", ""}});
  AddSample(a, kNow - 2000, 1.5);
  AddSample(a, kNow - 1000, -0.0);
  AddSample(AddSeries(request, {{"__name__", "rw.utf8"}, {"l\xc3\xa1", "\xc3\xa4"}}), kNow, 3);
  *AddSeries(request, {{"__name__", "h"}}).add_histograms() = OneObservation(kNow, 1, 2);
  // Bucket 9 of schema 20 covers a part of bucket 1 of schema 8.
  *AddSeries(request, {{"__name__", "h20"}}).add_histograms() = OneObservation(kNow, 20, 9);
  const Answer answer = Write(request);
  EXPECT_EQ(204, answer.status) << answer.body;
  EXPECT_EQ(0U, answer.headers.count("X-Prometheus-Remote-Write-Samples-Written"));
  EXPECT_EQ(
      "{__name__=\"h\"} 0:{count:1, sum:1, (1.414213562373095,2]:1}\n"
      "{__name__=\"h20\"} 0:{count:1, sum:1, (1,1.0027112750502025]:1}\n"
      "{__name__=\"m\", b=\"2\", z=\"1\"} -2000:1.5 -1000:-0\n"
      "{__name__=\"rw.utf8\", \"l\xc3\xa1\"=\"\xc3\xa4\"} 0:3\n",
      Stored());
}

TEST_F(RemoteWriteApiTest, V1SkipsSeriesWithBadLabels) {
  wire::WriteRequest request;
  AddSample(AddSeries(request, {{"a", "1"}}), kNow, 1);
  AddSample(AddSeries(request, {}), kNow, 1);
  AddSample(AddSeries(request, {{"__name__", ""}}), kNow, 1);
  AddSample(AddSeries(request, {{"__name__", "m"}, {"", "x"}}), kNow, 1);
  AddSample(AddSeries(request, {{"__name__", "m"}, {"a", "\xff"}}), kNow, 1);
  AddSample(AddSeries(request, {{"a", "1"}, {"__name__", "m"}, {"a", "2"}}), kNow, 1);
  AddSample(AddSeries(request, {{"__name__", "good"}}), kNow, 1);
  EXPECT_EQ(204, Write(request).status);
  EXPECT_EQ("{__name__=\"good\"} 0:1\n", Stored());
  EXPECT_EQ(6U, server_.registry
                    .AddCounter("prometheus_api_remote_write_invalid_labels_samples_total", "")
                    .value());
}

TEST_F(RemoteWriteApiTest, V1TakesAllOrNothing) {
  wire::WriteRequest first;
  AddSample(AddSeries(first, {{"__name__", "m"}}), kNow, 1);
  ASSERT_EQ(204, Write(first).status);
  const std::string before = Stored();
  wire::Histogram bad = OneObservation(kNow + 1000, 0, 1);
  bad.set_count_int(77);
  const struct {
    const char* name;
    model::TimestampMs t;
    double v;
    const wire::Histogram* h;
    int status;
    std::string text;
  } cases[] = {
      {"same again", kNow, 1, nullptr, 204, ""},
      {"another value", kNow, 2, nullptr, 400,
       "duplicate sample for timestamp " + std::to_string(kNow) +
           "; overrides not allowed: existing 1, new value 2\n"},
      {"out of order", kNow - 1, 1, nullptr, 400, "out of order sample\n"},
      {"too old", kNow - 86'400'000, 1, nullptr, 400, "out of bounds\n"},
      {"far ahead", kNow + 600'001, 1, nullptr, 400,
       "out of bounds: timestamp is too far in the future\n"},
      {"bad histogram", 0, 0, &bad, 400,
       "1 observations found in buckets, but the Count field is 77: histogram's observation count "
       "should equal the number of observations found in the buckets (in absence of NaN)\n"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    wire::WriteRequest request;
    if (c.status != 204) AddSample(AddSeries(request, {{"__name__", "other"}}), kNow, 1);
    auto& series = AddSeries(request, {{"__name__", c.h == nullptr ? "m" : "h"}});
    if (c.h == nullptr) {
      AddSample(series, c.t, c.v);
    } else {
      *series.add_histograms() = *c.h;
    }
    const Answer answer = Write(request);
    EXPECT_EQ(c.status, answer.status);
    EXPECT_EQ(c.text, answer.body);
    EXPECT_EQ(before, Stored());
  }
}

TEST_F(RemoteWriteApiTest, V2StoresWhatIsGood) {
  wire::v2::Request first;
  AddSample(AddSeries(first, {{"__name__", "m"}}), kNow, 1);
  ASSERT_EQ(204, Write(first, kV2Parameter).status);

  wire::v2::Request request;
  AddSample(AddSeries(request, {{"a", "1"}}), kNow, 1);
  auto& mixed = AddSeries(request, {{"__name__", "m"}});
  AddSample(mixed, kNow - 1, 5);
  AddSample(mixed, kNow, 5);
  AddSample(mixed, kNow + 1, 5);
  AddSeries(request, {{"__name__", "nothing"}});
  AddSample(AddSeries(request, {{"__name__", "d"}, {"a", "1"}, {"a", "2"}}), kNow, 1);
  auto& h = AddSeries(request, {{"__name__", "h"}});
  *h.add_histograms() = OneObservation(kNow, 1, 2);
  *h.add_histograms() = OneObservation(kNow + 1, 1, 2);
  h.mutable_histograms(1)->set_count_int(9);
  auto& e = AddSeries(request, {{"__name__", "e"}});
  AddSample(e, kNow, 1);
  auto& exemplar = *e.add_exemplars();
  exemplar.add_labels_refs(SymbolOf(request, "trace_id"));
  exemplar.add_labels_refs(SymbolOf(request, "x"));
  exemplar.set_timestamp(kNow);
  auto& outside = *request.add_timeseries();
  outside.add_labels_refs(1);
  outside.add_labels_refs(999);
  AddSample(outside, kNow, 1);

  const Answer answer = Write(request, kV2Parameter);
  EXPECT_EQ(400, answer.status);
  EXPECT_EQ(
      "invalid metric name or labels, got {a=\"1\"}\n"
      "out of order sample for series {__name__=\"m\"}\n"
      "duplicate sample for timestamp " +
          std::to_string(kNow) +
          "; overrides not allowed: existing 1, new value 5 for series {__name__=\"m\"}\n"
          "TimeSeries must contain at least one sample or histogram for series "
          "{__name__=\"nothing\"}\n"
          "invalid labels for series, labels {__name__=\"d\", a=\"1\", a=\"2\"}, duplicated label "
          "a\n"
          "1 observations found in buckets, but the Count field is 9: histogram's observation "
          "count "
          "should equal the number of observations found in the buckets (in absence of NaN) for "
          "series "
          "{__name__=\"h\"}\n"
          "parsing labels for series [1 999]: labelRefs 1 (name) = 999 (value) outside of symbols "
          "table (size 12)\n",
      answer.body);
  EXPECT_EQ("2", answer.headers.at("X-Prometheus-Remote-Write-Samples-Written"));
  EXPECT_EQ("1", answer.headers.at("X-Prometheus-Remote-Write-Histograms-Written"));
  EXPECT_EQ("1", answer.headers.at("X-Prometheus-Remote-Write-Exemplars-Written"));
  EXPECT_EQ(
      "{__name__=\"e\"} 0:1\n"
      "{__name__=\"h\"} 0:{count:1, sum:1, (1.414213562373095,2]:1}\n"
      "{__name__=\"m\"} 0:1 1:5\n",
      Stored());
}

TEST_F(RemoteWriteApiTest, V2StoresNothingOfABrokenBody) {
  wire::v2::Request request;
  AddSample(AddSeries(request, {{"__name__", "m"}}), kNow, 1);
  std::string block;
  proto::SnappyEncode(request.SerializeAsString() + "\x2a\x7f", block);
  const Answer answer = server_.Post("/api/v1/write", block, WriteHeaders(kV2Parameter));
  EXPECT_EQ(400, answer.status);
  EXPECT_EQ("unexpected EOF\n", answer.body);
  for (const char* kind : {"Samples", "Histograms", "Exemplars"}) {
    const std::string name = "X-Prometheus-Remote-Write-" + std::string(kind) + "-Written";
    EXPECT_EQ("0", answer.headers.at(name));
  }
  EXPECT_EQ("", Stored());
}

TEST_F(RemoteWriteApiTest, AddsTypeAndUnitAsLabels) {
  server_.options.type_and_unit_labels = true;
  wire::v2::Request request;
  auto& series = AddSeries(request, {{"__name__", "m"}, {"__type__", "old"}});
  AddSample(series, kNow, 1);
  series.mutable_metadata()->set_type(1);
  series.mutable_metadata()->set_unit_ref(SymbolOf(request, "seconds"));
  EXPECT_EQ(204, Write(request, kV2Parameter).status);
  EXPECT_EQ("{__name__=\"m\", __type__=\"counter\", __unit__=\"seconds\"} 0:1\n", Stored());
}

wire::v2::Request WithStartTime(model::TimestampMs now) {
  wire::v2::Request request;
  auto& series = AddSeries(request, {{"__name__", "m"}});
  for (int i = 0; i < 2; ++i) {
    AddSample(series, now + i, 5);
    series.mutable_samples(i)->set_start_timestamp(now - 7);
  }
  return request;
}

TEST_F(RemoteWriteApiTest, V2AddsZerosWhereSeriesBegan) {
  server_.options.start_zeros = true;
  EXPECT_EQ(204, Write(WithStartTime(kNow), kV2Parameter).status);
  EXPECT_EQ("{__name__=\"m\"} -7:0 0:5 1:5\n", Stored());
}

TEST_F(RemoteWriteApiTest, V2AddsNoZerosUnlessItIsSwitchedOn) {
  EXPECT_EQ(204, Write(WithStartTime(kNow), kV2Parameter).status);
  EXPECT_EQ("{__name__=\"m\"} 0:5 1:5\n", Stored());
}

TEST_F(RemoteWriteApiTest, WaitsForTheServerToBeReady) {
  server_.status.state = ServerState::kStarting;
  EXPECT_EQ(503, Write(wire::WriteRequest()).status);
}

// Symbols of version 2 can be named again and again: a small body must not become a large series,
// or a large answer.
TEST_F(RemoteWriteApiTest, RepeatedSymbolsDoNotAddUpWithoutLimit) {
  const std::string large(64 << 10, 'x');
  {
    wire::v2::Request request;
    Pairs labels = {{"__name__", "m"}};
    for (int i = 0; i < 300; ++i) labels.emplace_back("l" + std::to_string(i), large);
    AddSample(AddSeries(request, labels), kNow, 1);
    AddSample(AddSeries(request, {{"__name__", "good"}}), kNow, 1);
    const Answer answer = Write(request, kV2Parameter);
    EXPECT_EQ(400, answer.status);
    EXPECT_NE(answer.body.find("the symbols take"), std::string::npos) << answer.body.substr(0, 99);
    EXPECT_EQ("{__name__=\"good\"} 0:1\n", Stored().substr(0, 100));
  }
  {
    wire::v2::Request request;
    auto& series = AddSeries(request, {{"__name__", "good"}});
    AddSample(series, kNow, 1);
    auto& exemplar = *series.add_exemplars();
    for (int i = 0; i < 300; ++i) {
      exemplar.add_labels_refs(SymbolOf(request, "l" + std::to_string(i)));
      exemplar.add_labels_refs(SymbolOf(request, large));
    }
    const Answer answer = Write(request, kV2Parameter);
    EXPECT_EQ(400, answer.status);
    EXPECT_NE(answer.body.find("the symbols take"), std::string::npos) << answer.body.substr(0, 99);
  }
}

TEST_F(RemoteWriteApiTest, AnswersStayShort) {
  wire::v2::Request request;
  for (int i = 0; i < 200; ++i) {
    AddSample(AddSeries(request, {{"nameless", std::string(64 << 10, 'x')}}), kNow, 1);
  }
  const Answer answer = Write(request, kV2Parameter);
  EXPECT_EQ(400, answer.status);
  EXPECT_LT(answer.body.size(), 100'000U);
  EXPECT_NE(answer.body.find("invalid metric name or labels, got {nameless=\"xxx"),
            std::string::npos);
  EXPECT_NE(answer.body.find("(cut)"), std::string::npos);
  EXPECT_NE(answer.body.find(" more)\n"), std::string::npos);
}

TEST_F(RemoteWriteApiTest, HistogramsThatNoChunkCanHoldAreRefused) {
  for (const bool many_spans : {false, true}) {
    SCOPED_TRACE(many_spans);
    wire::WriteRequest request;
    auto& series = AddSeries(request, {{"__name__", "h"}});
    *series.add_histograms() = OneObservation(kNow, 0, many_spans ? 0 : 600'000'000);
    for (int i = 0; many_spans && i < 300'000; ++i) {
      series.mutable_histograms(0)->add_positive_spans();
    }
    EXPECT_EQ(400, Write(request).status);
  }
  EXPECT_EQ("", Stored());
  EXPECT_TRUE(db_->Compact());
}

/// Keeps those who want an appender until as many are there as may be, and a little longer: whoever
/// comes in wrongly has the time to.
class CrowdedStorage final : public storage::Appendable {
 public:
  CrowdedStorage(storage::Appendable& inner, std::size_t limit) : inner_(inner), limit_(limit) {}

  std::unique_ptr<storage::Appender> NewAppender() override {
    {
      MutexLock lock(mutex_);
      most_ = std::max(most_, ++inside_);
      changed_.NotifyAll();
      while (most_ < limit_) changed_.Wait(mutex_);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    MutexLock lock(mutex_);
    --inside_;
    return inner_.NewAppender();
  }
  std::size_t most() const { return most_; }

 private:
  storage::Appendable& inner_;
  const std::size_t limit_;
  Mutex mutex_;
  CondVar changed_;
  std::size_t inside_ NX_GUARDED_BY(mutex_) = 0;
  std::size_t most_ = 0;
};

// A few kilobytes can become 32 MiB. Many such requests at once must not take the memory of many.
TEST_F(RemoteWriteApiTest, FewBodiesAreOpenAtTheSameTime) {
  const std::size_t limit = MaxConcurrentWrites();
  CrowdedStorage storage(*db_, limit);
  server_.appendable = &storage;
  server_.router();
  // A field that nobody knows, number 15, is passed over.
  std::string bomb = "\x7a";
  constexpr std::size_t kZeros = std::size_t{31} << 20;
  for (std::size_t left = kZeros; left > 0; left >>= 7) {
    bomb += static_cast<char>((left & 0x7f) | (left >> 7 != 0 ? 0x80 : 0));
  }
  bomb.resize(bomb.size() + kZeros);
  std::string block;
  proto::SnappyEncode(bomb, block);
  std::vector<std::thread> senders;
  std::atomic<int> stored = 0;
  for (std::size_t i = 0; i < 3 * limit; ++i) {
    senders.emplace_back([&] {
      stored += server_.Post("/api/v1/write", block, WriteHeaders()).status == 204 ? 1 : 0;
    });
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(stored, static_cast<int>(3 * limit));
  EXPECT_EQ(storage.most(), limit);
}

}  // namespace
}  // namespace narthex::web
