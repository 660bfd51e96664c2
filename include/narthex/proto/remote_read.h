// SPDX-License-Identifier: Apache-2.0
//
// Remote read: what a request asks for, and the two forms of an answer.
// Source: https://prometheus.io/docs/prometheus/latest/querying/remote_read_api/ and Prometheus
// prompb/remote.proto.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/histogram.h"
#include "narthex/model/labels.h"
#include "narthex/model/matcher.h"
#include "narthex/model/sample.h"
#include "narthex/model/timestamp.h"

namespace narthex::proto {

struct ReadMatcher {
  std::int32_t type = 0;  // As sent; see MakeMatcher.
  std::string name, value;
};

struct ReadHints {
  model::DurationMs step_ms = 0, range_ms = 0;
  model::TimestampMs start_ms = 0, end_ms = 0;
  std::string func{};
  std::vector<std::string> grouping{};
  bool by = false;
};

struct ReadQuery {
  model::TimestampMs start_ms = 0, end_ms = 0;  // Closed.
  std::vector<ReadMatcher> matchers{};
  bool has_hints = false;
  ReadHints hints{};
};

inline constexpr std::int32_t kReadSamples = 0;
inline constexpr std::int32_t kReadStreamedXorChunks = 1;

struct ReadRequest {
  std::vector<ReadQuery> queries{};
  std::vector<std::int32_t> accepted_types{};  // As sent.
};

/// Writes prometheus.ReadRequest, appended to `out`.
void EncodeReadRequest(const ReadRequest& request, std::string& out);

/// Reads prometheus.ReadRequest. Errors: kInvalidArgument, how the body breaks protobuf's rules.
Result<ReadRequest> DecodeReadRequest(std::string_view body);

/// The other way round.
ReadMatcher FromMatcher(const model::Matcher& matcher);

/// Errors: kInvalidArgument "invalid matcher type", or the regular expression's.
Result<model::Matcher> MakeMatcher(const ReadMatcher& matcher);

/// Writes prometheus.ReadResponse piece by piece.
///   for each query: for each series { BeginSeries, Sample and Histogram in time, EndSeries };
///   EndQuery.
/// Numbers keep their bits, but for -0, which is left out as 0 is: so do all Go programs here.
/// Thread safety: one thread.
class ReadResponseWriter final {
 public:
  void BeginSeries(const model::Labels& labels);
  void AddSample(model::TimestampMs t, double value);
  void AddHistogram(model::TimestampMs t, const model::AnyHistogram& histogram);
  void EndSeries();
  void EndQuery();
  /// The message, when every query has ended.
  const std::string& bytes() const { return response_; }
  /// Bytes held for it up to now.
  std::size_t size() const {
    return response_.size() + query_.size() + series_.size() + histograms_.size();
  }

 private:
  std::string response_, query_, series_, histograms_, scratch_;
};

struct ReadChunk {
  model::TimestampMs mint = 0, maxt = 0;
  std::uint8_t encoding = 0;  // Prometheus's byte.
  std::string_view bytes;
};

/// Bytes that a label or chunk takes in a frame, without its tag and length; what frames are cut
/// by.
std::size_t LabelBytes(std::string_view name, std::string_view value);
std::size_t ChunkBytes(const ReadChunk& chunk);

/// Appends one frame of a streamed answer: the length of the message as varint, its CRC-32C (big
/// endian), and prometheus.ChunkedReadResponse with one series.
void AppendChunkFrame(const model::Labels& labels, std::span<const ReadChunk> chunks,
                      std::int64_t query_index, std::string& out);

/// The answer to the only query of a request, in a prometheus.ReadResponse: a QueryResult, which
/// has the form of a write request. So walk it with WriteRequestReader (remote_write.h) of
/// version 1. Errors: kNotFound "responses: want 1, got N"; kInvalidArgument, how the message
/// breaks protobuf's rules.
Result<std::string_view> DecodeReadResponse(std::string_view message);

/// Walks one prometheus.ChunkedReadResponse, the message in a frame. All views point into it. A
/// hostile message costs time in proportion to its length, and memory for the labels of one series.
///
///   ReadFrameReader reader(message);
///   while (reader.NextSeries()) {
///     while (reader.NextChunk(chunk)) …
///   }
///   NX_RETURN_IF_ERROR(reader.status());
///
/// Thread safety: one thread.
class ReadFrameReader final {
 public:
  explicit ReadFrameReader(std::string_view message) : message_(message) {}

  /// Goes to the next series. False: there is none, or the message is broken.
  bool NextSeries();
  /// As sent: in any order, perhaps repeated, empty or not UTF-8.
  std::span<const model::LabelView> labels() const { return labels_; }
  /// The next chunk of the series. False as above.
  bool NextChunk(ReadChunk& chunk);

  /// Errors: kInvalidArgument, how the message breaks protobuf's rules.
  Status status() const;

 private:
  void OpenSeries();

  const std::string_view message_;
  std::size_t next_series_ = 0;  // Offsets in the message, and in the series.
  std::size_t next_chunk_ = 0;
  std::string_view series_;
  std::vector<model::LabelView> labels_;
  std::string error_;
};

}  // namespace narthex::proto
