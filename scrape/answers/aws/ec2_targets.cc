// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/aws/ec2_targets.h"

#include <charconv>
#include <cstring>

#include <fmt/core.h>
#include <pugixml.hpp>

#include "scrape/answers/label_map.h"
#include "scrape/answers/naming.h"
#include "scrape/answers/target_budget.h"

namespace narthex::scrape {

namespace {

const std::string kPrefix = "__meta_ec2_";

/// No instance has as many network interfaces.
constexpr std::size_t kMaxDeviceIndex = 1023;

struct Ipv6Addresses {
  std::string first;                 // "" = none.
  std::vector<std::string> primary;  // By the index of the network interface, "" where is none.
  std::vector<std::string> all;
};

Status Load(const std::string& xml, const char* root, pugi::xml_document& document) {
  const pugi::xml_parse_result parsed = document.load_buffer(xml.data(), xml.size());
  if (!parsed) {
    return Fail(Code::kInvalidArgument, fmt::format("the answer is no XML: {} at byte {}",
                                                    parsed.description(), parsed.offset));
  }
  if (document.child(root).empty()) {
    return Fail(Code::kInvalidArgument, fmt::format("the answer is no {}", root));
  }
  return {};
}

void SetText(const pugi::xml_node& parent, const char* element, std::string_view label,
             LabelMap& labels) {
  labels[kPrefix + std::string(label)] = parent.child_value(element);
}

Ipv6Addresses FindIpv6(const pugi::xml_node& instance) {
  Ipv6Addresses found;
  if (instance.child("vpcId").empty()) return found;
  for (const auto interface : instance.child("networkInterfaceSet").children("item")) {
    if (interface.child("subnetId").empty()) continue;
    const std::string_view text = interface.child("attachment").child_value("deviceIndex");
    std::size_t index = 0;
    std::from_chars(text.data(), text.data() + text.size(), index);
    for (const auto item : interface.child("ipv6AddressesSet").children("item")) {
      const std::string address = item.child_value("ipv6Address");
      found.all.push_back(address);
      if (std::strcmp(item.child_value("isPrimaryIpv6"), "true") != 0) continue;
      if (index > kMaxDeviceIndex) continue;
      if (found.primary.size() <= index) found.primary.resize(index + 1);
      found.primary[index] = address;
    }
  }
  for (const auto* list : {&found.primary, &found.all}) {
    for (const std::string& address : *list) {
      if (found.first.empty()) found.first = address;
    }
  }
  return found;
}

/// Each subnet once, in the order of the interfaces.
std::vector<std::string> Subnets(const pugi::xml_node& instance) {
  std::vector<std::string> subnets;
  for (const auto interface : instance.child("networkInterfaceSet").children("item")) {
    if (interface.child("subnetId").empty()) continue;
    std::string subnet = interface.child_value("subnetId");
    if (std::find(subnets.begin(), subnets.end(), subnet) == subnets.end()) {
      subnets.push_back(std::move(subnet));
    }
  }
  return subnets;
}

/// The labels of an instance but for those of its addresses.
LabelMap InstanceLabels(const pugi::xml_node& instance, const ZoneIds& zones) {
  LabelMap labels;
  SetText(instance, "instanceId", "instance_id", labels);
  SetText(instance, "imageId", "ami", labels);
  SetText(instance, "instanceType", "instance_type", labels);
  SetText(instance, "instanceLifecycle", "instance_lifecycle", labels);
  SetText(instance, "architecture", "architecture", labels);
  SetText(instance, "platform", "platform", labels);
  SetText(instance, "privateDnsName", "private_dns_name", labels);
  SetText(instance.child("instanceState"), "name", "instance_state", labels);
  const std::string zone = instance.child("placement").child_value("availabilityZone");
  labels[kPrefix + "availability_zone"] = zone;
  if (const auto id = zones.find(zone); id != zones.end()) {
    labels[kPrefix + "availability_zone_id"] = id->second;
  }
  if (!instance.child("vpcId").empty()) {
    SetText(instance, "vpcId", "vpc_id", labels);
    SetText(instance, "subnetId", "primary_subnet_id", labels);
    labels[kPrefix + "subnet_id"] = JoinSurrounded(Subnets(instance));
  }
  for (const auto tag : instance.child("tagSet").children("item")) {
    if (tag.child("key").empty() || tag.child("value").empty()) continue;
    labels[kPrefix + "tag_" + SanitizeLabelName(tag.child_value("key"))] = tag.child_value("value");
  }
  return labels;
}

/// Those of its addresses. @return false for an instance without any
bool AddAddresses(const pugi::xml_node& instance, std::int64_t port, LabelMap& labels) {
  const Ipv6Addresses ipv6 = FindIpv6(instance);
  const std::string private_ip = instance.child_value("privateIpAddress");
  if (private_ip.empty() && ipv6.first.empty()) return false;
  labels[kAddressLabel] = JoinHostPort(private_ip.empty() ? ipv6.first : private_ip, port);
  labels[kPrefix + "private_ip"] = private_ip;
  labels[kPrefix + "default_ipv6_address"] = ipv6.first;
  if (!ipv6.primary.empty()) {
    labels[kPrefix + "primary_ipv6_addresses"] = JoinSurrounded(ipv6.primary);
  }
  if (!ipv6.all.empty()) labels[kPrefix + "ipv6_addresses"] = JoinSurrounded(ipv6.all);
  if (!instance.child("ipAddress").empty()) {
    SetText(instance, "ipAddress", "public_ip", labels);
    SetText(instance, "dnsName", "public_dns_name", labels);
  }
  return true;
}

}  // namespace

Result<ZoneIds> ReadZoneIds(const std::string& xml) {
  pugi::xml_document document;
  NX_RETURN_IF_ERROR(Load(xml, "DescribeAvailabilityZonesResponse", document));
  ZoneIds zones;
  const auto list =
      document.child("DescribeAvailabilityZonesResponse").child("availabilityZoneInfo");
  for (const auto zone : list.children("item")) {
    zones[zone.child_value("zoneName")] = zone.child_value("zoneId");
  }
  return zones;
}

Result<std::string> AddEc2Targets(const std::string& xml, const std::string& region,
                                  const ZoneIds& zones, std::int64_t port, TargetBudget& budget,
                                  config::TargetGroup& group) {
  pugi::xml_document document;
  NX_RETURN_IF_ERROR(Load(xml, "DescribeInstancesResponse", document));
  const pugi::xml_node root = document.child("DescribeInstancesResponse");
  for (const auto reservation : root.child("reservationSet").children("item")) {
    for (const auto instance : reservation.child("instancesSet").children("item")) {
      LabelMap labels = InstanceLabels(instance, zones);
      if (!AddAddresses(instance, port, labels)) continue;
      labels[kPrefix + "region"] = region;
      labels[kPrefix + "owner_id"] = reservation.child_value("ownerId");
      NX_RETURN_IF_ERROR(budget.Add(ToLabels(labels), group));
    }
  }
  return std::string(root.child_value("nextToken"));
}

}  // namespace narthex::scrape
