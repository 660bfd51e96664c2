// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <bit>
#include <future>
#include <new>
#include <thread>

#include "narthex/tsdb/chunk_decoder.h"
#include "tests/web/remote_fixture.h"

namespace narthex::web {
namespace {

class RemoteReadApiTest : public RemoteApiTest {
 protected:
  RemoteReadApiTest() {
    server_.chunks = db_.get();
    server_.decode_chunk = tsdb::DecodeChunk;
    server_.status.external = {{"region", "eu"}, {"job", "outside"}};
  }

  /// Writes the data; call it when the server's options are set.
  void Fill() {
    wire::WriteRequest request;
    auto& a = AddSeries(request, {{"__name__", "a"}, {"job", "x"}});
    for (int i = 0; i < 300; ++i) AddSample(a, kNow - 300'000 + 1000 * i, i);
    AddSample(AddSeries(request, {{"__name__", "b"}}), kNow,
              std::bit_cast<double>(model::kStaleNaNBits));
    auto& h = AddSeries(request, {{"__name__", "h"}});
    for (int i = 0; i < 3; ++i) {
      *h.add_histograms() = OneObservation(kNow + i, 1, 2);
    }
    wire::Histogram f;
    f.set_count_float(1.5);
    f.set_zero_count_float(1.5);
    f.set_timestamp(kNow);
    *AddSeries(request, {{"__name__", "f"}}).add_histograms() = f;
    EXPECT_EQ(204, Write(request).status);
  }

  static wire::Query& AddQuery(wire::ReadRequest& request, model::TimestampMs start,
                               model::TimestampMs end, const std::string& name) {
    auto& query = *request.add_queries();
    query.set_start_timestamp_ms(start);
    query.set_end_timestamp_ms(end);
    if (!name.empty()) AddMatcher(query, 0, "__name__", name);
    return query;
  }
  static void AddMatcher(wire::Query& query, int type, const std::string& name,
                         const std::string& value) {
    auto& matcher = *query.add_matchers();
    matcher.set_type(type);
    matcher.set_name(name);
    matcher.set_value(value);
  }
  Answer Read(const wire::ReadRequest& request) {
    return server_.Post("/api/v1/read", Packed(request));
  }
  wire::ReadResponse ReadSamples(const wire::ReadRequest& request) {
    const Answer answer = Read(request);
    EXPECT_EQ(200, answer.status) << answer.body;
    EXPECT_EQ("application/x-protobuf", answer.headers.at("Content-Type"));
    EXPECT_EQ("snappy", answer.headers.at("Content-Encoding"));
    std::string bytes;
    EXPECT_TRUE(proto::SnappyDecode(answer.body, 1 << 24, bytes));
    wire::ReadResponse response;
    EXPECT_TRUE(response.ParseFromString(bytes));
    return response;
  }
};

std::string LabelsText(const google::protobuf::RepeatedPtrField<wire::Label>& labels) {
  std::string text;
  for (const auto& label : labels) text += label.name() + "=" + label.value() + ",";
  return text;
}

TEST_F(RemoteReadApiTest, SendsSamplesInTheirKind) {
  Fill();
  wire::ReadRequest request;
  AddQuery(request, kNow - 2000, kNow, "a");
  AddQuery(request, kNow, kNow, "b");
  AddQuery(request, kNow + 1, kNow + 2, "h");
  AddQuery(request, kNow, kNow, "f");
  AddQuery(request, 0, 1000, "a");
  AddQuery(request, 0, kNow, "nosuch");
  AddQuery(request, 0, kNow, "");
  AddQuery(request, kNow, 0, "a");
  const wire::ReadResponse response = ReadSamples(request);
  ASSERT_EQ(8, response.results_size());
  const auto& a = response.results(0).timeseries(0);
  EXPECT_EQ("__name__=a,job=x,region=eu,", LabelsText(a.labels()));
  ASSERT_EQ(2, a.samples_size());
  EXPECT_EQ(kNow - 2000, a.samples(0).timestamp());
  EXPECT_EQ(298, a.samples(0).value());
  const auto& b = response.results(1).timeseries(0);
  EXPECT_EQ("__name__=b,job=outside,region=eu,", LabelsText(b.labels()));
  EXPECT_EQ(model::kStaleNaNBits, std::bit_cast<std::uint64_t>(b.samples(0).value()));
  const auto& h = response.results(2).timeseries(0);
  ASSERT_EQ(2, h.histograms_size());
  EXPECT_TRUE(h.histograms(0).has_count_int());
  EXPECT_EQ(kNow + 1, h.histograms(0).timestamp());
  // It follows another one, although that is out of the range.
  EXPECT_EQ(2, h.histograms(0).reset_hint());
  const auto& f = response.results(3).timeseries(0);
  ASSERT_EQ(1, f.histograms_size());
  EXPECT_TRUE(f.histograms(0).has_count_float());
  for (int i = 4; i < 8; ++i) EXPECT_EQ(0, response.results(i).timeseries_size()) << i;
}

// As Prometheus 3.5.3 answers: the series whose chunk has both ends, without samples.
TEST_F(RemoteReadApiTest, AReversedRangeTellsSeriesWithoutSamples) {
  Fill();
  wire::ReadRequest request;
  AddQuery(request, kNow - 2000, kNow - 3000, "a");
  AddQuery(request, kNow + 1, kNow - 2000, "a");
  AddQuery(request, kNow + 1, kNow, "h");
  const wire::ReadResponse response = ReadSamples(request);
  ASSERT_EQ(3, response.results_size());
  for (const int i : {0, 2}) {
    ASSERT_EQ(1, response.results(i).timeseries_size()) << i;
    EXPECT_EQ(0, response.results(i).timeseries(0).samples_size());
    EXPECT_EQ(0, response.results(i).timeseries(0).histograms_size());
  }
  EXPECT_EQ(0, response.results(1).timeseries_size());
}

TEST_F(RemoteReadApiTest, ExternalLabelsAreAskedForAsAbsent) {
  Fill();
  const struct {
    int type;
    const char* value;
    int series;
  } cases[] = {{0, "eu", 1}, {0, "us", 0}, {1, "eu", 1}, {2, "eu", 0}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.value);
    wire::ReadRequest request;
    AddMatcher(AddQuery(request, kNow, kNow, "b"), c.type, "region", c.value);
    EXPECT_EQ(c.series, ReadSamples(request).results(0).timeseries_size());
  }
}

TEST_F(RemoteReadApiTest, HintsNarrowTheRange) {
  Fill();
  wire::ReadRequest request;
  auto& hints = *AddQuery(request, 0, kNow, "a").mutable_hints();
  hints.set_start_ms(kNow - 5000);
  hints.set_end_ms(kNow - 4000);
  EXPECT_EQ(2, ReadSamples(request).results(0).timeseries(0).samples_size());
  hints.set_func("series");
  const auto response = ReadSamples(request);
  ASSERT_EQ(1, response.results(0).timeseries_size());
  EXPECT_EQ(0, response.results(0).timeseries(0).samples_size());
}

TEST_F(RemoteReadApiTest, StreamsChunks) {
  server_.options.remote_read_max_bytes_in_frame = 1;
  Fill();
  wire::ReadRequest request;
  request.add_accepted_response_types(9);
  request.add_accepted_response_types(1);
  request.add_accepted_response_types(0);
  AddQuery(request, 0, 1, "a");
  AddQuery(request, kNow - 300'000, kNow, "a");
  const Answer answer = Read(request);
  EXPECT_EQ(200, answer.status);
  EXPECT_EQ("application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse",
            answer.headers.at("Content-Type"));
  std::string_view rest = answer.body;
  int frames = 0;
  storage::TypedSamples samples;
  while (!rest.empty()) {
    std::size_t size = 0, at = 0;
    for (;; ++at) {
      size |= static_cast<std::size_t>(rest[at] & 0x7f) << (7 * at);
      if ((rest[at] & 0x80) == 0) break;
    }
    wire::ChunkedReadResponse frame;
    ASSERT_TRUE(frame.ParseFromString(std::string(rest.substr(at + 5, size))));
    rest.remove_prefix(at + 5 + size);
    ++frames;
    EXPECT_EQ(1, frame.query_index());
    ASSERT_EQ(1, frame.chunked_series_size());
    EXPECT_EQ("__name__=a,job=x,region=eu,", LabelsText(frame.chunked_series(0).labels()));
    ASSERT_EQ(1, frame.chunked_series(0).chunks_size());
    const auto& chunk = frame.chunked_series(0).chunks(0);
    ASSERT_TRUE(tsdb::DecodeChunk({chunk.min_time_ms(), chunk.max_time_ms(),
                                   static_cast<std::uint8_t>(chunk.type()), chunk.data()},
                                  samples));
  }
  EXPECT_LE(2, frames);
  ASSERT_EQ(300U, samples.floats.v.size());
  for (int i = 0; i < 300; ++i) EXPECT_EQ(i, samples.floats.v[static_cast<std::size_t>(i)]);
}

TEST_F(RemoteReadApiTest, Refuses) {
  server_.options.remote_read_sample_limit = 10;
  Fill();
  wire::ReadRequest unknown, many, enough, bad_type, bad_regex;
  unknown.add_accepted_response_types(9);
  AddQuery(many, kNow - 11'000, kNow, "a");
  AddQuery(enough, kNow - 10'000, kNow, "a");
  AddMatcher(AddQuery(bad_type, 0, 1, ""), 7, "a", "b");
  AddMatcher(AddQuery(bad_regex, 0, 1, ""), 2, "a", "(");
  const struct {
    const char* name;
    std::string body;
    int status;
    const char* text;  // "" = not looked at.
  } cases[] = {
      {"unknown type", Packed(unknown), 400,
       "server does not support any of the requested response types: [9]; supported: "
       "map[SAMPLES:{} STREAMED_XOR_CHUNKS:{}]\n"},
      {"too many samples", Packed(many), 400, "exceeded sample limit (10)\n"},
      {"as many as allowed", Packed(enough), 200, ""},
      {"type of matcher", Packed(bad_type), 500, "invalid matcher type\n"},
      {"regular expression", Packed(bad_regex), 500, ""},
      {"no snappy", "\xff\xff\xff\xff\xff\xff", 400, "snappy: corrupt input\n"},
      {"no body", "", 400, "snappy: corrupt input\n"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const Answer answer = server_.Post("/api/v1/read", c.body);
    EXPECT_EQ(c.status, answer.status);
    if (*c.text != '\0') {
      EXPECT_EQ(c.text, answer.body);
    }
  }
}

// A client that reads slowly keeps the head from being cut: there is a limit to its time.
TEST_F(RemoteReadApiTest, ASlowClientIsCutOff) {
  server_.options.remote_read_max_bytes_in_frame = 1;
  server_.options.query_timeout_ms = 1000;
  Fill();
  wire::ReadRequest request;
  request.add_accepted_response_types(1);
  AddQuery(request, kNow - 300'000, kNow, "a");
  for (const int pause_ms : {1, 2000}) {
    SCOPED_TRACE(pause_ms);
    int writes = 0;
    const Answer answer = server_.Post("/api/v1/read", Packed(request), {}, [&] {
      ++writes;
      server_.clock.AdvanceMs(pause_ms);
    });
    EXPECT_EQ(answer.aborted, pause_ms == 2000);
    EXPECT_EQ(writes == 1, pause_ms == 2000);
  }
}

// What was sent already cannot be taken back: the end is not to look like one.
TEST_F(RemoteReadApiTest, AnErrorInTheMiddleOfAStreamCutsTheConnection) {
  class Failing final : public storage::ChunkQueryable {
   public:
    explicit Failing(storage::ChunkQueryable& inner) : inner_(inner) {}
    Result<std::unique_ptr<storage::ChunkSeriesSet>> SelectChunks(
        model::TimestampMs mint, model::TimestampMs maxt, std::span<const model::Matcher> matchers,
        const storage::SelectHints& hints, std::stop_token stop) override {
      if (calls_++ > 0) return Fail(Code::kCorruption, "a bad block");
      return inner_.SelectChunks(mint, maxt, matchers, hints, stop);
    }

   private:
    storage::ChunkQueryable& inner_;
    int calls_ = 0;
  } failing(*db_);
  server_.chunks = &failing;
  Fill();
  wire::ReadRequest request;
  request.add_accepted_response_types(1);
  AddQuery(request, kNow - 300'000, kNow, "a");
  AddQuery(request, kNow - 300'000, kNow, "a");
  const Answer cut = Read(request);
  EXPECT_TRUE(cut.aborted);
  EXPECT_EQ(cut.body.find("a bad block"), std::string::npos);
  const Answer refused = Read(request);
  EXPECT_FALSE(refused.aborted);
  EXPECT_EQ(refused.status, 500);
}

TEST_F(RemoteReadApiTest, LimitsCountForTheWholeRequest) {
  server_.options.remote_read_sample_limit = 10;
  Fill();
  wire::ReadRequest request;
  AddQuery(request, kNow - 6'000, kNow, "a");
  EXPECT_EQ(200, Read(request).status);
  AddQuery(request, kNow - 6'000, kNow, "a");
  EXPECT_EQ("exceeded sample limit (10)\n", Read(request).body);
}

TEST_F(RemoteReadApiTest, SamplesMayTakeSoManyBytes) {
  server_.options.remote_read_max_answer_bytes = 1000;
  Fill();
  wire::ReadRequest few, many;
  AddQuery(few, kNow - 10'000, kNow, "a");
  AddQuery(many, kNow - 300'000, kNow, "a");
  EXPECT_EQ(200, Read(few).status);
  const Answer answer = Read(many);
  EXPECT_EQ(400, answer.status);
  EXPECT_EQ("the samples take more than 1000 bytes; ask for less, or for chunks\n", answer.body);
}

// One read is inside, writing its answer, when the others come.
TEST_F(RemoteReadApiTest, OthersWaitForAPlace) {
  server_.options.remote_read_concurrent_limit = 1;
  Fill();
  wire::ReadRequest request;
  request.add_accepted_response_types(1);
  AddQuery(request, kNow - 300'000, kNow, "a");
  std::thread second;
  std::atomic<bool> first_is_inside{true};
  std::atomic<bool> second_is_done{false};
  bool second_waited = false;
  std::promise<void> second_begins;
  const Answer first = server_.Post("/api/v1/read", Packed(request), {}, [&] {
    if (second.joinable()) return;
    second = std::thread([&] {
      second_begins.set_value();
      const Answer answer = server_.Post("/api/v1/read", Packed(request), {},
                                         [&] { second_waited = !first_is_inside.load(); });
      EXPECT_EQ(200, answer.status);
      second_is_done = true;
    });
    second_begins.get_future().wait();
    // The gauge counts those that wait, too.
    while (!second_is_done &&
           server_.MetricsText().find("_handler_queries 2\n") == std::string::npos) {
      std::this_thread::yield();
    }
    first_is_inside = false;  // From here on the second one may, but for the gate.
  });
  second.join();
  EXPECT_EQ(200, first.status);
  EXPECT_TRUE(second_waited);
}

// Also one that ends with an exception leaves its place.
TEST_F(RemoteReadApiTest, AnExceptionLeavesThePlace) {
  server_.options.remote_read_concurrent_limit = 1;
  Fill();
  wire::ReadRequest request;
  request.add_accepted_response_types(1);
  AddQuery(request, kNow - 300'000, kNow, "a");
  EXPECT_THROW(server_.Post("/api/v1/read", Packed(request), {}, [] { throw std::bad_alloc(); }),
               std::bad_alloc);
  EXPECT_NE(server_.MetricsText().find("prometheus_remote_read_handler_queries 0\n"),
            std::string::npos);
  EXPECT_EQ(200, Read(request).status);
}

}  // namespace
}  // namespace narthex::web
