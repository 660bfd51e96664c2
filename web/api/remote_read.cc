// SPDX-License-Identifier: Apache-2.0
//
// POST /api/v1/read: raw samples or chunks of the series that a request selects.
// Source: https://prometheus.io/docs/prometheus/latest/querying/remote_read_api/ and Prometheus
// storage/remote readHandler.
#include "narthex/proto/remote_read.h"

#include <memory>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "narthex/proto/snappy.h"
#include "narthex/storage/chunk_querier.h"
#include "narthex/storage/typed_samples.h"
#include "web/api/middleware.h"
#include "web/api/read_gate.h"
#include "web/api/routes.h"

namespace narthex::web {
namespace {

constexpr std::size_t kMaxBodyBytes = 32 << 20;  // Compressed and decompressed.

// Raw samples are selected with so much around them: whether a histogram follows another one, which
// its reset hint tells, is lost where a chunk is cut in front of it.
constexpr model::DurationMs kMarginMs = 10 * 60 * 1000;

struct Range {
  model::TimestampMs mint, maxt;  // Closed.
  bool Has(model::TimestampMs t) const { return mint <= t && t <= maxt; }
};

model::TimestampMs Plus(model::TimestampMs t, model::DurationMs d) {
  model::TimestampMs sum = 0;
  if (!__builtin_add_overflow(t, d, &sum)) return sum;
  return d < 0 ? model::kMinTime : model::kMaxTime;
}

/// The series' labels, and those external ones whose names it does not have.
model::Labels WithExternal(const model::Labels& labels, const model::Labels& external) {
  if (external.empty()) return labels;
  model::LabelsBuilder builder(external);
  for (const auto label : labels) builder.Set(label.name, label.value);
  return builder.Build();
}

/// A series has no label by the name of an external one: who asks for the external value means
/// series without it.
Result<std::vector<model::Matcher>> LocalMatchers(const proto::ReadQuery& query,
                                                  const model::Labels& external) {
  std::vector<model::Matcher> matchers;
  for (const proto::ReadMatcher& asked : query.matchers) {
    NX_ASSIGN_OR_RETURN(model::Matcher matcher, proto::MakeMatcher(asked));
    if (matcher.type() == model::MatchType::kEqual &&
        external.Get(matcher.name()) == matcher.value()) {
      matcher = model::Matcher::Equal(matcher.name(), "");
    }
    matchers.push_back(std::move(matcher));
  }
  return matchers;
}

storage::SelectHints MakeHints(const proto::ReadQuery& query) {
  storage::SelectHints hints;
  hints.start_ms = query.start_ms;
  hints.end_ms = query.end_ms;
  if (!query.has_hints) return hints;
  hints.start_ms = query.hints.start_ms;
  hints.end_ms = query.hints.end_ms;
  hints.step_ms = query.hints.step_ms;
  hints.range_ms = query.hints.range_ms;
  hints.func = query.hints.func;
  hints.grouping = query.hints.grouping;
  hints.by = query.hints.by;
  return hints;
}

/// The first type of the list that there is. Errors: kInvalidArgument.
Result<std::int32_t> ChooseType(const std::vector<std::int32_t>& accepted) {
  if (accepted.empty()) return proto::kReadSamples;
  for (const std::int32_t type : accepted) {
    if (type == proto::kReadSamples || type == proto::kReadStreamedXorChunks) return type;
  }
  return Fail(Code::kInvalidArgument,
              fmt::format("server does not support any of the requested response types: [{}]; "
                          "supported: map[SAMPLES:{{}} STREAMED_XOR_CHUNKS:{{}}]",
                          fmt::join(accepted, " ")));
}

/// Answers one request.
class Reading {
 public:
  Reading(const ApiDependencies& api, const net::ServerRequest& http, net::ResponseWriter& writer)
      : api_(api), http_(http), writer_(writer), external_(api.status.ExternalLabels()) {}

