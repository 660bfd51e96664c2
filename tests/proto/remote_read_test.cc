// SPDX-License-Identifier: Apache-2.0
#include "narthex/proto/remote_read.h"

#include <bit>

#include "narthex/proto/remote_write.h"
#include "prometheus.pb.h"

namespace narthex::proto {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

TEST(RemoteReadTest, ReadsARequest) {
  wire::ReadRequest request;
  request.add_accepted_response_types(1);
  request.add_accepted_response_types(0);
  auto* query = request.add_queries();
  query->set_start_timestamp_ms(-5);
  query->set_end_timestamp_ms(10);
  auto* matcher = query->add_matchers();
  matcher->set_type(2);
  matcher->set_name("job");
  matcher->set_value("a|b");
  auto* hints = query->mutable_hints();
  hints->set_step_ms(1);
  hints->set_func("rate");
  hints->set_start_ms(2);
  hints->set_end_ms(3);
  hints->add_grouping("x");
  hints->add_grouping("y");
  hints->set_by(true);
  hints->set_range_ms(4);
  request.add_queries();
  const auto got = DecodeReadRequest(request.SerializeAsString());
  ASSERT_TRUE(got);
  EXPECT_EQ((std::vector<std::int32_t>{1, 0}), got->accepted_types);
  ASSERT_EQ(2U, got->queries.size());
  const ReadQuery& q = got->queries[0];
  EXPECT_EQ(-5, q.start_ms);
  EXPECT_EQ(10, q.end_ms);
  ASSERT_EQ(1U, q.matchers.size());
  const auto made = MakeMatcher(q.matchers[0]);
  ASSERT_TRUE(made);
  EXPECT_EQ("job=~\"a|b\"", made->ToString());
  EXPECT_TRUE(q.has_hints);
  EXPECT_EQ(1, q.hints.step_ms);
  EXPECT_EQ("rate", q.hints.func);
  EXPECT_EQ(2, q.hints.start_ms);
  EXPECT_EQ(3, q.hints.end_ms);
  EXPECT_EQ((std::vector<std::string>{"x", "y"}), q.hints.grouping);
  EXPECT_TRUE(q.hints.by);
  EXPECT_EQ(4, q.hints.range_ms);
  EXPECT_FALSE(got->queries[1].has_hints);
}

TEST(RemoteReadTest, RefusesABrokenRequest) {
  const auto got = DecodeReadRequest("\x0a\x05\x08"sv);
  ASSERT_FALSE(got);
  EXPECT_EQ("unexpected EOF", got.error().message());
  EXPECT_FALSE(MakeMatcher({.type = 4, .name = "a", .value = "b"}));
  EXPECT_FALSE(MakeMatcher({.type = -1, .name = "a", .value = "b"}));
  EXPECT_FALSE(MakeMatcher({.type = 2, .name = "a", .value = "("}));
}

TEST(RemoteReadTest, WritesSamplesByTheSpecification) {
  ReadResponseWriter writer;
  writer.BeginSeries({{"n", "v"}});
  writer.AddSample(5, 1);
  writer.AddSample(0, 0);
  writer.EndSeries();
  writer.EndQuery();
  writer.EndQuery();
  const std::string series =
      "\x0a\x06\x0a\x01n\x12\x01v\x12\x0b\x09"s + "\0\0\0\0\0\0\xf0\x3f"s + "\x10\x05\x12\x00"s;
  EXPECT_EQ("\x0a\x19\x0a\x17"s + series + "\x0a\x00"s, writer.bytes());
}

TEST(RemoteReadTest, GooglesCodecReadsSamples) {
  const double stale = model::kStaleNaN;
  model::Histogram h;
  h.schema = -2;
  h.zero_threshold = 0.5;
  h.count = 5;
  h.sum = stale;
  h.positive_spans = {{-3, 1}, {0, 2}};
  h.positive_buckets = {3, -2, 1};
  h.negative_spans = {{2, 0}};
  h.counter_reset_hint = model::CounterResetHint::kReset;
  model::FloatHistogram f;
  f.schema = -53;
  f.custom_values = {1, 2};
  f.positive_buckets = {0, 1.5};
  f.positive_spans = {{0, 2}};
  ReadResponseWriter writer;
  writer.BeginSeries({{"__name__", "m"}});
  writer.AddHistogram(-7, h);
  writer.AddSample(1, stale);
  writer.AddHistogram(9, f);
  writer.EndSeries();
  writer.EndQuery();
  wire::ReadResponse response;
  ASSERT_TRUE(response.ParseFromString(writer.bytes()));
  ASSERT_EQ(1, response.results_size());
  const auto& series = response.results(0).timeseries(0);
  EXPECT_EQ("m", series.labels(0).value());
  EXPECT_EQ(model::kStaleNaNBits, std::bit_cast<std::uint64_t>(series.samples(0).value()));
  ASSERT_EQ(2, series.histograms_size());
  const auto& got = series.histograms(0);
  EXPECT_EQ(-7, got.timestamp());
  EXPECT_TRUE(got.has_count_int());
  EXPECT_TRUE(got.has_zero_count_int());
  EXPECT_EQ(5U, got.count_int());
  EXPECT_EQ(model::kStaleNaNBits, std::bit_cast<std::uint64_t>(got.sum()));
  EXPECT_EQ(-2, got.schema());
  EXPECT_EQ(0.5, got.zero_threshold());
  ASSERT_EQ(2, got.positive_spans_size());
  EXPECT_EQ(-3, got.positive_spans(0).offset());
  EXPECT_EQ(2U, got.positive_spans(1).length());
  EXPECT_EQ(1, got.negative_spans_size());
  ASSERT_EQ(3, got.positive_deltas_size());
  EXPECT_EQ(-2, got.positive_deltas(1));
  EXPECT_EQ(1, got.reset_hint());
  const auto& floats = series.histograms(1);
  EXPECT_TRUE(floats.has_count_float());
  EXPECT_TRUE(floats.has_zero_count_float());
  EXPECT_EQ(2, floats.custom_values_size());
  EXPECT_EQ(1.5, floats.positive_counts(1));
  EXPECT_EQ(9, floats.timestamp());
}

TEST(RemoteReadTest, FramesCarryLengthAndChecksum) {
  const std::string data = "123456789";
  const ReadChunk chunk{.mint = -1, .maxt = 300, .encoding = 1, .bytes = data};
  std::string out = "before";
  AppendChunkFrame({{"n", "v"}}, std::array{chunk}, 2, out);
  // One byte of length, four of checksum.
  const std::string message = out.substr(6 + 5);
  EXPECT_EQ(message.size(), static_cast<std::size_t>(out[6]));
  wire::ChunkedReadResponse response;
  ASSERT_TRUE(response.ParseFromString(message));
  EXPECT_EQ(2, response.query_index());
  ASSERT_EQ(1, response.chunked_series_size());
  const auto& got = response.chunked_series(0).chunks(0);
  EXPECT_EQ(-1, got.min_time_ms());
  EXPECT_EQ(300, got.max_time_ms());
  EXPECT_EQ(1, got.type());
  EXPECT_EQ(data, got.data());
  EXPECT_EQ(got.ByteSizeLong(), ChunkBytes(chunk));
  EXPECT_EQ(response.chunked_series(0).labels(0).ByteSizeLong(), LabelBytes("n", "v"));
  // CRC-32C bit by bit, by its polynomial.
  std::uint32_t crc = 0xffffffff;
  for (const char c : message) {
    crc ^= static_cast<std::uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
  }
  crc = ~crc;
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(static_cast<std::uint8_t>(crc >> (24 - 8 * i)),
              static_cast<std::uint8_t>(out[7 + i]));
  }
}

