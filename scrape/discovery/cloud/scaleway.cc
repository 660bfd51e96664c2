// SPDX-License-Identifier: Apache-2.0
//
// Source: Prometheus discovery/scaleway; the API: https://www.scaleway.com/en/developers/api
#include <charconv>
#include <map>

#include <fmt/core.h>

#include "narthex/base/fs.h"
#include "narthex/net/url.h"
#include "scrape/answers/ip_text.h"
#include "scrape/answers/naming.h"
#include "scrape/answers/target_budget.h"
#include "scrape/discovery/cloud/cloud_source.h"
#include "scrape/discovery/cloud/sources.h"

namespace narthex::scrape {

namespace {

const std::string kInstance = "__meta_scaleway_instance_";
const std::string kMetal = "__meta_scaleway_baremetal_";

constexpr LabelRow kInstanceRows[] = {{"boot_type", "boot_type"},
                                      {"hostname", "hostname"},
                                      {"id", "id"},
                                      {"name", "name"},
                                      {"organization_id", "organization"},
                                      {"project_id", "project"},
                                      {"status", "state"},
                                      {"type", "commercial_type"},
                                      {"zone", "zone"},
                                      {"image_arch", "image.arch"},
                                      {"image_id", "image.id"},
                                      {"image_name", "image.name"},
                                      {"location_cluster_id", "location.cluster_id"},
                                      {"location_hypervisor_id", "location.hypervisor_id"},
                                      {"location_node_id", "location.node_id"},
                                      {"security_group_id", "security_group.id"},
                                      {"security_group_name", "security_group.name"},
                                      {"tags", "tags", LabelForm::kList}};

constexpr LabelRow kMetalRows[] = {{"id", "id"},
                                   {"name", "name"},
                                   {"zone", "zone"},
                                   {"status", "status"},
                                   {"project_id", "project_id"},
                                   {"tags", "tags", LabelForm::kList}};

/// How many items the list has in all. The API of instances says it in a header only.
std::int64_t Total(const Page& page) {
  const std::string header = page.answer.Header("X-Total-Count");
  std::int64_t total = 0;
  const auto [end, bad] = std::from_chars(header.data(), header.data() + header.size(), total);
  const bool whole = bad == std::errc() && end == header.data() + header.size();
  return whole ? total : page["total_count"].Int();
}

/// One refresh.
class Scaleway {
 public:
  Scaleway(ApiClient& api, const config::ScalewaySdConfig& config, std::string token)
      : api_(api), config_(config), headers_{{"X-Auth-Token", std::move(token)}} {}

  Result<config::TargetGroup> Instances();
  Result<config::TargetGroup> Metal();

 private:
  /// @param query  "name=x&", may be empty
  Result<Pages> List(const std::string& path, const std::string& query, std::string_view list) {
    const auto page_url = [&](int page) {
      return fmt::format("{}{}?{}page={}", config_.api_url, path, query, page);
    };
    std::size_t known = 0;
    return FetchPages(api_, page_url(1), headers_, [&](const Page& page) {
      const std::size_t count = page[list].Items().size();
      known += count;
      const bool more = count > 0 && static_cast<std::int64_t>(known) < Total(page);
      return more ? page_url(page.number + 1) : "";
    });
  }
  std::string Zone(std::string_view product) const {
    return fmt::format("/{}/v1/zones/{}", product, config_.zone);
  }
  Status AddInstance(const JsonView& server, const std::map<std::string, std::string>& private_ips,
                     TargetBudget& budget, config::TargetGroup& group) const;
  /// Addresses of private network cards, for servers that have no other address.
  Result<std::map<std::string, std::string>> PrivateIps(const std::vector<JsonView>& servers);