  /// Errors: only as long as nothing was written.
  Status Run() {
    std::string body;
    NX_RETURN_IF_ERROR(proto::SnappyDecode(http_.body, kMaxBodyBytes, body));
    NX_ASSIGN_OR_RETURN(const proto::ReadRequest request, proto::DecodeReadRequest(body));
    NX_ASSIGN_OR_RETURN(const std::int32_t type, ChooseType(request.accepted_types));
    return type == proto::kReadSamples ? SendSamples(request) : StreamChunks(request);
  }

 private:
  using SeriesSetPtr = std::unique_ptr<storage::ChunkSeriesSet>;

  /// The series of a query, null when it has no matchers: upstream then selects none.
  /// @param hints  with the range of samples
  Result<SeriesSetPtr> Select(const proto::ReadQuery& query, const storage::SelectHints& hints) {
    auto matchers = LocalMatchers(query, external_);
    // Upstream answers 500 to a matcher that it cannot make.
    if (!matchers) return Fail(Code::kInternal, matchers.error().message());
    if (matchers->empty()) return SeriesSetPtr();
    return api_.chunks->SelectChunks(hints.start_ms, hints.end_ms, *matchers, hints, http_.stop);
  }

  Status SendSamples(const proto::ReadRequest& request) {
    // Also of a refusal, as upstream.
    writer_.SetHeader("Content-Encoding", "snappy");
    proto::ReadResponseWriter response;
    for (const proto::ReadQuery& query : request.queries) {
      NX_RETURN_IF_ERROR(WriteSamples(query, response));
      response.EndQuery();
    }
    std::string compressed;
    proto::SnappyEncode(response.bytes(), compressed);
    writer_.SetHeader("Content-Type", "application/x-protobuf");
    writer_.Write(compressed);
    return {};
  }

  Status WriteSamples(const proto::ReadQuery& query, proto::ReadResponseWriter& response) {
    storage::SelectHints hints = MakeHints(query);
    const Range range{hints.start_ms, hints.end_ms};
    hints.start_ms = Plus(range.mint, -kMarginMs);
    hints.end_ms = Plus(range.maxt, kMarginMs);
    NX_ASSIGN_OR_RETURN(const SeriesSetPtr set, Select(query, hints));
    if (set == nullptr || range.mint > range.maxt) return {};
    const bool labels_only = hints.func == "series";
    std::size_t left = api_.options.remote_read_sample_limit;
    if (left == 0) left = SIZE_MAX;
    for (std::size_t i = 0; i < set->size(); ++i) {
      if (http_.stop.stop_requested()) return Fail(Code::kCancelled, "context canceled");
      NX_ASSIGN_OR_RETURN(const bool present, ReadSeries(*set, i, range));
      if (!present) continue;
      response.BeginSeries(WithExternal(set->LabelsAt(i), external_));
      if (!labels_only && !AddSamples(range, left, response)) {
        return Fail(Code::kInvalidArgument, fmt::format("exceeded sample limit ({})",
                                                        api_.options.remote_read_sample_limit));
      }
      response.EndSeries();
    }
    return {};
  }

  /// Decodes the chunks that overlap the range. @return false when none does
  Result<bool> ReadSeries(const storage::ChunkSeriesSet& set, std::size_t i, const Range& range) {
    NX_RETURN_IF_ERROR(set.Read(i, chunks_));
    samples_.Clear();
    bool present = false;
    for (const storage::EncodedChunk& chunk : chunks_) {
      if (chunk.mint > range.maxt || chunk.maxt < range.mint) continue;
      present = true;
      NX_RETURN_IF_ERROR(api_.decode_chunk(chunk, samples_));
    }
    return present;
  }

  /// @return false when there are more samples than are `left`
  bool AddSamples(const Range& range, std::size_t& left, proto::ReadResponseWriter& response) {
    const storage::SampleColumns& floats = samples_.floats;
    for (std::size_t k = 0; k < floats.t.size(); ++k) {
      if (!range.Has(floats.t[k])) continue;
      if (left-- == 0) return false;
      response.AddSample(floats.t[k], floats.v[k]);
    }
    for (const auto& [t, histogram] : samples_.histograms) {
      if (!range.Has(t)) continue;
      if (left-- == 0) return false;
      response.AddHistogram(t, histogram);
    }
    return true;
  }

