// SPDX-License-Identifier: Apache-2.0
//
// The read client beside a server whose answers are made up by Google's codec.
#pragma once

#include <cstring>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "narthex/base/coding.h"
#include "narthex/base/crc32c.h"
#include "narthex/proto/snappy.h"
#include "prometheus.pb.h"
#include "src/remote/read_endpoint.h"
#include "tests/remote/read_fixture.h"
#include "tests/support/fake_http_server.h"

namespace narthex::remote {

using testing::FakeHttpServer;

inline FakeHttpServer::Response Sampled(const wire::ReadResponse& response) {
  std::string body;
  proto::SnappyEncode(response.SerializeAsString(), body);
  return {.body = body,
          .content_type = "application/x-protobuf",
          .headers = "Content-Encoding: snappy\r\n"};
}

inline std::string Frame(const wire::ChunkedReadResponse& message) {
  const std::string bytes = message.SerializeAsString();
  std::string out;
  Encoder frame(out);
  frame.Uvarint(bytes.size());
  frame.Be32(Crc32c({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}));
  frame.Bytes(bytes);
  return out;
}
inline FakeHttpServer::Response Streamed(const std::string& frames) {
  return {.body = frames,
          .content_type = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"};
}

/// An XOR chunk of one sample.
inline std::string OneSample(model::TimestampMs t, double v) {
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
inline std::string EmptyHistogramChunk(int schema) {
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
inline std::string FrameOf(const std::vector<std::pair<std::string, std::string>>& labels,
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

}  // namespace narthex::remote
