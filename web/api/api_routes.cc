// SPDX-License-Identifier: Apache-2.0
//
// Everything below /api/v1.
#include "web/api/handlers.h"
#include "web/api/middleware.h"
#include "web/api/routes.h"

namespace narthex::web {
namespace {

/// Whether or not this answer is compressed, another might be.
constexpr std::string_view kVaryOfAnswers = "Accept-Encoding, Origin";

enum class Needs : std::uint8_t { kNothing, kReady };

/// Reads the form, runs the endpoint and answers with its error if it has one.
net::Handler Wrap(const ContextPtr& context, Endpoint endpoint, Needs needs = Needs::kReady) {
  return
      [context, endpoint, needs](const net::ServerRequest& request, net::ResponseWriter& writer) {
        if (needs == Needs::kReady && !CheckReady(context->api.status, writer)) return;
        SetCorsHeaders(context->cors_origin, request, writer);
        writer.SetHeader("Vary", kVaryOfAnswers);
        Reply reply(writer);
        Call call{context->api, request, request.Form(), reply};
        if (const Status status = endpoint(call); !status) reply.Fail(status.error());
      };
}

net::Handler NotEnabled(std::string_view text) {
  return [text](const net::ServerRequest&, net::ResponseWriter& writer) {
    PlainError(404, text, writer);
  };
}

}  // namespace

void AddApiRoutes(const ContextPtr& context, const AddRoute& add) {
  const struct {
    std::string_view path;
    Endpoint endpoint;
    bool post;
  } reading[] = {
      {"/query", QueryInstant, true},
      {"/query_range", QueryRange, true},
      {"/query_exemplars", QueryExemplars, true},
      {"/format_query", FormatQuery, true},
      {"/parse_query", ParseQuery, true},
      {"/labels", LabelNames, true},
      {"/label/{name}/values", LabelValues, false},
      {"/series", Series, true},
      {"/scrape_pools", ScrapePools, false},
      {"/targets", Targets, false},
      {"/targets/metadata", TargetsMetadata, false},
      {"/targets/relabel_steps", TargetsRelabelSteps, false},
      {"/metadata", MetricsMetadata, false},
      {"/alertmanagers", Alertmanagers, false},
      {"/rules", Rules, false},
      {"/alerts", Alerts, false},
      {"/status/config", StatusConfig, false},
      {"/status/runtimeinfo", StatusRuntimeInfo, false},
      {"/status/buildinfo", StatusBuildInfo, false},
      {"/status/flags", StatusFlags, false},
      {"/status/tsdb", StatusTsdb, false},
      {"/status/tsdb/blocks", StatusTsdbBlocks, false},
      {"/status/self_metrics", StatusSelfMetrics, false},
      {"/features", Features, false},
  };
  const std::string root = "/api/v1";
  for (const auto& route : reading) {
    add("GET", root + std::string(route.path), Wrap(context, route.endpoint));
    if (route.post) add("POST", root + std::string(route.path), Wrap(context, route.endpoint));
  }
  add("GET", root + "/status/walreplay", Wrap(context, StatusWalReplay, Needs::kNothing));
  add("GET", root + "/notifications", Wrap(context, Notifications, Needs::kNothing));
  for (const char* method : {"POST", "PUT"}) {
    add(method, root + "/admin/tsdb/delete_series", Wrap(context, DeleteSeries));
    add(method, root + "/admin/tsdb/clean_tombstones", Wrap(context, CleanTombstones));
    add(method, root + "/admin/tsdb/snapshot", Wrap(context, Snapshot));
  }
  add("POST", root + "/otlp/v1/metrics",
      NotEnabled("otlp write receiver needs to be enabled with --web.enable-otlp-receiver\n"));
  add("OPTIONS", root + "/*",
      [context](const net::ServerRequest& request, net::ResponseWriter& writer) {
        if (!CheckReady(context->api.status, writer)) return;
        SetCorsHeaders(context->cors_origin, request, writer);
        writer.SetHeader("Vary", kVaryOfAnswers);
        writer.SetStatus(204);
      });
}

}  // namespace narthex::web