  Status StreamChunks(const proto::ReadRequest& request) {
    writer_.SetHeader("Content-Type",
                      "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse");
    writer_.SetHeader("Content-Encoding", "identity");
    for (std::size_t query = 0; query < request.queries.size() && !gone_; ++query) {
      const proto::ReadQuery& asked = request.queries[query];
      NX_ASSIGN_OR_RETURN(const SeriesSetPtr set, Select(asked, MakeHints(asked)));
      if (set == nullptr) continue;
      for (std::size_t i = 0; i < set->size() && !gone_; ++i) {
        NX_RETURN_IF_ERROR(set->Read(i, chunks_));
        StreamSeries(WithExternal(set->LabelsAt(i), external_), static_cast<std::int64_t>(query));
      }
    }
    return {};
  }

  /// Frames of at least one chunk each, cut once they are full.
  void StreamSeries(const model::Labels& labels, std::int64_t query) {
    std::int64_t room = static_cast<std::int64_t>(api_.options.remote_read_max_bytes_in_frame);
    for (const auto label : labels) {
      room -= static_cast<std::int64_t>(proto::LabelBytes(label.name, label.value));
    }
    std::vector<proto::ReadChunk> frame;
    std::int64_t left = room;
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
      const storage::EncodedChunk& chunk = chunks_[i];
      frame.push_back({chunk.mint, chunk.maxt, chunk.encoding, chunk.bytes});
      left -= static_cast<std::int64_t>(proto::ChunkBytes(frame.back()));
      if (left > 0 && i + 1 < chunks_.size()) continue;
      frame_.clear();
      proto::AppendChunkFrame(labels, frame, query, frame_);
      if (!writer_.Write(frame_)) {
        gone_ = true;
        return;
      }
      frame.clear();
      left = room;
    }
  }

  const ApiDependencies& api_;
  const net::ServerRequest& http_;
  net::ResponseWriter& writer_;
  const model::Labels external_;
  std::vector<storage::EncodedChunk> chunks_;
  storage::TypedSamples samples_;
  std::string frame_;
  bool gone_ = false;  // Nobody listens any more.
};

/// Thread safety: any thread.
class ReadServer final {
 public:
  explicit ReadServer(const ApiDependencies& api)
      : api_(api),
        gate_(api.options.remote_read_concurrent_limit),
        queries_(api.registry.AddGauge(
            "prometheus_remote_read_handler_queries",
            "The current number of remote read queries that are in execution or queued.")) {}

  void Serve(const net::ServerRequest& request, net::ResponseWriter& writer) {
    queries_.Add(1);
    if (gate_.Enter(request.stop)) {
      if (const Status status = Reading(api_, request, writer).Run(); !status) {
        Refuse(status.error(), writer);
      }
      gate_.Leave();
    } else {
      Refuse(Error(Code::kCancelled, "context canceled"), writer);
    }
    queries_.Add(-1);
  }

 private:
  static void Refuse(const Error& error, net::ResponseWriter& writer) {
    PlainError(error.code() == Code::kInvalidArgument ? 400 : 500, error.message() + "\n", writer);
  }

  const ApiDependencies& api_;  // Of the context.
  ReadGate gate_;
  metrics::Gauge& queries_;
};

}  // namespace

void AddRemoteRead(const ContextPtr& context, const AddRoute& add) {
  if (context->api.chunks == nullptr) return;
  const auto server = std::make_shared<ReadServer>(context->api);
  add("POST", "/api/v1/read",
      [context, server](const net::ServerRequest& request, net::ResponseWriter& writer) {
        if (CheckReady(context->api.status, writer)) server->Serve(request, writer);
      });
}

}  // namespace narthex::web
