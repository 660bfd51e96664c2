// SPDX-License-Identifier: Apache-2.0
//
// /-/healthy, /-/ready, /-/reload, /-/quit, /metrics, /version.
#include <set>

#include <fmt/core.h>

#include "narthex/base/metrics.h"
#include "web/api/middleware.h"
#include "web/api/routes.h"
#include "web/api/status.h"

namespace narthex::web {
namespace {

using net::ResponseWriter;
using net::ServerRequest;

void WrongMethod(const ServerRequest&, ResponseWriter& writer) {
  writer.SetStatus(405);
  writer.Write("Only POST or PUT requests allowed");
}

bool CheckLifecycle(const ApiContext& context, ResponseWriter& writer) {
  if (context.api.options.enable_lifecycle && context.api.lifecycle != nullptr) return true;
  writer.SetStatus(403);
  writer.Write("Lifecycle API is not enabled.");
  return false;
}

void Reload(const ApiContext& context, ResponseWriter& writer) {
  if (!CheckLifecycle(context, writer)) return;
  // There is nothing yet, or nothing any more, that could take a configuration.
  const Admission admission(context.api.status, writer);
  if (!admission) return;
  const Status status = context.api.lifecycle->Reload();
  if (!status) {
    PlainError(500, fmt::format("failed to reload config: {}\n", status.error().message()), writer);
  }
}

void Quit(const ApiContext& context, ResponseWriter& writer) {
  if (!CheckLifecycle(context, writer)) return;
  writer.Write(context.api.lifecycle->Quit() ? "Requesting termination... Goodbye!"
                                             : "Termination already in progress.");
}

/// The families of these names.
std::string OnlyFamilies(std::string_view text, const std::vector<std::string>& names) {
  constexpr std::string_view kBegin = "# HELP ";  // Of each family.
  const std::set<std::string_view> wanted(names.begin(), names.end());
  std::string out;
  while (!text.empty()) {
    const std::size_t next = text.find("\n# HELP ");
    const std::string_view family =
        text.substr(0, next == std::string_view::npos ? text.size() : next + 1);
    text.remove_prefix(family.size());
    const std::string_view name = family.substr(kBegin.size());
    if (wanted.contains(name.substr(0, name.find(' ')))) out += family;
  }
  return out;
}

void OwnMetrics(const ApiContext& context, const ServerRequest& request, ResponseWriter& writer) {
  writer.SetHeader("Content-Type",
                   "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
  writer.AddHeader("Vary", "Accept-Encoding");
  std::string text;
  context.api.registry.WriteText(text);
  const std::vector<std::string> names = request.Form().All("name[]");
  writer.Write(names.empty() ? text : OnlyFamilies(text, names));
}

void Version(const ApiContext& context, ResponseWriter& writer) {
  JsonWriter out;
  WriteBuildInfo(context.api.status.Build(), out);
  writer.Write(out.TakeText() + "\n");
}

}  // namespace

void AddManagementRoutes(const ContextPtr& context, const AddRoute& add) {
  const std::string name =
      context->api.options.agent_mode ? "Prometheus Agent" : "Prometheus Server";
  for (const char* method : {"GET", "HEAD"}) {
    add(method, "/-/healthy", [name](const ServerRequest&, ResponseWriter& writer) {
      writer.Write(name + " is Healthy.\n");
    });
    add(method, "/-/ready", [context, name](const ServerRequest&, ResponseWriter& writer) {
      const Admission admission(context->api.status, writer);
      if (admission) writer.Write(name + " is Ready.\n");
    });
  }
  for (const char* path : {"/-/reload", "/-/quit"}) add("GET", path, WrongMethod);
  for (const char* method : {"POST", "PUT"}) {
    add(method, "/-/reload",
        [context](const ServerRequest&, ResponseWriter& writer) { Reload(*context, writer); });
    add(method, "/-/quit",
        [context](const ServerRequest&, ResponseWriter& writer) { Quit(*context, writer); });
  }
  add("GET", "/metrics", [context](const ServerRequest& request, ResponseWriter& writer) {
    OwnMetrics(*context, request, writer);
  });
  add("GET", "/version",
      [context](const ServerRequest&, ResponseWriter& writer) { Version(*context, writer); });
}

}  // namespace narthex::web
