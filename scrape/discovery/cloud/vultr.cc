// SPDX-License-Identifier: Apache-2.0
//
// Source: Prometheus discovery/vultr; the API: https://www.vultr.com/api
#include <fmt/core.h>

#include "narthex/net/url.h"
#include "scrape/answers/naming.h"
#include "scrape/answers/target_budget.h"
#include "scrape/discovery/cloud/cloud_source.h"
#include "scrape/discovery/cloud/sources.h"

namespace narthex::scrape {

namespace {

constexpr LabelRow kInstance[] = {{"id", "id"},
                                  {"label", "label"},
                                  {"os", "os"},
                                  {"os_id", "os_id", LabelForm::kInt},
                                  {"region", "region"},
                                  {"plan", "plan"},
                                  {"vcpu_count", "vcpu_count", LabelForm::kInt},
                                  {"ram_mb", "ram", LabelForm::kInt},
                                  {"allowed_bandwidth_gb", "allowed_bandwidth", LabelForm::kInt},
                                  {"disk_gb", "disk", LabelForm::kInt},
                                  {"main_ip", "main_ip"},
                                  {"main_ipv6", "v6_main_ip"},
                                  {"internal_ip", "internal_ip"},
                                  {"hostname", "hostname"},
                                  {"server_status", "server_status"},
                                  {"features", "features", LabelForm::kList},
                                  {"tags", "tags", LabelForm::kList}};

Result<config::TargetGroup> Instances(ApiClient& api, const std::string& url, std::int64_t port) {
  NX_ASSIGN_OR_RETURN(
      const Pages pages,
      FetchPages(api, url + "?per_page=100", {}, [&](const Page& page) -> std::string {
        const std::string next = page.At("meta.links.next").Text();
        if (next.empty()) return "";
        return fmt::format("{}?cursor={}&per_page=100", url, net::EscapeQuery(next));
      }));
  config::TargetGroup group;
  TargetBudget budget;
  group.source = "Vultr";
  for (const JsonView& instance : pages.Items("instances")) {
    LabelMap labels;
    AddLabels(instance, "__meta_vultr_instance_", kInstance, labels);
    labels[kAddressLabel] = JoinHostPort(instance["main_ip"].Text(), port);
    NX_RETURN_IF_ERROR(budget.Add(ToLabels(labels), group));
  }
  return Checked(std::move(group), {&pages});
}

}  // namespace

MadeSource MakeVultrSource(const config::VultrSdConfig& config, const std::string& api) {
  return MakeCloudSource(config, [api, port = config.port](ApiClient& client) {
    return Instances(client, api + "/v2/instances", port);
  });
}

}  // namespace narthex::scrape
