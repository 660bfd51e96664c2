// SPDX-License-Identifier: Apache-2.0
//
// Source: Prometheus discovery/linode; the API:
// https://techdocs.akamai.com/linode-api/reference/api
#include <map>

#include <fmt/core.h>

#include "scrape/answers/ip_text.h"
#include "scrape/answers/naming.h"
#include "scrape/answers/target_budget.h"
#include "scrape/discovery/cloud/cloud_metrics.h"
#include "scrape/discovery/cloud/cloud_source.h"
#include "scrape/discovery/cloud/sources.h"

namespace narthex::scrape {

namespace {

const std::string kPrefix = "__meta_linode_";

constexpr LabelRow kInstance[] = {
    {"instance_id", "id", LabelForm::kInt},
    {"instance_label", "label"},
    {"image", "image"},
    {"region", "region"},
    {"type", "type"},
    {"status", "status"},
    {"group", "group"},
    {"gpus", "specs.gpus", LabelForm::kInt},
    {"hypervisor", "hypervisor"},
    {"specs_disk_bytes", "specs.disk", LabelForm::kMebibytes},
    {"specs_memory_bytes", "specs.memory", LabelForm::kMebibytes},
    {"specs_vcpus", "specs.vcpus", LabelForm::kInt},
    {"specs_transfer_bytes", "specs.transfer", LabelForm::kMebibytes}};

/// The lists that targets are made of.
struct Lists {
  Pages instances, addresses, ranges;
};

/// An address with what is known of it.
struct Address {
  bool is_public = false;
  std::string rdns;
};
using AddressMap = std::multimap<std::string, Address>;
/// "2600:3c03::/64" by the address that the range is routed to.
using RangeMap = std::multimap<std::string, std::string>;

Result<Pages> FetchList(ApiClient& api, const std::string& url, const std::string& region) {
  net::Headers headers;
  if (!region.empty()) headers = {{"X-Filter", fmt::format(R"({{"region": "{}"}})", region)}};
  const auto page_url = [&](int page) {
    return fmt::format("{}?page={}&page_size=500", url, page);
  };
  return FetchPages(api, page_url(1), headers, [&](const Page& page) {
    return page.number < page["pages"].Int() ? page_url(page.number + 1) : "";
  });
}

Result<Lists> FetchLists(ApiClient& api, const std::string& url, const std::string& region) {
  Lists lists;
  NX_ASSIGN_OR_RETURN(lists.instances, FetchList(api, url + "/linode/instances", region));
  NX_ASSIGN_OR_RETURN(lists.addresses, FetchList(api, url + "/networking/ips", region));
  NX_ASSIGN_OR_RETURN(lists.ranges, FetchList(api, url + "/networking/ipv6/ranges", region));
  return lists;
}

AddressMap ReadAddresses(const Pages& pages) {
  AddressMap addresses;
  for (const JsonView& item : pages.Items("data")) {
    std::string rdns = item["rdns"].Text();
    if (rdns == "null") rdns.clear();
    addresses.emplace(item["address"].Text(), Address{item["public"].Flag(), std::move(rdns)});
  }
  return addresses;
}

RangeMap ReadRanges(const Pages& pages) {
  RangeMap ranges;
  for (const JsonView& item : pages.Items("data")) {
    ranges.emplace(item["route_target"].Text(),
                   fmt::format("{}/{}", item["range"].Text(), item["prefix"].Int()));
  }
  return ranges;
}

/// The first public and the first private address have labels of their own, others a common one.
void AddIpv4(const JsonView& instance, const AddressMap& known, const std::string& separator,
             LabelMap& labels) {
  std::string& public_ip = labels[kPrefix + "public_ipv4"];
  std::string& private_ip = labels[kPrefix + "private_ipv4"];
  std::vector<std::string> extra;
  for (const std::string& text : instance["ipv4"].Texts()) {
    const std::string address = CanonicalIp(text).value_or(text);
    const auto [from, to] = known.equal_range(address);
    for (auto it = from; it != to; ++it) {
      if (it->second.is_public && public_ip.empty()) {
        public_ip = address;
        labels[kPrefix + "public_ipv4_rdns"] = it->second.rdns;
      } else if (!it->second.is_public && private_ip.empty()) {
        private_ip = address;
        labels[kPrefix + "private_ipv4_rdns"] = it->second.rdns;
      } else {
        extra.push_back(address);
      }
    }
  }
  if (!extra.empty()) labels[kPrefix + "extra_ips"] = JoinSurrounded(extra, separator);
}

void AddIpv6(const JsonView& instance, const RangeMap& all_ranges, const AddressMap& known,
             const std::string& separator, LabelMap& labels) {
  const std::string text = instance["ipv6"].Text();
  if (text.empty()) return;
  const std::string own = text.substr(0, text.find('/'));
  const auto [from, to] = known.equal_range(own);
  for (auto it = from; it != to; ++it) {
    labels[kPrefix + "public_ipv6"] = own;
    if (!it->second.rdns.empty()) labels[kPrefix + "public_ipv6_rdns"] = it->second.rdns;
  }
  std::vector<std::string> ranges;
  const auto [first, last] = all_ranges.equal_range(own);
  for (auto it = first; it != last; ++it) ranges.push_back(it->second);
  if (!ranges.empty()) labels[kPrefix + "ipv6_ranges"] = JoinSurrounded(ranges, separator);
}

Result<config::TargetGroup> Instances(const Lists& lists, const config::LinodeSdConfig& config) {
  const AddressMap known = ReadAddresses(lists.addresses);
  const RangeMap ranges = ReadRanges(lists.ranges);
  config::TargetGroup group;
  TargetBudget budget;
  group.source = "Linode";
  for (const JsonView& instance : lists.instances.Items("data")) {
    if (instance["ipv4"].Items().empty()) continue;
    LabelMap labels;
    AddLabels(instance, kPrefix, kInstance, labels);
    labels[kPrefix + "backups"] = instance.At("backups.enabled").Flag() ? "enabled" : "disabled";
    AddIpv4(instance, known, config.tag_separator, labels);
    AddIpv6(instance, ranges, known, config.tag_separator, labels);
    if (const auto tags = instance["tags"].Texts(); !tags.empty()) {
      labels[kPrefix + "tags"] = JoinSurrounded(tags, config.tag_separator);
    }
    labels[kAddressLabel] = JoinHostPort(labels[kPrefix + "public_ipv4"], config.port);
    NX_RETURN_IF_ERROR(budget.Add(ToLabels(labels), group));
  }
  return Checked(std::move(group), {&lists.instances, &lists.addresses, &lists.ranges});
}

}  // namespace

MadeSource MakeLinodeSource(const config::LinodeSdConfig& config, metrics::Registry& registry,
                            const std::string& api) {
  metrics::Counter& failures = LinodeFailures(registry);
  return MakeCloudSource(
      config, [config, api, &failures](ApiClient& client) -> Result<config::TargetGroup> {
        const auto targets = [&]() -> Result<config::TargetGroup> {
          NX_ASSIGN_OR_RETURN(const Lists lists, FetchLists(client, api, config.region));
          return Instances(lists, config);
        };
        auto group = targets();
        if (!group) failures.Add();
        return group;
      });
}

}  // namespace narthex::scrape
