// SPDX-License-Identifier: Apache-2.0
//
// POST /api/v1/otlp/v1/metrics: what the body is, and the answer.
#include "narthex/web/otlp.h"

#include <memory>

#include <fmt/format.h>
#include <tl/expected.hpp>

#include "narthex/base/log.h"
#include "narthex/net/gzip.h"
#include "web/api/middleware.h"
#include "web/api/read_gate.h"
#include "web/api/routes.h"

namespace narthex::web {
namespace {

constexpr std::string_view kProtobuf = "application/x-protobuf";
constexpr std::string_view kJson = "application/json";
constexpr std::size_t kMaxBodyBytes = 32 << 20;  // Compressed and decompressed.

using net::DecodeOutcome;

/// The form that a content type names; parameters are not taken. Errors: the text for the sender.
tl::expected<OtlpForm, std::string> FormOf(std::string_view content_type) {
  if (content_type == kProtobuf) return OtlpForm::kProtobuf;
  if (content_type == kJson) return OtlpForm::kJson;
  return tl::unexpected(fmt::format("unsupported content type: {}, supported: [{}, {}]",
                                    content_type, kJson, kProtobuf));
}

/// Go's wording, which a sender's log may be searched for.
std::string GzipError(DecodeOutcome outcome, std::string_view body) {
  switch (outcome) {
    case DecodeOutcome::kBadHeader:
      return "gzip: invalid header";
    case DecodeOutcome::kTruncated:
      return body.empty() ? "EOF" : "unexpected EOF";
    case DecodeOutcome::kBadSum:
      return "gzip: invalid checksum";
    default:
      return "gzip: corrupt input";
  }
}

/// The decompressed body: that of the request, or `buffer`.
tl::expected<std::string_view, std::string> Open(const net::ServerRequest& request,
                                                 std::string& buffer) {
  const std::string_view encoding = request.Header("Content-Encoding");
  const auto too_large = [] {
    return tl::unexpected(fmt::format("request body is larger than {} bytes", kMaxBodyBytes));
  };
  if (!encoding.empty() && encoding != "gzip") {
    return tl::unexpected(fmt::format(
        "unsupported compression: {}. Only \"gzip\" or no compression supported", encoding));
  }
  if (request.body.size() > kMaxBodyBytes) return too_large();
  if (encoding.empty()) return std::string_view(request.body);
  const DecodeOutcome outcome = net::Gunzip(request.body, kMaxBodyBytes, buffer);
  if (outcome == DecodeOutcome::kTooLarge) return too_large();
  if (outcome != DecodeOutcome::kOk) return tl::unexpected(GzipError(outcome, request.body));
  return std::string_view(buffer);
}

void Refuse(int status, const std::string& why, net::ResponseWriter& writer) {
  log::Debug("OTLP write request refused", {{"err", why}});
  PlainError(status, why + "\n", writer);
}

void Serve(OtlpReceiver& receiver, ReadGate& gate, const net::ServerRequest& request,
           net::ResponseWriter& writer) {
  const auto form = FormOf(request.Header("Content-Type"));
  if (!form) return Refuse(400, form.error(), writer);
  const GatePlace place(gate, request.stop);
  if (!place) return Refuse(503, "the request was given up", writer);
  std::string buffer;
  const auto body = Open(request, buffer);
  if (!body) return Refuse(400, body.error(), writer);
  const OtlpAnswer answer = receiver.Receive(*form, *body);
  if (answer.status != 200) PlainError(answer.status, answer.error + "\n", writer);
}

}  // namespace

void AddOtlp(const ContextPtr& context, const AddRoute& add) {
  const auto gate = std::make_shared<ReadGate>(MaxConcurrentWrites());
  add("POST", "/api/v1/otlp/v1/metrics",
      [context, gate](const net::ServerRequest& request, net::ResponseWriter& writer) {
        const Admission admission(context->api.status, writer);
        if (!admission) return;
        if (context->api.otlp != nullptr) return Serve(*context->api.otlp, *gate, request, writer);
        PlainError(404, "otlp write receiver needs to be enabled with --web.enable-otlp-receiver\n",
                   writer);
      });
}

}  // namespace narthex::web
