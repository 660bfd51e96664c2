// SPDX-License-Identifier: Apache-2.0
#include "narthex/proto/remote_read.h"

#include <bit>

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

}  // namespace
}  // namespace narthex::proto
