// SPDX-License-Identifier: Apache-2.0
//
// Answers that the read client does not take: wrong, torn, late, too large.

#include "narthex/remote/read_storage.h"
#include "tests/remote/read_server_fixture.h"

namespace narthex::remote {
namespace {

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

}  // namespace
}  // namespace narthex::remote
