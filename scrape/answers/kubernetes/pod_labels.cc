// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/kubernetes/pod_labels.h"

#include <algorithm>

#include "scrape/answers/naming.h"

namespace narthex::scrape::kubernetes {

namespace {

/// What the controller says beyond its name: who controls it in turn.
void AddOwnerOfController(const Pod& pod, Related& related, LabelSet& labels) {
  const config::KubernetesAttachMetadata& attach = related.attach();
  const Controller& controller = *pod.controller;
  const std::string key = pod.space + "/" + controller.name;
  const auto owner = [&](Resource resource, std::string_view kind) -> const std::string* {
    const Object* found = related.Find<Object>(resource, key);
    if (found == nullptr || !found->controller || found->controller->kind != kind) return nullptr;
    return &found->controller->name;
  };
  if (controller.kind == "ReplicaSet" && attach.deployment) {
    if (const std::string* name = owner(Resource::kReplicaSet, "Deployment")) {
      labels.Set("pod_deployment_name", *name);
    }
  }
  if (controller.kind != "Job") return;
  if (attach.job) labels.Set("pod_job_name", controller.name);
  if (attach.cronjob) {
    if (const std::string* name = owner(Resource::kJob, "CronJob")) {
      labels.Set("pod_cronjob_name", *name);
    }
  }
}

}  // namespace

void AddPodLabels(const Pod& pod, Related& related, LabelSet& labels) {
  labels.Set("pod_ip", pod.ip);
  labels.Set("pod_ready", pod.ready);
  labels.Set("pod_phase", pod.phase);
  labels.Set("pod_node_name", pod.node_name);
  labels.Set("pod_host_ip", pod.host_ip);
  labels.Set("pod_uid", pod.uid);
  labels.AddMetadata("pod", pod);
  if (!pod.controller) return;
  if (!pod.controller->kind.empty()) labels.Set("pod_controller_kind", pod.controller->kind);
  if (!pod.controller->name.empty()) labels.Set("pod_controller_name", pod.controller->name);
  AddOwnerOfController(pod, related, labels);
}

void AddContainerLabels(const Container& container, LabelSet& labels) {
  labels.Set("pod_container_name", container.name);
  labels.Set("pod_container_image", container.image);
  labels.Set("pod_container_init", container.init);
}

void AddContainerPortLabels(const ContainerPort& port, std::string_view protocol,
                            LabelSet& labels) {
  labels.Set("pod_container_port_name", port.name);
  labels.Set("pod_container_port_number", std::to_string(port.number));
  labels.Set("pod_container_port_protocol", protocol);
}

void AddServiceLabels(const Service& service, LabelSet& labels) {
  labels.Set("namespace", service.space);
  labels.AddMetadata("service", service);
}

const Pod* BackingPods::Resolve(const std::optional<ObjectReference>& target, Related& related) {
  if (!target || target->kind != "Pod") return nullptr;
  return related.Find<Pod>(Resource::kPod, target->space + "/" + target->name);
}

void BackingPods::AddLabels(const Pod& pod, std::optional<std::int32_t> port,
                            const std::string* protocol, Related& related, LabelSet& labels) {
  const auto [at, is_new] = index_.emplace(&pod, pods_.size());
  if (is_new) pods_.push_back({&pod, {}});
  AddPodLabels(pod, related, labels);
  if (!port) return;
  pods_[at->second].ports.insert(*port);
  for (const Container& container : pod.containers) {
    const auto same = std::find_if(container.ports.begin(), container.ports.end(),
                                   [&](const ContainerPort& p) { return p.number == *port; });
    if (same == container.ports.end()) continue;
    AddContainerLabels(container, labels);
    AddContainerPortLabels(*same, protocol == nullptr ? same->protocol : *protocol, labels);
  }
}

void BackingPods::AddOtherPorts(Related& related, TargetList& targets) const {
  for (const Backing& backing : pods_) {
    const Pod& pod = *backing.pod;
    if (pod.ip.empty()) continue;  // It is starting, or was evicted.
    for (const Container& container : pod.containers) {
      for (const ContainerPort& port : container.ports) {
        if (backing.ports.contains(port.number)) continue;
        LabelSet labels;
        labels.SetPlain("__address__", JoinHostPort(pod.ip, port.number));
        AddContainerLabels(container, labels);
        AddContainerPortLabels(port, port.protocol, labels);
        AddPodLabels(pod, related, labels);
        if (!targets.Add(labels.Build())) return;
      }
    }
  }
}

}  // namespace narthex::scrape::kubernetes
