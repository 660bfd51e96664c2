// SPDX-License-Identifier: Apache-2.0
//
// Source: Prometheus discovery/uyuni; the API:
// https://www.uyuni-project.org/uyuni-docs-api/uyuni/index.html
#include <map>

#include <fmt/core.h>

#include "narthex/net/url.h"
#include "scrape/answers/target_budget.h"
#include "scrape/answers/xml_rpc.h"
#include "scrape/discovery/cloud/cloud_source.h"
#include "scrape/discovery/cloud/sources.h"

namespace narthex::scrape {

namespace {

const std::string kPrefix = "__meta_uyuni_";

/// How long a login is asked for to last. After half of it there is another one.
constexpr std::int64_t kLoginSeconds = 600;

constexpr LabelRow kEndpoint[] = {{"system_id", "system_id", LabelForm::kInt},
                                  {"endpoint_name", "endpoint_name"},
                                  {"exporter", "exporter_name"},
                                  {"proxy_module", "module"},
                                  {"metrics_path", "path"}};

constexpr LabelRow kNetwork[] = {{"minion_hostname", "hostname"}, {"primary_fqdn", "primary_fqdn"}};

std::string ApiUrl(const std::string& server) {
  std::string url = server.substr(0, server.find_first_of("?#"));
  while (url.ends_with('/')) url.pop_back();
  return url + "/rpc/api";
}

/// What several refreshes have in common.
struct Login {
  std::string token;
  std::int64_t renew_ms = 0;  // Unix time.
};

/// One refresh.
class Uyuni {
 public:
  Uyuni(ApiClient& api, const config::UyuniSdConfig& config)
      : api_(api), config_(config), url_(ApiUrl(config.server)) {}

  Result<std::string> LogIn();
  Result<config::TargetGroup> Targets(const std::string& token);

 private:
  using Document = std::unique_ptr<JsonDocument>;

  Result<Document> Call(std::string_view method, const std::vector<XmlRpcArgument>& arguments);
  /// @param purpose  "get endpoints information": of messages
  Result<Document> Get(std::string_view purpose, std::string_view method,
                       const std::vector<XmlRpcArgument>& arguments);

  ApiClient& api_;
  const config::UyuniSdConfig& config_;
  const std::string url_;
};

Result<Uyuni::Document> Uyuni::Call(std::string_view method,
                                    const std::vector<XmlRpcArgument>& arguments) {
  net::ClientRequest request;
  request.method = "POST";
  NX_ASSIGN_OR_RETURN(request.url, net::ParseUrl(url_));
  request.headers = {{"Content-Type", "text/xml"}};
  request.body = WriteXmlRpcCall(method, arguments);
  NX_ASSIGN_OR_RETURN(const ApiAnswer answer, api_.Do(std::move(request)));
  if (answer.response.status / 100 != 2) {
    return Fail(Code::kUnavailable,
                fmt::format("request error: bad status code - {}", answer.response.status));
  }
  NX_RETURN_IF_ERROR(api_.Keep(answer));
  return ReadXmlRpcAnswer(answer.body);
}

Result<Uyuni::Document> Uyuni::Get(std::string_view purpose, std::string_view method,
                                   const std::vector<XmlRpcArgument>& arguments) {
  auto document = Call(method, arguments);
  if (document) return document;
  return Fail(std::move(document).error().Wrap(fmt::format("unable to {}", purpose)));
}

Result<std::string> Uyuni::LogIn() {
  NX_ASSIGN_OR_RETURN(const Document answer,
                      Get("login to Uyuni API", "auth.login",
                          {config_.username, config_.password, XmlRpcArgument(kLoginSeconds)}));
  std::string token = answer->root().Text();
  NX_RETURN_IF_ERROR(answer->status());
  return token;
}

Result<config::TargetGroup> Uyuni::Targets(const std::string& token) {
  NX_ASSIGN_OR_RETURN(
      const Document systems,
      Get("get the managed system groups information of monitored clients",
          "system.listSystemGroupsForSystemsWithEntitlement", {token, config_.entitlement}));
  std::map<std::int64_t, std::string> groups;  // Names by the system.
  for (const JsonView& system : systems->root().Items()) {
    std::string names;
    bool first = true;
    for (const JsonView& group : system["system_groups"].Items()) {
      names += (first ? "" : config_.separator) + group["name"].Text();
      first = false;
    }
    groups[system["id"].Int()] = std::move(names);
  }
  std::vector<std::int64_t> ids;
  ids.reserve(groups.size());
  for (const auto& [id, names] : groups) ids.push_back(id);

  NX_ASSIGN_OR_RETURN(
      const Document endpoints,
      Get("get endpoints information", "system.monitoring.listEndpoints", {token, ids}));
  NX_ASSIGN_OR_RETURN(const Document networks, Get("get the systems network information",
                                                   "system.getNetworkForSystems", {token, ids}));
  std::map<std::int64_t, JsonView> network_of;
  for (const JsonView& network : networks->root().Items()) {
    network_of.insert_or_assign(network["system_id"].Int(), network);
  }

  config::TargetGroup group;
  TargetBudget budget;
  group.source = url_;
  for (const JsonView& endpoint : endpoints->root().Items()) {
    const std::int64_t id = endpoint["system_id"].Int();
    LabelMap labels;
    AddLabels(endpoint, kPrefix, kEndpoint, labels);
    if (const auto network = network_of.find(id); network != network_of.end()) {
      AddLabels(network->second, kPrefix, kNetwork, labels);
    }
    if (const auto names = groups.find(id); names != groups.end()) {
      labels[kPrefix + "groups"] = names->second;
    }
    labels[kPrefix + "scheme"] = endpoint["tls_enabled"].Flag() ? "https" : "http";
    labels[kAddressLabel] =
        fmt::format("{}:{}", labels[kPrefix + "minion_hostname"], endpoint["port"].Int());
    NX_RETURN_IF_ERROR(budget.Add(ToLabels(labels), group));
  }
  for (const Document* document : {&systems, &endpoints, &networks}) {
    NX_RETURN_IF_ERROR((*document)->status());
  }
  return group;
}

}  // namespace

MadeSource MakeUyuniSource(const config::UyuniSdConfig& config, Clock& clock) {
  const auto login = std::make_shared<Login>();
  return MakeCloudSource(config,
                         [config, login, &clock](ApiClient& api) -> Result<config::TargetGroup> {
                           Uyuni uyuni(api, config);
                           if (clock.NowMs() > login->renew_ms) {
                             NX_ASSIGN_OR_RETURN(login->token, uyuni.LogIn());
                             login->renew_ms = clock.NowMs() + kLoginSeconds * 1000 / 2;
                           }
                           auto group = uyuni.Targets(login->token);
                           if (!group) login->renew_ms = 0;  // It may be the token.
                           return group;
                         });
}

}  // namespace narthex::scrape