  ApiClient& api_;
  const config::ScalewaySdConfig& config_;
  const net::Headers headers_;
};

/// "fr-par" of "fr-par-1"; "" when it is no zone.
std::string RegionOf(const std::string& zone) {
  const std::size_t last = zone.rfind('-');
  const bool three_parts = last != std::string::npos && zone.find('-') != last;
  return three_parts ? zone.substr(0, last) : "";
}

std::string IpText(const JsonView& address) {
  const std::string text = address.Text();
  return CanonicalIp(text).value_or(text);
}

bool HasAddress(const JsonView& server) {
  return server["private_ip"].present() || server["public_ip"].present() ||
         server["ipv6"].present();
}

void AddPublicLists(const JsonView& server, LabelMap& labels) {
  std::vector<std::string> v4;
  std::vector<std::string> v6;
  for (const JsonView& ip : server["public_ips"].Items()) {
    const std::string family = ip["family"].Text();
    if (family == "inet") v4.push_back(IpText(ip["address"]));
    if (family == "inet6") v6.push_back(IpText(ip["address"]));
  }
  if (!v4.empty()) labels[kInstance + "public_ipv4_addresses"] = JoinSurrounded(v4);
  if (!v6.empty()) labels[kInstance + "public_ipv6_addresses"] = JoinSurrounded(v6);
}

Status Scaleway::AddInstance(const JsonView& server,
                             const std::map<std::string, std::string>& private_ips,
                             TargetBudget& budget, config::TargetGroup& group) const {
  LabelMap labels;
  AddLabels(server, kInstance, kInstanceRows, labels);
  labels[kInstance + "region"] = RegionOf(server["zone"].Text());
  AddPublicLists(server, labels);
  std::string address;
  if (const JsonView v6 = server["ipv6"]; v6.present()) {
    address = IpText(v6["address"]);
    labels[kInstance + "public_ipv6"] = address;
  }
  if (const JsonView ip = server["public_ip"]; ip.present()) {
    address = IpText(ip["address"]);
    if (ip["family"].Text() != "inet6") labels[kInstance + "public_ipv4"] = address;
  }
  if (const JsonView ip = server["private_ip"]; ip.present()) {
    address = ip.Text();
    labels[kInstance + "private_ipv4"] = address;
  }
  for (const JsonView& card : server["private_nics"].Items()) {
    if (!address.empty()) break;
    const auto found = private_ips.find(card["id"].Text());
    if (found == private_ips.end()) continue;
    address = found->second;
    labels[kInstance + "private_ipv4"] = address;
  }
  if (address.empty()) return {};
  labels[kAddressLabel] = JoinHostPort(address, config_.port);
  return budget.Add(ToLabels(labels), group);
}

Result<std::map<std::string, std::string>> Scaleway::PrivateIps(
    const std::vector<JsonView>& servers) {
  std::map<std::string, std::string> queries;  // By region.
  for (const JsonView& server : servers) {
    if (HasAddress(server)) continue;
    for (const JsonView& card : server["private_nics"].Items()) {
      const std::string id = card["id"].Text();
      if (id.empty()) continue;
      queries[RegionOf(server["zone"].Text())] += "resource_ids=" + net::EscapeQuery(id) + "&";
    }
  }
  std::map<std::string, std::string> ips;
  for (const auto& [region, query] : queries) {
    NX_ASSIGN_OR_RETURN(const Pages pages,
                        List(fmt::format("/ipam/v1/regions/{}/ips", region),
                             query + "resource_types=instance_private_nic&", "ips"));
    for (const JsonView& ip : pages.Items("ips")) {
      const auto address = IpOfPrefix(ip["address"].Text());
      if (!ip["resource"].present() || ip["is_ipv6"].Flag() || !address) continue;
      ips[ip.At("resource.id").Text()] = *address;
    }
    NX_RETURN_IF_ERROR(pages.status());
  }
  return ips;
}

Result<config::TargetGroup> Scaleway::Instances() {
  std::string query;
  if (!config_.name_filter.empty()) query += "name=" + net::EscapeQuery(config_.name_filter) + "&";
  std::string tags;
  for (const std::string& tag : config_.tags_filter) tags += (tags.empty() ? "" : ",") + tag;
  if (!tags.empty()) query += "tags=" + net::EscapeQuery(tags) + "&";
  NX_ASSIGN_OR_RETURN(const Pages pages, List(Zone("instance") + "/servers", query, "servers"));
  const std::vector<JsonView> servers = pages.Items("servers");
  NX_ASSIGN_OR_RETURN(const auto private_ips, PrivateIps(servers));
  config::TargetGroup group;
  TargetBudget budget;
  group.source = "scaleway";
  for (const JsonView& server : servers) {
    NX_RETURN_IF_ERROR(AddInstance(server, private_ips, budget, group));
  }
  return Checked(std::move(group), {&pages});
}

/// The first address of each family. Errors: a family that is neither.
Status AddMetalAddresses(const JsonView& server, std::int64_t port, LabelMap& labels) {
  for (const JsonView& ip : server["ips"].Items()) {
    const std::string version = ip["version"].Text();
    const bool v4 = version == "IPv4" || version.empty();
    if (!v4 && version != "IPv6") {
      return Fail(Code::kInvalidArgument,
                  fmt::format("unknown IP version: {}", ShortText(version)));
    }
    std::string& label = labels[kMetal + (v4 ? "public_ipv4" : "public_ipv6")];
    if (!label.empty()) continue;
    label = IpText(ip["address"]);
    // An address of version 4 comes before one of version 6.
    if (v4 || !labels.contains(kAddressLabel)) labels[kAddressLabel] = JoinHostPort(label, port);
  }
  return {};
}

Result<config::TargetGroup> Scaleway::Metal() {
  std::string query;
  if (!config_.name_filter.empty()) query += "name=" + net::EscapeQuery(config_.name_filter) + "&";
  for (const std::string& tag : config_.tags_filter) query += "tags=" + net::EscapeQuery(tag) + "&";
  NX_ASSIGN_OR_RETURN(const Pages servers, List(Zone("baremetal") + "/servers", query, "servers"));
  NX_ASSIGN_OR_RETURN(const Pages offers, List(Zone("baremetal") + "/offers", "", "offers"));
  NX_ASSIGN_OR_RETURN(const Pages systems, List(Zone("baremetal") + "/os", "", "os"));
  std::map<std::string, JsonView> offer_by_id;
  for (const JsonView& offer : offers.Items("offers"))
    offer_by_id.emplace(offer["id"].Text(), offer);
  std::map<std::string, JsonView> system_by_id;
  for (const JsonView& os : systems.Items("os")) system_by_id.emplace(os["id"].Text(), os);
  config::TargetGroup group;
  TargetBudget budget;
  group.source = "scaleway";
  for (const JsonView& server : servers.Items("servers")) {
    LabelMap labels;
    AddLabels(server, kMetal, kMetalRows, labels);
    if (const auto offer = offer_by_id.find(server["offer_id"].Text());
        offer != offer_by_id.end()) {
      labels[kMetal + "type"] = offer->second["name"].Text();
    }
    if (const auto os = system_by_id.find(server.At("install.os_id").Text());
        server["install"].present() && os != system_by_id.end()) {
      labels[kMetal + "os_name"] = os->second["name"].Text();
      labels[kMetal + "os_version"] = os->second["version"].Text();
    }
    NX_RETURN_IF_ERROR(AddMetalAddresses(server, config_.port, labels));
    NX_RETURN_IF_ERROR(budget.Add(ToLabels(labels), group));
  }
  return Checked(std::move(group), {&servers, &offers, &systems});
}

/// Read each time: whoever changes the file need not reload the configuration.
Result<std::string> SecretKey(const config::ScalewaySdConfig& config) {
  if (config.secret_key_file.empty()) return config.secret_key;
  auto text = SystemFs().ReadFile(config.secret_key_file);
  if (!text) {
    return Fail(
        std::move(text).error().Wrap("unable to read auth token file " + config.secret_key_file));
  }
  const std::size_t from = text->find_first_not_of(" \t\r\n");
  if (from == std::string::npos) return std::string();
  return text->substr(from, text->find_last_not_of(" \t\r\n") - from + 1);
}

}  // namespace

MadeSource MakeScalewaySource(const config::ScalewaySdConfig& config) {
  NX_RETURN_IF_ERROR(SecretKey(config));
  return MakeCloudSource(config, [config](ApiClient& client) -> Result<config::TargetGroup> {
    NX_ASSIGN_OR_RETURN(std::string token, SecretKey(config));
    Scaleway scaleway(client, config, std::move(token));
    return config.role == "baremetal" ? scaleway.Metal() : scaleway.Instances();
  });
}

}  // namespace narthex::scrape
