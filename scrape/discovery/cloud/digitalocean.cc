// SPDX-License-Identifier: Apache-2.0
//
// Source: Prometheus discovery/digitalocean; the API: https://docs.digitalocean.com/reference/api
#include <fmt/core.h>

#include "scrape/answers/naming.h"
#include "scrape/answers/target_budget.h"
#include "scrape/discovery/cloud/cloud_source.h"
#include "scrape/discovery/cloud/sources.h"

namespace narthex::scrape {

namespace {

const std::string kPrefix = "__meta_digitalocean_";

constexpr LabelRow kDroplet[] = {{"droplet_id", "id", LabelForm::kInt},
                                 {"droplet_name", "name"},
                                 {"image", "image.slug"},
                                 {"image_name", "image.name"},
                                 {"region", "region.slug"},
                                 {"size", "size_slug"},
                                 {"status", "status"},
                                 {"vpc", "vpc_uuid"},
                                 {"features", "features", LabelForm::kList},
                                 {"tags", "tags", LabelForm::kList}};

constexpr LabelRow kDatabase[] = {{"db_id", "id"},
                                  {"db_name", "name"},
                                  {"db_engine", "engine"},
                                  {"db_version", "version"},
                                  {"db_status", "status"},
                                  {"db_region", "region"},
                                  {"db_size", "size"},
                                  {"db_num_nodes", "num_nodes", LabelForm::kInt},
                                  {"db_host", "connection.host"},
                                  {"db_private_host", "private_connection.host"}};

/// The first address of that kind, "" when there is none.
std::string AddressOf(const JsonView& addresses, std::string_view kind) {
  for (const JsonView& address : addresses.Items()) {
    if (address["type"].Text() == kind) return address["ip_address"].Text();
  }
  return "";
}

Result<config::TargetGroup> Droplets(ApiClient& api, const std::string& url, std::int64_t port) {
  auto pages = FetchPages(api, url, {}, [&](const Page& page) {
    const bool last = page.At("links.pages.next").Text().empty();
    return last ? "" : fmt::format("{}?page={}", url, page.number + 1);
  });
  if (!pages) return Fail(std::move(pages).error().Wrap("error while listing droplets"));
  config::TargetGroup group;
  TargetBudget budget;
  group.source = "DigitalOcean";
  for (const JsonView& droplet : pages->Items("droplets")) {
    const JsonView v4 = droplet.At("networks.v4");
    if (v4.Items().empty()) continue;
    LabelMap labels;
    AddLabels(droplet, kPrefix, kDroplet, labels);
    const std::string address = AddressOf(v4, "public");
    labels[kPrefix + "public_ipv4"] = address;
    labels[kPrefix + "private_ipv4"] = AddressOf(v4, "private");
    labels[kPrefix + "public_ipv6"] = AddressOf(droplet.At("networks.v6"), "public");
    labels[kAddressLabel] = JoinHostPort(address, port);
    NX_RETURN_IF_ERROR(budget.Add(ToLabels(labels), group));
  }
  return Checked(std::move(group), {&*pages});
}

Result<config::TargetGroup> Databases(ApiClient& api, const std::string& url, std::int64_t port) {
  const auto page_url = [&](int page) { return fmt::format("{}?page={}&per_page=100", url, page); };
  // This list ends with an empty page.
  auto pages = FetchPages(api, page_url(1), {}, [&](const Page& page) {
    return page["databases"].Items().empty() ? "" : page_url(page.number + 1);
  });
  if (!pages) return Fail(std::move(pages).error().Wrap("error while listing database clusters"));
  config::TargetGroup group;
  TargetBudget budget;
  group.source = "DigitalOcean Databases";
  for (const JsonView& cluster : pages->Items("databases")) {
    LabelMap labels;
    AddLabels(cluster, kPrefix, kDatabase, labels);
    std::string host = labels[kPrefix + "db_private_host"];
    if (host.empty()) host = labels[kPrefix + "db_host"];
    if (!host.empty()) labels[kAddressLabel] = JoinHostPort(host, port);
    for (const std::string& tag : cluster["tags"].Texts()) {
      labels[fmt::format("{}db_tag_{}", kPrefix, tag)] = "true";
    }
    NX_RETURN_IF_ERROR(budget.Add(ToLabels(labels), group));
  }
  return Checked(std::move(group), {&*pages});
}

}  // namespace

MadeSource MakeDigitalOceanSource(const config::DigitalOceanSdConfig& config,
                                  const std::string& api) {
  const bool databases = config.role == "databases";
  return MakeCloudSource(config, [databases, api, port = config.port](ApiClient& client) {
    return databases ? Databases(client, api + "/v2/databases", port)
                     : Droplets(client, api + "/v2/droplets", port);
  });
}

}  // namespace narthex::scrape
