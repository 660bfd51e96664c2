// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/aws/msk_targets.h"

#include <fmt/core.h>

#include "scrape/answers/label_map.h"
#include "scrape/answers/naming.h"

namespace narthex::scrape {

namespace {

const std::string kPrefix = "__meta_msk_";

const char* FlagText(const JsonView& flag) { return flag.Flag() ? "true" : "false"; }

LabelMap ClusterLabels(const JsonView& cluster) {
  constexpr std::pair<const char*, const char*> kTexts[] = {
      {"cluster_name", "clusterName"},
      {"cluster_arn", "clusterArn"},
      {"cluster_state", "state"},
      {"cluster_type", "clusterType"},
      {"cluster_version", "currentVersion"},
      {"cluster_configuration_arn", "provisioned.currentBrokerSoftwareInfo.configurationArn"},
      {"cluster_kafka_version", "provisioned.currentBrokerSoftwareInfo.kafkaVersion"}};
  LabelMap labels;
  for (const auto& [label, path] : kTexts) labels[kPrefix + label] = cluster.At(path).Text();
  labels[kPrefix + "cluster_configuration_revision"] = std::to_string(
      cluster.At("provisioned.currentBrokerSoftwareInfo.configurationRevision").Int());
  labels[kPrefix + "cluster_jmx_exporter_enabled"] =
      FlagText(cluster.At("provisioned.openMonitoring.prometheus.jmxExporter.enabledInBroker"));
  for (const auto& [key, value] : cluster["tags"].TextMembers()) {
    labels[kPrefix + "cluster_tag_" + SanitizeLabelName(key)] = value;
  }
  return labels;
}

void SetBroker(const JsonView& cluster, const JsonView& broker, LabelMap& labels) {
  labels[kPrefix + "node_type"] = "BROKER";
  labels[kPrefix + "node_attached_eni"] = broker["attachedENIId"].Text();
  labels[kPrefix + "broker_id"] = fmt::format("{:.0f}", broker["brokerId"].Real());
  labels[kPrefix + "broker_client_subnet"] = broker["clientSubnet"].Text();
  labels[kPrefix + "broker_client_vpc_ip"] = broker["clientVpcIpAddress"].Text();
  labels[kPrefix + "broker_node_exporter_enabled"] =
      FlagText(cluster.At("provisioned.openMonitoring.prometheus.nodeExporter.enabledInBroker"));
}

}  // namespace

Status AddMskTargets(const JsonView& cluster, const JsonView& nodes, std::int64_t port,
                     TargetBudget& budget, config::TargetGroup& group) {
  const LabelMap of_cluster = ClusterLabels(cluster);
  for (const JsonView& node : nodes["nodeInfoList"].Items()) {
    const JsonView broker = node["brokerNodeInfo"];
    const JsonView controller = node["controllerNodeInfo"];
    if (!broker.present() && !controller.present()) continue;  // ZooKeeper's have no metrics.
    LabelMap labels = of_cluster;
    labels[kPrefix + "node_arn"] = node["nodeARN"].Text();
    labels[kPrefix + "node_added_time"] = node["addedToClusterTime"].Text();
    labels[kPrefix + "node_instance_type"] = node["instanceType"].Text();
    if (broker.present()) {
      SetBroker(cluster, broker, labels);
    } else {
      labels[kPrefix + "node_type"] = "CONTROLLER";
    }
    const char* const index =
        broker.present() ? "broker_endpoint_index" : "controller_endpoint_index";
    int number = 0;
    for (const std::string& endpoint :
         (broker.present() ? broker : controller)["endpoints"].Texts()) {
      labels[kPrefix + index] = std::to_string(number++);
      labels[kAddressLabel] = JoinHostPort(endpoint, port);
      NX_RETURN_IF_ERROR(budget.Add(ToLabels(labels), group));
    }
  }
  return {};
}

}  // namespace narthex::scrape
