// SPDX-License-Identifier: Apache-2.0
//
// Source: Prometheus discovery/hetzner; the APIs: https://docs.hetzner.cloud and
// https://robot.hetzner.com/doc/webservice/en.html
#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "narthex/net/url.h"
#include "scrape/answers/ip_text.h"
#include "scrape/answers/naming.h"
#include "scrape/answers/target_budget.h"
#include "scrape/discovery/cloud/cloud_source.h"
#include "scrape/discovery/cloud/sources.h"

namespace narthex::scrape {

namespace {

const std::string kPrefix = "__meta_hetzner_";

constexpr LabelRow kCloudServer[] = {
    {"server_id", "id", LabelForm::kInt},
    {"server_name", "name"},
    {"server_status", "status"},
    {"hcloud_location", "location.name"},
    {"hcloud_location_network_zone", "location.network_zone"},
    // The names of before, kept by Prometheus.
    {"hcloud_datacenter_location", "location.name"},
    {"hcloud_datacenter_location_network_zone", "location.network_zone"},
    {"hcloud_server_type", "server_type.name"},
    {"hcloud_cpu_cores", "server_type.cores", LabelForm::kInt},
    {"hcloud_cpu_type", "server_type.cpu_type"},
    {"hcloud_disk_size_gb", "server_type.disk", LabelForm::kInt},
    {"hcloud_image_name", "image.name"},
    {"hcloud_image_description", "image.description"},
    {"hcloud_image_os_version", "image.os_version"},
    {"hcloud_image_os_flavor", "image.os_flavor"}};

constexpr LabelRow kRobotServer[] = {{"server_id", "server_number", LabelForm::kInt},
                                     {"server_name", "server_name"},
                                     {"server_status", "status"},
                                     {"public_ipv4", "server_ip"},
                                     {"robot_product", "product"},
                                     {"robot_cancelled", "cancelled", LabelForm::kBool}};

/// As Go prints an address that may be none.
std::string IpOrNil(const std::string& text) { return CanonicalIp(text).value_or("<nil>"); }

/// Whole ones; no machine has a million of them.
std::int64_t Gigabytes(double number) {
  return static_cast<std::int64_t>(std::clamp(number, 0.0, 1e6));
}

std::string LowerCase(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return text;
}

Result<Pages> FetchList(ApiClient& api, const std::string& url, const std::string& more) {
  // In the order of Go's url.Values: label_selector, page, per_page.
  const auto page_url = [&](std::int64_t page) {
    return fmt::format("{}?{}page={}&per_page=50", url, more, page);
  };
  return FetchPages(api, page_url(1), {}, [&](const Page& page) {
    const std::int64_t next = page.At("meta.pagination.next_page").Int();
    return next == 0 ? "" : page_url(next);
  });
}

Result<config::TargetGroup> CloudServers(ApiClient& api, const std::string& url,
                                         const config::HetznerSdConfig& config) {
  const std::string selector =
      config.label_selector.empty()
          ? ""
          : "label_selector=" + net::EscapeQuery(config.label_selector) + "&";
  NX_ASSIGN_OR_RETURN(const Pages servers, FetchList(api, url + "/servers", selector));
  NX_ASSIGN_OR_RETURN(const Pages networks, FetchList(api, url + "/networks", ""));
  std::map<std::int64_t, std::string> network_names;
  for (const JsonView& network : networks.Items("networks")) {
    network_names[network["id"].Int()] = network["name"].Text();
  }
  config::TargetGroup group;
  TargetBudget budget;
  group.source = "hetzner";
  for (const JsonView& server : servers.Items("servers")) {
    LabelMap labels;
    AddLabels(server, kPrefix, kCloudServer, labels);
    const std::string address = IpOrNil(server.At("public_net.ipv4.ip").Text());
    labels[kPrefix + "role"] = "hcloud";
    labels[kPrefix + "public_ipv4"] = address;
    labels[kPrefix + "public_ipv6_network"] =
        NetworkOfPrefix(server.At("public_net.ipv6.ip").Text()).value_or("<nil>");
    labels[kPrefix + "hcloud_memory_size_gb"] =
        std::to_string(Gigabytes(server.At("server_type.memory").Real()));
    labels[kAddressLabel] = JoinHostPort(address, config.port);
    for (const JsonView& net : server["private_net"].Items()) {
      const auto name = network_names.find(net["network"].Int());
      if (name == network_names.end()) continue;
      labels[kPrefix + "hcloud_private_ipv4_" + SanitizeLabelName(name->second)] =
          IpOrNil(net["ip"].Text());
    }
    for (const auto& [key, value] : server["labels"].TextMembers()) {
      const std::string name = SanitizeLabelName(key);
      labels[fmt::format("{}hcloud_labelpresent_{}", kPrefix, name)] = "true";
      labels[fmt::format("{}hcloud_label_{}", kPrefix, name)] = value;
    }
    NX_RETURN_IF_ERROR(budget.Add(ToLabels(labels), group));
  }
  return Checked(std::move(group), {&servers, &networks});
}

Result<config::TargetGroup> RobotServers(ApiClient& api, const std::string& url,
                                         const config::HetznerSdConfig& config) {
  NX_ASSIGN_OR_RETURN(const ApiAnswer answer, api.Get(url + "/server"));
  if (answer.response.status / 100 != 2) {
    return Fail(Code::kUnavailable, fmt::format("non 2xx status '{}' response during hetzner "
                                                "service discovery with role robot",
                                                answer.response.status));
  }
  NX_ASSIGN_OR_RETURN(const auto document, JsonDocument::Parse(answer.body));
  config::TargetGroup group;
  TargetBudget budget;
  group.source = "hetzner";
  for (const JsonView& item : document->root().Items()) {
    const JsonView server = item["server"];
    LabelMap labels;
    AddLabels(server, kPrefix, kRobotServer, labels);
    labels[kPrefix + "role"] = "robot";
    labels[kPrefix + "datacenter"] = LowerCase(server["dc"].Text());
    labels[kPrefix + "robot_datacenter"] = labels[kPrefix + "datacenter"];
    labels[kAddressLabel] = JoinHostPort(server["server_ip"].Text(), config.port);
    for (const JsonView& subnet : server["subnet"].Items()) {
      const std::string ip = subnet["ip"].Text();
      const auto address = CanonicalIp(ip);
      if (address && address->find(':') == std::string::npos) continue;
      labels[kPrefix + "public_ipv6_network"] = ip + "/" + subnet["mask"].Text();
      break;
    }
    NX_RETURN_IF_ERROR(budget.Add(ToLabels(labels), group));
  }
  NX_RETURN_IF_ERROR(document->status());
  return group;
}

}  // namespace

MadeSource MakeHetznerSource(const config::HetznerSdConfig& config, const std::string& api,
                             const std::string& robot) {
  return MakeCloudSource(config, [config, api, robot](ApiClient& client) {
    return config.role == "robot" ? RobotServers(client, robot, config)
                                  : CloudServers(client, api, config);
  });
}

}  // namespace narthex::scrape
