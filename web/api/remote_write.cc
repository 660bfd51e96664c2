// SPDX-License-Identifier: Apache-2.0
//
// POST /api/v1/write: what the request says that it is, and the answer.
#include "narthex/proto/remote_write.h"

#include <algorithm>
#include <cctype>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <tl/expected.hpp>

#include "narthex/base/clock.h"
#include "narthex/base/log.h"
#include "narthex/proto/snappy.h"
#include "web/api/middleware.h"
#include "web/api/read_gate.h"
#include "web/api/routes.h"
#include "web/api/write_store.h"

namespace narthex::web {
namespace {

constexpr std::string_view kMediaType = "application/x-protobuf";
constexpr std::string_view kV1Message = "prometheus.WriteRequest";
constexpr std::string_view kV2Message = "io.prometheus.write.v2.Request";
constexpr std::size_t kMaxBodyBytes = 32 << 20;  // Compressed and decompressed.
constexpr model::DurationMs kMaxAheadMs = 10 * 60 * 1000;

struct Refusal {
  int status;
  std::string text;
};

std::string_view Trimmed(std::string_view text) {
  const auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// The message that a content type names. Errors: the text for the sender.
tl::expected<std::string_view, std::string> MessageOf(std::string_view content_type) {
  content_type = Trimmed(content_type);
  if (content_type.empty()) content_type = kMediaType;  // Old senders say nothing.
  const std::string_view media = content_type.substr(0, content_type.find(';'));
  if (media != kMediaType) {
    return tl::unexpected(fmt::format("expected {} as the first (media) part, got {} content-type",
                                      kMediaType, content_type));
  }
  std::string_view rest = content_type.substr(media.size());
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::string_view parameter = rest.substr(0, rest.find(';'));
    rest.remove_prefix(parameter.size());
    if (std::count(parameter.begin(), parameter.end(), '=') != 1) {
      return tl::unexpected(
          fmt::format("as per https://www.rfc-editor.org/rfc/rfc9110#parameter expected parameters "
                      "to be key-values, got {} in {} content-type",
                      parameter, content_type));
    }
    constexpr std::string_view kProto = "proto=";
    if (!parameter.starts_with(kProto)) continue;
    const std::string_view message = parameter.substr(kProto.size());
    if (message != kV1Message && message != kV2Message) {
      return tl::unexpected(
          fmt::format("got {} content type; unknown type for remote write protobuf message {}, "
                      "supported: {}, {}",
                      content_type, message, kV1Message, kV2Message));
    }
    return message;
  }
  return kV1Message;
}

/// Thread safety: any thread.
class WriteReceiver final {
 public:
  explicit WriteReceiver(const ApiDependencies& api)
      : api_(api),
        invalid_labels_(api.registry.AddCounter(
            "prometheus_api_remote_write_invalid_labels_samples_total",
            "The number of samples and histograms received by remote write that were rejected "
            "because of invalid labels.")) {
    // Dashboards ask for it. Upstream counts samples whose metadata it failed to keep, which does
    // not happen here.
    api.registry.AddCounter(
        "prometheus_api_remote_write_without_metadata_appended_samples_total",
        "The number of samples and histograms received by remote write that were stored without "
        "metadata.");
    api.registry.AddGaugeList(
        "narthex_memory_bytes", "Bytes that each part of the server holds.", "part",
        [cache = cache_] {
          return metrics::GaugeList{{"web/write", static_cast<double>(cache->memory_bytes())}};
        });
  }

  void Serve(const net::ServerRequest& request, net::ResponseWriter& writer) {
    // Before the body is decoded, which may take many times the memory that it is sent in.
    const GatePlace place(gate_, request.stop);
    if (!place) return PlainError(503, "the request was given up\n", writer);
    std::string body;
    const auto message = Open(request, body);
    if (!message) {
      log::Error("Error decoding remote write request", {{"err", message.error().text}});
      return PlainError(message.error().status, message.error().text + "\n", writer);
    }
    const model::TimestampMs now = api_.clock.NowMs();
    cache_->Tick(now);
    const WriteTarget target{
        .storage = *api_.appendable,
        .cache = *cache_,
        .max_time = now + kMaxAheadMs,
        .invalid_labels = invalid_labels_,
        .options = {.append_metadata = api_.options.append_metadata,
                    .start_zeros = api_.options.start_zeros,
                    .type_and_unit_labels = api_.options.type_and_unit_labels}};
    Answer(*message == kV1Message ? StoreV1(body, target) : StoreV2(body, target), writer);
  }

