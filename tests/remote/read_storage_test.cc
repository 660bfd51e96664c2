// SPDX-License-Identifier: Apache-2.0
//
// The read client against a server whose answers are made up by Google's codec.
#include "narthex/remote/read_storage.h"

#include <atomic>
#include <mutex>
#include <thread>

#include "narthex/base/coding.h"
#include "narthex/base/crc32c.h"
#include "narthex/proto/snappy.h"
#include "prometheus.pb.h"
#include "src/remote/read_endpoint.h"
#include "tests/remote/read_fixture.h"
#include "tests/support/fake_http_server.h"

namespace narthex::remote {
namespace {

using testing::FakeHttpServer;

FakeHttpServer::Response Sampled(const wire::ReadResponse& response) {
  std::string body;
  proto::SnappyEncode(response.SerializeAsString(), body);
  return {.body = body,
          .content_type = "application/x-protobuf",
          .headers = "Content-Encoding: snappy\r\n"};
}

std::string Frame(const wire::ChunkedReadResponse& message) {
  const std::string bytes = message.SerializeAsString();
  std::string out;
  Encoder frame(out);
  frame.Uvarint(bytes.size());
  frame.Be32(Crc32c({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}));
  frame.Bytes(bytes);
  return out;
}
FakeHttpServer::Response Streamed(const std::string& frames) {
  return {.body = frames,
          .content_type = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"};
}

/// An XOR chunk of one sample.
std::string OneSample(model::TimestampMs t, double v) {
  std::string bytes("\0\1", 2);
  std::uint8_t varint[kMaxVarintBytes];
  const std::uint64_t zigzag =
      static_cast<std::uint64_t>(t) << 1 ^ static_cast<std::uint64_t>(t >> 63);
  bytes.append(reinterpret_cast<const char*>(varint), PutUvarint(varint, zigzag));
  std::uint64_t bits;
  std::memcpy(&bits, &v, 8);
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(bits >> shift);
  return bytes;
}

/// A chunk of one integer histogram without observations, bit by bit.
std::string EmptyHistogramChunk(int schema) {
  std::string bits;
  const auto put = [&](std::uint64_t value, int n) {
    for (int i = n - 1; i >= 0; --i) bits += static_cast<char>('0' + (value >> i & 1));
  };
  /// Prometheus's code for layouts and samples: a prefix for each width.
  const auto number = [&](std::int64_t value) {
    if (value == 0) return put(0, 1);
    if (value >= -3 && value <= 4) return put(0b10 << 3 | (value & 7), 5);
    if (value >= -31 && value <= 32) return put(0b110 << 6 | (value & 63), 9);
    put(0b1110 << 9 | (value & 511), 13);
  };
  put(1, 16);  // Samples.
  put(0, 8);   // No hint.
  put(0, 8);   // Zero threshold: none.
  number(schema);
  number(0);  // Spans.
  number(0);
  number(1);  // Time, count, zero count.
  put(0, 1);
  put(0, 1);
  put(0, 64);  // Sum.
  bits.append((8 - bits.size() % 8) % 8, '0');
  std::string bytes;
  for (std::size_t i = 0; i < bits.size(); i += 8) {
    bytes += static_cast<char>(std::stoi(bits.substr(i, 8), nullptr, 2));
  }
  return bytes;
}

template <typename Series>
void Label(Series& series, const std::string& name, const std::string& value) {
  auto& label = *series.add_labels();
  label.set_name(name);
  label.set_value(value);
}

/// A frame with a series of one chunk for each sample.
std::string FrameOf(const std::vector<std::pair<std::string, std::string>>& labels,
                    const std::vector<std::pair<model::TimestampMs, double>>& samples) {
  wire::ChunkedReadResponse message;
  auto& series = *message.add_chunked_series();
  for (const auto& [name, value] : labels) Label(series, name, value);
  for (const auto& [t, v] : samples) {
    auto& chunk = *series.add_chunks();
    chunk.set_type(1);
    chunk.set_data(OneSample(kStart + t, v));
  }
  return Frame(message);
}

class ReadStorageTest : public ReadFixture {
 protected:
  ReadStorageTest()
      : server_([this](const FakeHttpServer::Request& request) {
          const std::lock_guard lock(mutex_);
          requests_.push_back(request);
          return answer_;
        }) {
    AddSection(server_.Url("/read"));
  }

  void Answer(FakeHttpServer::Response answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  FakeHttpServer::Request LastRequest() {
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(requests_.empty());
    return requests_.empty() ? FakeHttpServer::Request() : requests_.back();
  }
  std::size_t NumRequests() {
    const std::lock_guard lock(mutex_);
    return requests_.size();
  }
  wire::Query LastQuery() {
    std::string bytes;
    EXPECT_TRUE(proto::SnappyDecode(LastRequest().body, 1 << 20, bytes));
    wire::ReadRequest request;
    EXPECT_TRUE(request.ParseFromString(bytes));
    EXPECT_EQ(1, request.queries_size());
    return request.queries(0);
  }
  std::string LastMatchers() {
    const wire::Query query = LastQuery();
    std::string text;
    for (const auto& m : query.matchers()) {
      text += m.name() + std::to_string(m.type()) + m.value() + " ";
    }
    return text;
  }
  static std::string Prefix() { return "prometheus_remote_read_client_queries_total{"; }

  std::mutex mutex_;
  FakeHttpServer::Response answer_ = Streamed("");
  std::vector<FakeHttpServer::Request> requests_;
  FakeHttpServer server_;  // Last: its threads use the others.
};

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

TEST_F(ReadStorageTest, ErrorsAreWordedAsInPrometheus) {
  wire::ReadResponse none, bad_labels, bad_histogram;
  Label(*bad_labels.add_results()->add_timeseries(), "a\xff", "x");
  bad_histogram.add_results()->add_timeseries()->add_histograms()->set_schema(53);
  std::string bad_protobuf;
  proto::SnappyEncode("\x0a\x05", bad_protobuf);
  std::string flipped = FrameOf({{"__name__", "a"}}, {{0, 1}});
  flipped[4] ^= 1;
  const std::string url = server_.Url("/read");
  const struct {
    FakeHttpServer::Response answer;
    std::string want;
    std::string counted;  // response_type and code; "" = nothing is.
  } cases[] = {
      {{.body = "\noh no\nmore\n", .status = "503 Service Unavailable"},
       "remote server " + url + " returned http status 503 Service Unavailable: oh no\nmore",
       ""},
      {{.body = "", .status = "404 Not Found"},
       "remote server " + url + " returned http status 404 Not Found: ",
       ""},
      {{.body = "<html>", .content_type = "text/html"},
       "unsupported content type: text/html",
       "unsupported 200"},
      {{.body = "<html>", .content_type = "application/x-protobuf"},
       "error reading response: snappy: corrupt input",
       "sampled 200"},
      {{.body = bad_protobuf, .content_type = "application/x-protobuf"},
       "unable to unmarshal response body: unexpected EOF",
       "sampled 200"},
      {Sampled(none), "responses: want 1, got 0", "sampled 200"},
      {Sampled(bad_labels), "invalid label name: a", "sampled 200"},
      {Sampled(bad_histogram), "histogram has an invalid schema, which must be between -4 and 8",
       "sampled 200"},
      {Streamed("garbage that is longer than its length says it is"),
       "error reading response: unexpected EOF", "chunked aborted_stream"},
      {Streamed(flipped),
       "error reading response: chunkedReader: corrupted frame; checksum mismatch",
       "chunked aborted_stream"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.want);
    Answer(c.answer);
    const std::string before = Metrics(Prefix());
    const std::string got = SelectText(Named("a"));
    EXPECT_TRUE(got.starts_with("remote_read: " + c.want)) << got;
    if (c.counted.empty()) {
      EXPECT_EQ(before, Metrics(Prefix()));
      continue;
    }
    const std::size_t blank = c.counted.find(' ');
    const std::string line = "code=\"" + c.counted.substr(blank + 1) + "\",remote_name=\"";
    EXPECT_NE(before, Metrics(Prefix()));
    EXPECT_NE(
        std::string::npos,
        Metrics(Prefix() + line).find("response_type=\"" + c.counted.substr(0, blank) + "\""));
  }
}

TEST_F(ReadStorageTest, ATornBodyIsAnError) {
  FakeHttpServer::Response torn = Streamed(FrameOf({{"__name__", "a"}}, {{0, 1}}));
  torn.cut = true;
  Answer(torn);
  EXPECT_EQ("remote_read: error reading response: unexpected EOF", SelectText(Named("a")));
  torn.content_type = "application/x-protobuf";
  Answer(torn);
  EXPECT_EQ("remote_read: error reading response. HTTP status code: 200 OK: unexpected EOF",
            SelectText(Named("a")));
}

TEST_F(ReadStorageTest, WhatIsNoServer) {
  config_.remote_read[0].url = "http://127.0.0.1:1/read";
  EXPECT_EQ(
      "remote_read: error sending request: Post \"http://127.0.0.1:1/read\": dial tcp "
      "127.0.0.1:1: connect: connection refused",
      SelectText(Named("a")));
}

TEST_F(ReadStorageTest, ASlowServerHasItsTime) {
  config_.remote_read[0].timeout_ms = 50;
  Answer({.hang = true});
  const std::string error = "remote_read: error sending request: Post \"" + server_.Url("/read") +
                            "\": context deadline exceeded: request timed out after 50ms";
  EXPECT_EQ(error, SelectText(Named("a")));
  // Nobody waits for it a second time before it was found to answer.
  EXPECT_EQ(error + " (not asked again before it answers)", SelectText(Named("a")));
  EXPECT_EQ(1U, NumRequests());
}

TEST_F(ReadStorageTest, AQueryHasItsTimeForAllThatItAsks) {
  Answer({.hang = true});
  const auto queryables = Apply();
  const auto querier = *(*queryables)[0]->NewQuerier(mint_, maxt_);
  storage::SelectHints hints = Hints();
  hints.deadline_ns = SystemClock().MonotonicNs() + 20'000'000;
  for (int i = 0; i < 3; ++i) {  // The section's minute is not over: it is asked each time.
    const auto set = querier->Select(Named("a"), hints);
    ASSERT_FALSE(set);
    EXPECT_NE(std::string::npos, set.error().message().find("request timed out after "));
  }
}

TEST_F(ReadStorageTest, AUrlThatIsNoneIsAnErrorOfEachQuestion) {
  config_.remote_read[0].url = "localhost:9090/read";
  EXPECT_EQ(
      "remote_read: error sending request: parse \"localhost:9090/read\": unsupported protocol "
      "scheme",
      SelectText(Named("a")));
}

TEST_F(ReadStorageTest, HistogramsInChunksAreChecked) {
  mint_ = -10;
  maxt_ = 10;
  const struct {
    int schema;
    bool good;  // Those up to 52 are reserved, and are made coarser.
  } cases[] = {{3, true}, {9, true}, {12, true}, {53, false}, {-60, false}, {72, false}};
  for (const auto& [schema, good] : cases) {
    SCOPED_TRACE(schema);
    wire::ChunkedReadResponse message;
    auto& series = *message.add_chunked_series();
    Label(series, "__name__", "h");
    auto& chunk = *series.add_chunks();
    chunk.set_type(2);
    chunk.set_data(EmptyHistogramChunk(schema));
    Answer(Streamed(Frame(message)));
    const std::string got = SelectText(Named("h"));
    if (good) {
      EXPECT_TRUE(got.starts_with("{__name__=\"h\"} ")) << got;
    } else {
      EXPECT_TRUE(got.starts_with("remote_read: chunk 0 of {__name__=\"h\"}: ")) << got;
    }
  }
}

TEST_F(ReadStorageTest, StopsWhenItIsTold) {
  std::stop_source source;
  FakeHttpServer stopping([&](const FakeHttpServer::Request&) {
    source.request_stop();
    return FakeHttpServer::Response{.hang = true};
  });
  config_.remote_read[0].url = stopping.Url();
  const auto set = Select(Named("a"), source.get_token());
  ASSERT_FALSE(set);
  EXPECT_EQ(Code::kCancelled, set.error().code());
  EXPECT_EQ("context canceled", set.error().message());
}

TEST_F(ReadStorageTest, AnswersHaveLimits) {
  options_.max_answer_bytes = 1 << 20;
  std::string frames;
  for (int i = 0; i < 20'000; ++i) {
    frames += FrameOf({{"__name__", "a" + std::to_string(i)}}, {{0, 1}});
  }
  Answer(Streamed(frames));
  EXPECT_EQ(
      "remote_read: error reading response: the answer takes more than 1048576 bytes of memory; "
      "ask "
      "for less",
      SelectText(Named("a")));
  // A sampled one, that would take it when it is decompressed, or before.
  std::string body;
  proto::SnappyEncode(std::string(2 << 20, 'x'), body);
  Answer({.body = body, .content_type = "application/x-protobuf"});
  EXPECT_EQ("remote_read: the answer takes more than 1048576 bytes of memory; ask for less",
            SelectText(Named("a")));
  // One that only says so.
  Answer({.body = "\xff\xff\xff\xff\x0f", .content_type = "application/x-protobuf"});
  EXPECT_EQ("remote_read: the answer takes more than 1048576 bytes of memory; ask for less",
            SelectText(Named("a")));
  Answer({.body = std::string(2 << 20, 'x'), .content_type = "application/x-protobuf"});
  EXPECT_EQ(
      "remote_read: error reading response: the answer takes more than 1048576 bytes of memory; "
      "ask "
      "for less",
      SelectText(Named("a")));
  wire::ReadResponse response;
  auto& series = *response.add_results()->add_timeseries();
  for (int i = 0; i < 50'000; ++i) series.add_samples()->set_timestamp(i);
  Answer(Sampled(response));
  EXPECT_EQ("remote_read: the answer takes more than 1048576 bytes of memory; ask for less",
            SelectText(Named("a")));
  EXPECT_EQ(0U, storage_->held_bytes());
}

TEST_F(ReadStorageTest, AllAnswersTogetherHaveALimit) {
  options_.max_total_bytes = 300 << 10;
  Answer(Streamed(FrameOf({{"__name__", "a"}}, {{0, 1}})));
  auto first = Select(Named("a"));
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ(
      "remote_read: error reading response: all answers together take more than 307200 bytes of "
      "memory",
      SelectText(Named("a")));
  first->reset();
  EXPECT_EQ("{__name__=\"a\"} 0=1;", SelectText(Named("a")));
}

TEST_F(ReadStorageTest, FramesHaveALimit) {
  config_.remote_read[0].chunked_read_limit_bytes = 10;
  Answer(Streamed(FrameOf({{"__name__", "a"}}, {{0, 1}})));
  EXPECT_TRUE(SelectText(Named("a"))
                  .starts_with("remote_read: error reading response: chunkedReader: message size "
                               "exceeded the limit 10 "
                               "bytes; got: "));
}

TEST_F(ReadStorageTest, AChunkThatCantBeDecodedIsAnErrorOfReading) {
  wire::ChunkedReadResponse message;
  auto& series = *message.add_chunked_series();
  Label(series, "__name__", "a");
  auto& chunk = *series.add_chunks();
  chunk.set_type(1);
  chunk.set_data("\x01");
  Answer(Streamed(Frame(message)));
  const std::string got = SelectText(Named("a"));
  EXPECT_TRUE(got.starts_with("remote_read: chunk 0 of {__name__=\"a\"}: ")) << got;
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
