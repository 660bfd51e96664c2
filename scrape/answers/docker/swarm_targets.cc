// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/docker/swarm_targets.h"

#include <fmt/core.h>

#include "narthex/base/short_text.h"
#include "scrape/answers/ip_text.h"
#include "scrape/answers/naming.h"
#include "scrape/answers/target_budget.h"

namespace narthex::scrape {

namespace {

const std::string kService = "__meta_dockerswarm_service_";
const std::string kTask = "__meta_dockerswarm_task_";
const std::string kNode = "__meta_dockerswarm_node_";
const std::string kNodeAddress = "__meta_dockerswarm_node_address";

void AddOf(const LabelsById& all, const std::string& id, LabelMap& labels) {
  const auto found = all.find(id);
  if (found == all.end()) return;
  for (const auto& [name, value] : found->second) labels[name] = value;
}

Result<std::string> IpOf(const JsonView& prefix) {
  const std::string text = prefix.Text();
  auto address = IpOfPrefix(text);
  if (!address) {
    // In the words of Go, which prints a missing prefix so.
    const std::string shown = text.empty() ? "invalid Prefix" : ShortText(text);
    return Fail(Code::kInvalidArgument,
                fmt::format("error while parsing address {0}: invalid CIDR address: {0}", shown));
  }
  return *address;
}

/// What a service's own targets and those of its tasks have.
LabelMap ServiceLabels(const JsonView& service) {
  const JsonView spec = service["Spec"];
  const JsonView mode = spec["Mode"];
  LabelMap labels;
  labels[kService + "id"] = service["ID"].Text();
  labels[kService + "name"] = spec["Name"].Text();
  labels[kService + "mode"] = mode["Global"].present()       ? "global"
                              : mode["Replicated"].present() ? "replicated"
                                                             : "";
  for (const auto& [key, value] : spec["Labels"].TextMembers()) {
    labels[kService + "label_" + SanitizeLabelName(key)] = value;
  }
  return labels;
}

/// What a node's target and those of its tasks have.
LabelMap NodeLabels(const JsonView& node) {
  const JsonView spec = node["Spec"];
  const JsonView description = node["Description"];
  LabelMap labels;
  labels[kNode + "id"] = node["ID"].Text();
  labels[kNode + "role"] = spec["Role"].Text();
  labels[kNodeAddress] = node.At("Status.Addr").Text();
  labels[kNode + "availability"] = spec["Availability"].Text();
  labels[kNode + "hostname"] = description["Hostname"].Text();
  labels[kNode + "platform_architecture"] = description.At("Platform.Architecture").Text();
  labels[kNode + "platform_os"] = description.At("Platform.OS").Text();
  labels[kNode + "status"] = node.At("Status.State").Text();
  for (const auto& [key, value] : spec["Labels"].TextMembers()) {
    labels[kNode + "label_" + SanitizeLabelName(key)] = value;
  }
  return labels;
}

LabelMap TaskLabels(const JsonView& task) {
  LabelMap labels;
  labels[kTask + "id"] = task["ID"].Text();
  labels[kTask + "desired_state"] = task["DesiredState"].Text();
  labels[kTask + "state"] = task.At("Status.State").Text();
  labels[kTask + "slot"] = std::to_string(task["Slot"].Int());
  labels[kTask + "container_id"] = task.At("Status.ContainerStatus.ContainerID").Text();
  for (const auto& [key, value] : task.At("Spec.ContainerSpec.Labels").TextMembers()) {
    labels["__meta_dockerswarm_container_label_" + SanitizeLabelName(key)] = value;
  }
  return labels;
}

std::vector<JsonView> TcpPorts(const JsonView& ports) {
  std::vector<JsonView> tcp;
  for (const JsonView& port : ports.Items()) {
    if (port["Protocol"].Text() == "tcp") tcp.push_back(port);
  }
  return tcp;
}

Status AddTarget(LabelMap labels, const std::string& host, std::int64_t port, TargetBudget& budget,
                 config::TargetGroup& group) {
  labels[kAddressLabel] = JoinHostPort(host, port);
  return budget.Add(ToLabels(labels), group);
}

config::TargetGroup NewGroup() {
  config::TargetGroup group;
  group.source = "DockerSwarm";
  return group;
}

}  // namespace

Result<config::TargetGroup> ServiceTargets(const JsonView& services, const LabelsById& networks,
                                           std::int64_t port, const TargetLimits& limits) {
  TargetBudget budget(limits);
  config::TargetGroup group = NewGroup();
  for (const JsonView& service : services.Items()) {
    LabelMap common = ServiceLabels(service);
    const JsonView container = service.At("Spec.TaskTemplate.ContainerSpec");
    common[kService + "task_container_hostname"] = container["Hostname"].Text();
    common[kService + "task_container_image"] = container["Image"].Text();
    common[kService + "updating_status"] = service.At("UpdateStatus.State").Text();
    const std::vector<JsonView> ports = TcpPorts(service.At("Endpoint.Ports"));
    for (const JsonView& ip : service.At("Endpoint.VirtualIPs").Items()) {
      NX_ASSIGN_OR_RETURN(const std::string address, IpOf(ip["Addr"]));
      LabelMap labels = common;
      AddOf(networks, ip["NetworkID"].Text(), labels);
      for (const JsonView& open : ports) {
        LabelMap own = labels;
        own[kService + "endpoint_port_name"] = open["Name"].Text();
        own[kService + "endpoint_port_publish_mode"] = open["PublishMode"].Text();
        NX_RETURN_IF_ERROR(
            AddTarget(std::move(own), address, open["PublishedPort"].Int(), budget, group));
      }
      if (!ports.empty()) continue;
      NX_RETURN_IF_ERROR(AddTarget(std::move(labels), address, port, budget, group));
    }
  }
  return group;
}

Result<config::TargetGroup> TaskTargets(const JsonView& tasks, const JsonView& services,
                                        const JsonView& nodes, const LabelsById& networks,
                                        std::int64_t port, const TargetLimits& limits) {
  TargetBudget budget(limits);
  LabelsById service_labels;
  std::map<std::string, std::vector<JsonView>> service_ports;
  for (const JsonView& service : services.Items()) {
    const std::string id = service["ID"].Text();
    service_labels[id] = ServiceLabels(service);
    service_ports[id] = TcpPorts(service.At("Endpoint.Ports"));
  }
  LabelsById node_labels;
  for (const JsonView& node : nodes.Items()) node_labels[node["ID"].Text()] = NodeLabels(node);

  const auto with_mode = [](LabelMap labels, const JsonView& open) {
    labels[kTask + "port_publish_mode"] = open["PublishMode"].Text();
    return labels;
  };
  config::TargetGroup group = NewGroup();
  for (const JsonView& task : tasks.Items()) {
    LabelMap common = TaskLabels(task);
    const std::string service = task["ServiceID"].Text();
    AddOf(service_labels, service, common);
    AddOf(node_labels, task["NodeID"].Text(), common);
    for (const JsonView& open : TcpPorts(task.At("Status.PortStatus.Ports"))) {
      NX_RETURN_IF_ERROR(AddTarget(with_mode(common, open), common[kNodeAddress],
                                   open["PublishedPort"].Int(), budget, group));
    }
    const std::vector<JsonView>& ports = service_ports[service];
    for (const JsonView& attachment : task["NetworksAttachments"].Items()) {
      LabelMap labels = common;
      AddOf(networks, attachment.At("Network.ID").Text(), labels);
      for (const JsonView& prefix : attachment["Addresses"].Items()) {
        NX_ASSIGN_OR_RETURN(const std::string address, IpOf(prefix));
        for (const JsonView& open : ports) {
          NX_RETURN_IF_ERROR(AddTarget(with_mode(labels, open), address,
                                       open["PublishedPort"].Int(), budget, group));
        }
        if (ports.empty()) NX_RETURN_IF_ERROR(AddTarget(labels, address, port, budget, group));
      }
    }
  }
  return group;
}

Result<config::TargetGroup> NodeTargets(const JsonView& nodes, std::int64_t port,
                                        const TargetLimits& limits) {
  TargetBudget budget(limits);
  config::TargetGroup group = NewGroup();
  for (const JsonView& node : nodes.Items()) {
    LabelMap labels = NodeLabels(node);
    labels[kNode + "engine_version"] = node.At("Description.Engine.EngineVersion").Text();
    if (const JsonView manager = node["ManagerStatus"]; manager.present()) {
      labels[kNode + "manager_leader"] = manager["Leader"].Flag() ? "true" : "false";
      labels[kNode + "manager_reachability"] = manager["Reachability"].Text();
      labels[kNode + "manager_address"] = manager["Addr"].Text();
    }
    const std::string host = labels[kNodeAddress];
    NX_RETURN_IF_ERROR(AddTarget(std::move(labels), host, port, budget, group));
  }
  return group;
}

}  // namespace narthex::scrape