 private:
  /// Decompresses the body and tells its message. The checks are in upstream's order.
  tl::expected<std::string_view, Refusal> Open(const net::ServerRequest& request,
                                               std::string& body) const {
    const std::string_view encoding = request.Header("Content-Encoding");
    if (!encoding.empty() && encoding != "snappy") {
      return tl::unexpected(Refusal{
          415,
          fmt::format("{} encoding (compression) is not accepted by this server; only snappy is "
                      "acceptable",
                      encoding)});
    }
    if (request.body.size() > kMaxBodyBytes) {
      return tl::unexpected(
          Refusal{413, fmt::format("request body exceeds the {} bytes limit", kMaxBodyBytes)});
    }
    if (const auto size = proto::SnappyDecodedSize(request.body); size && *size > kMaxBodyBytes) {
      return tl::unexpected(
          Refusal{400, fmt::format("decoded size exceeds the {} bytes limit", kMaxBodyBytes)});
    }
    if (const Status status = proto::SnappyDecode(request.body, kMaxBodyBytes, body); !status) {
      return tl::unexpected(Refusal{400, status.error().message()});
    }
    const auto message = MessageOf(request.Header("Content-Type"));
    if (!message) return tl::unexpected(Refusal{415, message.error()});
    const auto& accepted = api_.options.accepted_write_messages;
    if (std::find(accepted.begin(), accepted.end(), *message) == accepted.end()) {
      return tl::unexpected(Refusal{
          415, fmt::format("{} protobuf message is not accepted by this server; only accepts {}",
                           *message, fmt::join(accepted, ", "))});
    }
    return *message;
  }

  static void Answer(const WriteAnswer& answer, net::ResponseWriter& writer) {
    if (answer.has_stats) {
      const std::string prefix = "X-Prometheus-Remote-Write-";
      writer.SetHeader(prefix + "Samples-Written", std::to_string(answer.samples));
      writer.SetHeader(prefix + "Histograms-Written", std::to_string(answer.histograms));
      writer.SetHeader(prefix + "Exemplars-Written", std::to_string(answer.exemplars));
    }
    if (answer.status == 204) return writer.SetStatus(204);
    if (answer.status >= 500) {
      log::Error("Error while storing the remote write request", {{"err", answer.error}});
    }
    PlainError(answer.status, answer.error + "\n", writer);
  }

  const ApiDependencies& api_;  // Of the context.
  metrics::Counter& invalid_labels_;
  const std::shared_ptr<WriteCache> cache_ = std::make_shared<WriteCache>(kMaxWriteCacheEntries);
  ReadGate gate_{MaxConcurrentWrites()};
};

}  // namespace

void AddRemoteWrite(const ContextPtr& context, const AddRoute& add) {
  const std::string_view path = "/api/v1/write";
  if (!context->api.options.enable_remote_write_receiver || context->api.appendable == nullptr) {
    add("POST", path, [context](const net::ServerRequest&, net::ResponseWriter& writer) {
      const Admission admission(context->api.status, writer);
      if (!admission) return;
      PlainError(404,
                 "remote write receiver needs to be enabled with "
                 "--web.enable-remote-write-receiver\n",
                 writer);
    });
    return;
  }
  const auto receiver = std::make_shared<WriteReceiver>(context->api);
  add("POST", path,
      [context, receiver](const net::ServerRequest& request, net::ResponseWriter& writer) {
        const Admission admission(context->api.status, writer);
        if (admission) receiver->Serve(request, writer);
      });
}

}  // namespace narthex::web