TEST(RemoteReadTest, WritesARequestAsPrometheusDoes) {
  ReadRequest request;
  ReadQuery& query = request.queries.emplace_back();
  query.start_ms = 1000;
  query.end_ms = 5000;
  for (const auto& [name, value] : {std::pair("__name__", "up"), std::pair("cluster", "a")}) {
    query.matchers.push_back(FromMatcher(model::Matcher::Equal(name, value)));
  }
  query.has_hints = true;
  query.hints.func = "series";
  query.hints.start_ms = 1000;
  query.hints.end_ms = 5000;
  request.accepted_types = {kReadStreamedXorChunks, kReadSamples};
  std::string got;
  EncodeReadRequest(request, got);
  // What Prometheus 3.14 sends for /api/v1/series?match[]=up&start=1&end=5.
  EXPECT_EQ(
      "\x0a\x34\x08\xe8\x07\x10\x88\x27\x1a\x0e\x12\x08__name__\x1a\x02up\x1a\x0c\x12\x07"
      "cluster\x1a\x01"
      "a\x22\x0e\x12\x06series\x18\xe8\x07\x20\x88\x27\x12\x02\x01\x00"s,
      got);
}

TEST(RemoteReadTest, GooglesCodecReadsARequest) {
  ReadRequest request;
  request.queries.resize(2);
  ReadQuery& query = request.queries[0];
  query.start_ms = -1;
  const auto matcher = model::Matcher::Create(model::MatchType::kNotRegex, "a", "b|c");
  query.matchers.push_back(FromMatcher(*matcher));
  query.has_hints = true;
  query.hints = {.step_ms = 1,
                 .range_ms = 2,
                 .start_ms = -3,
                 .end_ms = 4,
                 .func = "rate",
                 .grouping = {"x", "", "y"},
                 .by = true};
  std::string bytes;
  EncodeReadRequest(request, bytes);
  wire::ReadRequest got;
  ASSERT_TRUE(got.ParseFromString(bytes));
  ASSERT_EQ(2, got.queries_size());
  EXPECT_EQ(0, got.accepted_response_types_size());
  EXPECT_EQ(-1, got.queries(0).start_timestamp_ms());
  EXPECT_EQ(3, got.queries(0).matchers(0).type());
  EXPECT_EQ("b|c", got.queries(0).matchers(0).value());
  const auto& hints = got.queries(0).hints();
  EXPECT_EQ(1, hints.step_ms());
  EXPECT_EQ(2, hints.range_ms());
  EXPECT_EQ(-3, hints.start_ms());
  EXPECT_EQ(4, hints.end_ms());
  EXPECT_EQ("rate", hints.func());
  ASSERT_EQ(3, hints.grouping_size());
  EXPECT_EQ("y", hints.grouping(2));
  EXPECT_TRUE(hints.by());
  EXPECT_FALSE(got.queries(1).has_hints());
}

