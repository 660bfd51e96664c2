// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/aws/lightsail_targets.h"

#include "scrape/answers/label_map.h"
#include "scrape/answers/naming.h"
#include "scrape/answers/target_budget.h"

namespace narthex::scrape {

Status AddLightsailTargets(const JsonView& answer, const std::string& region, std::int64_t port,
                           TargetBudget& budget, config::TargetGroup& group) {
  const std::string prefix = "__meta_lightsail_";
  constexpr std::pair<const char*, const char*> kTexts[] = {
      {"availability_zone", "location.availabilityZone"},
      {"blueprint_id", "blueprintId"},
      {"bundle_id", "bundleId"},
      {"instance_name", "name"},
      {"instance_state", "state.name"},
      {"instance_support_code", "supportCode"},
      {"private_ip", "privateIpAddress"},
      {"public_ip", "publicIpAddress"}};
  for (const JsonView& instance : answer["instances"].Items()) {
    if (!instance["privateIpAddress"].present()) continue;
    LabelMap labels;
    for (const auto& [label, path] : kTexts) labels[prefix + label] = instance.At(path).Text();
    labels[prefix + "region"] = region;
    labels[kAddressLabel] = JoinHostPort(instance["privateIpAddress"].Text(), port);
    if (const auto addresses = instance["ipv6Addresses"].Texts(); !addresses.empty()) {
      labels[prefix + "ipv6_addresses"] = JoinSurrounded(addresses);
    }
    for (const JsonView& tag : instance["tags"].Items()) {
      if (!tag["key"].present() || !tag["value"].present()) continue;
      labels[prefix + "tag_" + SanitizeLabelName(tag["key"].Text())] = tag["value"].Text();
    }
    NX_RETURN_IF_ERROR(budget.Add(ToLabels(labels), group));
  }
  return {};
}

}  // namespace narthex::scrape
