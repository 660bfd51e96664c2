// SPDX-License-Identifier: Apache-2.0
//
// POST /api/v1/read: raw samples or chunks of the series that a request selects.
// Source: https://prometheus.io/docs/prometheus/latest/querying/remote_read_api/ and Prometheus
// storage/remote readHandler.
#include "narthex/proto/remote_read.h"

#include <algorithm>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "narthex/base/clock.h"
#include "narthex/base/log.h"
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
      : api_(api),
        http_(http),
        writer_(writer),
        external_(api.status.ExternalLabels()),
        samples_left_(api.options.remote_read_sample_limit) {
    if (samples_left_ == 0) samples_left_ = SIZE_MAX;
  }

  /// Errors: see also answer_begun().
  Status Run() {
    std::string body;
    NX_RETURN_IF_ERROR(proto::SnappyDecode(http_.body, kMaxBodyBytes, body));
    NX_ASSIGN_OR_RETURN(const proto::ReadRequest request, proto::DecodeReadRequest(body));
    NX_ASSIGN_OR_RETURN(const std::int32_t type, ChooseType(request.accepted_types));
    return type == proto::kReadSamples ? SendSamples(request) : StreamChunks(request);
  }

  /// Whether a part was written already, so that no other answer can be given.
  bool answer_begun() const { return answer_begun_; }

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
    // The ends may be the wrong way round. Upstream then tells the series, without samples, that
    // have a chunk from before the one end until after the other.
    hints.start_ms = model::Minus(std::min(range.mint, range.maxt), kMarginMs);
    hints.end_ms = model::Plus(std::max(range.mint, range.maxt), kMarginMs);
    NX_ASSIGN_OR_RETURN(const SeriesSetPtr set, Select(query, hints));
    if (set == nullptr) return {};
    const bool labels_only = hints.func == "series";
    for (std::size_t i = 0; i < set->size(); ++i) {
      NX_RETURN_IF_ERROR(CheckWanted());
      NX_ASSIGN_OR_RETURN(const bool present, ReadSeries(*set, i, range));
      if (!present) continue;
      response.BeginSeries(WithExternal(set->LabelsAt(i), external_));
      if (!labels_only) NX_RETURN_IF_ERROR(AddSamples(range, response));
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

  Status CheckWanted() const {
    if (http_.stop.stop_requested()) return Fail(Code::kCancelled, "context canceled");
    return {};
  }

  /// Takes one from the samples and looks at the bytes that the request may have.
  Status Charge(const proto::ReadResponseWriter& response) {
    if (samples_left_-- == 0) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("exceeded sample limit ({})", api_.options.remote_read_sample_limit));
    }
    if (response.size() <= api_.options.remote_read_max_answer_bytes) return {};
    return Fail(Code::kInvalidArgument,
                fmt::format("the samples take more than {} bytes; ask for less, or for chunks",
                            api_.options.remote_read_max_answer_bytes));
  }

  Status AddSamples(const Range& range, proto::ReadResponseWriter& response) {
    const storage::SampleColumns& floats = samples_.floats;
    for (std::size_t k = 0; k < floats.t.size(); ++k) {
      if (!range.Has(floats.t[k])) continue;
      NX_RETURN_IF_ERROR(Charge(response));
      response.AddSample(floats.t[k], floats.v[k]);
    }
    for (const auto& [t, histogram] : samples_.histograms) {
      if (!range.Has(t)) continue;
      NX_RETURN_IF_ERROR(Charge(response));
      response.AddHistogram(t, histogram);
    }
    return {};
  }

  Status StreamChunks(const proto::ReadRequest& request) {
    writer_.SetHeader("Content-Type",
                      "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse");
    writer_.SetHeader("Content-Encoding", "identity");
    for (std::size_t query = 0; query < request.queries.size(); ++query) {
      const proto::ReadQuery& asked = request.queries[query];
      NX_ASSIGN_OR_RETURN(const SeriesSetPtr set, Select(asked, MakeHints(asked)));
      if (set == nullptr) continue;
      for (std::size_t i = 0; i < set->size(); ++i) {
        NX_RETURN_IF_ERROR(CheckWanted());  // Here too: series may have no chunk.
        NX_RETURN_IF_ERROR(set->Read(i, chunks_));
        NX_RETURN_IF_ERROR(StreamSeries(WithExternal(set->LabelsAt(i), external_),
                                        static_cast<std::int64_t>(query)));
      }
    }
    return {};
  }

  /// Frames of at least one chunk each, cut once they are full.
  Status StreamSeries(const model::Labels& labels, std::int64_t query) {
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
      NX_RETURN_IF_ERROR(Send(frame_));
      frame.clear();
      left = room;
    }
    return {};
  }

  /// The series stay in the head for as long as the answer takes. So the time that the client lets
  /// us wait, all together, has the limit of queries; our own work does not count.
  Status Send(std::string_view piece) {
    answer_begun_ = true;
    const std::int64_t begin = api_.clock.MonotonicNs();
    const bool there = writer_.Write(piece);
    waited_ns_ += api_.clock.MonotonicNs() - begin;
    if (!there) return Fail(Code::kCancelled, "the client is gone");
    constexpr std::int64_t kNsPerMs = 1'000'000;
    if (waited_ns_ / kNsPerMs <= api_.options.query_timeout_ms) return {};
    return Fail(Code::kTimeout, fmt::format("the client took more than {} to read the answer",
                                            model::FormatDuration(api_.options.query_timeout_ms)));
  }

  const ApiDependencies& api_;
  const net::ServerRequest& http_;
  net::ResponseWriter& writer_;
  const model::Labels external_;
  std::vector<storage::EncodedChunk> chunks_;
  storage::TypedSamples samples_;
  std::string frame_;
  std::size_t samples_left_;
  std::int64_t waited_ns_ = 0;
  bool answer_begun_ = false;
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
    const Counted counted(queries_);
    if (!gate_.Enter(request.stop)) {
      return Refuse(Error(Code::kCancelled, "context canceled"), writer);
    }
    const Inside inside{gate_};
    Reading reading(api_, request, writer);
    const Status status = reading.Run();
    if (status) return;
    if (!reading.answer_begun()) return Refuse(status.error(), writer);
    log::Warn("Remote read ended before its end",
              {{"client", request.remote_address}, {"err", status.error().message()}});
    writer.Abort();
  }

 private:
  // Both also when an exception goes by, as of a failed allocation.
  struct Counted {
    explicit Counted(metrics::Gauge& g) : gauge(g) { gauge.Add(1); }
    ~Counted() { gauge.Add(-1); }
    metrics::Gauge& gauge;
  };
  struct Inside {
    ~Inside() { gate.Leave(); }
    ReadGate& gate;
  };

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
        const Admission admission(context->api.status, writer);
        if (admission) server->Serve(request, writer);
      });
}

}  // namespace narthex::web
