// SPDX-License-Identifier: Apache-2.0
#include "narthex/web/api.h"

#include "narthex/net/http_server.h"
#include "web/api/middleware.h"
#include "web/api/redirect.h"
#include "web/api/routes.h"

namespace narthex::web {
namespace {

/// "http://host:9090/path" -> "/path".
std::string PathOf(const std::string& url) {
  const std::size_t host = url.find("://");
  if (host == std::string::npos) return "";
  const std::size_t path = url.find('/', host + 3);
  std::string out = path == std::string::npos ? "" : url.substr(path);
  while (out.ends_with('/')) out.pop_back();
  return out;
}

}  // namespace

Status RegisterApi(net::Router& router, const ApiDependencies& dependencies) {
  auto cors = model::Regex::Compile(dependencies.options.cors_origin);
  if (!cors) return Fail(std::move(cors).error().Wrap("could not compile CORS regex string"));
  const auto context = std::make_shared<const ApiContext>(
      ApiContext{dependencies, std::move(*cors), PathOf(dependencies.options.external_url)});

  const std::string& option = dependencies.options.route_prefix;
  const std::string prefix = option == "/" ? "" : option;
  const auto metrics =
      std::make_shared<RequestMetrics>(dependencies.registry, dependencies.clock, option);
  router.Use([metrics](std::string_view pattern, const net::ServerRequest& request,
                       net::ResponseWriter& writer,
                       const net::Handler& next) { metrics->Run(pattern, request, writer, next); });
  const AddRoute add = [&](std::string_view method, std::string_view path, net::Handler handler) {
    const std::string pattern = prefix + std::string(path);
    metrics->Declare(pattern);
    router.Handle(method, pattern, std::move(handler));
  };
  AddApiRoutes(context, add);
  AddLiveNotifications(context, add);
  AddManagementRoutes(context, add);
  AddOwnMetrics(context, add);
  AddPageRoutes(context, add);
  AddConsoles(context, add);
  AddUserAssets(context, add);
  AddFederation(context, add);
  AddSearch(context, add);
  AddOpenApi(context, add);
  AddRemoteWrite(context, add);
  AddOtlp(context, add);
  AddRemoteRead(context, add);
  AddPushGateway(context, add);
  AddInfluxReceiver(context, add);
  router.Mount(prefix + "/api/v1");
  if (!prefix.empty()) {
    for (const std::string& path : {std::string("/"), prefix}) {
      router.Handle("GET", path, [prefix](const net::ServerRequest&, net::ResponseWriter& writer) {
        Redirect(302, prefix + "/", writer);
      });
    }
  }
  return {};
}

}  // namespace narthex::web
