// SPDX-License-Identifier: Apache-2.0
//
// The Pushgateway's paths. What was pushed leads into storage over /push/metrics, which a scrape
// job with honor_labels reads: no second way in, and limits, relabelling and staleness hold.
#include <algorithm>
#include <cctype>
#include <optional>

#include <fmt/format.h>

#include "narthex/base/clock.h"
#include "narthex/base/log.h"
#include "narthex/base/minute_log.h"
#include "narthex/base/mutex.h"
#include "web/api/gzip_body.h"
#include "web/api/middleware.h"
#include "web/api/routes.h"
#include "web/push/exposition_page.h"
#include "web/push/group_labels.h"
#include "web/push/groups_json.h"

namespace narthex::web {
namespace {

using net::ResponseWriter;
using net::ServerRequest;

constexpr std::size_t kSmallBodyBytes = 64 << 10;

std::string_view Trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

bool EqualFold(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == y;
  });
}

/// Whether a body is a sequence of messages; everything else is taken for text.
bool IsProtobuf(std::string_view content_type) {
  const std::size_t semicolon = std::min(content_type.find(';'), content_type.size());
  if (!EqualFold(Trimmed(content_type.substr(0, semicolon)), "application/vnd.google.protobuf")) {
    return false;
  }
  bool delimited = false, families = false;
  content_type.remove_prefix(semicolon);
  while (!content_type.empty()) {
    content_type.remove_prefix(1);
    const std::size_t end = std::min(content_type.find(';'), content_type.size());
    const std::string_view parameter = Trimmed(content_type.substr(0, end));
    content_type.remove_prefix(end);
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    const std::string_view key = parameter.substr(0, equals);
    std::string_view value = parameter.substr(std::min(equals + 1, parameter.size()));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    if (EqualFold(key, "encoding")) delimited = value == "delimited";
    if (EqualFold(key, "proto")) families = value == "io.prometheus.client.MetricFamily";
  }
  return delimited && families;
}

/// Thread safety: any thread.
class PushHandlers final {
 public:
  PushHandlers(PushGateway& gateway, Clock& clock, metrics::Registry& registry)
      : gateway_(gateway),
        unreadable_(registry.AddCounter("narthex_push_refused_total",
                                        "Pushes that were refused, by the reason.",
                                        {{"reason", "unreadable"}})),
        log_(clock) {}

  void Push(const ServerRequest& request, bool base64_job, PushMode mode, ResponseWriter& writer) {
    bool readable = false;
    const Status status = Take(request, base64_job, mode, readable);
    if (status) return;
    if (!readable) return Refuse(request, status.error(), writer);
    Note(request, status.error());
    if (status.error().code() == Code::kResourceExhausted) {
      return PlainError(503, status.error().message() + "\n", writer);
    }
    PlainError(400,
               fmt::format("pushed metrics are invalid or inconsistent with existing metrics: {}\n",
                           status.error().message()),
               writer);
  }

  void Delete(const ServerRequest& request, bool base64_job, ResponseWriter& writer) {
    const auto labels = ParseGroupPath(request.path_value, base64_job, rule());
    if (!labels) return Refuse(request, labels.error(), writer);
    gateway_.Delete(*labels);
    writer.SetStatus(202);
  }

  void Wipe(ResponseWriter& writer) {
    gateway_.Wipe();
    writer.SetStatus(202);
  }

  void Show(const ServerRequest& request, ResponseWriter& writer) const {
    const Exposition form = NegotiateExposition(request.Header("Accept"));
    writer.SetHeader("Content-Type", form.protobuf ? ProtobufContentType(form.escaping)
                                                   : TextContentType(form.escaping));
    writer.AddHeader("Vary", "Accept-Encoding");
    WritePushedMetrics(gateway_.Groups(), form,
                       [&](std::string_view piece) { return writer.Write(piece); });
  }

  void ShowGroups(ResponseWriter& writer) const {
    writer.SetHeader("Content-Type", "application/json");
    writer.Write(GroupsJson(gateway_.Groups()));
  }

