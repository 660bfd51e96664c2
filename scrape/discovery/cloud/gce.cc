// SPDX-License-Identifier: Apache-2.0
//
// Source: Prometheus discovery/gce; the API:
// https://cloud.google.com/compute/docs/reference/rest/v1/instances/list
#include <fmt/core.h>

#include "narthex/net/cloud_tokens.h"
#include "narthex/net/url.h"
#include "scrape/answers/naming.h"
#include "scrape/answers/target_budget.h"
#include "scrape/discovery/cloud/cloud_source.h"
#include "scrape/discovery/cloud/sources.h"

namespace narthex::scrape {

namespace {

const std::string kPrefix = "__meta_gce_";

constexpr LabelRow kInstance[] = {{"instance_id", "id"},  // A text, as its numbers are too long.
                                  {"instance_name", "name"},
                                  {"instance_status", "status"},
                                  {"zone", "zone"},
                                  {"machine_type", "machineType"}};

void AddInterfaces(const std::vector<JsonView>& interfaces, std::int64_t port, LabelMap& labels) {
  const JsonView& first = interfaces[0];
  labels[kPrefix + "network"] = first["network"].Text();
  labels[kPrefix + "subnetwork"] = first["subnetwork"].Text();
  labels[kPrefix + "private_ip"] = first["networkIP"].Text();
  labels[kAddressLabel] = fmt::format("{}:{}", first["networkIP"].Text(), port);
  for (const JsonView& interface : interfaces) {
    labels[kPrefix + "interface_ipv4_" + SanitizeLabelName(interface["name"].Text())] =
        interface["networkIP"].Text();
  }
  const std::vector<JsonView> accesses = first["accessConfigs"].Items();
  if (!accesses.empty() && accesses[0]["type"].Text() == "ONE_TO_ONE_NAT") {
    labels[kPrefix + "public_ip"] = accesses[0]["natIP"].Text();
  }
}

Result<config::TargetGroup> Instances(ApiClient& api, const config::GceSdConfig& config,
                                      const std::string& url, const std::string& authorization) {
  const std::string first =
      config.filter.empty() ? url + "?" : url + "?filter=" + net::EscapeQuery(config.filter) + "&";
  NX_ASSIGN_OR_RETURN(const Pages pages,
                      FetchPages(api, first + "alt=json", {{"Authorization", authorization}},
                                 [&](const Page& page) -> std::string {
                                   const std::string next = page["nextPageToken"].Text();
                                   if (next.empty()) return "";
                                   return first + "alt=json&pageToken=" + net::EscapeQuery(next);
                                 }));
  config::TargetGroup group;
  TargetBudget budget;
  group.source = fmt::format("GCE_{}_{}", config.project, config.zone);
  for (const JsonView& instance : pages.Items("items")) {
    const std::vector<JsonView> interfaces = instance["networkInterfaces"].Items();
    if (interfaces.empty()) continue;
    LabelMap labels;
    AddLabels(instance, kPrefix, kInstance, labels);
    labels[kPrefix + "project"] = config.project;
    AddInterfaces(interfaces, config.port, labels);
    if (const auto tags = instance.At("tags.items").Texts(); !tags.empty()) {
      labels[kPrefix + "tags"] = JoinSurrounded(tags, config.tag_separator);
    }
    for (const JsonView& item : instance.At("metadata.items").Items()) {
      if (!item["value"].present()) continue;
      labels[kPrefix + "metadata_" + SanitizeLabelName(item["key"].Text())] = item["value"].Text();
    }
    for (const auto& [key, value] : instance["labels"].TextMembers()) {
      labels[kPrefix + "label_" + SanitizeLabelName(key)] = value;
    }
    NX_RETURN_IF_ERROR(budget.Add(ToLabels(labels), group));
  }
  return Checked(std::move(group), {&pages});
}

}  // namespace

MadeSource MakeGceSource(const config::GceSdConfig& config, Clock& clock,
                         const net::Environment& environment, const std::string& api) {
  auto request =
      net::GoogleTokens("https://www.googleapis.com/auth/compute.readonly", "", environment, clock);
  if (!request) {
    return Fail(std::move(request).error().Wrap("error setting up communication with GCE service"));
  }
  const auto token = std::make_shared<net::BearerTokens>(std::move(*request), clock);
  const std::string url =
      fmt::format("{}/compute/v1/projects/{}/zones/{}/instances", api,
                  net::EscapeQuery(config.project), net::EscapeQuery(config.zone));
  return MakeCloudSource(
      config,
      [config, url, token](ApiClient& client) -> Result<config::TargetGroup> {
        auto bearer = token->Token();
        auto group = bearer ? Instances(client, config, url, "Bearer " + *bearer)
                            : Result<config::TargetGroup>(Fail(std::move(bearer).error()));
        if (group) return group;
        return Fail(std::move(group).error().Wrap("error retrieving refresh targets from gce"));
      },
      token);
}

}  // namespace narthex::scrape
