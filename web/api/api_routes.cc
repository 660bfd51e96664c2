// SPDX-License-Identifier: Apache-2.0
//
// Everything below /api/v1.
#include "web/api/handlers.h"
#include "web/api/middleware.h"
#include "web/api/routes.h"

namespace narthex::web {
namespace {

enum class Needs : std::uint8_t {
  kNothing,
  kReady,
  kServer,  // Ready, and not an agent.
};

Status NotWithAgent(Call&) { return UnavailableWithAgent(); }

/// Reads the form, runs the endpoint and answers with its error if it has one.
void Run(const ApiContext& context, Endpoint endpoint, const net::ServerRequest& request,
         net::ResponseWriter& writer) {
  SetCorsHeaders(context.cors_origin, request, writer);
  Reply reply(writer);
  Call call{context.api, request, request.Form(), reply};
  if (const Status status = endpoint(call); !status) reply.Fail(status.error());
}

net::Handler Wrap(const ContextPtr& context, Endpoint endpoint, Needs needs = Needs::kServer) {
  if (needs == Needs::kServer && context->api.options.agent_mode) endpoint = NotWithAgent;
  return
      [context, endpoint, needs](const net::ServerRequest& request, net::ResponseWriter& writer) {
        if (needs == Needs::kNothing) return Run(*context, endpoint, request, writer);
        const Admission admission(context->api.status, writer);
        if (!admission) return;
        // Whether or not this answer is compressed, another might be; not so what is asked of a
        // server that is not ready.
        writer.AddHeader("Vary", "Accept-Encoding");
        Run(*context, endpoint, request, writer);
      };
}

}  // namespace

void AddApiRoutes(const ContextPtr& context, const AddRoute& add) {
  const struct {
    std::string_view path;
    Endpoint endpoint;
    bool post = false;
    Needs needs = Needs::kServer;
  } reading[] = {
      {"/query", QueryInstant, true},
      {"/query_range", QueryRange, true},
      {"/query_exemplars", QueryExemplars, true},
      {"/format_query", FormatQuery, true},
      {"/parse_query", ParseQuery, true},
      {"/labels", LabelNames, true},
      {"/label/{name}/values", LabelValues},
      {"/series", Series, true},
      {"/scrape_pools", ScrapePools, false, Needs::kReady},
      {"/targets", Targets, false, Needs::kReady},
      {"/targets/metadata", TargetsMetadata, false, Needs::kReady},
      {"/targets/relabel_steps", TargetsRelabelSteps, false, Needs::kReady},
      {"/metadata", MetricsMetadata, false, Needs::kReady},
      {"/alertmanagers", Alertmanagers},
      {"/rules", Rules},
      {"/alerts", Alerts},
      {"/status/config", StatusConfig, false, Needs::kReady},
      {"/status/runtimeinfo", StatusRuntimeInfo, false, Needs::kReady},
      {"/status/buildinfo", StatusBuildInfo, false, Needs::kReady},
      {"/status/flags", StatusFlags, false, Needs::kReady},
      {"/status/tsdb", StatusTsdb},
      {"/status/tsdb/blocks", StatusTsdbBlocks},
      {"/status/self_metrics", StatusSelfMetrics, false, Needs::kReady},
      {"/features", Features, false, Needs::kReady},
  };
  const std::string root = "/api/v1";
  for (const auto& route : reading) {
    const net::Handler handler = Wrap(context, route.endpoint, route.needs);
    add("GET", root + std::string(route.path), handler);
    if (route.post) add("POST", root + std::string(route.path), handler);
  }
  add("GET", root + "/status/walreplay", Wrap(context, StatusWalReplay, Needs::kNothing));
  add("GET", root + "/notifications", Wrap(context, Notifications, Needs::kNothing));
  for (const char* method : {"POST", "PUT"}) {
    add(method, root + "/admin/tsdb/delete_series", Wrap(context, DeleteSeries));
    add(method, root + "/admin/tsdb/clean_tombstones", Wrap(context, CleanTombstones));
    add(method, root + "/admin/tsdb/snapshot", Wrap(context, Snapshot));
  }
  add("OPTIONS", root + "/*",
      [context](const net::ServerRequest& request, net::ResponseWriter& writer) {
        const Admission admission(context->api.status, writer);
        if (!admission) return;
        writer.AddHeader("Vary", "Accept-Encoding");
        SetCorsHeaders(context->cors_origin, request, writer);
        writer.SetStatus(204);
      });
}

}  // namespace narthex::web
