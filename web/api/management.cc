// SPDX-License-Identifier: Apache-2.0
//
// /-/healthy, /-/ready, /-/reload, /-/quit, /version.
#include <fmt/core.h>

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
  add("GET", "/version",
      [context](const ServerRequest&, ResponseWriter& writer) { Version(*context, writer); });
}

}  // namespace narthex::web
