// SPDX-License-Identifier: Apache-2.0
//
// Source: Prometheus discovery/ionos; the API: https://api.ionos.com/docs/cloud/v6
#include <fmt/core.h>

#include "narthex/net/url.h"
#include "scrape/answers/naming.h"
#include "scrape/answers/target_budget.h"
#include "scrape/discovery/cloud/cloud_source.h"
#include "scrape/discovery/cloud/sources.h"

namespace narthex::scrape {

namespace {

const std::string kPrefix = "__meta_ionos_server_";

constexpr LabelRow kServer[] = {{"id", "id"},
                                {"name", "properties.name"},
                                {"availability_zone", "properties.availabilityZone"},
                                {"cpu_family", "properties.cpuFamily"},
                                {"state", "properties.vmState"},
                                {"type", "properties.type"},
                                {"boot_cdrom_id", "properties.bootCdrom.id"},
                                {"boot_volume_id", "properties.bootVolume.id"},
                                {"lifecycle", "metadata.state"}};

using Addresses = std::vector<std::string>;

/// Those of a later card come first, as Prometheus puts them.
void PutBefore(const Addresses& more, Addresses& all) {
  all.insert(all.begin(), more.begin(), more.end());
}

Result<config::TargetGroup> Servers(ApiClient& api, const std::string& url, std::int64_t port) {
  NX_ASSIGN_OR_RETURN(const auto answer, api.GetJson(url));
  const JsonView root = answer->root();
  config::TargetGroup group;
  TargetBudget budget;
  group.source = "ionos";
  for (const JsonView& server : root["items"].Items()) {
    Addresses all;
    std::map<std::string, Addresses> by_card;
    for (const JsonView& card : server.At("entities.nics.items").Items()) {
      const JsonView name = card.At("properties.name");
      const Addresses addresses = card.At("properties.ips").Texts();
      PutBefore(addresses, all);
      PutBefore(addresses, by_card[name.present() ? name.Text() : "unnamed"]);
    }
    if (all.empty()) continue;
    LabelMap labels;
    AddLabels(server, kPrefix, kServer, labels);
    labels[kAddressLabel] = JoinHostPort(all[0], port);
    labels[kPrefix + "servers_id"] = root["id"].Text();
    labels[kPrefix + "ip"] = JoinSurrounded(all);
    for (const auto& [name, addresses] : by_card) {
      labels[kPrefix + "nic_ip_" + SanitizeLabelName(name)] = JoinSurrounded(addresses);
    }
    const std::vector<JsonView> volumes = server.At("entities.volumes.items").Items();
    if (!volumes.empty()) {
      labels[kPrefix + "boot_image_id"] = volumes[0].At("properties.image").Text();
    }
    NX_RETURN_IF_ERROR(budget.Add(ToLabels(labels), group));
  }
  NX_RETURN_IF_ERROR(answer->status());
  return group;
}

}  // namespace

MadeSource MakeIonosSource(const config::IonosSdConfig& config, const std::string& api) {
  const std::string url =
      fmt::format("{}/cloudapi/v6/datacenters/{}/servers?depth=3&limit=1000&offset=0&pretty=true",
                  api, net::EscapeQuery(config.datacenter_id));
  return MakeCloudSource(
      config, [url, port = config.port](ApiClient& client) { return Servers(client, url, port); });
}

}  // namespace narthex::scrape
