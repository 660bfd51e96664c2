// SPDX-License-Identifier: Apache-2.0
#include "src/remote/read_endpoint.h"

#include <algorithm>
#include <new>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "narthex/base/check.h"
#include "narthex/base/clock.h"
#include "narthex/base/go_format.h"
#include "narthex/base/metrics.h"
#include "narthex/proto/snappy.h"
#include "src/remote/frame_reader.h"

namespace narthex::remote {
namespace {

/// Connections that are kept for the next questions.
constexpr std::size_t kMaxIdle = 8;
/// Of what a server says went wrong, so much is passed on.
constexpr std::size_t kMaxShownBytes = 1024;

constexpr double kSeconds[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60};

constexpr std::string_view kSampledType = "application/x-protobuf";
constexpr std::string_view kStreamedType =
    "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";

constexpr std::int64_t kNsPerMs = 1'000'000;
/// Who waited so long in vain, or for the section's time, has found that the server hangs.
constexpr model::DurationMs kLongWaitMs = 10'000;

constexpr char kNoMemory[] = "the server has no memory left for the answer";

constexpr char kUnderWayName[] = "prometheus_remote_read_client_queries";

std::string Shown(std::string_view text) {
  while (text.starts_with('\n')) text.remove_prefix(1);
  while (text.ends_with('\n')) text.remove_suffix(1);
  if (text.size() <= kMaxShownBytes) return std::string(text);
  std::size_t end = kMaxShownBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

}  // namespace

// The first six digits of the MD5 of the section as it is shown.
std::string SectionName(const config::RemoteReadConfig& config) {
  if (!config.name.empty()) return config.name;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  const int ok =
      EVP_Digest(config.shown.data(), config.shown.size(), digest, &size, EVP_md5(), nullptr);
  NX_CHECK(ok == 1 && size == 16, "OpenSSL has no MD5");
  return fmt::format("{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2]);
}

std::string ShownUrl(const config::RemoteReadConfig& config) {
  const auto url = net::ParseUrl(config.url);
  if (url) return url->userinfo.empty() ? config.url : net::FormatUrl(*url);
  return config.url.find('@') == std::string::npos ? config.url : "a URL that is none";
}

/// One question and its answer: takes the head and the pieces of the body.
class ReadEndpoint::Exchange {
 public:
  Exchange(ReadEndpoint& endpoint, AnswerScope scope)
      : endpoint_(endpoint),
        scope_(std::move(scope)),
        begin_ns_(endpoint.clock_.MonotonicNs()),
        frames_(
            std::min<std::uint64_t>(endpoint.max_frame_bytes_, endpoint.budget_->max_answer_bytes),
            [this](std::string_view message) { return chunked_->Add(message); }) {}

  void OnHead(const net::ClientResponse& head) {
    status_line_ = fmt::format("{} {}", head.status, head.reason);
    code_ = std::to_string(head.status);
    content_type_ = head.content_type;
    type_ = head.content_type.starts_with(kSampledType)    ? "sampled"
            : head.content_type.starts_with(kStreamedType) ? "chunked"
                                                           : "unsupported";
    const std::int64_t ns = endpoint_.clock_.MonotonicNs() - begin_ns_;
    endpoint_.Observe(type_, static_cast<double>(ns) / 1e9);
    if (is("sampled")) sampled_ = std::make_unique<SampledAnswer>(endpoint_.budget_, scope_);
    if (is("chunked")) chunked_ = std::make_unique<ChunkedAnswer>(endpoint_.budget_, scope_);
  }

  /// @return false when the rest of the body is of no use
  bool OnPiece(std::string_view piece) {
    if (is("unsupported")) return false;
    try {
      problem_ = is("sampled") ? Gather(piece) : Cut(piece);
    } catch (const std::bad_alloc&) {
      problem_ = Fail(Code::kResourceExhausted, kNoMemory);
    }
    return problem_.has_value();
  }

  /// @param body  of an answer that is an error
  Result<std::unique_ptr<storage::SeriesSet>> Finish(const Result<net::ClientResponse>& response,
                                                     const std::string& body,
                                                     model::DurationMs timeout_ms) {
    Result<std::unique_ptr<storage::SeriesSet>> set = Fail(Code::kResourceExhausted, kNoMemory);
    try {
      set = MakeSet(response, body, timeout_ms);
    } catch (const std::bad_alloc&) {
      // The query goes on without this server.
    }
    if (type_ != nullptr) {
      const bool aborted = is("chunked") && !set;
      endpoint_.Count(type_, aborted ? "aborted_stream" : code_);
    }
    return set;
  }

 private:
  bool is(std::string_view type) const { return type_ != nullptr && type == type_; }

  Status Gather(std::string_view piece) {
    NX_RETURN_IF_ERROR(sampled_->memory().Hold(piece.size()));
    body_.append(piece);
    return {};
  }

  Status Cut(std::string_view piece) {
    NX_RETURN_IF_ERROR(frames_.Feed(piece));
    // What waits of a frame is held, too.
    const std::size_t pending = frames_.held_bytes();
    if (pending > pending_) NX_RETURN_IF_ERROR(chunked_->memory().Hold(pending - pending_));
    pending_ = std::max(pending, pending_);
    return {};
  }

  Result<std::unique_ptr<storage::SeriesSet>> MakeSet(const Result<net::ClientResponse>& response,
                                                      const std::string& body,
                                                      model::DurationMs timeout_ms) {
    if (!response) return Fail(Broken(response.error(), timeout_ms));
    if (response->status / 100 != 2) {
      return Fail(Code::kUnavailable, fmt::format("remote server {} returned http status {} {}: {}",
                                                  endpoint_.url_text_, response->status,
                                                  response->reason, Shown(body)));
    }
    if (is("unsupported")) {
      return Fail(Code::kUnavailable, "unsupported content type: " + Shown(content_type_));
    }
    if (!problem_) return Fail(Reading(problem_.error()));
    if (is("sampled")) {
      NX_RETURN_IF_ERROR(sampled_->Fill(body_));
      sampled_->memory().Release(body_.size());
      return std::move(sampled_);
    }
    if (const Status whole = frames_.Finish(); !whole) return Fail(Reading(whole.error()));
    chunked_->memory().Release(pending_);
    chunked_->Finish();
    return std::move(chunked_);
  }

  Error Broken(const Error& error, model::DurationMs timeout_ms) const {
    std::string why = error.message();
    if (error.code() == Code::kTimeout) {
      why += ": request timed out after " + go::FormatDuration(timeout_ms * kNsPerMs);
    }
    if (type_ == nullptr) return {error.code(), "error sending request: " + why};
    if (!is("sampled")) return Reading({error.code(), why});
    return {error.code(),
            fmt::format("error reading response. HTTP status code: {}: {}", status_line_, why)};
  }

  static Error Reading(const Error& error) {
    return {error.code(), "error reading response: " + error.message()};
  }

  ReadEndpoint& endpoint_;
  const AnswerScope scope_;
  const std::int64_t begin_ns_;
  const char* type_ = nullptr;  // For metrics; null = there was no head that is no error.
  std::string status_line_, code_, content_type_;
  std::string body_;  // Of a sampled answer.
  FrameReader frames_;
  std::size_t pending_ = 0;  // Bytes of an unfinished frame that are counted.
  std::unique_ptr<SampledAnswer> sampled_;
  std::unique_ptr<ChunkedAnswer> chunked_;
  Status problem_;
};

ReadEndpoint::ReadEndpoint(const config::RemoteReadConfig& config, net::HttpClientOptions client,
                           std::shared_ptr<ReadBudget> budget, Clock& clock,
                           metrics::Registry& registry)
    : name_(SectionName(config)),
      url_text_(ShownUrl(config)),
      url_(net::ParseUrl(config.url)),
      headers_(config.headers),
      timeout_ms_(config.timeout_ms),
      max_frame_bytes_(config.chunked_read_limit_bytes),
      client_options_(std::move(client)),
      budget_(std::move(budget)),
      clock_(clock),
      registry_(registry),
      under_way_(registry.AddGauge(kUnderWayName, "The number of in-flight remote read queries.",
                                   {{"remote_name", name_}, {"url", url_text_}})) {}

ReadEndpoint::~ReadEndpoint() = default;

net::ClientRequest ReadEndpoint::MakeRequest(const proto::ReadQuery& query,
                                             model::DurationMs timeout_ms) const {
  std::string message;
  proto::EncodeReadRequest(
      {.queries = {query}, .accepted_types = {proto::kReadStreamedXorChunks, proto::kReadSamples}},
      message);
  net::ClientRequest request;
  request.method = "POST";
  request.url = *url_;
  request.idempotent = true;
  request.timeout = std::chrono::milliseconds(timeout_ms);
  request.headers = {{"Content-Encoding", "snappy"},
                     {"Accept-Encoding", "snappy"},
                     {"Content-Type", "application/x-protobuf"},
                     {"X-Prometheus-Remote-Read-Version", "0.1.0"}};
  request.headers.insert(request.headers.end(), headers_.begin(), headers_.end());
  proto::SnappyEncode(message, request.body);
  return request;
}

model::DurationMs ReadEndpoint::TimeFor(std::int64_t deadline_ns) const {
  if (deadline_ns == 0) return timeout_ms_;
  const std::int64_t left_ms = (deadline_ns - clock_.MonotonicNs()) / kNsPerMs;
  return std::clamp<std::int64_t>(left_ms, 1, timeout_ms_);
}

Result<std::unique_ptr<storage::SeriesSet>> ReadEndpoint::Read(const proto::ReadQuery& query,
                                                               AnswerScope scope,
                                                               std::int64_t deadline_ns,
                                                               const std::stop_token& stop) {
  struct UnderWay {
    explicit UnderWay(metrics::Gauge& g) : gauge(g) { gauge.Add(1); }
    ~UnderWay() { gauge.Add(-1); }
    metrics::Gauge& gauge;
  };
  const UnderWay counted(under_way_);
  if (!url_) return Fail(url_.error().code(), "error sending request: " + url_.error().message());
  struct Probe {
    ~Probe() {
      if (is_one) patience.EndProbe();
    }
    Patience& patience;
    bool is_one = false;
  };
  Probe probe{patience_};
  if (auto refusal = patience_.Refusal(clock_.MonotonicNs(), probe.is_one)) {
    return Fail(std::move(*refusal));
  }
  const model::DurationMs timeout_ms = TimeFor(deadline_ns);
  Exchange exchange(*this, std::move(scope));
  net::ClientRequest request = MakeRequest(query, timeout_ms);
  request.on_head = [&](const net::ClientResponse& head) { exchange.OnHead(head); };
  request.on_body = [&](std::string_view piece) { return exchange.OnPiece(piece); };
  auto client = TakeClient();
  std::string body;
  std::optional<Result<net::ClientResponse>> response;
  {
    const std::stop_callback cancel(stop, [&] { client->Cancel(); });
    response = client->Do(request, body);
  }
  // A client that was told to stop does nothing any more.
  if (stop.stop_requested()) return Fail(Code::kCancelled, "context canceled");
  KeepClient(std::move(client));
  auto set = exchange.Finish(*response, body, timeout_ms);
  if (set || set.error().code() != Code::kTimeout) {
    patience_.Answered();
  } else if (timeout_ms >= std::min(timeout_ms_, kLongWaitMs)) {
    patience_.WaitedInVain(clock_.MonotonicNs(), set.error());
  }
  return set;
}

std::unique_ptr<net::BlockingClient> ReadEndpoint::TakeClient() {
  {
    MutexLock lock(mutex_);
    if (!idle_.empty()) {
      auto client = std::move(idle_.back());
      idle_.pop_back();
      return client;
    }
  }
  return std::make_unique<net::BlockingClient>(client_options_);
}

void ReadEndpoint::KeepClient(std::unique_ptr<net::BlockingClient> client) {
  MutexLock lock(mutex_);
  if (idle_.size() < kMaxIdle) idle_.push_back(std::move(client));
}

void ReadEndpoint::Count(const char* response_type, const std::string& code) {
  registry_
      .AddCounter("prometheus_remote_read_client_queries_total",
                  "The total number of remote read queries.",
                  {{"code", code},
                   {"remote_name", name_},
                   {"response_type", response_type},
                   {"url", url_text_}})
      .Add();
}

void ReadEndpoint::Observe(const char* response_type, double seconds) {
  registry_
      .AddHistogram("prometheus_remote_read_client_request_duration_seconds",
                    "Histogram of the latency for remote read requests. Note that for streamed "
                    "responses this is only the duration of the initial call and does not include "
                    "the processing of the stream.",
                    kSeconds,
                    {{"remote_name", name_}, {"response_type", response_type}, {"url", url_text_}})
      .Observe(seconds);
}

}  // namespace narthex::remote