TEST(RemoteReadTest, ReadsSamplesWithTheReaderOfWrites) {
  wire::ReadResponse response;
  auto& series = *response.add_results()->add_timeseries();
  series.add_labels()->set_name("n");
  series.mutable_labels(0)->set_value("v");
  auto& sample = *series.add_samples();
  sample.set_timestamp(-4);
  sample.set_value(2.5);
  series.add_histograms()->set_count_float(1.5);
  const std::string message = response.SerializeAsString();
  const auto result = DecodeReadResponse(message);
  ASSERT_TRUE(result) << result.error().message();
  WriteRequestReader reader(WriteVersion::kV1, *result);
  ASSERT_TRUE(reader.NextSeries());
  ASSERT_EQ(1U, reader.labels().size());
  EXPECT_EQ("v", reader.labels()[0].value);
  WriteSample s;
  ASSERT_TRUE(reader.NextSample(s));
  EXPECT_EQ(-4, s.t);
  EXPECT_EQ(2.5, s.value);
  WriteHistogram h;
  ASSERT_TRUE(reader.NextHistogram(h));
  EXPECT_EQ(1.5, std::get<model::FloatHistogram>(h.value).count);
  EXPECT_FALSE(reader.NextSeries());
  EXPECT_TRUE(reader.status());

  EXPECT_EQ("responses: want 1, got 0", DecodeReadResponse("").error().message());
  response.add_results();
  EXPECT_EQ("responses: want 1, got 2",
            DecodeReadResponse(response.SerializeAsString()).error().message());
  EXPECT_EQ("unexpected EOF", DecodeReadResponse("\x0a\x05\x08"sv).error().message());
}

TEST(RemoteReadTest, ReadsFrames) {
  wire::ChunkedReadResponse response;
  for (int s = 0; s < 2; ++s) {
    auto& series = *response.add_chunked_series();
    for (int i = 0; i < 2 - s; ++i) {
      auto& chunk = *series.add_chunks();
      chunk.set_min_time_ms(-5 + i);
      chunk.set_max_time_ms(10 * i);
      chunk.set_type(i + 1);
      chunk.set_data("data" + std::to_string(i));
    }
    auto& label = *series.add_labels();
    label.set_name("n");
    label.set_value(std::to_string(s));
  }
  response.set_query_index(3);
  const std::string message = response.SerializeAsString();
  ReadFrameReader reader(message);
  ReadChunk chunk;
  EXPECT_FALSE(reader.NextChunk(chunk));
  ASSERT_TRUE(reader.NextSeries());
  ASSERT_EQ(1U, reader.labels().size());
  EXPECT_EQ("0", reader.labels()[0].value);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(reader.NextChunk(chunk));
    EXPECT_EQ(-5 + i, chunk.mint);
    EXPECT_EQ(10 * i, chunk.maxt);
    EXPECT_EQ(i + 1, chunk.encoding);
    EXPECT_EQ("data" + std::to_string(i), chunk.bytes);
  }
  EXPECT_FALSE(reader.NextChunk(chunk));
  ASSERT_TRUE(reader.NextSeries());  // Its chunk is passed over.
  EXPECT_EQ("1", reader.labels()[0].value);
  EXPECT_FALSE(reader.NextSeries());
  EXPECT_FALSE(reader.NextSeries());
  EXPECT_TRUE(reader.status());
}

TEST(RemoteReadTest, RefusesBrokenFrames) {
  wire::ChunkedReadResponse response;
  response.add_chunked_series()->add_chunks()->set_type(256);
  const std::string encoding = response.SerializeAsString();
  std::string labels;
  for (int i = 0; i < 70'000; ++i) labels += "\x0a\x00"s;
  response.Clear();
  ASSERT_TRUE(response.add_chunked_series()->ParseFromString(labels));
  const struct {
    std::string message;
    const char* want;
  } cases[] = {{"\x0a\x05\x08"s, "unexpected EOF"},
               {"\x0a\x02\x0a\x05"s, "unexpected EOF"},
               {"\x08\x01"s, "proto: wrong wireType = 0 for field ChunkedSeries"},
               {encoding, "invalid chunk encoding \"256\""},
               {response.SerializeAsString(), "a series has more than 65536 labels"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.want);
    ReadFrameReader reader(c.message);
    ReadChunk chunk;
    while (reader.NextSeries()) {
      while (reader.NextChunk(chunk)) {
      }
    }
    ASSERT_FALSE(reader.status());
    EXPECT_EQ(c.want, reader.status().error().message());
  }
}

}  // namespace
}  // namespace narthex::proto