 private:
  proto::NameRule rule() const {
    return gateway_.options().utf8_names ? proto::NameRule::kUtf8 : proto::NameRule::kLegacy;
  }

  /// Answers nothing, so that no slow client is waited for in its turn.
  Status Take(const ServerRequest& request, bool base64_job, PushMode mode, bool& readable) {
    std::optional<MutexLock> turn;
    if (MayBeLarge(request)) turn.emplace(large_bodies_);
    std::string decompressed;
    NX_ASSIGN_OR_RETURN(const std::string_view body, OpenBody(request, decompressed));
    NX_ASSIGN_OR_RETURN(const GroupingLabels labels,
                        ParseGroupPath(request.path_value, base64_job, rule()));
    NX_ASSIGN_OR_RETURN(proto::FamiliesByName families, IsProtobuf(request.Header("Content-Type"))
                                                            ? proto::DecodeFamilies(body)
                                                            : proto::ParseFamilyText(body, rule()));
    readable = true;
    return gateway_.Push(labels, std::move(families), mode);
  }

  /// What is large, or may become it, is read one after the other: read, it is larger still. Each
  /// metric gets all that the path says.
  static bool MayBeLarge(const ServerRequest& request) {
    constexpr std::size_t kUsualPathBytes = 64;
    return IsGzip(request) || request.body.size() * (request.path_value.size() + kUsualPathBytes) >
                                  kSmallBodyBytes * kUsualPathBytes;
  }

  void Refuse(const ServerRequest& request, const Error& error, ResponseWriter& writer) {
    unreadable_.Add();
    Note(request, error);
    PlainError(error.code() == Code::kResourceExhausted ? 413 : 400, error.message() + "\n",
               writer);
  }

  void Note(const ServerRequest& request, const Error& error) {
    log_.Warn("Push refused", {{"method", request.method},
                               {"source", request.remote_address},
                               {"err", std::string_view(error.message()).substr(0, 1024)}});
  }

  PushGateway& gateway_;
  metrics::Counter& unreadable_;
  MinuteLog log_;
  Mutex large_bodies_;
};

}  // namespace

void AddPushGateway(const ContextPtr& context, const AddRoute& add) {
  if (context->api.push == nullptr) return;
  const auto handlers =
      std::make_shared<PushHandlers>(*context->api.push, context->api.clock, context->api.registry);
  // Groups are loaded once the data folder is ours; until then none could be told or changed.
  const auto add_ready = [&](const char* method, const std::string& path, auto handle) {
    add(method, path, [context, handle](const ServerRequest& request, ResponseWriter& writer) {
      const Admission admission(context->api.status, writer);
      if (admission) handle(request, writer);
    });
  };
  const auto not_found = [](const ServerRequest&, ResponseWriter& writer) {
    PlainError(404, "404 page not found\n", writer);
  };
  for (const bool base64 : {false, true}) {
    const std::string folder = base64 ? "/metrics/job@base64" : "/metrics/job";
    for (const char* end : {"", "/"}) add("*", folder + end, not_found);
    const std::string path = folder + "/*";
    const auto push = [&](const char* method, PushMode mode) {
      add_ready(method, path, [handlers, base64, mode](const ServerRequest& request, auto& writer) {
        handlers->Push(request, base64, mode, writer);
      });
    };
    push("PUT", PushMode::kReplaceGroup);
    push("POST", PushMode::kReplaceNames);
    add_ready("DELETE", path, [handlers, base64](const ServerRequest& request, auto& writer) {
      handlers->Delete(request, base64, writer);
    });
  }
  add_ready("GET", "/push/metrics", [handlers](const ServerRequest& request, auto& writer) {
    handlers->Show(request, writer);
  });
  add_ready("GET", "/api/v1/metrics",
            [context, handlers](const ServerRequest& request, auto& writer) {
              SetCorsHeaders(context->cors_origin, request, writer);
              handlers->ShowGroups(writer);
            });
  if (context->api.options.enable_admin_api) {
    add_ready("PUT", "/api/v1/admin/wipe",
              [handlers](const ServerRequest&, auto& writer) { handlers->Wipe(writer); });
  }
}

}  // namespace narthex::web
