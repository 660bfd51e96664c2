// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/docker/docker_targets.h"

#include <fmt/core.h>

#include "narthex/base/short_text.h"
#include "scrape/answers/ip_text.h"
#include "scrape/answers/naming.h"
#include "scrape/answers/target_budget.h"

namespace narthex::scrape {

namespace {

/// A container with what is asked for more than once.
struct Container {
  JsonView json;
  std::string network_mode;
  std::map<std::string, JsonView> networks;  // By name.
};

/// The id in "container:ID", the network mode of those that live in another one's network.
std::string SharedWith(const std::string& network_mode) {
  constexpr std::string_view kShared = "container:";
  return network_mode.starts_with(kShared) ? network_mode.substr(kShared.size()) : "";
}

/// The networks of a container, or those of the container whose network it shares.
std::map<std::string, JsonView> FindNetworks(const std::map<std::string, Container>& all,
                                             const Container& container) {
  std::map<std::string, JsonView> networks = container.networks;
  std::string mode = container.network_mode;
  // One step per container at the most: those that name one another in a circle have no network.
  for (std::size_t steps = 0; networks.empty() && steps < all.size(); ++steps) {
    const auto other = all.find(SharedWith(mode));
    if (SharedWith(mode).empty() || other == all.end()) break;
    networks = other->second.networks;
    mode = other->second.network_mode;
  }
  return networks;
}

/// "" for none. Errors: kInvalidArgument for what is no address.
Result<std::string> Address(const JsonView& text) {
  const std::string value = text.Text();
  if (value.empty()) return value;
  auto address = CanonicalIp(value);
  if (!address)
    return Fail(Code::kInvalidArgument, fmt::format("\"{}\" is no IP address", ShortText(value)));
  return *address;
}

Result<std::string> AddressIn(const JsonView& network) {
  NX_ASSIGN_OR_RETURN(std::string v4, Address(network["IPAddress"]));
  if (!v4.empty()) return v4;
  return Address(network["GlobalIPv6Address"]);
}

LabelMap CommonLabels(const Container& container, const std::string& name) {
  LabelMap labels;
  labels["__meta_docker_container_id"] = container.json["Id"].Text();
  labels["__meta_docker_container_name"] = name;
  labels["__meta_docker_container_network_mode"] = container.network_mode;
  for (const auto& [key, value] : container.json["Labels"].TextMembers()) {
    labels["__meta_docker_container_label_" + SanitizeLabelName(key)] = value;
  }
  return labels;
}

class TargetMaker {
 public:
  TargetMaker(const LabelsById& networks, const config::DockerSdConfig& config,
              TargetBudget& budget, config::TargetGroup& group)
      : networks_(networks), config_(config), group_(group), budget_(budget) {}

  /// The targets of a container in one network.
  Status Add(const Container& container, const JsonView& network, const LabelMap& common) {
    NX_ASSIGN_OR_RETURN(const std::string address, AddressIn(network));
    LabelMap base = common;
    base["__meta_docker_network_ip"] = address;
    if (const auto found = networks_.find(network["NetworkID"].Text()); found != networks_.end()) {
      for (const auto& [name, value] : found->second) base[name] = value;
    }
    bool exposes = false;
    for (const JsonView& port : container.json["Ports"].Items()) {
      if (port["Type"].Text() != "tcp") continue;
      exposes = true;
      NX_RETURN_IF_ERROR(AddPort(port, address, base));
    }
    if (exposes) return {};
    // Containers in the host's network have no ports of their own.
    base[kAddressLabel] = container.network_mode == "host" ? config_.host_networking_host
                                                           : JoinHostPort(address, config_.port);
    return budget_.Add(ToLabels(base), group_);
  }

 private:
  Status AddPort(const JsonView& port, const std::string& address, LabelMap labels) {
    const std::int64_t number = port["PrivatePort"].Int();
    labels["__meta_docker_port_private"] = std::to_string(number);
    if (const std::int64_t outside = port["PublicPort"].Int(); outside > 0) {
      labels["__meta_docker_port_public"] = std::to_string(outside);
      NX_ASSIGN_OR_RETURN(labels["__meta_docker_port_public_ip"], Address(port["IP"]));
    }
    labels[kAddressLabel] = JoinHostPort(address, number);
    return budget_.Add(ToLabels(labels), group_);
  }

  const LabelsById& networks_;
  const config::DockerSdConfig& config_;
  config::TargetGroup& group_;
  TargetBudget& budget_;
};

}  // namespace

LabelsById NetworkLabels(const JsonView& networks, std::string_view prefix) {
  LabelsById all;
  const std::string start = fmt::format("{}network_", prefix);
  const auto text = [](bool flag) { return flag ? "true" : "false"; };
  for (const JsonView& network : networks.Items()) {
    LabelMap& labels = all[network["Id"].Text()];
    labels.clear();
    labels[start + "id"] = network["Id"].Text();
    labels[start + "name"] = network["Name"].Text();
    labels[start + "scope"] = network["Scope"].Text();
    labels[start + "internal"] = text(network["Internal"].Flag());
    labels[start + "ingress"] = text(network["Ingress"].Flag());
    for (const auto& [key, value] : network["Labels"].TextMembers()) {
      labels[start + "label_" + SanitizeLabelName(key)] = value;
    }
  }
  return all;
}

Result<config::TargetGroup> ContainerTargets(const JsonView& containers, const LabelsById& networks,
                                             const config::DockerSdConfig& config,
                                             const TargetLimits& limits) {
  TargetBudget budget(limits);
  config::TargetGroup group;
  group.source = "Docker";
  std::vector<Container> list;
  std::map<std::string, Container> by_id;
  for (const JsonView& item : containers.Items()) {
    Container container{item, item.At("HostConfig.NetworkMode").Text(), {}};
    for (const auto& [name, network] : item.At("NetworkSettings.Networks").Members()) {
      if (network.present()) container.networks.emplace(name, network);
    }
    by_id.insert_or_assign(item["Id"].Text(), container);
    list.push_back(std::move(container));
  }
  TargetMaker maker(networks, config, budget, group);
  for (const Container& container : list) {
    const std::vector<std::string> names = container.json["Names"].Texts();
    if (names.empty()) continue;
    const LabelMap common = CommonLabels(container, names[0]);
    for (const auto& [name, network] : FindNetworks(by_id, container)) {
      NX_RETURN_IF_ERROR(maker.Add(container, network, common));
      if (config.match_first_network) break;  // The first by name.
    }
  }
  return group;
}

}  // namespace narthex::scrape
