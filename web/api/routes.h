// SPDX-License-Identifier: Apache-2.0
//
// Registers groups of routes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "narthex/model/matcher.h"
#include "narthex/net/http_server.h"
#include "narthex/web/api.h"

namespace narthex::web {

/// What all handlers share; lives as long as the router.
struct ApiContext {
  ApiDependencies api;
  model::Regex cors_origin;
  /// Path of the external URL, "" when it has none.
  std::string external_path;
};
using ContextPtr = std::shared_ptr<const ApiContext>;

/// Adds a handler for "METHOD path", the path below the route prefix.
using AddRoute =
    std::function<void(std::string_view method, std::string_view path, net::Handler handler)>;

void AddApiRoutes(const ContextPtr& context, const AddRoute& add);          // api_routes.cc
void AddLiveNotifications(const ContextPtr& context, const AddRoute& add);  // live.cc
void AddManagementRoutes(const ContextPtr& context, const AddRoute& add);   // management.cc
void AddOwnMetrics(const ContextPtr& context, const AddRoute& add);         // own_metrics.cc
void AddPageRoutes(const ContextPtr& context, const AddRoute& add);         // pages.cc
void AddRemoteWrite(const ContextPtr& context, const AddRoute& add);        // remote_write.cc
void AddRemoteRead(const ContextPtr& context, const AddRoute& add);         // remote_read.cc
void AddOtlp(const ContextPtr& context, const AddRoute& add);               // otlp.cc
void AddConsoles(const ContextPtr& context, const AddRoute& add);           // consoles.cc
void AddUserAssets(const ContextPtr& context, const AddRoute& add);         // user_assets.cc
void AddOpenApi(const ContextPtr& context, const AddRoute& add);            // openapi.cc
void AddSearch(const ContextPtr& context, const AddRoute& add);             // search.cc
void AddFederation(const ContextPtr& context, const AddRoute& add);         // federate.cc
void AddPushGateway(const ContextPtr& context, const AddRoute& add);     // web/push/push_routes.cc
void AddInfluxReceiver(const ContextPtr& context, const AddRoute& add);  // web/influx/receiver.cc

}  // namespace narthex::web
